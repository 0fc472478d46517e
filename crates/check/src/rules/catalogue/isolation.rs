//! Isolation: environments that reach into each other's state.

use crate::finding::Severity;
use crate::rule::{Family, Rule};

pub(super) const RULES: &[Rule] = &[Rule {
    id: "state-shared",
    family: Family::Isolation,
    severity: Severity::Error,
    title: "two environments keep one state",
    consequence: "An apply in one environment changes or destroys what stands in the other.",
    fix: "Give each environment a key, prefix or bucket of its own, and move the state with `terraform state` before the next apply.",
    explanation: "Two states are the same when backend type, bucket or account, endpoint, workspace prefix and key are the same; \
the same key in different buckets is fine. The rule is quiet where a part is given only when Terraform runs, and where \
workspaces part the states.",
    bad: "\
--- main.tf
terraform {
  backend \"s3\" {}
}
--- envs/dev/backend.hcl
bucket = \"acme-state\"
key    = \"app/terraform.tfstate\"
region = \"eu-west-1\"
--- envs/prod/backend.hcl
bucket = \"acme-state\"
key    = \"app/terraform.tfstate\"
region = \"eu-west-1\"
",
    good: "\
--- main.tf
terraform {
  backend \"s3\" {}
}
--- envs/dev/backend.hcl
bucket       = \"acme-state\"
key          = \"app/dev/terraform.tfstate\"
region       = \"eu-west-1\"
encrypt      = true
use_lockfile = true
--- envs/prod/backend.hcl
bucket       = \"acme-state\"
key          = \"app/prod/terraform.tfstate\"
region       = \"eu-west-1\"
encrypt      = true
use_lockfile = true
",
}];
