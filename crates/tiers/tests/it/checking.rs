//! `check`, `explain`, `matrix` and `diff`: what they print and how they end, on files of a project.

use std::fs;
use std::path::Path;

use crate::world::World;

const TOML: &str = r#"project = "shop"

[environments.dev]
memory_mb = 256

[environments.prod]
after = ["dev"]
memory_mb = 1024

[apps.shop]
paths = ["src/**"]
image = { dockerfile = "Dockerfile", repository = "shop" }
components = ["api"]

[[apps.shop.gates]]
name = "smoke"
at = "staged"
command = ["true"]
effect = { dev = "advise" }
"#;

/// One state for both environments, and two values that differ.
const FILES: &[(&str, &str)] = &[
    (
        "terraform/main.tf",
        "terraform {\n  backend \"s3\" {}\n}\nvariable \"size\" {\n  type = number\n}\noutput \"size\" {\n  value = var.size\n}\n",
    ),
    ("terraform/envs/dev/backend.hcl", "bucket = \"states\"\nkey = \"shop.tfstate\"\nuse_lockfile = true\n"),
    ("terraform/envs/prod/backend.hcl", "bucket = \"states\"\nkey = \"shop.tfstate\"\nuse_lockfile = true\n"),
    ("terraform/envs/dev/terraform.tfvars", "size = 1\n"),
    ("terraform/envs/prod/terraform.tfvars", "size = 3\n"),
];

fn world() -> World {
    World::new(TOML, FILES)
}

#[test]
fn a_repository_without_tiers_toml_is_checked_and_errors_end_with_1() {
    let world = world();
    fs::remove_file(world.path("tiers.toml")).expect("removed");
    let run = world.tiers(&["check"]);
    assert_eq!(run.code(), 1, "{run:#?}");
    assert!(
        run.out.contains("error[state-shared]: dev (terraform) and prod (terraform) keep one state"),
        "{}",
        run.out
    );
    assert!(run.out.contains("`tiers explain state-shared` says more"), "{}", run.out);
    assert_eq!(world.tiers(&["check", "--fail-on", "never"]).code(), 0);
    let elsewhere = world.tiers(&["check", "terraform/envs/dev/terraform.tfvars"]);
    assert_eq!(elsewhere.code(), 0, "only what is found in the paths counts: {elsewhere:#?}");
    assert!(!world.path(".tiers/ledger").exists(), "nothing was begun");
}

/// The example's files below a folder of it, by their path in the example.
fn example(folder: &str, out: &mut Vec<(String, String)>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/dr-daily-report");
    for entry in fs::read_dir(root.join(folder)).expect("a folder of the example") {
        let entry = entry.expect("an entry");
        let path = format!("{folder}/{}", entry.file_name().to_str().expect("UTF-8"));
        if entry.file_type().expect("a type").is_dir() {
            example(&path, out);
        } else {
            out.push((path, fs::read_to_string(entry.path()).expect("text")));
        }
    }
}

#[test]
fn the_example_is_clean_and_init_proposes_what_its_tiers_toml_says_of_terraform() {
    let mut files = Vec::new();
    example("terraform", &mut files);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/dr-daily-report");
    let toml = fs::read_to_string(root.join("tiers.toml")).expect("the example's tiers.toml");
    let world = World::new(&toml, &files);
    let run = world.tiers(&["check", "--fail-on", "hint"]);
    assert_eq!(run.code(), 0, "{run:#?}");
    assert!(run.out.contains("3 environments (dev, staging, prod)"), "{}", run.out);
    world.git(&["rm", "-r", "-q", "--cached", "terraform/builtin"]);
    let proposed = world.good(&["init", "--print"]).out;
    let section = |text: &str| {
        let (_, rest) = text.split_once("[terraform]\n").expect("a section");
        let lines: Vec<String> = rest.lines().take(3).map(|line| line.split_whitespace().collect()).collect();
        lines
    };
    assert_eq!(section(&proposed), section(&toml), "{proposed}");
}

#[test]
fn names_are_held_to_a_pattern_that_tiers_toml_states_and_to_none_by_default() {
    let queue =
        "variable \"environment\" {}\nresource \"aws_sqs_queue\" \"q\" {\n  name = \"jobs_${var.environment}\"\n}\n";
    let files = [
        ("terraform/main.tf", queue),
        ("dev.tfvars", "environment = \"dev\"\n"),
        ("prod.tfvars", "environment = \"prod\"\n"),
    ]
    .map(|(path, text)| (if path.ends_with("vars") { format!("terraform/{path}") } else { path.to_owned() }, text));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let said = |toml: &str| World::new(toml, &files).tiers(&["check", "--format", "json"]).out;
    let stated = format!("name = \"{{project}}-{{component}}-{{environment}}\"\n{TOML}");
    assert!(said(&stated).contains("name-against-pattern"), "{}", said(&stated));
    assert!(!said(TOML).contains("name-against-pattern"), "{}", said(TOML));
}

#[test]
fn the_threshold_decides_about_the_exit_code() {
    let world = world();
    world.write(
        "terraform/envs/prod/backend.hcl",
        "bucket = \"states\"\nkey = \"shop-prod.tfstate\"\nuse_lockfile = true\n",
    );
    let codes: Vec<i32> = ["error", "warning", "hint", "never"]
        .iter()
        .map(|severity| world.tiers(&["check", "--fail-on", severity]).code())
        .collect();
    assert_eq!(codes, [0, 0, 1, 0], "{:#?}", world.tiers(&["check"]));
}

#[test]
fn every_format_names_the_rule_and_json_is_json() {
    let world = world();
    for (format, sign) in [
        ("text", "error[state-shared]"),
        ("json", "\"shape\": \"tiers.check/1\""),
        ("sarif", "\"ruleId\": \"state-shared\""),
        ("github", "title=state-shared::"),
        ("junit", "<testsuite name=\"state-shared\""),
    ] {
        let run = world.tiers(&["check", "--format", format]);
        assert!(run.out.contains(sign), "{format}: {run:#?}");
        assert_eq!(run.code(), 1, "{format}");
    }
    let json = world.tiers(&["check", "--json"]);
    assert_eq!(json.out, world.tiers(&["check", "--format", "json"]).out);
    let found = json.json();
    let findings = found["findings"].as_array().expect("findings");
    assert!(
        findings.iter().any(|finding| finding["rule"] == "state-shared" && finding["at"]["line"] == 2),
        "{found:#}"
    );
    let both = world.tiers(&["check", "--json", "--format", "sarif"]);
    assert_eq!(both.code(), 2, "{both:#?}");
}

#[test]
fn a_baseline_keeps_quiet_about_what_is_known_and_about_nothing_else() {
    let world = world();
    let missing = world.tiers(&["check", "--baseline", "known.json"]);
    assert_eq!((missing.code(), missing.err.contains("--update-baseline")), (2, true), "{missing:#?}");
    world.good(&["check", "--baseline", "known.json", "--update-baseline"]);
    let known = world.good(&["check", "--baseline", "known.json"]);
    assert!(known.out.contains("known to the baseline"), "{}", known.out);
    world.write("terraform/envs/prod/terraform.tfvars", "size = \"many\"\n");
    let new = world.tiers(&["check", "--baseline", "known.json"]);
    assert_eq!(new.code(), 1, "{new:#?}");
    assert!(new.out.contains("value-type") && !new.out.contains("state-shared"), "{}", new.out);
    world.write("tiers.toml", &format!("{TOML}\n[check]\nbaseline = \"known.json\"\n"));
    assert!(!world.tiers(&["check"]).out.contains("state-shared"));
}

#[test]
fn tiers_toml_accepts_findings_with_a_reason_and_leaves_folders_out() {
    let world = world();
    let accept =
        "[[check.ignore]]\nrule = \"state-shared\"\npath = \"terraform/envs\"\nreason = \"one account for all\"\n";
    world.write("tiers.toml", &format!("{TOML}\n{accept}"));
    let run = world.good(&["check"]);
    assert!(run.out.contains("1 silenced"), "{}", run.out);
    world.write("tiers.toml", &format!("{TOML}\n{}", accept.replace("state-shared", "state-shred")));
    let run = world.tiers(&["check"]);
    assert_eq!(run.code(), 2, "{run:#?}");
    assert!(run.err.contains("Did you mean `state-shared`?"), "{}", run.err);
    world.write("tiers.toml", &format!("{TOML}\n[check]\nleave_out = [\"terraform\"]\n"));
    let run = world.good(&["check"]);
    assert!(run.out.contains("No root module that could be compared"), "{}", run.out);
}

#[test]
fn a_tiers_toml_with_problems_stops_the_check_and_shows_them() {
    let world = world();
    world.write("tiers.toml", "project = 7\n");
    let run = world.tiers(&["check"]);
    assert_eq!(run.code(), 2, "{run:#?}");
    assert!(run.err.contains("project") && run.out.is_empty(), "{run:#?}");
}

#[test]
fn what_tiers_toml_says_of_terraform_corrects_what_was_discovered() {
    let world = world();
    world.write(
        "infra/main.tf",
        "terraform {\n  backend \"s3\" {}\n}\nvariable \"size\" {}\noutput \"size\" {\n  value = var.size\n}\n",
    );
    for environment in ["dev", "prod"] {
        world.write(&format!("settings/{environment}-values.txt.tfvars"), "size = 1\n");
    }
    let terraform = "[terraform]\nroot = \"infra\"\nbackend = \"../terraform/envs/{environment}/backend.hcl\"\n\
                     var_file = \"../settings/{environment}-values.txt.tfvars\"\n";
    world.write("tiers.toml", &format!("{TOML}\n{terraform}"));
    let layout = world.good(&["check", "--explain-discovery", "--json"]).json();
    assert_eq!(layout["shape"], "tiers.layout/1");
    let stack = layout["stacks"].as_array().expect("stacks").iter().find(|stack| stack["name"] == "infra");
    let instances = stack.expect("the declared one")["instances"].clone();
    assert_eq!(instances[1]["var_files"][0], "settings/prod-values.txt.tfvars", "{layout:#}");
    assert_eq!(instances[1]["backend_files"][0], "terraform/envs/prod/backend.hcl", "{layout:#}");
}

#[test]
fn the_matrix_and_the_diff_hold_terraform_and_tiers_toml_with_file_and_line() {
    let world = world();
    let matrix = world.good(&["matrix"]);
    for line in ["terraform: size", "memory_mb", "gate shop smoke"] {
        assert!(matrix.out.contains(line), "{line}: {}", matrix.out);
    }
    let diff = world.good(&["diff", "dev", "production"]).out;
    for line in ["1  terraform/envs/dev/terraform.tfvars:1", "1024  tiers.toml:8", "advise at staged  tiers.toml:"] {
        assert!(diff.contains(line), "{line}: {diff}");
    }
    let json = world.good(&["diff", "dev", "prod", "--json"]).json();
    assert_eq!(json["shape"], "tiers.matrix/1");
    let markdown = world.good(&["diff", "dev", "prod", "--format", "markdown"]).out;
    assert!(markdown.contains("| `terraform: size` | `1` | `3` |"), "{markdown}");
    let unknown = world.tiers(&["diff", "dev", "qa"]);
    assert_eq!(unknown.code(), 2, "{unknown:#?}");
    assert!(unknown.err.contains("dev, prod"), "{}", unknown.err);
}

#[test]
fn rules_and_promises_are_explained_and_a_slip_is_answered() {
    let world = world();
    let list = world.good(&["explain"]).out;
    for name in
        ["same-bits", "unit", "way-back", "one-writer", "no-limbo", "one-apply", "right-place", "open-book", "sealed"]
    {
        assert!(list.contains(name), "{list}");
        assert!(world.good(&["explain", name]).out.contains("a promise that every deployment keeps"));
    }
    assert!(list.contains("state-shared"), "{list}");
    let rule = world.good(&["explain", "state-shared"]).out;
    assert!(rule.contains("It speaks on this:") && rule.contains("tiers:ignore state-shared"), "{rule}");
    let json = world.good(&["explain", "unit", "--json"]).json();
    assert_eq!((&json["shape"], &json["invariants"][0]["name"]), (&"tiers.explanation/1".into(), &"unit".into()));
    let slip = world.tiers(&["explain", "state-shard"]);
    assert_eq!(slip.code(), 2, "{slip:#?}");
    assert!(slip.err.contains("Did you mean `state-shared`?"), "{}", slip.err);
}
