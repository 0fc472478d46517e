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

fn argument(text: &str) -> String {
    shared(&format!("resource \"aws_thing\" \"t\" {{\n  thing = {text}\n}}"))
}

#[test]
fn devices_lists_and_pages_for_people_name_no_environment() {
    let fine = [
        "\"/dev/xvdf\"",
        "{ LOG_DIR = \"/dev/stdout\" }",
        "\"https://dev.to/acme\"",
        "\"development:test\"",
        "\"production,staging\"",
        "\"https://docs.x.io/production-checklist\"",
        "\"https://wiki.x.io/ops/prod/${var.environment}\"",
    ];
    for text in fine {
        assert_eq!(said(&argument(text), "environment-in-code"), QUIET, "{text}");
    }
    let wrong = [
        "\"/dev/orders/url\"",
        "\"https://dev.acme.io/x\"",
        "\"https://docs.prod.x.io/a\"",
        "\"jobs:prod\"",
        "\"x,dev-q\"",
    ];
    for text in wrong {
        let expected = [(Severity::Warning, "more.tf:2".to_string())];
        assert_eq!(said(&argument(text), "environment-in-code"), expected, "{text}");
    }
}

/// A root whose values say whose the accounts are.
fn with_accounts(more: &str) -> String {
    shared(more)
        .replace("variable \"environment\" {}", "variable \"environment\" {}\nvariable \"account_id\" {}")
        .replace("value = var.environment", "value = [var.environment, var.account_id]")
        .replace("environment = \"dev\"", "environment = \"dev\"\naccount_id = \"222233334441\"")
        .replace("environment = \"prod\"", "environment = \"prod\"\naccount_id = \"222233334442\"")
}

#[test]
fn one_registry_for_all_environments_is_as_it_should_be() {
    let image = |account: &str| {
        format!(
            "resource \"aws_lambda_function\" \"f\" {{\n  image_uri = \"{account}.dkr.ecr.eu-west-1.amazonaws.com/app:1\"\n}}"
        )
    };
    assert_eq!(said(&shared(&image("222233334444")), "hard-coded-account"), QUIET);
    assert_eq!(said(&with_accounts(&image("222233334444")), "hard-coded-account"), QUIET);
    // That of one of them may be meant, too.
    let of_dev = [(Severity::Hint, "more.tf:2".to_string())];
    assert_eq!(said(&with_accounts(&image("222233334441")), "hard-coded-account"), of_dev);
    let other = "resource \"aws_lambda_permission\" \"p\" {\n  source_account = \"222233334441\"\n}";
    let expected = [(Severity::Warning, "more.tf:2".to_string())];
    assert_eq!(said(&with_accounts(other), "hard-coded-account"), expected);
}

#[test]
fn a_provider_for_what_lies_in_an_account_beside_theirs_is_no_fault() {
    let provider = |account: &str, alias: &str| {
        format!(
            "provider \"aws\" {{\n  {alias}\n  assume_role {{\n    role_arn = \"arn:aws:iam::{account}:role/dns\"\n  }}\n}}"
        )
    };
    let alias = "alias = \"dns\"";
    let at = |severity: Severity| vec![(severity, "more.tf:4".to_string())];
    assert_eq!(said(&with_accounts(&provider("222233334449", alias)), "hard-coded-arn"), QUIET);
    assert_eq!(said(&shared(&provider("222233334449", alias)), "hard-coded-arn"), at(Severity::Hint));
    assert_eq!(said(&with_accounts(&provider("222233334441", alias)), "hard-coded-arn"), at(Severity::Warning));
    assert_eq!(said(&shared(&provider("222233334449", "")), "hard-coded-arn"), at(Severity::Warning));
}

#[test]
fn a_vendors_layer_is_the_same_for_all() {
    let layer = |layer: &str| {
        shared(&format!(
            "resource \"aws_lambda_function\" \"f\" {{\n  layers = [\"arn:aws:lambda:eu-west-1:{layer}:60\"]\n}}"
        ))
    };
    let at = |severity: Severity| vec![(severity, "more.tf:2".to_string())];
    for vendors in [
        "464622532012:layer:Datadog-Extension",
        "451483290750:layer:NewRelicPython312",
        "434848589818:layer:AWS-AppConfig-Extension",
        "094274105915:layer:AWSLambdaPowertoolsTypeScriptV2",
    ] {
        assert_eq!(said(&layer(vendors), "hard-coded-arn"), QUIET, "{vendors}");
    }
    assert_eq!(said(&layer("222233334444:layer:common"), "hard-coded-arn"), at(Severity::Hint));
    let role = "resource \"aws_lambda_function\" \"f\" {\n  role = \"arn:aws:iam::222233334444:role/layer\"\n}";
    assert_eq!(said(&shared(role), "hard-coded-arn"), at(Severity::Warning));
}

#[test]
fn what_one_environment_has_alone_may_hold_its_constants() {
    let texts = "peer_vpc_id = \"vpc-0123456789abcdef0\"\n  arn = \"arn:aws:sns:eu-west-1:222233334444:pager\"\n  endpoint = \"https://x.io/prod/q\"";
    let rules = ["hard-coded-network-id", "hard-coded-arn", "environment-in-code"];
    let block = |repetition: &str| shared(&format!("resource \"aws_thing\" \"t\" {{\n  {repetition}\n  {texts}\n}}"));
    let only = "count = var.environment == \"prod\" ? 1 : 0";
    for (repetition, speaks) in [
        (only, false),
        ("for_each = var.environment == \"prod\" ? toset([\"a\"]) : []", false),
        ("", true),
        ("count = var.environment == \"none\" ? 0 : 1", true),
        ("count = var.unknown", true),
    ] {
        for rule in rules {
            assert_eq!(said(&block(repetition), rule).len(), usize::from(speaks), "{rule} with {repetition:?}");
        }
    }
    let call = |repetition: &str| {
        let call = format!("module \"m\" {{\n  source = \"./m\"\n  {repetition}\n}}");
        format!("{}--- m/main.tf\nresource \"aws_thing\" \"t\" {{\n  {texts}\n}}\n", shared(&call))
    };
    for rule in rules {
        assert_eq!(said(&call(only), rule), QUIET, "{rule}");
        assert_eq!(said(&call(""), rule).len(), 1, "{rule}");
    }
}

#[test]
fn a_value_beside_a_name_is_told_by_that() {
    let message = |text: &str| {
        let report = check(&FileTree::from_listing(&argument(text)), &Options::default());
        report.findings.iter().find(|it| it.rule == "environment-in-code").map(|it| it.message.clone())
    };
    let of = |name: &str| Some(format!("\"prod\" in {name} names prod, and dev, prod share this code"));
    assert_eq!(message("[{ name = \"QUEUE\", value = \"prod-jobs\" }]"), of("QUEUE"));
    assert_eq!(message("[{ label = \"QUEUE\", value = \"prod-jobs\" }]"), of("value"));
    assert_eq!(message("\"x\"\n  set {\n    name = \"owner\"\n    value = \"prod-jobs\"\n  }"), of("owner"));
}
