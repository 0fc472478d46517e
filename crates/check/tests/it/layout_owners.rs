//! Whose a file is: of one layer, of one tenant, of a test.

use tiers_check::{FileTree, Options};

use super::layouts::{PARTIAL, ROOT, check};

#[test]
fn a_script_for_one_layer_takes_nothing_from_the_layers_that_no_script_names() {
    let layer = |name: &str| {
        format!("--- layers/{name}/main.tf\n{ROOT}{PARTIAL}--- layers/{name}/backend.hcl\nkey = \"{name}\"\n")
    };
    check(
        &format!(
            "{}{}--- envs/dev/global.tfvars\nsize = 1\n--- envs/prod/global.tfvars\nsize = 2\n\
             --- envs/dev/backend.hcl\nbucket = \"dev\"\n--- envs/prod/backend.hcl\nbucket = \"prod\"\n\
             --- bin/prod-app\n#!/bin/bash\ncd layers/app\n\
             terraform init -backend-config=../../envs/prod/backend.hcl -backend-config=backend.hcl\n\
             terraform apply -var-file=../../envs/prod/global.tfvars\n",
            layer("app"),
            layer("network")
        ),
        &[
            "layers/app | dev | layers/app | envs/dev/global.tfvars | layers/app/backend.hcl envs/dev/backend.hcl | app",
            "layers/app | prod | layers/app | envs/prod/global.tfvars | envs/prod/backend.hcl layers/app/backend.hcl | app",
            "layers/network | dev | layers/network | envs/dev/global.tfvars | layers/network/backend.hcl envs/dev/backend.hcl | network",
            "layers/network | prod | layers/network | envs/prod/global.tfvars | layers/network/backend.hcl envs/prod/backend.hcl | network",
        ],
    );
}

#[test]
fn a_script_that_is_given_its_layer_gives_each_layer_its_own_values() {
    let layer = |name: &str| format!("--- layers/{name}/main.tf\n{ROOT}{PARTIAL}");
    check(
        &format!(
            "{}{}--- envs/dev/app.tfvars\nsize = 1\n--- envs/dev/network.tfvars\nsize = 2\n\
             --- run.sh\ncd layers/$1\nterraform plan -var-file=../../envs/$2/$1.tfvars\n",
            layer("app"),
            layer("network")
        ),
        &[
            "layers/app | dev | layers/app | envs/dev/app.tfvars |  | ",
            "layers/network | dev | layers/network | envs/dev/network.tfvars |  | ",
        ],
    );
}

#[test]
fn what_tests_read_is_no_environment_and_stands_in_no_comparison() {
    let backend =
        "terraform {\n  backend \"s3\" {\n    bucket = \"states\"\n    key = \"app\"\n  }\n}\nvariable \"unused\" {}\n";
    let golden = format!(
        "--- tests/golden/a/main.tf\n{backend}--- tests/golden/b/main.tf\n{backend}--- tests/bad.tf\nx = {{{{{{\n"
    );
    let report = tiers_check::check(&FileTree::from_listing(&golden), &Options::default());
    assert!(report.findings.is_empty() && report.layout.stacks.is_empty(), "{:#?}", report.findings);
    let notes: Vec<String> = report.layout.notes.iter().map(|note| format!("{}: {}", note.path, note.says)).collect();
    let says = "2 root modules here that no script or workflow runs: taken for what tests read, and not compared";
    assert_eq!(notes.first().map(String::as_str), Some(&*format!("tests: {says}")), "{notes:?}");
    // Where they are run they are infrastructure like any other.
    let run = format!(
        "{golden}--- deploy.sh\nterraform -chdir=tests/golden/a apply\nterraform -chdir=tests/golden/b apply\n"
    );
    let report = tiers_check::check(&FileTree::from_listing(&run), &Options::default());
    assert!(report.findings.iter().any(|finding| finding.rule == "state-shared"), "{:#?}", report.findings);
}

#[test]
fn a_word_for_the_kind_of_file_is_no_part_of_an_unusual_name() {
    let values = "--- envs/dev.tfvars\nenv = \"dev\"\n--- envs/preview.tfvars\nenv = \"preview\"\n";
    for (dev, preview) in [
        ("envs/dev.backend.hcl", "envs/preview.backend.hcl"),
        ("backend-dev.hcl", "backend-preview.hcl"),
        ("dev.s3.tfbackend", "preview.s3.tfbackend"),
        ("dev-backend.hcl", "preview-backend.hcl"),
        ("envs/dev.backend.tfvars", "envs/preview.backend.tfvars"),
    ] {
        let backends =
            format!("--- {dev}\nbucket = \"b\"\nkey = \"dev\"\n--- {preview}\nbucket = \"b\"\nkey = \"preview\"\n");
        check(
            &format!("--- main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nvariable \"env\" {{}}\n{values}{backends}"),
            &[
                &format!(". | dev | . | envs/dev.tfvars | {dev} | dev"),
                &format!(". | preview | . | envs/preview.tfvars | {preview} | preview"),
            ],
        );
    }
}

#[test]
fn each_tenant_of_an_environment_has_a_backend_file_of_its_own() {
    let of = |name: &str| {
        format!(
            "--- infra/{name}.tfvars\nowner = \"{name}\"\n--- infra/backend-{name}.hcl\nbucket = \"b\"\nkey = \"{name}\"\n"
        )
    };
    let code = "--- infra/main.tf\nterraform {\n  backend \"s3\" {}\n}\nvariable \"owner\" {}\n";
    check(
        &format!("{code}{}{}{}", of("sandbox-anna"), of("sandbox-ben"), of("dev")),
        &[
            "infra | sandbox-anna | infra | infra/sandbox-anna.tfvars | infra/backend-sandbox-anna.hcl | sandbox-anna",
            "infra | sandbox-ben | infra | infra/sandbox-ben.tfvars | infra/backend-sandbox-ben.hcl | sandbox-ben",
            "infra | dev | infra | infra/dev.tfvars | infra/backend-dev.hcl | dev",
        ],
    );
}
