//! What calls a function past its alias, in whatever way it names the function.

use tiers_check::{FileTree, Options, check};

/// The places of `caller-bypasses-alias` on a root with a function, its alias and this.
fn places(more: &str) -> Vec<String> {
    let listing = format!(
        "--- more.tf\n{more}\n--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nlocals {{\n  name = \"api\"\n  arn = aws_lambda_function.f.arn\n}}\n\
         resource \"aws_lambda_function\" \"f\" {{\n  function_name = local.name\n}}\n\
         resource \"aws_lambda_alias\" \"live\" {{\n  name = \"live\"\n  function_name = aws_lambda_function.f.function_name\n  function_version = \"1\"\n}}\n\
         resource \"aws_lambda_function\" \"bare\" {{\n  function_name = \"bare\"\n}}\n"
    );
    let report = check(&FileTree::from_listing(&listing), &Options::default());
    let findings = report.findings.iter().filter(|finding| finding.rule == "caller-bypasses-alias");
    findings.map(|finding| format!("{}:{}", finding.at.path, finding.at.line)).collect()
}

const QUIET: [&str; 0] = [];

#[test]
fn documents_and_blocks_that_name_the_function_call_it() {
    for (kind, body) in [
        ("aws_sfn_state_machine", "definition = jsonencode({ States = { A = { Resource = CALLED } } })"),
        ("aws_sfn_state_machine", "definition = <<-J\n  {\"Resource\": \"${CALLED}\"}\n  J\n"),
        ("aws_api_gateway_rest_api", "body = jsonencode({ paths = { \"/\" = { get = { x = { uri = CALLED } } } } })"),
        (
            "aws_api_gateway_rest_api",
            "body = jsonencode({ uri = \"arn:aws:apigateway:r:lambda:path/f/${CALLED}/invocations\" })",
        ),
        ("aws_cognito_user_pool", "lambda_config {\n    pre_sign_up = CALLED\n  }"),
        ("aws_cognito_user_pool", "lambda_config {\n    custom_email_sender {\n      lambda_arn = CALLED\n    }\n  }"),
        ("aws_pipes_pipe", "target = CALLED"),
        ("aws_pipes_pipe", "enrichment = CALLED"),
        ("aws_appsync_datasource", "lambda_config {\n    function_arn = CALLED\n  }"),
        (
            "aws_kinesis_firehose_delivery_stream",
            "extended_s3_configuration {\n    processing_configuration {\n      processors {\n        parameters {\n          parameter_value = CALLED\n        }\n      }\n    }\n  }",
        ),
        ("aws_s3_bucket_notification", "lambda_function {\n    lambda_function_arn = CALLED\n  }"),
        ("aws_sns_topic_subscription", "endpoint = CALLED"),
        ("aws_lambda_event_source_mapping", "function_name = CALLED"),
        ("aws_cloudwatch_event_target", "arn = CALLED"),
    ] {
        let tree = |called: &str| format!("resource \"{kind}\" \"c\" {{\n  {}\n}}", body.replace("CALLED", called));
        for called in ["aws_lambda_function.f.arn", "local.arn"] {
            assert_eq!(places(&tree(called)).len(), 1, "{}", tree(called));
        }
        for called in ["aws_lambda_alias.live.arn", "aws_lambda_function.bare.arn", "var.x", "local.other"] {
            assert_eq!(places(&tree(called)), QUIET, "{}", tree(called));
        }
    }
}

#[test]
fn a_name_with_the_alias_behind_it_and_a_choice_between_both_are_no_calls_past_it() {
    let machine = |text: &str| {
        format!("resource \"aws_sfn_state_machine\" \"c\" {{\n  definition = jsonencode({{ R = {text} }})\n}}")
    };
    assert_eq!(places(&machine("\"${aws_lambda_function.f.arn}:live\"")), QUIET);
    assert_eq!(places(&machine("\"${aws_lambda_function.f.arn}:${var.alias}\"")), QUIET);
    assert_eq!(places(&machine("\"${aws_lambda_function.f.arn}:$LATEST\"")).len(), 1);
    assert_eq!(places(&machine("var.direct ? aws_lambda_function.f.arn : aws_lambda_alias.live.arn")), QUIET);
}

#[test]
fn a_function_that_is_named_by_the_local_that_names_it_is_called_so() {
    let permission =
        |more: &str| format!("resource \"aws_lambda_permission\" \"p\" {{\n  function_name = local.name\n  {more}\n}}");
    assert_eq!(places(&permission("")), ["more.tf:2"]);
    assert_eq!(places(&permission("qualifier = aws_lambda_alias.live.name")), QUIET);
    // The name of the function may be that of a table as well.
    for more in ["environment {\n    variables = { TABLE = local.name }\n  }", "tags = { Name = local.name }"] {
        let function = format!("resource \"aws_lambda_function\" \"w\" {{\n  function_name = \"w\"\n  {more}\n}}");
        assert_eq!(places(&function), QUIET);
    }
    let called = "resource \"aws_lambda_function\" \"w\" {\n  function_name = \"w\"\n  environment {\n    variables = { API = local.arn }\n  }\n}";
    assert_eq!(places(called).len(), 1);
    let other = permission("").replace("local.name", "local.other");
    assert_eq!(places(&other), QUIET);
}

#[test]
fn an_alias_that_is_given_its_function_by_a_local_is_that_functions() {
    let tree = |of_alias: &str| {
        format!(
            "resource \"aws_lambda_function\" \"g\" {{\n  function_name = local.g\n}}\nlocals {{\n  g = \"g\"\n  g_arn = aws_lambda_function.g.function_name\n}}\n\
             resource \"aws_lambda_alias\" \"g\" {{\n  name = \"live\"\n  function_name = {of_alias}\n}}\n\
             resource \"aws_sns_topic_subscription\" \"s\" {{\n  endpoint = aws_lambda_function.g.arn\n}}"
        )
    };
    for of_alias in ["local.g", "local.g_arn"] {
        assert_eq!(places(&tree(of_alias)), ["more.tf:13"], "{of_alias}");
    }
    assert_eq!(places(&tree("local.name")), QUIET);
}
