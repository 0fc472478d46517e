//! Maps by environment, and what must not be called a missing entry; with the texts that accept or deny a thing on purpose.

use tiers_check::{FileTree, Options, Report, Severity, check};

fn checked(listing: &str) -> Report {
    check(&FileTree::from_listing(listing), &Options::default())
}

fn said(report: &Report, rule: &str) -> Vec<String> {
    report.findings.iter().filter(|it| it.rule == rule).map(|it| it.message.clone()).collect()
}

/// A root module with environments dev, uat and prod, and a map that lacks uat.
fn tree(value: &str) -> String {
    let environments = ["dev", "uat", "prod"].map(|of| format!("--- envs/{of}.tfvars\nenvironment = \"{of}\"\n"));
    format!(
        "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"environment\" {{\n  type = string\n}}\n\
         locals {{\n  sizes = {{ dev = {{ cpu = 1 }}, prod = {{ cpu = 4 }} }}\n  size  = {value}\n}}\noutput \"o\" {{\n  value = local.size\n}}\n{}",
        environments.concat()
    )
}

#[test]
fn a_map_that_lacks_an_environment_stops_its_plan() {
    for value in [
        "local.sizes[var.environment]",
        "local.sizes[var.environment].cpu",
        "upper(local.sizes[\"${var.environment}\"].cpu)",
    ] {
        let report = checked(&tree(value));
        assert_eq!(said(&report, "key-missing"), ["local.sizes has no entry \"uat\", and uat asks for it"], "{value}");
        assert_eq!(report.count(Severity::Error), 1, "{value}");
    }
}

#[test]
fn a_map_that_is_asked_with_care_lacks_nothing() {
    for value in [
        "try(local.sizes[var.environment], local.sizes[\"dev\"])",
        "lookup(local.sizes, var.environment, local.sizes[\"dev\"])",
        "contains(keys(local.sizes), var.environment) ? local.sizes[var.environment] : local.sizes[\"dev\"]",
        "var.environment == \"uat\" ? {} : local.sizes[var.environment]",
        "local.sizes[var.environment == \"uat\" ? \"dev\" : var.environment]",
        "can(local.sizes[var.environment]) ? 1 : 2",
    ] {
        assert_eq!(said(&checked(&tree(value)), "key-missing"), Vec::<String>::new(), "{value}");
    }
}

#[test]
fn a_map_among_the_values_that_lacks_what_the_code_asks_for_stops_the_plan() {
    let tree = |constraint: &str, value: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"charts\" {{\n  type = {constraint}\n}}\n\
             resource \"helm_release\" \"dns\" {{\n  version = {value}\n}}\n\
             --- dev.tfvars\ncharts = {{ dns = \"1\", cert = \"2\" }}\n--- prod.tfvars\ncharts = {{ cert = \"2\" }}\n"
        )
    };
    let of = |constraint: &str, value: &str| said(&checked(&tree(constraint, value)), "key-missing");
    for value in ["var.charts[\"dns\"]", "\"v${var.charts.dns}\"", "upper(var.charts[\"dns\"])"] {
        assert_eq!(of("map(string)", value), ["var.charts has no entry \"dns\", and prod asks for it"], "{value}");
    }
    for value in [
        "var.charts[\"cert\"]",
        "lookup(var.charts, \"dns\", \"0\")",
        "try(var.charts.dns, null)",
        "keys(var.charts)[0]",
    ] {
        assert_eq!(of("map(string)", value), [""; 0], "{value}");
    }
    assert_eq!(of("object({ cert = string, dns = optional(string) })", "var.charts.dns"), [""; 0]);
    // The others may have it from the default.
    let by_default = tree("map(string)\n  default = { dns = \"1\", cert = \"2\" }", "var.charts.dns");
    let by_default = by_default.replace("charts = { dns = \"1\", cert = \"2\" }\n---", "---");
    assert_eq!(said(&checked(&by_default), "key-missing"), ["var.charts has no entry \"dns\", and prod asks for it"]);
}

#[test]
fn a_comment_above_a_block_is_about_all_of_it_and_about_no_other() {
    let roles = "--- main.tf\nterraform {\n  backend \"gcs\" {}\n}\n# tiers:ignore name-collides each has an account of its own\n\
        resource \"aws_iam_role\" \"a\" {\n  path = \"/\"\n  name = \"a\"\n}\nresource \"aws_iam_role\" \"b\" {\n  name = \"b\"\n}\n\
        --- dev.tfvars\n--- prod.tfvars\n";
    let report = checked(roles);
    let said = said(&report, "name-collides");
    assert!(said.len() == 1 && said[0].starts_with("aws_iam_role.b"), "{said:?}");
    assert_eq!(report.suppressed.len(), 1);
}

#[test]
fn what_is_denied_elsewhere_is_no_permission() {
    let queue = "resource \"aws_sqs_queue\" \"q\" {\n  name = \"shop-${var.environment}\"\n}\n";
    let forms = |effect: &str| {
        [
            format!(
                "data \"aws_iam_policy_document\" \"p\" {{\n  statement {{\n    effect    = \"{effect}\"\n    resources = [\"arn:aws:sqs:eu-west-1:*:shop-*\"]\n  }}\n}}\n"
            ),
            format!(
                "resource \"aws_iam_policy\" \"p\" {{\n  policy = jsonencode({{ Statement = [{{ Effect = \"{effect}\", Resource = \"arn:aws:sqs:eu-west-1:*:shop-*\" }}] }})\n}}\n"
            ),
        ]
    };
    let spans = |policy: &str| {
        said(
            &checked(&tree("1").replace("--- envs/dev", &format!("{queue}{policy}--- envs/dev"))),
            "wildcard-spans-environments",
        )
    };
    for policy in forms("Deny") {
        assert_eq!(spans(&policy), Vec::<String>::new(), "{policy}");
    }
    for policy in forms("Allow") {
        assert!(!spans(&policy).is_empty(), "{policy}");
    }
}

#[test]
fn a_comparison_with_a_name_that_no_environment_has_is_told() {
    let of = |value: &str| said(&checked(&tree(value)), "comparison-unmet");
    let message = "var.environment is \"production\" in no environment; prod has \"prod\"";
    for value in [
        "var.environment == \"production\"",
        "\"production\" != var.environment ? 1 : 2",
        "[\"${var.environment == \"production\"}\"]",
    ] {
        assert_eq!(of(value), [message], "{value}");
    }
    for value in [
        "var.environment == \"prod\"",
        "var.environment == \"sandbox\"",
        "var.other == \"production\"",
        "terraform.workspace == \"production\"",
    ] {
        assert_eq!(of(value), Vec::<String>::new(), "{value}");
    }
    // What the values call it counts, and not the files.
    let renamed =
        tree("var.environment == \"production\"").replace("environment = \"prod\"", "environment = \"production\"");
    assert_eq!(said(&checked(&renamed), "comparison-unmet"), Vec::<String>::new());
}
