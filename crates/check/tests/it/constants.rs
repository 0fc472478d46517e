//! Constants of one environment in code that several share: in documents, and in modules that nothing calls.

use tiers_check::{FileTree, Options, Severity, check};

fn said(listing: &str, rule: &str) -> Vec<(Severity, String)> {
    let report = check(&FileTree::from_listing(listing), &Options::default());
    let findings = report.findings.iter().filter(|finding| finding.rule == rule);
    findings.map(|finding| (finding.severity, format!("{}:{}", finding.at.path, finding.at.line))).collect()
}

const QUIET: [(Severity, String); 0] = [];

fn shared(more: &str) -> String {
    format!(
        "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"environment\" {{}}\noutput \"e\" {{\n  value = var.environment\n}}\n\
         --- more.tf\n{more}\n--- dev.tfvars\nenvironment = \"dev\"\n--- prod.tfvars\nenvironment = \"prod\"\n"
    )
}

#[test]
fn a_document_names_an_environment_or_an_account_on_its_own_line() {
    let policy = |first: &str, second: &str| {
        shared(&format!(
            "resource \"aws_iam_role_policy\" \"p\" {{\n  policy = <<-POLICY\n    {{\n      \"Sid\": \"allow-prod-read\",\n      \"Resource\": [\n        \"{first}\",\n        \"{second}\"\n      ]\n    }}\n  POLICY\n}}"
        ))
    };
    let tree = policy("arn:aws:s3:::acme-prod-data/*", "arn:aws:sqs:eu-west-1:222233334444:jobs");
    assert_eq!(said(&tree, "environment-in-code"), [(Severity::Warning, "more.tf:6".to_string())]);
    assert_eq!(said(&tree, "hard-coded-arn"), [(Severity::Warning, "more.tf:7".to_string())]);
    let fine = policy("arn:aws:s3:::acme-${var.environment}-data/*", "arn:aws:sqs:eu-west-1:${local.account}:jobs");
    assert_eq!(said(&fine, "environment-in-code"), QUIET);
    assert_eq!(said(&fine, "hard-coded-arn"), QUIET);
    let half = policy("arn:aws:s3:::${var.org}-prod-data/*", "arn:aws:iam::123456789012:root");
    assert_eq!(said(&half, "environment-in-code"), [(Severity::Warning, "more.tf:6".to_string())]);
    assert_eq!(said(&half, "hard-coded-arn"), QUIET);
    let yaml = "resource \"aws_ssm_document\" \"d\" {\n  content = <<-Y\n    role: arn:aws:iam::222233334444:role/x\n    text: not for prod, ever\n  Y\n}";
    assert_eq!(said(&shared(yaml), "hard-coded-arn"), [(Severity::Warning, "more.tf:3".to_string())]);
    assert_eq!(said(&shared(yaml), "environment-in-code"), QUIET);
}

#[test]
fn a_module_that_no_root_calls_is_looked_at_and_is_a_hint_at_most() {
    let module = |dir: &str, call: &str| {
        format!(
            "{}--- {dir}/main.tf\nresource \"aws_s3_bucket\" \"b\" {{\n  bucket = \"acme-prod-data\"\n}}\n",
            shared(call)
        )
    };
    let place = |dir: &str| format!("{dir}/main.tf:2");
    let call = "module \"m\" {\n  source = \"./modules/m\"\n}";
    assert_eq!(said(&module("modules/m", call), "environment-in-code"), [(Severity::Warning, place("modules/m"))]);
    assert_eq!(said(&module("modules/m", ""), "environment-in-code"), [(Severity::Hint, place("modules/m"))]);
    assert_eq!(said(&module("modules/m/examples/all", ""), "environment-in-code"), QUIET);
    let alone = "--- main.tf\nresource \"aws_s3_bucket\" \"b\" {\n  bucket = \"acme-prod-data\"\n}\n";
    assert_eq!(said(alone, "environment-in-code"), QUIET);
}
