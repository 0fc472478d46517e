//! Pipelines that run Terraform, or wait for what was changed.

use crate::finding::Severity::{Error, Warning};
use crate::rule::{Family::Pipelines, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "terraform-parallel",
        family: Pipelines,
        severity: Warning,
        title: "Terraform applies in several environments at once",
        consequence: "A mistake reaches production in the same minute as dev, instead of being stopped there.",
        fix: "Set `max-parallel: 1`, leave `fail-fast` on and order the environments, or give each its own job that needs the one before.",
        explanation: "It looks at matrices over environments in jobs that apply or call a workflow that does, at applies in the background, and \
at jobs for production and an environment before it that always run and do not wait for each other.",
        bad: r#"--- .github/workflows/infra.yml
on: workflow_dispatch
concurrency: infra
jobs:
  apply:
    runs-on: ubuntu-latest
    environment: ${{ matrix.environment }}
    strategy:
      matrix:
        environment: [dev, staging, prod]
    steps:
      - run: terraform apply plan.out
"#,
        good: r#"--- .github/workflows/infra.yml
on: workflow_dispatch
concurrency: infra
jobs:
  apply:
    runs-on: ubuntu-latest
    environment: ${{ matrix.environment }}
    strategy:
      max-parallel: 1
      matrix:
        environment: [dev, staging, prod]
    steps:
      - run: terraform apply plan.out
"#,
    },
    Rule {
        id: "terraform-switched",
        family: Pipelines,
        severity: Error,
        title: "one environment's state meets another's values",
        consequence: "Terraform changes one environment into the other: it renames, replaces and destroys.",
        fix: "Give every environment a data directory of its own (TF_DATA_DIR), or run init with its backend right before plan and apply.",
        explanation: "Commands are followed in order, folder by folder. Another environment's variable file after an init is an \
error; going from one environment's values to another's with no init between, and an init for another backend without \
`-reconfigure`, are warnings: that init fails, and the folder stays where it was. `-migrate-state -force-copy` from one environment to \
another is an error. A workspace (`workspace select`, TF_WORKSPACE) counts as a backend does, and one of production in a state of what \
comes before it is a warning. Expressions that choose between written texts are followed case by case. Branches, loops over written lists, functions, called scripts, recipes, matrices and variables are followed as far \
as their text tells; what may have run in between, or what only runs under other conditions, is left alone.",
        bad: r#"--- scripts/apply.sh
terraform init -backend-config=envs/dev/backend.hcl
terraform plan -var-file=envs/dev/terraform.tfvars -out=dev.plan
terraform plan -var-file=envs/prod/terraform.tfvars -out=prod.plan
"#,
        good: r#"--- scripts/apply.sh
terraform init -backend-config=envs/dev/backend.hcl
terraform plan -var-file=envs/dev/terraform.tfvars -out=dev.plan
terraform init -reconfigure -backend-config=envs/prod/backend.hcl
terraform plan -var-file=envs/prod/terraform.tfvars -out=prod.plan
"#,
    },
    Rule {
        id: "apply-unreviewed",
        family: Pipelines,
        severity: Warning,
        title: "an apply that nobody has seen the plan of",
        consequence: "What is applied is decided when it is applied: a change made by hand or a new provider version goes along.",
        fix: "Save the plan with `-out`, show it, and apply that file.",
        explanation: "It is a warning for production, a hint elsewhere; where that is shows the job, the variable file, the folder, the \
workspace, the arm of a `case` or an `if`, or the recipe's name. TF_CLI_ARGS and `yes |` approve as `-auto-approve` does. A destroy \
counts in production, and as a hint in a job of which nothing tells where it works, unless its workflow is for previews and tests.",
        bad: r#"--- .github/workflows/infra.yml
on: workflow_dispatch
concurrency: infra
jobs:
  apply-prod:
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: terraform apply -auto-approve -var-file=prod.tfvars
"#,
        good: r#"--- .github/workflows/infra.yml
on: workflow_dispatch
concurrency: infra
jobs:
  apply-prod:
    runs-on: ubuntu-latest
    environment: prod
    steps:
      - run: |
          terraform plan -var-file=prod.tfvars -out=prod.plan
          terraform apply -auto-approve prod.plan
"#,
    },
    Rule {
        id: "pipeline-state-differs",
        family: Pipelines,
        severity: Warning,
        title: "a pipeline names a state or a lock that no backend has",
        consequence: "It breaks the lock of, backs up or restores another state than the one that Terraform uses.",
        fix: "Take the name from the backend file, so that it stands in one place.",
        explanation: "It looks at state buckets and lock tables in `aws s3` and `aws dynamodb` commands and at `-backend-config` \
settings, where every backend is known. A bucket that is made, copied to or called a backup is meant to be another; a key counts where it \
names an environment.",
        bad: r#"--- main.tf
terraform {
  backend "s3" {
    bucket         = "acme-state"
    key            = "app/terraform.tfstate"
    dynamodb_table = "acme-locks"
    encrypt        = true
  }
}
--- scripts/unlock.sh
aws dynamodb delete-item --table-name acme-terraform-lock --key "$KEY"
"#,
        good: r#"--- main.tf
terraform {
  backend "s3" {
    bucket         = "acme-state"
    key            = "app/terraform.tfstate"
    dynamodb_table = "acme-locks"
    encrypt        = true
  }
}
--- scripts/unlock.sh
aws dynamodb delete-item --table-name acme-locks --key "$KEY"
"#,
    },
    Rule {
        id: "sleep-as-waiter",
        family: Pipelines,
        severity: Warning,
        title: "a fixed pause where the service could be asked",
        consequence: "On a slow day the next step meets what is still being updated; on all others everybody waits for nothing.",
        fix: "Use the service's waiter, such as `aws lambda wait function-updated-v2`.",
        explanation: "It speaks where `sleep` follows a command that returns before its work is done, and names the waiter of that service. \
It is quiet in a loop that looks, after a failure, as a head start before a proper wait, in scripts of tests, and after an alias has \
moved, where a pause is for watching.",
        bad: r#"--- scripts/deploy.sh
aws lambda update-function-configuration --function-name app --memory-size 512
sleep 30
aws lambda publish-version --function-name app
"#,
        good: r#"--- scripts/deploy.sh
aws lambda update-function-configuration --function-name app --memory-size 512
aws lambda wait function-updated-v2 --function-name app
aws lambda publish-version --function-name app
"#,
    },
];
