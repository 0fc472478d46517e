//! Collision and hard-coding: names that two environments both want, and constants in code that all of them share.

use crate::finding::Severity::{Error, Hint, Warning};
use crate::rule::{Family::Collision, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "name-collides",
        family: Collision,
        severity: Error,
        title: "two environments give a resource the same name",
        consequence: "The second environment's apply fails because the name is taken, or takes over what belongs to the first.",
        fix: "Put the environment into the name, as in `\"orders-${var.environment}\"`.",
        explanation: "It knows which services want a name to be unique in the world, in an account or in a region. It is an error \
where the name is global or the environments are known to share an account, a warning where that is not known, and quiet where \
tiers.toml, the provider, profiles, roles or account variables show that the accounts differ, and where regions differ for names \
that are regional. Records are told apart by zone and type, schedules by their group. Names that are scoped to a function, a role or \
a cluster are left alone.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "memory" {
  type = number
}
resource "aws_lambda_function" "api" {
  function_name = "orders-api"
  memory_size   = var.memory
}
resource "aws_s3_bucket" "files" {
  bucket = "acme-orders-files"
}
--- dev.tfvars
memory = 128
--- prod.tfvars
memory = 1024
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_lambda_function" "api" {
  function_name = "orders-api-${var.environment}"
}
resource "aws_s3_bucket" "files" {
  bucket = "acme-orders-files-${var.environment}"
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "name-too-long",
        family: Collision,
        severity: Error,
        title: "a name is longer than the service allows",
        consequence: "The environment with the longest name cannot be applied, and it is seldom the first one that is tried.",
        fix: "Shorten the fixed part of the name, or the environment's name.",
        explanation: "The name is computed in every environment, and for every instance of a repeated resource; limits are those of the \
services' API references. A name_prefix has to leave room for the 26 characters that the provider puts behind it.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_lb_target_group" "api" {
  name = "orders-public-api-${var.environment}"
}
--- dev.tfvars
environment = "dev"
--- development-integration.tfvars
environment = "development-integration"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_lb_target_group" "api" {
  name = "orders-${var.environment}"
}
--- dev.tfvars
environment = "dev"
--- development-integration.tfvars
environment = "development-integration"
"#,
    },
    Rule {
        id: "name-against-pattern",
        family: Collision,
        severity: Hint,
        title: "a name does not follow the project's pattern",
        consequence: "Scripts, alarms and permissions that go by the pattern miss the resource.",
        fix: "Build the name from the pattern, or change the pattern in tiers.toml.",
        explanation: "It speaks only where tiers.toml states a pattern, on the types that make up components; buckets, paths and \
repositories have patterns of their own.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_sqs_queue" "jobs" {
  name = "${var.environment}_jobs"
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
  name = "acme-jobs-${var.environment}"
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "hard-coded-account",
        family: Collision,
        severity: Warning,
        title: "an account's number in shared code",
        consequence: "All environments talk to the one account, or the code cannot move to an account per environment.",
        fix: "Take it from a variable per environment, or from `data.aws_caller_identity`.",
        explanation: "Accounts of AWS itself and of publishers of machine images are known and left alone, as are a map with a key \
per environment, a condition that asks for the environment, what stands in one environment only by its count, and the registry of an \
image, which all environments share where they run one build: it is a hint where it is in the account of one of them. It is also a \
hint where tiers.toml gives all environments that account, and where the account of each is known and this is none of them.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_lambda_permission" "peer" {
  function_name  = "orders-${var.environment}"
  source_account = "210987654321"
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
variable "peer_account" {
  type = string
}
resource "aws_lambda_permission" "peer" {
  function_name  = "orders-${var.environment}"
  source_account = var.peer_account
}
--- dev.tfvars
environment  = "dev"
peer_account = "210987654321"
--- prod.tfvars
environment  = "prod"
peer_account = "310987654321"
"#,
    },
    Rule {
        id: "hard-coded-arn",
        family: Collision,
        severity: Warning,
        title: "an ARN with an account's number in shared code",
        consequence: "Every environment uses the one resource, and what happens to it happens to all of them.",
        fix: "Refer to the resource, look it up with a data source, or take the ARN from a variable per environment.",
        explanation: "ARNs of AWS's own policies have no account number and are left alone, as are the layers that vendors publish and \
what stands in one environment only by its count. A provider with an alias may take a role in an account that is none of the \
environments'; it is a hint where none of theirs is known, as it is for other layers.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_lambda_function" "api" {
  function_name = "orders-${var.environment}"
  role          = "arn:aws:iam::210987654321:role/orders"
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
data "aws_iam_role" "orders" {
  name = "orders-${var.environment}"
}
resource "aws_lambda_function" "api" {
  function_name = "orders-${var.environment}"
  role          = data.aws_iam_role.orders.arn
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "hard-coded-network-id",
        family: Collision,
        severity: Warning,
        title: "the id of a subnet, VPC or security group in shared code",
        consequence: "Every environment stands in the one network, so that a fault or an intruder in one reaches the others.",
        fix: "Look the network up by its tags, or take the ids from a variable per environment.",
        explanation: "It goes by the form of the ids, in resources, modules, locals and data sources of code that more than one \
environment runs, and is quiet where the count says that only one of them has the block.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_lambda_function" "api" {
  function_name = "orders-${var.environment}"
  vpc_config {
    subnet_ids = ["subnet-0a1b2c3d4e5f60718"]
  }
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
variable "subnet_ids" {
  type = list(string)
}
resource "aws_lambda_function" "api" {
  function_name = "orders-${var.environment}"
  vpc_config {
    subnet_ids = var.subnet_ids
  }
}
--- dev.tfvars
environment = "dev"
subnet_ids  = ["subnet-0a1b2c3d4e5f60718"]
--- prod.tfvars
environment = "prod"
subnet_ids  = ["subnet-1a1b2c3d4e5f60718"]
"#,
    },
    Rule {
        id: "environment-in-code",
        family: Collision,
        severity: Warning,
        title: "an environment's name in shared code",
        consequence: "Every environment uses what was meant for one of them.",
        fix: "Build the text from `var.environment`, or choose it by environment in one place.",
        explanation: "Comparisons, conditions that ask for the environment, maps with a key per environment, text for people, devices, \
pages of documentation, lists of several environments and what only one environment has by its count are left alone. A word that is all of the text is a hint, since it may mean something else, and so is whatever stands in a module that \
no root calls. Of here-documents it reads what stands between quotes.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_lambda_function" "api" {
  function_name = "orders-${var.environment}"
  environment {
    variables = { QUEUE = "orders-jobs-dev" }
  }
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
locals {
  sizes = {
    dev  = "orders-small-dev"
    prod = "orders-large-prod"
  }
}
resource "aws_lambda_function" "api" {
  function_name = "orders-${var.environment}"
  memory_size   = var.environment == "prod" ? 1024 : 128
  environment {
    variables = {
      QUEUE = "orders-jobs-${var.environment}"
      SIZE  = local.sizes[var.environment]
    }
  }
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "wildcard-spans-environments",
        family: Collision,
        severity: Warning,
        title: "a permission's wildcard takes in another environment's resources",
        consequence: "Code that runs in one environment may read, change or call what belongs to another.",
        fix: "Put the environment before the wildcard, or refer to the resources themselves.",
        explanation: "The ARNs in policies are computed per environment and held against the names that this stack gives its \
resources in the others. Patterns with nothing but a wildcard are a matter for security scanners such as checkov. It is quiet \
where the accounts are known to differ and the pattern names one.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_dynamodb_table" "orders" {
  name = "acme-orders-${var.environment}"
}
data "aws_iam_policy_document" "api" {
  statement {
    actions   = ["dynamodb:*"]
    resources = ["arn:aws:dynamodb:*:*:table/acme-*"]
  }
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
resource "aws_dynamodb_table" "orders" {
  name = "acme-${var.environment}-orders"
}
data "aws_iam_policy_document" "api" {
  statement {
    actions   = ["dynamodb:*"]
    resources = ["arn:aws:dynamodb:*:*:table/acme-${var.environment}-*"]
  }
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
];
