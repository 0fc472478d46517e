//! An environment whose files cannot be read is still there, and its absence from the comparison is an error.

use tiers_check::{FileTree, Options, Report, Severity, check, render};

fn checked(listing: &str) -> (Report, String) {
    let tree = FileTree::from_listing(listing);
    let report = check(&tree, &Options::default());
    let text = render::text(&report, &tree, render::TextStyle::default());
    (report, text)
}

/// Severity, path and message of what is said of files that cannot be read.
fn said(report: &Report) -> Vec<String> {
    let unreadable = report.findings.iter().filter(|it| it.rule == "file-unreadable");
    unreadable.map(|it| format!("{} {}:{} {}", it.severity.as_str(), it.at.path, it.at.line, it.message)).collect()
}

const MAIN: &str =
    "--- main.tf\nterraform {\n  backend \"gcs\" {}\n}\nvariable \"env\" {}\noutput \"e\" {\n  value = var.env\n}\n";

#[test]
fn values_that_cannot_be_read_are_an_error_and_their_environment_stays() {
    let tree = |prod: &str| format!("{MAIN}--- envs/dev.tfvars\nenv = \"dev\"\n--- envs/prod.tfvars\n{prod}");
    let twice = tree("env = \"dev\"\nenv = \"prod\"\n");
    let merge = tree("<<<<<<< HEAD\nenv = \"prod\"\n=======\nenv = \"p\"\n>>>>>>> b\n");
    for (listing, line, what) in [(twice, 2, "\"env\" is set twice"), (merge, 1, "a merge was not finished here")] {
        let (report, text) = checked(&listing);
        let message = format!("this file could not be read: {what}; without it nothing is known of prod");
        assert_eq!(said(&report), [format!("error envs/prod.tfvars:{line} {message}")]);
        assert_eq!(report.layout.environments, ["dev", "prod"]);
        assert!(text.contains("prod was not compared: envs/prod.tfvars could not be read."), "{text}");
        assert!(report.findings.iter().all(|it| it.rule != "value-missing"), "nothing is known of its values");
    }
    let (report, text) = checked(&tree("env = \"prod\"\n"));
    assert_eq!(said(&report), Vec::<String>::new());
    assert!(!text.contains("not compared"), "{text}");
}

#[test]
fn a_root_that_cannot_be_read_is_still_its_environments() {
    let root = |of: &str, end: &str| {
        format!(
            "--- envs/{of}/main.tf\nterraform {{\n  backend \"gcs\" {{\n    prefix = \"{of}\"\n  }}\n{end}resource \"aws_sqs_queue\" \"q\" {{\n  name = \"q-{of}\"\n}}\n"
        )
    };
    let (report, _) = checked(&format!("{}{}", root("dev", "}\n"), root("prod", "")));
    assert_eq!(
        said(&report),
        [
            "error envs/prod/main.tf:7 this file could not be read: a block is not closed; without it nothing is known of prod"
        ]
    );
    assert_eq!(report.layout.environments, ["dev", "prod"]);
}

#[test]
fn a_file_that_nothing_needs_or_that_is_of_old_is_no_error() {
    let broken = "--- old/notes.tf\nvariable \"m\" { type = \"map\" default = {} }\n";
    let (report, _) = checked(&format!("{MAIN}--- envs/dev.tfvars\nenv = \"dev\"\n{broken}"));
    let worst = report.findings.iter().filter(|it| it.rule == "file-unreadable").map(|it| it.severity).max();
    assert_eq!(worst, Some(Severity::Warning));
}

#[test]
fn values_in_another_encoding_may_be_read_by_terraform_and_are_not_by_tiers() {
    let files = [("main.tf", &MAIN.as_bytes()["--- main.tf\n".len()..]), ("dev.tfvars", b"env = \"dev\"\n")];
    let files = files.into_iter().chain([("prod.tfvars", b"# caf\xE9\nenv = \"prod\"\n".as_slice())]);
    let tree = FileTree::new(files.map(|(path, bytes)| (path.to_string(), bytes.to_vec())));
    let report = check(&tree, &Options::default());
    assert_eq!(
        said(&report),
        ["warning prod.tfvars:1 this file could not be read: it is no UTF-8; without it nothing is known of prod"]
    );
    assert_eq!(report.layout.environments, ["dev", "prod"]);
}

#[test]
fn what_another_program_fills_in_first_is_not_said_to_be_wrong() {
    for line in ["  zones = {{ zones }}", "  {% if public %}", "  zones = <%= zones %>"] {
        let listing = format!("--- infra/main.tf\nlocals {{\n{line}\n}}\n");
        let report = tiers_check::check(&FileTree::from_listing(&listing), &Options::default());
        assert!(report.findings.is_empty(), "{line}: {:#?}", report.findings);
    }
    let report = tiers_check::check(&FileTree::from_listing("--- infra/main.tf\nx = {{\n"), &Options::default());
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
}
