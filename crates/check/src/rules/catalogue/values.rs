//! Parity, one environment's values: what its files give, and whether that fits what the code asks for.

use crate::finding::Severity::{Error, Warning};
use crate::rule::{Family::Parity, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "value-undeclared",
        family: Parity,
        severity: Warning,
        title: "a value is set and declared nowhere",
        consequence: "Terraform ignores the value, so the environment runs with the default that somebody meant to change.",
        fix: "Correct the name, declare the variable, or delete the line.",
        explanation: "A file that several root modules read must be unknown to all of them. Attributes of objects that the \
variable's type does not have are reported too, since Terraform drops them without a word. Where a variable's name differs by a \
slip of the finger, the finding names it.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "lambda_memory_size" {
  type    = number
  default = 128
}
resource "aws_lambda_function" "api" {
  function_name = "api"
  memory_size   = var.lambda_memory_size
}
--- prod.tfvars
lambda_memroy_size = 1024
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "lambda_memory_size" {
  type    = number
  default = 128
}
resource "aws_lambda_function" "api" {
  function_name = "api"
  memory_size   = var.lambda_memory_size
}
--- prod.tfvars
lambda_memory_size = 1024
"#,
    },
    Rule {
        id: "value-missing",
        family: Parity,
        severity: Error,
        title: "an environment has no value for a required variable",
        consequence: "The plan of that environment stops, or waits for somebody to type the value in.",
        fix: "Set the variable in the environment's file, or give it a default that is right everywhere.",
        explanation: "It speaks where another environment sets the variable. It is quiet where the value plausibly comes from \
TF_VAR_ variables, `-var`, or the secrets provider (sensitive variables, names that end like a secret, upper-case names), where git ignores \
the variable files, and where Terraform Cloud may hold the values.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "retention_days" {
  type = number
}
resource "aws_cloudwatch_log_group" "api" {
  name              = "/app/${var.environment}/api"
  retention_in_days = var.retention_days
}
variable "environment" {
  type = string
}
--- envs/dev.tfvars
environment    = "dev"
retention_days = 7
--- envs/prod.tfvars
environment = "prod"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "retention_days" {
  type = number
}
resource "aws_cloudwatch_log_group" "api" {
  name              = "/app/${var.environment}/api"
  retention_in_days = var.retention_days
}
variable "environment" {
  type = string
}
--- envs/dev.tfvars
environment    = "dev"
retention_days = 7
--- envs/prod.tfvars
environment    = "prod"
retention_days = 30
"#,
    },
    Rule {
        id: "value-only-in-some",
        family: Parity,
        severity: Warning,
        title: "a variable is set in some environments only, and the rest get another value by default",
        consequence: "An environment that nobody thought of runs with a default that was chosen for another.",
        fix: "Set it in every environment, or drop the default so that a new environment has to choose.",
        explanation: "It is a warning where production alone is left to the default, a hint otherwise: to set only what differs \
is a style. It is quiet where one of the values that are set is the default itself.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "capacity" {
  type    = number
  default = 1
}
resource "aws_dynamodb_table" "t" {
  read_capacity = var.capacity
}
--- dev.tfvars
capacity = 5
--- staging.tfvars
capacity = 10
--- prod.tfvars
# nobody thought of it
unrelated = true
--- more.tf
variable "unrelated" {
  type    = bool
  default = true
}
output "unrelated" {
  value = var.unrelated
}
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "capacity" {
  type    = number
  default = 1
}
resource "aws_dynamodb_table" "t" {
  read_capacity = var.capacity
}
--- dev.tfvars
capacity = 5
--- staging.tfvars
capacity = 10
--- prod.tfvars
capacity = 20
"#,
    },
    Rule {
        id: "value-empty",
        family: Parity,
        severity: Warning,
        title: "a value is empty in one environment and set in another",
        consequence: "What the value switches on elsewhere, an alarm's address or a key, is silently off here.",
        fix: "Fill it in, or say with a default of null that the setting is optional.",
        explanation: "It is a warning for text in production, a hint elsewhere: empty lists and maps are often meant. Where the \
default is null, a null leaves the setting out and is no finding; an empty text is a hint, for it is not null.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "alarm_email" {
  type = string
}
resource "aws_sns_topic_subscription" "alarm" {
  endpoint = var.alarm_email
}
--- dev.tfvars
alarm_email = "team@example.com"
--- prod.tfvars
alarm_email = ""
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "alarm_email" {
  type = string
}
resource "aws_sns_topic_subscription" "alarm" {
  endpoint = var.alarm_email
}
--- dev.tfvars
alarm_email = "team@example.com"
--- prod.tfvars
alarm_email = "oncall@example.com"
"#,
    },
    Rule {
        id: "value-type",
        family: Parity,
        severity: Error,
        title: "a value does not fit the variable's type",
        consequence: "The plan of that environment stops with an error, often long after the others went through.",
        fix: "Write the value in the declared type.",
        explanation: "Terraform's own conversions are honoured: \"512\" is a number, true is a string where one is asked for.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "memory" {
  type = number
}
resource "aws_lambda_function" "api" {
  memory_size = var.memory
}
--- dev.tfvars
memory = 512
--- prod.tfvars
memory = "1 GB"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "memory" {
  type = number
}
resource "aws_lambda_function" "api" {
  memory_size = var.memory
}
--- dev.tfvars
memory = 512
--- prod.tfvars
memory = "1024"
"#,
    },
    Rule {
        id: "value-invalid",
        family: Parity,
        severity: Error,
        title: "an environment's value fails the variable's validation",
        consequence: "The plan of that environment stops with an error.",
        fix: "Change the value, or the validation if it was written with other environments in mind.",
        explanation: "The condition is computed with the environment's own values. Where it depends on something that is not \
known before Terraform runs, nothing is said.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment must be dev or prod."
  }
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
}
--- dev.tfvars
environment = "dev"
--- staging.tfvars
environment = "staging"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod."
  }
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
}
--- dev.tfvars
environment = "dev"
--- staging.tfvars
environment = "staging"
"#,
    },
    Rule {
        id: "default-invalid",
        family: Parity,
        severity: Error,
        title: "a variable's default fails its own validation",
        consequence: "Every environment that does not set the variable stops with an error.",
        fix: "Correct the default, or drop it so that each environment has to choose.",
        explanation: "It is an error where an environment gets the default, and a warning where all of them set the variable so far.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "days" {
  type    = number
  default = 10
  validation {
    condition     = contains([7, 14, 30], var.days)
    error_message = "days must be a number that CloudWatch accepts."
  }
}
variable "environment" {
  type = string
}
resource "aws_cloudwatch_log_group" "api" {
  name              = "/app/${var.environment}"
  retention_in_days = var.days
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "days" {
  type    = number
  default = 14
  validation {
    condition     = contains([7, 14, 30], var.days)
    error_message = "days must be a number that CloudWatch accepts."
  }
}
variable "environment" {
  type = string
}
resource "aws_cloudwatch_log_group" "api" {
  name              = "/app/${var.environment}"
  retention_in_days = var.days
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "bounds-inverted",
        family: Parity,
        severity: Error,
        title: "in one environment a lower bound is above its upper one",
        consequence: "The service refuses the numbers: at best the plan of that environment stops, at worst its apply does, half-way.",
        fix: "Change both bounds of that environment together.",
        explanation: "Variables are paired by their names (min_capacity with max_capacity, node_min_count with node_max_count), \
arguments of resources by what providers call them. Only numbers that are known are compared: no versions, and no bounds of what \
`count` or `for_each` leaves out in that environment. A variable that is 0 or less counts as no bound.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "min_capacity" {
  type = number
}
variable "max_capacity" {
  type    = number
  default = 2
}
resource "aws_appautoscaling_target" "api" {
  min_capacity = var.min_capacity
  max_capacity = var.max_capacity
}
--- dev.tfvars
min_capacity = 1
--- prod.tfvars
min_capacity = 4
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "min_capacity" {
  type = number
}
variable "max_capacity" {
  type    = number
  default = 2
}
resource "aws_appautoscaling_target" "api" {
  min_capacity = var.min_capacity
  max_capacity = var.max_capacity
}
--- dev.tfvars
min_capacity = 1
--- prod.tfvars
min_capacity = 4
max_capacity = 8
"#,
    },
];
