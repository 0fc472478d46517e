//! Files that stand in several root modules, by links or as copies, and the folder that they are linked from.

use tiers_check::{FileTree, Options, Report, check};

const COMMON: &str = "data \"aws_caller_identity\" \"current\" {}\nlocals {\n  name    = \"orders-${local.env}\"\n  account = data.aws_caller_identity.current.account_id\n}\n";

/// A root module that has the common file linked into it.
fn root(environment: &str, more: &str) -> String {
    format!(
        "--- envs/{environment}/common.tf\n{COMMON}--- envs/{environment}/main.tf\nterraform {{\n  backend \"gcs\" {{\n    bucket = \"b\"\n    prefix = \"{environment}\"\n  }}\n}}\n\
         locals {{\n  env = \"{environment}\"\n}}\noutput \"name\" {{\n  value = local.name\n}}\n{more}"
    )
}

fn report(listing: &str) -> Report {
    check(&FileTree::from_listing(listing), &Options::default())
}

fn found(listing: &str) -> Vec<(&'static str, String)> {
    report(listing).findings.into_iter().map(|finding| (finding.rule, finding.at.path)).collect()
}

#[test]
fn a_folder_whose_files_are_linked_into_roots_is_no_root_itself() {
    let listing = format!("--- common/common.tf\n{COMMON}{}{}", root("dev", ""), root("prod", ""));
    let report = report(&listing);
    let stacks: Vec<&str> = report.layout.stacks.iter().map(|stack| stack.name.as_str()).collect();
    assert_eq!(stacks, ["envs/*"]);
    assert!(report.layout.notes.iter().any(|note| note.path == "common"), "{:#?}", report.layout.notes);
    // The one thing that is wrong is said once, although the file stands in both roots.
    let found: Vec<(&str, &str)> =
        report.findings.iter().map(|finding| (finding.rule, finding.at.path.as_str())).collect();
    assert_eq!(found, [("local-unused", "envs/dev/common.tf")]);
    assert_eq!(report.findings[0].label, "the file stands in envs/prod too");
}

#[test]
fn a_folder_that_is_alone_with_its_files_or_has_a_state_stays_a_root() {
    let listing = format!("--- common/common.tf\n{COMMON}{}", root("dev", "").replace("common.tf", "other.tf"));
    assert!(found(&listing).contains(&("local-undeclared", "common/common.tf".to_string())), "nothing links to it");
    let backend = "terraform {\n  backend \"gcs\" {\n    bucket = \"b\"\n    prefix = \"common\"\n  }\n}\n";
    let stateful = format!(
        "--- common/common.tf\n{COMMON}{backend}{}",
        root("dev", "").replace(COMMON, &format!("{COMMON}{backend}"))
    );
    assert!(found(&stateful).contains(&("local-undeclared", "common/common.tf".to_string())), "it keeps a state");
}

#[test]
fn what_one_root_uses_of_a_linked_file_is_not_called_unused_in_another() {
    let uses = "output \"account\" {\n  value = local.account\n}\n";
    assert_eq!(found(&format!("{}{}", root("dev", ""), root("prod", uses))), []);
    let lacking = root("dev", uses).replace("locals {\n  env = \"dev\"\n}\n", "");
    assert_eq!(
        found(&format!("{lacking}{}", root("prod", uses))),
        [("local-undeclared", "envs/dev/common.tf".to_string())],
        "only dev lacks it"
    );
}
