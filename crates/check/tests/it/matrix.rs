//! The table of differences.

use tiers_check::{ExtraRow, FileTree, Group, Options, diff, matrix};

const TREE: &str = r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
variable "memory" {
  type = number
}
variable "capacity" {
  type    = number
  default = 1
}
variable "alarm" {
  type    = string
  default = ""
}
variable "password" {
  type      = string
  sensitive = true
}
variable "region" {
  default = "eu-west-1"
}
resource "aws_lambda_function" "api" {
  function_name = "api-${var.environment}"
  memory_size   = var.memory
  timeout       = var.environment == "prod" ? 300 : 120
  role          = aws_iam_role.api.arn
}
resource "aws_cloudwatch_metric_alarm" "errors" {
  count      = var.alarm == "" ? 0 : 1
  alarm_name = "errors-${var.environment}"
}
output "all" {
  value = [var.password, var.region, var.capacity]
}
--- envs/dev/terraform.tfvars
environment = "dev"
memory      = 512
password    = "a"
--- envs/dev/backend.hcl
bucket = "state"
key    = "dev/terraform.tfstate"
--- envs/staging/terraform.tfvars
environment = "staging"
memory      = 1024
capacity    = 5
alarm       = "team"
password    = "b"
--- envs/staging/backend.hcl
bucket  = "state"
key     = "staging/terraform.tfstate"
encrypt = true
--- envs/prod/terraform.tfvars
environment = "prod"
memory      = 768
alarm       = "oncall"
password    = "c"
--- envs/prod/backend.hcl
bucket  = "state-prod"
key     = "prod/terraform.tfstate"
encrypt = true
"#;

#[test]
fn the_matrix_shows_what_differs_with_the_oddest_first() {
    let extra = [ExtraRow {
        group: Group::Gate,
        name: "api smoke".into(),
        cells: vec![
            ("dev".into(), "withhold".into(), None),
            ("staging".into(), "block".into(), None),
            ("prod".into(), "block".into(), None),
        ],
    }];
    let matrix = matrix(&FileTree::from_listing(TREE), &Options::default(), &extra);
    insta::assert_snapshot!("text", matrix.text(100, false));
    insta::assert_snapshot!("markdown", matrix.markdown());
    insta::assert_snapshot!("everything", matrix.text(80, true));
}

#[test]
fn the_diff_of_two_environments_names_file_and_line() {
    let diff =
        diff(&FileTree::from_listing(TREE), &Options::default(), &[], "staging", "production").expect("both exist");
    insta::assert_snapshot!("pair", diff.text(100, false));
    insta::assert_snapshot!("pair_json", diff.json());
}

#[test]
fn an_environment_that_does_not_exist_is_named_with_those_that_do() {
    let error =
        diff(&FileTree::from_listing(TREE), &Options::default(), &[], "dev", "uat").expect_err("there is no uat");
    assert_eq!(error.to_string(), "there is no environment \"uat\": dev, staging, prod were found");
}

#[test]
fn a_value_of_a_sensitive_variable_is_never_shown() {
    let matrix = matrix(&FileTree::from_listing(TREE), &Options::default(), &[]);
    assert!(!matrix.json().contains("\"a\""), "{}", matrix.json());
}
