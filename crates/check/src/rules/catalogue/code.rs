//! Parity, seen in the code alone: names that are used and not declared, or declared and not used, and calls that do not fit.

use crate::finding::Severity::{Error, Hint, Warning};
use crate::rule::{Family::Parity, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "variable-undeclared",
        family: Parity,
        severity: Error,
        title: "a variable is used and declared nowhere",
        consequence: "No environment of this module can be planned.",
        fix: "Declare the variable, or correct the name.",
        explanation: "The whole folder is looked at. Where one of its files could not be read, nothing is said.",
        bad: r#"--- main.tf
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.enviroment}"
}
"#,
        good: r#"--- main.tf
variable "environment" {
  type = string
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
}
"#,
    },
    Rule {
        id: "key-missing",
        family: Parity,
        severity: Error,
        title: "a map has no entry for an environment that asks for one",
        consequence: "The plan of that environment stops at \"Invalid index\".",
        fix: "Add the environment's entry to the map, or read it with `lookup` and a default.",
        explanation: "Looked at are local maps of a root module with an environment among their plain keys, read as \
`local.map[key]` with a key that is known and is the environment's own name; and variables that are maps in the values of \
several environments, read with a key that this one's map lacks and another one's has. `try`, `can` and conditions around it are \
respected, and so is an attribute that the variable's type calls optional.",
        bad: r#"--- main.tf
terraform {
  backend "gcs" {}
}
variable "environment" {
  type = string
}
locals {
  sizes = {
    dev  = "t3.small"
    prod = "m6i.large"
  }
}
resource "aws_instance" "web" {
  instance_type = local.sizes[var.environment]
}
--- envs/dev.tfvars
environment = "dev"
--- envs/uat.tfvars
environment = "uat"
--- envs/prod.tfvars
environment = "prod"
"#,
        good: r#"--- main.tf
terraform {
  backend "gcs" {}
}
variable "environment" {
  type = string
}
locals {
  sizes = {
    dev  = "t3.small"
    uat  = "t3.large"
    prod = "m6i.large"
  }
}
resource "aws_instance" "web" {
  instance_type = local.sizes[var.environment]
}
--- envs/dev.tfvars
environment = "dev"
--- envs/uat.tfvars
environment = "uat"
--- envs/prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "comparison-unmet",
        family: Parity,
        severity: Warning,
        title: "a comparison asks for an environment by a name that it does not have",
        consequence: "The condition is the same everywhere, so that what was meant for one environment happens in none, or in all.",
        fix: "Compare with the name that the environment has.",
        explanation: "Looked at are comparisons for equality, or for the lack of it, in a shared root module between a text and a variable or local that holds the \
environment's own name in every environment. A text that is no other spelling of one of them (`production` of prod) is left alone: such \
an environment may be to come.",
        bad: r#"--- main.tf
terraform {
  backend "gcs" {}
}
variable "environment" {
  type = string
}
resource "aws_db_instance" "main" {
  identifier          = "main-${var.environment}"
  deletion_protection = var.environment == "production"
}
--- envs/dev.tfvars
environment = "dev"
--- envs/prod.tfvars
environment = "prod"
"#,
        good: r#"--- main.tf
terraform {
  backend "gcs" {}
}
variable "environment" {
  type = string
}
resource "aws_db_instance" "main" {
  identifier          = "main-${var.environment}"
  deletion_protection = var.environment == "prod"
}
--- envs/dev.tfvars
environment = "dev"
--- envs/prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "module-arguments",
        family: Parity,
        severity: Error,
        title: "a module is called with what it does not take, or without what it needs",
        consequence: "Terraform stops before it plans; where every environment has a root module of its own, only in that one.",
        fix: "Correct the argument's name, declare the variable in the module, or give the call what the module requires.",
        explanation: "It looks at modules of this repository that could be read as a whole. Arguments that every call has \
(count, for_each, providers, depends_on) are no variables.",
        bad: r#"--- modules/queue/main.tf
variable "name" {
  type = string
}
resource "aws_sqs_queue" "this" {
  name = var.name
}
--- environments/dev/main.tf
terraform {
  backend "s3" {}
}
module "jobs" {
  source = "../../modules/queue"
  name   = "jobs-dev"
}
--- environments/prod/main.tf
terraform {
  backend "s3" {}
}
module "jobs" {
  source = "../../modules/queue"
  name   = "jobs-prod"
  fifo   = true
}
"#,
        good: r#"--- modules/queue/main.tf
variable "name" {
  type = string
}
variable "fifo" {
  type    = bool
  default = false
}
resource "aws_sqs_queue" "this" {
  name       = var.name
  fifo_queue = var.fifo
}
--- environments/dev/main.tf
terraform {
  backend "s3" {}
}
module "jobs" {
  source = "../../modules/queue"
  name   = "jobs-dev"
}
--- environments/prod/main.tf
terraform {
  backend "s3" {}
}
module "jobs" {
  source = "../../modules/queue"
  name   = "jobs-prod"
  fifo   = true
}
"#,
    },
    Rule {
        id: "local-undeclared",
        family: Parity,
        severity: Error,
        title: "a local is used and declared nowhere",
        consequence: "No environment of this module can be planned.",
        fix: "Declare the local, or correct the name.",
        explanation: "The whole folder is looked at. Where one of its files could not be read, nothing is said.",
        bad: r#"--- main.tf
resource "aws_sqs_queue" "jobs" {
  name = local.queue_name
}
"#,
        good: r#"--- main.tf
locals {
  queue_name = "jobs"
}
resource "aws_sqs_queue" "jobs" {
  name = local.queue_name
}
"#,
    },
    Rule {
        id: "variable-unused",
        family: Parity,
        severity: Hint,
        title: "a variable is declared and never used",
        consequence: "Somebody sets it in an environment and wonders why nothing changes.",
        fix: "Use it or delete it, here and in the variable files.",
        explanation: "A use in its own validation counts.",
        bad: r#"--- main.tf
variable "memory" {
  type = number
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs"
}
"#,
        good: r#"--- main.tf
variable "memory" {
  type = number
}
resource "aws_lambda_function" "api" {
  memory_size = var.memory
}
"#,
    },
    Rule {
        id: "local-unused",
        family: Parity,
        severity: Hint,
        title: "a local is declared and never used",
        consequence: "Readers look for what it does.",
        fix: "Use it or delete it.",
        explanation: "A use by another local counts.",
        bad: r#"--- main.tf
locals {
  name = "jobs"
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs"
}
"#,
        good: r#"--- main.tf
locals {
  name = "jobs"
}
resource "aws_sqs_queue" "jobs" {
  name = local.name
}
"#,
    },
];
