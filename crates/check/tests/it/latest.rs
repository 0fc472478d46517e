//! Images that bear the tag latest, wherever the tag comes from.

use tiers_check::{FileTree, Options, check};

fn places(main: &str, dev: &str, more: &str) -> Vec<String> {
    let listing = format!(
        "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\n{main}\n--- dev.tfvars\n{dev}\n--- prod.tfvars\ntag = \"v1\"\n{more}"
    );
    let report = check(&FileTree::from_listing(&listing), &Options::default());
    let findings = report.findings.iter().filter(|finding| finding.rule == "image-latest");
    findings
        .map(|finding| format!("{}:{} {}", finding.at.path, finding.at.line, finding.environments.join(",")))
        .collect()
}

const QUIET: [&str; 0] = [];
const TASK: &str = "resource \"aws_ecs_task_definition\" \"t\" {\n  container_definitions = jsonencode([{ name = \"a\", image = IMAGE }])\n}";

#[test]
fn a_tag_from_a_variable_file_is_said_there_and_one_from_a_default_at_the_default() {
    let main =
        |variable: &str, image: &str| format!("variable \"tag\" {{{variable}}}\n{}", TASK.replace("IMAGE", image));
    for image in [
        "\"${aws_ecr_repository.r.repository_url}:${var.tag}\"",
        "format(\"%s:%s\", aws_ecr_repository.r.repository_url, var.tag)",
        "join(\":\", [aws_ecr_repository.r.repository_url, var.tag])",
        "local.image",
    ] {
        let local = "\nlocals {\n  image = \"acme/api:${var.tag}\"\n}";
        let main = |variable: &str| main(variable, image) + local;
        assert_eq!(places(&main(""), "tag = \"latest\"", ""), ["dev.tfvars:1 dev"], "{image}");
        assert_eq!(places(&main("\n  default = \"latest\"\n"), "", ""), ["main.tf:5 dev"], "{image}");
        assert_eq!(places(&main("\n  default = \"latest\"\n"), "tag = \"v2\"", ""), QUIET, "{image}");
    }
    let whole = main("", "var.tag");
    assert_eq!(places(&whole, "tag = \"acme/api:latest\"", ""), ["dev.tfvars:1 dev"]);
    assert_eq!(places(&whole, "tag = \"acme/api@sha256:00\"", ""), QUIET);
}

#[test]
fn what_a_pipeline_gives_and_what_a_deployer_moves_is_left_alone() {
    let main = format!(
        "variable \"tag\" {{\n  default = \"latest\"\n}}\n{}",
        TASK.replace("IMAGE", "\"acme/api:${var.tag}\"")
    );
    let script = "--- deploy.sh\nterraform apply -var tag=\"$SHA\" -var-file=dev.tfvars\n";
    assert_eq!(places(&main, "", ""), ["main.tf:5 dev"]);
    assert_eq!(places(&main, "", script), QUIET);
    let ignored = main.replace("}])\n", "}])\n  lifecycle {\n    ignore_changes = [container_definitions]\n  }\n");
    assert_eq!(places(&ignored, "", ""), QUIET);
}

#[test]
fn a_module_gets_its_image_from_the_call_or_from_a_document_in_a_local() {
    let call = |image: &str| {
        format!(
            "variable \"tag\" {{}}\nmodule \"m\" {{\n  source = \"./m\"\n  image = {image}\n  tag = var.tag\n}}\n--- m/main.tf\nvariable \"image\" {{}}\nvariable \"tag\" {{}}\n\
             resource \"aws_lambda_function\" \"f\" {{\n  image_uri = var.image\n}}\n\
             locals {{\n  containers = [{{ image = \"x/y:${{var.tag}}\" }}]\n}}\n\
             resource \"aws_ecs_task_definition\" \"t\" {{\n  container_definitions = jsonencode(local.containers)\n}}\n"
        )
    };
    assert_eq!(places(&call("\"acme/api:latest\""), "tag = \"v3\"", ""), ["main.tf:7 dev,prod"]);
    assert_eq!(places(&call("\"acme/api:v1\""), "tag = \"latest\"", ""), ["dev.tfvars:1 dev"]);
    assert_eq!(places(&call("\"acme/api:v1\""), "tag = \"v3\"", ""), QUIET);
}
