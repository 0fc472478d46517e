//! What Terraform declares of functions, for a comparison with what is live.

use tiers_check::{Declared, DeclaredFunction, FileTree, FunctionSetting, Options, declared_functions};

const TREE: &str = r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
variable "memory" {
  type    = number
  default = 256
}
variable "variables" {
  type    = map(string)
  default = {}
}
locals {
  workers = { mail = 30, report = 60 }
}
resource "aws_lambda_function" "api" {
  function_name                  = "shop-api-${var.environment}"
  memory_size                    = var.memory
  architectures                  = ["arm64"]
  reserved_concurrent_executions = var.environment == "prod" ? 50 : -1
  image_config {
    command = ["api", "--http"]
  }
  environment {
    variables = merge({ STAGE = var.environment, TABLE = aws_dynamodb_table.t.name }, var.variables)
  }
}
resource "aws_lambda_function" "worker" {
  for_each      = local.workers
  function_name = "shop-${each.key}-${var.environment}"
  timeout       = each.value
  dynamic "environment" {
    for_each = length(var.variables) > 0 ? [var.variables] : []
    content {
      variables = environment.value
    }
  }
}
resource "aws_lambda_function" "left" {
  function_name = "shop-left-${var.environment}"
  memory_size   = 1024
  lifecycle {
    ignore_changes = [image_uri, memory_size, environment[0].variables]
  }
}
resource "aws_lambda_function" "unknown" {
  function_name = aws_ssm_parameter.name.value
}
--- envs/dev/terraform.tfvars
environment = "dev"
--- envs/prod/terraform.tfvars
environment = "prod"
memory      = 1024
variables   = { EXTRA = "1" }
"#;

fn functions() -> Vec<DeclaredFunction> {
    declared_functions(&FileTree::from_listing(TREE), &Options::default())
}

fn setting(name: &str, setting: FunctionSetting) -> Declared {
    let functions = functions();
    let function = functions.iter().find(|function| function.name == name);
    function.unwrap_or_else(|| panic!("{name} in {functions:#?}")).settings[&setting].clone()
}

#[test]
fn each_function_is_declared_in_each_environment_and_one_whose_name_is_not_known_is_left_out() {
    let mut names: Vec<(String, String)> =
        functions().into_iter().map(|function| (function.environment, function.name)).collect();
    names.sort();
    let of = |env: &str| ["api", "left", "mail", "report"].map(|name| (env.to_owned(), format!("shop-{name}-{env}")));
    assert_eq!(names, [of("dev"), of("prod")].concat());
}

#[test]
fn settings_are_those_of_the_environment_with_the_place_where_they_are_written() {
    let value = |name: &str, of: FunctionSetting| setting(name, of).value;
    let memory = setting("shop-api-prod", FunctionSetting::Memory);
    assert_eq!((memory.value.as_deref(), memory.is_default), (Some("1024"), false));
    assert_eq!(
        (memory.at.path.as_str(), memory.at.line),
        ("envs/prod/terraform.tfvars", 2),
        "where the variable is given"
    );
    let concurrency = setting("shop-api-prod", FunctionSetting::Concurrency);
    assert_eq!((concurrency.at.path.as_str(), concurrency.at.line), ("main.tf", 22));
    assert_eq!(value("shop-api-dev", FunctionSetting::Memory).as_deref(), Some("256"));
    assert_eq!(value("shop-api-dev", FunctionSetting::Architecture).as_deref(), Some("arm64"));
    assert_eq!(value("shop-api-dev", FunctionSetting::Command).as_deref(), Some("api --http"));
    assert_eq!(value("shop-api-dev", FunctionSetting::Concurrency).as_deref(), Some(""), "-1 is none");
    assert_eq!(value("shop-api-prod", FunctionSetting::Concurrency).as_deref(), Some("50"));
    let left = |of: FunctionSetting| setting("shop-left-dev", of).value;
    assert_eq!((left(FunctionSetting::Memory), left(FunctionSetting::Variables)), (None, None), "others change these");
    assert_eq!(left(FunctionSetting::Timeout).as_deref(), Some("3"));
    let timeout = setting("shop-api-dev", FunctionSetting::Timeout);
    assert_eq!((timeout.value.as_deref(), timeout.is_default), (Some("3"), true), "the provider's default");
    assert_eq!(value("shop-report-dev", FunctionSetting::Timeout).as_deref(), Some("60"));
}

#[test]
fn of_variables_the_names_are_told_and_what_is_not_known_stays_unknown() {
    let variables = |name: &str| setting(name, FunctionSetting::Variables);
    assert_eq!(variables("shop-api-dev").value.as_deref(), Some("STAGE TABLE"));
    assert_eq!(variables("shop-api-prod").value.as_deref(), Some("EXTRA STAGE TABLE"));
    let none = variables("shop-mail-dev");
    assert_eq!((none.value.as_deref(), none.is_default), (Some(""), true), "the block is not there");
    assert_eq!(variables("shop-mail-prod").value, None, "handed in by the repetition");
}
