//! Each layout that exists in the wild is taken for what it is.

use tiers_check::{FileTree, Layout, Options, discover};

fn layout(listing: &str) -> Layout {
    discover(&FileTree::from_listing(listing), &Options::default())
}

/// One line per instance: `stack | environment | root | values | backend files | key`.
fn check(listing: &str, expected: &[&str]) {
    let layout = layout(listing);
    let mut lines = Vec::new();
    for stack in &layout.stacks {
        for instance in &stack.instances {
            lines.push(format!(
                "{} | {} | {} | {} | {} | {}",
                stack.name,
                instance.environment.as_deref().unwrap_or("-"),
                if instance.root.is_empty() { "." } else { &instance.root },
                instance.var_files.join(" "),
                instance.backend_files.join(" "),
                instance.settings.get("key").or(instance.settings.get("prefix")).cloned().unwrap_or_default(),
            ));
        }
    }
    assert_eq!(lines, expected, "{layout:#?}");
}

const ROOT: &str = "variable \"size\" {}\nresource \"aws_sqs_queue\" \"q\" {}\n";

#[test]
fn a_root_module_per_environment() {
    check(
        &format!(
            "--- environments/dev/main.tf\n{ROOT}terraform {{\n  backend \"s3\" {{\n    bucket = \"b\"\n    key = \"dev\"\n  }}\n}}\n\
             --- environments/dev/terraform.tfvars\nsize = 1\n\
             --- environments/prod/main.tf\n{ROOT}terraform {{\n  backend \"s3\" {{}}\n}}\n\
             --- environments/prod/backend.hcl\nbucket = \"b\"\nkey = \"prod\"\n\
             --- environments/prod/prod.tfvars\nsize = 2\n\
             --- environments/shared/main.tf\n{ROOT}"
        ),
        &[
            "environments/* | dev | environments/dev | environments/dev/terraform.tfvars |  | dev",
            "environments/* | prod | environments/prod | environments/prod/prod.tfvars | environments/prod/backend.hcl | prod",
            "environments/shared | - | environments/shared |  |  | ",
        ],
    );
}

#[test]
fn a_shared_root_with_a_variable_file_per_environment() {
    for folder in ["environments", "envs", "config", "tfvars", "vars"] {
        check(
            &format!(
                "--- main.tf\n{ROOT}--- {folder}/dev.tfvars\nsize = 1\n--- {folder}/production.tfvars\nsize = 2\n"
            ),
            &[
                &format!(". | dev | . | {folder}/dev.tfvars |  | "),
                &format!(". | production | . | {folder}/production.tfvars |  | "),
            ],
        );
    }
}
