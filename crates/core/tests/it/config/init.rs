//! The first tiers.toml that is proposed for a repository.

use insta::assert_snapshot;
use proptest::prelude::*;
use tiers_core::config::init::{Findings, FoundTerraform, propose};

use super::told;

fn findings(repository: &str, branches: &[&str], files: &[&str]) -> Findings {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Findings {
        repository: repository.to_owned(),
        branches: owned(branches),
        files: owned(files),
        ..Findings::default()
    }
}

fn terraform(root: &str, backend: Option<&str>, var_file: Option<&str>) -> FoundTerraform {
    let owned = |path: Option<&str>| path.map(str::to_owned);
    FoundTerraform { root: root.to_owned(), backend: owned(backend), var_file: owned(var_file) }
}

fn with_environments(found: Findings, environments: &[&str], terraform: Vec<FoundTerraform>) -> Findings {
    Findings { environments: environments.iter().map(|name| (*name).to_owned()).collect(), terraform, ..found }
}

/// The proposal, after it was seen to have no problem.
fn proposed(findings: &Findings) -> String {
    let text = propose(findings);
    assert_eq!(told(&text), Vec::<String>::new(), "{text}");
    text
}

#[test]
fn a_repository_with_everything_is_recognised() {
    let files = [
        "Dockerfile",
        "src/main.py",
        "docs/readme.md",
        ".github/workflows/deploy-prod.yml",
        ".github/workflows/lint.yml",
        "terraform/main.tf",
    ];
    let found = with_environments(
        findings("DR_Daily-Report", &["main", "dev", "feature/x"], &files),
        &["dev", "staging", "prod"],
        vec![terraform(
            "terraform",
            Some("envs/{environment}/backend.hcl"),
            Some("envs/{environment}/terraform.tfvars"),
        )],
    );
    assert_snapshot!(proposed(&found), @r#"
    # How a release of this project comes from its first environment to its last.
    # Written by `tiers init` from what stands in the repository; look it over before the first deployment.
    project = "dr-daily-report"
    # The shared memory of the team. Without it: a folder, for one person on one machine.
    # ledger = "s3://a-bucket-of-yours"
    # Gates and approvals are read from here, whatever is being deployed:
    # policy = "origin/main"

    [terraform]
    root = "terraform"
    backend = "envs/{environment}/backend.hcl"
    var_file = "envs/{environment}/terraform.tfvars"

    [environments.dev]
    on = { branch = "dev" }
    # Without an account it runs on this machine.
    # account = "123456789012"
    # region = "eu-central-1"
    # memory_mb = 512
    # timeout_s = 30
    # log_retention_days = 7

    [environments.staging]
    after = ["dev"]
    on = { branch = "main" }
    # Without an account it runs on this machine.
    # account = "123456789012"
    # region = "eu-central-1"

    [environments.prod]
    after = ["staging"]
    on = { tag = "v*.*.*" }
    rollback = "automatic"
    # approvals = 1
    # shift = { canary = "10%", bake = "5m", compatible = true }
    # Without an account it runs on this machine.
    # account = "123456789012"
    # region = "eu-central-1"

    [apps.dr-daily-report]
    # The files that make up a release: a change elsewhere builds nothing.
    paths = ["**", "!terraform/**", "!docs/**", "!.github/**", "!**/*.md", "!tiers.toml"]
    image = { dockerfile = "Dockerfile" }
    # What changes together: functions from one image. `{ worker = { command = ["…"] } }` where they differ.
    components = ["dr-daily-report"]

    # [[apps.dr-daily-report.gates]]
    # name = "smoke"
    # at = "staged"
    # invoke = { component = "dr-daily-report", path = "/health", expect = 200 }
    # effect = { dev = "withhold" }

    # These workflows look as if they deployed something; `tiers build` and `tiers deploy` belong there instead:
    #   .github/workflows/deploy-prod.yml
    "#);
}

#[test]
fn an_empty_repository_gets_three_environments_and_an_app_to_fill_in() {
    assert_snapshot!(proposed(&findings("", &[], &[])), @r#"
    # How a release of this project comes from its first environment to its last.
    # Written by `tiers init` from what stands in the repository; look it over before the first deployment.
    project = "my-project"
    # The shared memory of the team. Without it: a folder, for one person on one machine.
    # ledger = "s3://a-bucket-of-yours"
    # Gates and approvals are read from here, whatever is being deployed:
    # policy = "origin/main"

    [environments.dev]
    on = { branch = "main" }
    # Without an account it runs on this machine.
    # account = "123456789012"
    # region = "eu-central-1"
    # memory_mb = 512
    # timeout_s = 30
    # log_retention_days = 7

    [environments.staging]
    after = ["dev"]
    on = { verified = "dev" }
    # Without an account it runs on this machine.
    # account = "123456789012"
    # region = "eu-central-1"

    [environments.prod]
    after = ["staging"]
    on = { tag = "v*.*.*" }
    rollback = "automatic"
    # approvals = 1
    # shift = { canary = "10%", bake = "5m", compatible = true }
    # Without an account it runs on this machine.
    # account = "123456789012"
    # region = "eu-central-1"

    [apps.my-project]
    # The files that make up a release: a change elsewhere builds nothing.
    paths = ["**", "!**/*.md", "!tiers.toml"]
    # No Dockerfile was found: write one, or say where it is.
    image = { dockerfile = "Dockerfile" }
    # What changes together: functions from one image. `{ worker = { command = ["…"] } }` where they differ.
    components = ["my-project"]

    # [[apps.my-project.gates]]
    # name = "smoke"
    # at = "staged"
    # invoke = { component = "my-project", path = "/health", expect = 200 }
    # effect = { dev = "withhold" }
    "#);
}

#[test]
fn a_root_per_environment_and_several_apps_are_recognised() {
    let files = [
        "infra/environments/prd/main.tf",
        "services/api/Dockerfile",
        "services/worker/Dockerfile",
        "services/worker/Dockerfile.cron",
        "weird[1]/Dockerfile",
    ];
    let text = proposed(&with_environments(
        findings("shop", &["master"], &files),
        &["qa", "prd"],
        vec![terraform("infra/environments/{environment}", None, None)],
    ));
    for line in [
        "root = \"infra/environments/{environment}\"",
        "[environments.qa]\non = { branch = \"master\" }",
        "[environments.prd]\nafter = [\"qa\"]\non = { tag = \"v*.*.*\" }",
        "[apps.api]",
        "[apps.worker]",
        "[apps.worker-cron]",
        "paths = [\"services/api/**\"]",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("weird"), "a folder that is a glob is left to a person");
}

#[test]
fn several_root_modules_are_named_and_none_is_chosen() {
    let found = vec![
        terraform("infra/app", Some("../config/{environment}.hcl"), None),
        terraform("deploy/data", Some("{environment}.hcl"), Some("{environment}.tfvars")),
    ];
    let text =
        proposed(&with_environments(findings("shop", &["main"], &["infra/app/main.tf"]), &["dev", "prd"], found));
    assert!(text.contains("there are several") && text.contains("\n#   deploy/data\n"), "{text}");
    assert!(!text.contains("\n[terraform]"), "{text}");
    assert!(text.contains("\"!infra/**\"") && text.contains("\"!deploy/data/**\""), "{text}");
}

#[test]
fn a_shared_root_without_backend_files_is_not_named_since_all_would_have_one_state() {
    let found = vec![terraform("tf", None, Some("{environment}.tfvars"))];
    let text = proposed(&with_environments(findings("shop", &["main"], &["tf/main.tf"]), &["nonprod", "prod"], found));
    assert!(text.contains("The state of tf is chosen on the command line"), "{text}");
    assert!(text.contains("[environments.nonprod]") && !text.contains("\n[terraform]"), "{text}");
}

#[test]
fn without_a_branch_of_its_own_the_second_environment_follows_the_first() {
    let text = proposed(&findings("shop", &["main"], &["Cargo.toml", "src/main.rs"]));
    assert!(text.contains("[environments.dev]\non = { branch = \"main\" }"), "{text}");
    assert!(text.contains("[environments.staging]\nafter = [\"dev\"]\non = { verified = \"dev\" }"), "{text}");
    assert!(text.contains("cargo build --release --locked"), "{text}");
}

#[test]
fn tags_of_another_form_are_mentioned() {
    let found = Findings { tags: vec!["release-7".into()], ..findings("shop", &[], &[]) };
    assert!(proposed(&found).contains("as \"release-7\" does"));
}

#[test]
fn what_is_commented_out_is_good_when_the_signs_are_removed() {
    let text = proposed(&findings("shop", &["main", "dev"], &["Dockerfile"]));
    let lines = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if rest.starts_with("[[") || rest.split(' ').nth(1) == Some("=") => rest,
        _ => line,
    });
    let uncommented = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(told(&uncommented), Vec::<String>::new(), "{uncommented}");
}

proptest! {
    #[test]
    fn whatever_is_found_the_proposal_has_no_problem(
        repository in "\\PC{0,60}",
        branches in proptest::collection::vec("\\PC{0,12}", 0..4),
        tags in proptest::collection::vec("\\PC{0,12}", 0..3),
        files in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,30}",
                "(terraform|infra|a/b)/[a-z.]{1,20}",
                "[a-zA-Z_.{}]{0,50}(/\\PC{0,10})?/Dockerfile(.[a-z]{0,5})?",
                ".github/workflows/\\PC{0,5}deploy\\PC{0,5}",
            ],
            0..12,
        ),
        environments in proptest::collection::vec(
            prop_oneof!["\\PC{0,12}", "dev|stg|prod|nonprod|releases|terraform", "[a-z0-9-]{1,20}"],
            0..5,
        ),
        terraform in proptest::collection::vec(
            (
                prop_oneof!["\\PC{0,20}", "(a/)?b(/\\{environment\\})?", "", "\\.\\./x"],
                proptest::option::of(prop_oneof!["\\PC{0,20}", "(\\.\\./)?(x/)?\\{environment\\}\\.hcl", "backend\\.hcl"]),
                proptest::option::of(prop_oneof!["\\PC{0,20}", "(x/)?\\{environment\\}\\.tfvars", "all\\.tfvars"]),
            )
                .prop_map(|(root, backend, var_file)| FoundTerraform { root, backend, var_file }),
            0..3,
        ),
    ) {
        proposed(&Findings { repository, branches, tags, files, environments, terraform });
    }
}
