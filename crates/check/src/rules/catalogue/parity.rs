//! Parity: the differences between environments, and which of them nobody meant.

use crate::finding::Severity::{Error, Hint, Warning};
use crate::rule::{Family::Parity, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "values-disagree",
        family: Parity,
        severity: Warning,
        title: "two files claim to hold an environment's values and disagree",
        consequence: "Which value is live depends on who runs Terraform and with which file.",
        fix: "Delete the file that is not used, or split it so that no variable stands in both.",
        explanation: "A file claims an environment by its own name or as the terraform.tfvars of a folder with its name. Files with \
other names beside them, such as common.tfvars, are taken for layers.",
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
--- prod.tfvars
memory = 512
--- envs/prod/terraform.tfvars
memory = 1024
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
--- common.tfvars
memory = 512
--- envs/prod/terraform.tfvars
memory = 1024
"#,
    },
    Rule {
        id: "environment-wrong",
        family: Parity,
        severity: Error,
        title: "an environment's values name another environment",
        consequence: "Its resources take the other environment's names and tags: an apply collides with them, or replaces them.",
        fix: "Set the variable to the environment that the file is for.",
        explanation: "It looks at variables called environment, env, stage and the like, and at the default where the environment \
does not set one. Where every environment has a root module of its own, locals and module arguments of such a name are looked at.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
}
--- staging.tfvars
environment = "staging"
--- prod.tfvars
environment = "staging"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
}
--- staging.tfvars
environment = "staging"
--- prod.tfvars
environment = "production"
"#,
    },
    Rule {
        id: "value-names-other",
        family: Parity,
        severity: Warning,
        title: "a value of one environment names another",
        consequence: "The environment talks to the other one's database, queue or address.",
        fix: "Correct the value; if it is meant, say so with a suppression and the reason.",
        explanation: "It speaks only where another environment's value of the same variable names that environment itself, so that \
a value which names one environment for all of them is no finding. Root modules that were copied from one environment to the next \
are held to each other in the same way: their providers, remote states, data sources, module arguments and resources; a provider that takes another \
environment's role, profile or project is an error, for all that is applied there is applied to the other one. The account number of another \
environment counts as its name, where the accounts of both are known: from tiers.toml, variable files of any root (`account_id`), \
providers, and maps with a key per environment. A smaller environment may live in the account of its neighbour (a sandbox in dev's, \
uat in staging's, preprod in production's): its provider's profile or role, and what it takes from there, is a hint.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "database_host" {
  type = string
}
resource "aws_lambda_function" "api" {
  environment {
    variables = { DATABASE_HOST = var.database_host }
  }
}
--- staging.tfvars
database_host = "db.staging.example.com"
--- prod.tfvars
database_host = "db.staging.example.com"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "database_host" {
  type = string
}
resource "aws_lambda_function" "api" {
  environment {
    variables = { DATABASE_HOST = var.database_host }
  }
}
--- staging.tfvars
database_host = "db.staging.example.com"
--- prod.tfvars
database_host = "db.prod.example.com"
"#,
    },
    Rule {
        id: "environment-default",
        family: Parity,
        severity: Warning,
        title: "the environment's own name has a default",
        consequence: "A plan with a forgotten variable file passes for that environment, with its names and its tags.",
        fix: "Drop the default, so that Terraform stops when nobody says which environment it is for.",
        explanation: "It speaks in root modules that several environments share, where the default is one of them.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type    = string
  default = "dev"
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
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
variable "environment" {
  type = string
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "value-same-everywhere",
        family: Parity,
        severity: Hint,
        title: "values are the same in every environment",
        consequence: "A change has to be made once per environment, and one of them is forgotten.",
        fix: "Make the value the variable's default, or put it into a file that all environments read.",
        explanation: "It speaks from three environments on, with one finding for all such variables of a stack.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "region" {
  type = string
}
provider "aws" {
  region = var.region
}
--- dev.tfvars
region = "eu-west-1"
--- staging.tfvars
region = "eu-west-1"
--- prod.tfvars
region = "eu-west-1"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "region" {
  type    = string
  default = "eu-west-1"
}
variable "size" {
  type = number
}
provider "aws" {
  region = var.region
}
output "size" {
  value = var.size
}
--- dev.tfvars
size = 1
--- staging.tfvars
size = 2
--- prod.tfvars
size = 3
"#,
    },
];
