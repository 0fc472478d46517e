//! The first tiers.toml that is proposed for a repository.

use insta::assert_snapshot;
use proptest::prelude::*;
use tiers_core::config::init::{Findings, propose};

use super::told;

fn findings(repository: &str, branches: &[&str], files: &[&str]) -> Findings {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Findings { repository: repository.to_owned(), branches: owned(branches), tags: Vec::new(), files: owned(files) }
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
        "terraform/envs/dev/backend.hcl",
        "terraform/envs/dev/terraform.tfvars",
        "terraform/envs/staging/backend.hcl",
        "terraform/envs/staging/terraform.tfvars",
        "terraform/envs/prod/backend.hcl",
        "terraform/envs/prod/terraform.tfvars",
        "terraform/envs/shared/x.tfvars",
    ];
    assert_snapshot!(proposed(&findings("DR_Daily-Report", &["main", "dev", "feature/x"], &files)), @r#"
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

    # These workflows look as if they deployed something; `tiers ci generate` writes some that call tiers:
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
        "infra/environments/prd/backend.tf",
        "infra/environments/qa/main.tf",
        "services/api/Dockerfile",
        "services/worker/Dockerfile",
        "services/worker/Dockerfile.cron",
        "weird[1]/Dockerfile",
    ];
    let text = proposed(&findings("shop", &["master"], &files));
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
                "(terraform|a/b)/(envs|environments)/[a-z0-9-]{1,20}/(backend.hcl|x.tf|terraform.tfvars)",
                "[a-zA-Z_.{}]{0,50}(/\\PC{0,10})?/Dockerfile(.[a-z]{0,5})?",
                "[a-z]{1,6}.tfvars",
                ".github/workflows/\\PC{0,5}deploy\\PC{0,5}",
            ],
            0..12,
        ),
    ) {
        proposed(&Findings { repository, branches, tags, files });
    }
}
