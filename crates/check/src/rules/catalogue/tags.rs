//! Tags: those that are required, after everything that gives a resource its tags is resolved.

use crate::finding::Severity::Warning;
use crate::rule::{Family::Tags, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "tag-missing",
        family: Tags,
        severity: Warning,
        title: "a required tag is missing",
        consequence: "The resource's cost is nobody's, and what finds resources by tag does not find it.",
        fix: "Add the tag, best in the provider's default_tags.",
        explanation: "The tags that are required stand in tiers.toml. `merge`, `default_tags`, provider aliases and module arguments \
are resolved per environment; where tags are not known before Terraform runs, nothing is said. Types that take no tags are left \
alone: the list is that of hashicorp/aws 6.25.0. Where five or more resources lack the same tags, one finding stands for all.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
provider "aws" {
  default_tags {
    tags = { Project = "acme" }
  }
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
  tags = merge({ Name = "jobs" }, {})
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
provider "aws" {
  default_tags {
    tags = { Project = "acme" }
  }
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
  tags = merge({ Name = "jobs" }, { Owner = "team" })
}
resource "aws_sqs_queue_policy" "jobs" {
  queue_url = aws_sqs_queue.jobs.id
  policy    = "{}"
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "tag-value",
        family: Tags,
        severity: Warning,
        title: "a tag has a value that is not allowed",
        consequence: "Reports and rules that go by the tag count the resource under a name that nobody looks at.",
        fix: "Use one of the allowed values, or add this one in tiers.toml.",
        explanation: "The allowed values stand in tiers.toml; {environment} stands for the environment's own name. One line that gives \
many resources the value is one finding, at that line.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
  tags = { CostCenter = "unknown", Project = "acme", Owner = "team" }
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
  tags = { CostCenter = "4711", Project = "acme", Owner = "team" }
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "tag-environment",
        family: Tags,
        severity: Warning,
        title: "a resource is tagged as another environment's",
        consequence: "Its cost counts for the other environment, and whoever cleans that one up by tag deletes this.",
        fix: "Take the tag's value from the variable that holds the environment.",
        explanation: "It looks at tags and labels called Environment, Env, Stage and the like, of whatever provider, after everything is \
resolved, and needs no settings. What is wrong is reported once, where it is written: in a variable file, a local, or the provider.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
locals {
  tags = { Environment = "dev" }
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
  tags = local.tags
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
  tags = { Environment = var.environment }
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
  tags = local.tags
}
--- dev.tfvars
environment = "dev"
--- prod.tfvars
environment = "prod"
"#,
    },
];
