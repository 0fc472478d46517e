//! Isolation: environments that reach into each other's state.

use crate::finding::Severity::{Error, Warning};
use crate::rule::{Family::Isolation, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "state-shared",
        family: Isolation,
        severity: Error,
        title: "two environments, or two stacks, keep one state",
        consequence: "An apply in one environment changes or destroys what stands in the other.",
        fix: "Give each environment a key, prefix or bucket of its own, and move the state before the next apply.",
        explanation: "Two states are the same when backend type, bucket or account, endpoint, workspace prefix and key are the same, with \
defaults filled in and local paths resolved; the same key in different buckets is fine. Region, lock and credentials tell no states apart. \
Backend files are merged as Terraform does: the later `-backend-config` wins, in the order of the command that names them, else from what \
is for all to what is for one environment. The rule is quiet where a part is given only when Terraform runs, and where workspaces part \
the states.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
--- envs/dev/backend.hcl
bucket = "acme-state"
key    = "app/terraform.tfstate"
region = "eu-west-1"
--- envs/prod/backend.hcl
bucket = "acme-state"
key    = "app/terraform.tfstate"
region = "eu-west-1"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
--- envs/dev/backend.hcl
bucket       = "acme-state"
key          = "app/dev/terraform.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true
--- envs/prod/backend.hcl
bucket       = "acme-state"
key          = "app/prod/terraform.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true
"#,
    },
    Rule {
        id: "state-of-all",
        family: Isolation,
        severity: Warning,
        title: "one state holds production and the environments before it",
        consequence: "Every plan is about all of them: a mistake for dev reaches production in the same apply, and a lock stops all.",
        fix: "Give each environment a state of its own: one root module, a backend file and a variable file for each.",
        explanation: "It speaks where `for_each` over names of environments repeats what serves users or keeps their data, directly or \
in a module of the repository. Roles, zones, repositories and accounts of all environments may well stand in one root module, and \
are left alone.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {
    bucket       = "acme-state"
    key          = "app/terraform.tfstate"
    region       = "eu-west-1"
    encrypt      = true
    use_lockfile = true
  }
}
resource "aws_sqs_queue" "orders" {
  for_each = toset(["dev", "staging", "prod"])
  name     = "orders-${each.key}"
}
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
resource "aws_sqs_queue" "orders" {
  name = "orders-${var.environment}"
}
--- envs/dev/backend.hcl
bucket       = "acme-state"
key          = "app/dev/terraform.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true
--- envs/dev/terraform.tfvars
environment = "dev"
--- envs/prod/backend.hcl
bucket       = "acme-state"
key          = "app/prod/terraform.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true
--- envs/prod/terraform.tfvars
environment = "prod"
"#,
    },
    Rule {
        id: "state-lock-missing",
        family: Isolation,
        severity: Warning,
        title: "nothing locks a state",
        consequence: "Two applies at once both write the state, and the later one forgets what the earlier one made.",
        fix: "Set `use_lockfile = true` (Terraform or OpenTofu 1.10 and later) in the backend of every environment, or `dynamodb_table` with older ones.",
        explanation: "Only the S3 backend is looked at; most others lock by themselves. A backend that gets bucket or key from \
somewhere else when Terraform runs may get its lock from there too, so nothing is said about it.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
--- envs/dev/backend.hcl
bucket  = "acme-state"
key     = "app/dev/terraform.tfstate"
encrypt = true
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
--- envs/dev/backend.hcl
bucket         = "acme-state"
key            = "app/dev/terraform.tfstate"
encrypt        = true
dynamodb_table = "acme-locks"
"#,
    },
    Rule {
        id: "state-lock-differs",
        family: Isolation,
        severity: Warning,
        title: "environments lock their states in different ways",
        consequence: "Who breaks or waits for a lock does the wrong thing in one of the environments, and a change of the tool shows it first in production.",
        fix: "Lock all environments the same way; during a move to lock files, set both in all of them.",
        explanation: "It compares DynamoDB tables with lock files, not the names of tables, which may well differ.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
--- envs/dev/backend.hcl
bucket       = "acme-state"
key          = "app/dev/terraform.tfstate"
encrypt      = true
use_lockfile = true
--- envs/prod/backend.hcl
bucket         = "acme-state"
key            = "app/prod/terraform.tfstate"
encrypt        = true
dynamodb_table = "acme-locks"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
--- envs/dev/backend.hcl
bucket         = "acme-state"
key            = "app/dev/terraform.tfstate"
encrypt        = true
dynamodb_table = "acme-locks-dev"
--- envs/prod/backend.hcl
bucket         = "acme-state"
key            = "app/prod/terraform.tfstate"
encrypt        = true
dynamodb_table = "acme-locks-prod"
"#,
    },
    Rule {
        id: "state-unencrypted",
        family: Isolation,
        severity: Warning,
        title: "a state is not asked to be encrypted",
        consequence: "The state holds passwords and keys, and whether it is encrypted, and with whose key, is left to the settings of the bucket.",
        fix: "Set `encrypt = true` in the backend, and a `kms_key_id` where you have one.",
        explanation: "`encrypt = false` is a warning. Where nothing is said it is a hint: since 2023 S3 encrypts new objects with keys of its own where \
the bucket names no others.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {
    bucket       = "acme-state"
    key          = "app/terraform.tfstate"
    use_lockfile = true
    encrypt      = false
  }
}
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {
    bucket       = "acme-state"
    key          = "app/terraform.tfstate"
    use_lockfile = true
    encrypt      = true
  }
}
"#,
    },
    Rule {
        id: "backend-unused",
        family: Isolation,
        severity: Error,
        title: "a backend file whose root module has no backend block",
        consequence: "Terraform ignores the file and keeps the state on the machine that ran it, so that the next one plans to create everything again.",
        fix: "Add `terraform { backend \"s3\" {} }` to the root module, with the type that the file is for.",
        explanation: "It is quiet where a script writes a backend block before it runs Terraform.",
        bad: r#"--- main.tf
resource "aws_sqs_queue" "jobs" {
  name = "jobs-dev"
}
--- envs/dev/backend.hcl
bucket = "acme-state"
key    = "app/dev/terraform.tfstate"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-dev"
}
--- envs/dev/backend.hcl
bucket       = "acme-state"
key          = "app/dev/terraform.tfstate"
encrypt      = true
use_lockfile = true
"#,
    },
    Rule {
        id: "backend-names-other",
        family: Isolation,
        severity: Error,
        title: "the backend of one environment names another",
        consequence: "A plan for one environment reaches for the state of another, or for its own with the other's rights.",
        fix: "Correct the setting; if the state really lies there, move it to a place that bears the right name.",
        explanation: "What says which state it is (key, prefix, path, a workspace's name) is an error where the other environments \
name themselves in the same setting or the value is the other environment's own, else a warning. So is the store (bucket, container, \
storage account) as long as no key names its own environment; where one does, the store may lie in the account of a later environment, and \
one of an earlier environment is a warning. A profile or role is a warning, and an error in production where all others use their own. \
A lock table or `workspace_key_prefix` is a warning: the state itself stays where it is. A setting that all environments share says nothing, \
nor does one that names both. A state that two environments keep is said by state-shared alone.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {}
}
--- envs/dev/backend.hcl
bucket = "acme-state"
key    = "app/dev/terraform.tfstate"
--- envs/staging/backend.hcl
bucket = "acme-state"
key    = "app/staging/terraform.tfstate"
--- envs/prod/backend.hcl
bucket = "acme-state-prod"
key    = "app/staging/terraform.tfstate"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {}
}
--- envs/dev/backend.hcl
bucket       = "acme-prod-state"
key          = "app/dev/terraform.tfstate"
encrypt      = true
use_lockfile = true
--- envs/prod/backend.hcl
bucket       = "acme-prod-state"
key          = "app/prod/terraform.tfstate"
encrypt      = true
use_lockfile = true
"#,
    },
    Rule {
        id: "state-local",
        family: Isolation,
        severity: Warning,
        title: "the state of something shared is a local file",
        consequence: "Whoever runs Terraform on another machine plans to create everything a second time, and with one root for several environments each apply starts from the state of whichever ran last.",
        fix: "Add a remote backend with a state per environment, and move the local state into it with `terraform init`.",
        explanation: "It speaks where a root module has environments, or where a workflow or script applies it, and has no backend \
block or a local one. It is quiet on roots that hold nothing but random, null and terraform_data resources, and where a script \
writes the backend block.",
        bad: r#"--- main.tf
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
}
variable "environment" {
  type = string
}
--- envs/dev.tfvars
environment = "dev"
--- envs/prod.tfvars
environment = "prod"
"#,
        good: r#"--- main.tf
terraform {
  backend "gcs" {
    bucket = "acme-state"
  }
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs-${var.environment}"
}
variable "environment" {
  type = string
}
--- envs/dev.tfvars
environment = "dev"
--- envs/dev.gcs.tfbackend
prefix = "app/dev"
--- envs/prod.tfvars
environment = "prod"
--- envs/prod.gcs.tfbackend
prefix = "app/prod"
"#,
    },
    Rule {
        id: "state-committed",
        family: Isolation,
        severity: Error,
        title: "a state or a plan is in the repository",
        consequence: "States and plans hold secrets in clear, and a state in git is outdated as soon as somebody applies.",
        fix: "Remove it from git and its history, change the secrets in it, ignore `*.tfstate*` and `*.tfplan`, and use a remote backend.",
        explanation: "It goes by the file's name. Folders of tests, fixtures and examples are left out, and so is what git ignores.",
        bad: r#"--- infra/terraform.tfstate
{"version": 4}
"#,
        good: r#"--- .gitignore
*.tfstate*
--- infra/terraform.tfstate
{"version": 4}
"#,
    },
    Rule {
        id: "provider-lock-ignored",
        family: Isolation,
        severity: Warning,
        title: "git ignores the provider lock file",
        consequence: "Each environment gets whatever provider version is newest on the day, so that staging proves nothing for production.",
        fix: "Take `.terraform.lock.hcl` out of .gitignore and commit the file of each root module.",
        explanation: "Some templates for .gitignore of modules list the file; in a repository with root modules it belongs into git.",
        bad: r#"--- .gitignore
.terraform/
.terraform.lock.hcl
--- main.tf
terraform {
  backend "gcs" {
    bucket = "acme-state"
  }
}
"#,
        good: r#"--- .gitignore
.terraform/
--- main.tf
terraform {
  backend "gcs" {
    bucket = "acme-state"
  }
}
"#,
    },
    Rule {
        id: "file-unreadable",
        family: Isolation,
        severity: Error,
        title: "a file could not be read",
        consequence: "Nothing in it was checked, and rules that depend on what it may hold stay quiet for its whole folder.",
        fix: "See what `terraform validate` says about it; if Terraform reads it, please report it as a fault of tiers.",
        explanation: "An error where an environment or a module that is called needs the file: Terraform would stop there, and the environment \
                      is listed and not compared with the others. A warning where nothing is known to need it, and for blocks that only \
                      Terraform 0.11 took. The reader knows HCL 2, JSON and most of Terraform 0.11's syntax.",
        bad: r#"--- main.tf
terraform {
  backend "gcs" {}
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
environment =
"#,
        good: r#"--- main.tf
terraform {
  backend "gcs" {}
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
];
