//! Lower bounds above their upper ones, and what only looks like it.

use tiers_check::{FileTree, Options, check};

fn places(listing: &str) -> Vec<String> {
    let report = check(&FileTree::from_listing(listing), &Options::default());
    let findings = report.findings.iter().filter(|finding| finding.rule == "bounds-inverted");
    findings.map(|finding| format!("{}:{}", finding.at.path, finding.at.line)).collect()
}

fn tree(main: &str, dev: &str, prod: &str) -> String {
    format!(
        "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\n{main}\n--- dev.tfvars\n{dev}\n--- prod.tfvars\n{prod}\n"
    )
}

const QUIET: [&str; 0] = [];

#[test]
fn versions_are_no_numbers() {
    let main = |name: &str| {
        format!(
            "variable \"min_{name}\" {{}}\nvariable \"max_{name}\" {{}}\noutput \"o\" {{\n  value = [var.min_{name}, var.max_{name}]\n}}"
        )
    };
    let values = |name: &str, least: &str, most: &str| format!("min_{name} = {least}\nmax_{name} = {most}");
    let of =
        |name: &str, least: &str, most: &str| tree(&main(name), &values(name, least, most), &values(name, "1", "2"));
    assert_eq!(places(&of("engine", "\"1.9\"", "\"1.10\"")), QUIET);
    assert_eq!(places(&of("tls_version", "1.2", "1.1")), QUIET);
    assert_eq!(places(&of("size", "\"9\"", "\"10\"")), QUIET);
    assert_eq!(places(&of("size", "\"10\"", "\"9\"")), ["dev.tfvars:1"]);
    assert_eq!(places(&of("size", "1.5", "1.25")), ["dev.tfvars:1"]);
}

#[test]
fn bounds_of_what_an_environment_does_not_have_do_not_matter() {
    let variables = "variable \"on\" {}\nvariable \"min_size\" {}\nvariable \"max_size\" {}\n";
    let dev = |on: bool| format!("on = {on}\nmin_size = 3\nmax_size = 1");
    let prod = "on = true\nmin_size = 3\nmax_size = 9";
    let group = "resource \"aws_autoscaling_group\" \"g\" {\n  count = var.on ? 1 : 0\n  min_size = var.min_size\n  max_size = local.most\n}\nlocals {\n  most = var.max_size\n}\n";
    let module = "module \"m\" {\n  source = \"./m\"\n  on = var.on\n  least = var.min_size\n  most = var.max_size\n}\n\
                  --- m/main.tf\nvariable \"on\" {}\nvariable \"least\" {}\nvariable \"most\" {}\nresource \"aws_autoscaling_group\" \"g\" {\n  \
                  for_each = var.on ? toset([\"a\"]) : toset([])\n  min_size = var.least\n  max_size = var.most\n}\n";
    for main in [group, module] {
        assert_eq!(places(&tree(&format!("{variables}{main}"), &dev(false), prod)), QUIET, "{main}");
        assert_eq!(places(&tree(&format!("{variables}{main}"), &dev(true), prod)), ["dev.tfvars:2"], "{main}");
    }
    let literal = |on: &str| {
        format!(
            "variable \"on\" {{}}\nresource \"aws_autoscaling_group\" \"g\" {{\n  count = var.on ? 1 : 0\n  min_size = {on}\n  max_size = 2\n}}"
        )
    };
    assert_eq!(places(&tree(&literal("var.on ? 3 : 1"), "on = false", "on = false")), QUIET);
    assert_eq!(places(&tree(&literal("var.on ? 3 : 1"), "on = false", "on = true")), ["main.tf:7"]);
}

#[test]
fn bounds_in_blocks_and_of_other_clouds_are_held_to_each_other() {
    let service = |kind: &str, open: &str, close: &str, most: &str| {
        let main = format!(
            "variable \"most\" {{}}\nresource \"{kind}\" \"s\" {{\n  {open}\n    min_instance_count = 3\n    max_instance_count = var.most\n  {close}\n}}"
        );
        tree(&main, &format!("most = {most}"), "most = 10")
    };
    for (kind, open, close) in [
        ("google_cloud_run_v2_service", "template {\n    scaling {", "}\n  }"),
        ("google_cloudfunctions2_function", "service_config {", "}"),
    ] {
        assert_eq!(places(&service(kind, open, close, "2")).len(), 1, "{kind}");
        assert_eq!(places(&service(kind, open, close, "3")), QUIET);
        // No bound at all.
        assert_eq!(places(&service(kind, open, close, "0")), QUIET);
    }
    let dynamic = "variable \"most\" {}\nresource \"google_cloud_run_v2_service\" \"s\" {\n  dynamic \"scaling\" {\n    for_each = []\n    content {\n      min_instance_count = 3\n      max_instance_count = 2\n    }\n  }\n}";
    assert_eq!(places(&tree(dynamic, "most = 1", "most = 2")), QUIET);
}
