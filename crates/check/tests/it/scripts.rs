//! Scripts, recipes and runs of Terraform as people write them: what is said about each, and what is not.

use tiers_check::{FileTree, Options, check as check_tree};

/// Every finding of these rules, as `severity rule path:line message`; all rules where none is named.
fn found(listing: &str, rules: &[&str]) -> Vec<String> {
    let report = check_tree(&FileTree::from_listing(listing), &Options::default());
    let told = report.findings.iter().filter(|finding| rules.is_empty() || rules.contains(&finding.rule));
    told.map(|finding| {
        let (severity, line) = (finding.severity.as_str(), finding.at.line);
        format!("{severity} {} {}:{line} {}", finding.rule, finding.at.path, finding.message)
    })
    .collect()
}

fn check(listing: &str, rules: &[&str], expected: &[&str]) {
    assert_eq!(found(listing, rules), expected, "{listing}");
}

/// One root module with a variable file and a backend file for each of two environments.
const BASE: &str = "\
--- infra/main.tf
terraform {
  backend \"s3\" {}
}
variable \"env\" { type = string }
resource \"aws_sqs_queue\" \"q\" { name = \"q-${var.env}\" }
--- infra/vars/staging.tfvars
env = \"staging\"
--- infra/vars/prod.tfvars
env = \"prod\"
--- infra/backend/staging.hcl
bucket       = \"b\"
key          = \"staging.tfstate\"
encrypt      = true
use_lockfile = true
--- infra/backend/prod.hcl
bucket       = \"b\"
key          = \"prod.tfstate\"
encrypt      = true
use_lockfile = true
";

fn with_base(listing: &str) -> String {
    format!("{BASE}{listing}")
}

const FUNCTIONS: &str = "\
--- main.tf
variable \"environment\" { type = string }
resource \"aws_lambda_function\" \"cron\" {
  function_name = \"cron-${var.environment}\"
  image_uri     = \"1.dkr.ecr.eu-west-1.amazonaws.com/cron@sha256:aa\"
}
resource \"aws_lambda_alias\" \"cron\" {
  name             = \"stable\"
  function_name    = aws_lambda_function.cron.function_name
  function_version = aws_lambda_function.cron.version
}
";

const OWNERSHIP: &[&str] = &["image-owned-twice", "alias-owned-twice"];

#[test]
fn a_function_that_another_call_names_is_nobody_elses() {
    check(
        &format!(
            "{FUNCTIONS}--- deploy.sh\n\
             aws lambda update-function-code --function-name \"api-$1\" --image-uri \"$R@$D\"\n\
             aws lambda update-alias --function-name \"cron-$1\" --name live --function-version \"$V\"\n"
        ),
        OWNERSHIP,
        &[],
    );
    check(
        &format!(
            "{FUNCTIONS}--- deploy.sh\n\
             aws lambda update-function-code --function-name \"cron-$1\" --image-uri \"$R@$D\"\n\
             aws lambda update-alias --function-name \"cron-$1\" --name \"$ALIAS\" --function-version \"$V\"\n"
        ),
        OWNERSHIP,
        &[
            "error image-owned-twice main.tf:4 Terraform manages image_uri of aws_lambda_function.cron and something else deploys it too",
            "error alias-owned-twice main.tf:9 Terraform manages the version of aws_lambda_alias.cron and a deployer moves it",
        ],
    );
}

#[test]
fn a_function_in_a_module_has_the_names_that_its_callers_give() {
    let listing = |called: &str| {
        format!(
            "--- modules/f/main.tf\n\
             variable \"name\" {{ type = string }}\n\
             resource \"aws_lambda_function\" \"this\" {{\n  function_name = var.name\n  image_uri = \"r@sha256:1\"\n}}\n\
             --- main.tf\n\
             variable \"env\" {{ type = string }}\n\
             locals {{ prefix = \"shop\" }}\n\
             module \"f\" {{\n  source = \"./modules/f\"\n  name = \"${{local.prefix}}-worker-${{var.env}}\"\n}}\n\
             --- deploy.sh\n\
             aws lambda update-function-code --function-name {called} --image-uri \"$R@$D\"\n"
        )
    };
    check(&listing("shop-api-$1"), OWNERSHIP, &[]);
    let said = "error image-owned-twice modules/f/main.tf:4 Terraform manages image_uri of aws_lambda_function.this and something \
                else deploys it too";
    check(&listing("shop-worker-$1"), OWNERSHIP, &[said]);
    check(&listing("\"$FN\""), OWNERSHIP, &[said]);
}

#[test]
fn the_workflows_that_github_runs_itself_are_waited_for_and_only_a_missing_one_is_underlined() {
    let listing = "\
--- .github/workflows/run.yml
on:
  workflow_run:
    types: [completed]
    workflows:
      - CodeQL
      - pages-build-deployment
      - Dependabot Updates
      - Nightly
jobs: { x: { runs-on: ubuntu-latest, steps: [{ run: echo }] } }
";
    check(
        listing,
        &["workflow-dangling"],
        &[
            "error workflow-dangling .github/workflows/run.yml:8 this waits for the workflow \"Nightly\", which does not exist, so it \
           never runs",
        ],
    );
}

#[test]
fn an_artifact_may_come_from_an_action_of_somebody_else() {
    let listing = |uses: &str| {
        format!(
            "--- .github/workflows/w.yml\n\
             on: push\n\
             jobs:\n  b:\n    runs-on: x\n    steps:\n      - uses: {uses}\n      - uses: docker/build-push-action@v6\n\
             \x20 c:\n    needs: b\n    runs-on: x\n    steps:\n      - uses: actions/download-artifact@v4\n        with: {{ name: Packages }}\n"
        )
    };
    check(&listing("hynek/build-and-inspect-python-package@v2"), &[], &[]);
    check(
        &listing("actions/checkout@v4"),
        &[],
        &[
            "error workflow-dangling .github/workflows/w.yml:13 the artifact \"Packages\" is uploaded nowhere in this workflow",
        ],
    );
}

#[test]
fn values_that_a_script_writes_are_not_missing() {
    let listing = |script: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nvariable \"env\" {{}}\nvariable \"replicas\" {{ type = number }}\n\
             resource \"aws_sqs_queue\" \"q\" {{ name = \"q-${{var.env}}-${{var.replicas}}\" }}\n\
             --- dev.tfvars\nenv = \"dev\"\nreplicas = 1\n--- prod.tfvars\nenv = \"prod\"\n--- deploy.sh\n{script}\n"
        )
    };
    check(&listing("echo 'replicas = 4' > extra.auto.tfvars"), &["value-missing"], &[]);
    check(&listing("./generate.sh | tee \"$1.tfvars\""), &["value-missing"], &[]);
    let said = "error value-missing prod.tfvars:1 prod has no value for \"replicas\", which has no default";
    check(&listing("cat prod.tfvars > log"), &["value-missing"], &[said]);
    check(&listing("echo 'replicas = 4' >> dev.tfvars"), &["value-missing"], &[said]);
}

#[test]
fn an_account_whose_workspaces_are_the_environments_misses_no_values() {
    let listing = |script: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"s3\" {{}}\n}}\nvariable \"env\" {{}}\n\
             resource \"aws_sqs_queue\" \"q\" {{ name = \"q-${{var.env}}\" }}\n\
             --- vars/dev.tfvars\nenv = \"dev\"\n--- vars/prod.tfvars\nenv = \"prod\"\n\
             --- backends/nonprod.hcl\nbucket = \"n\"\nkey = \"x\"\nencrypt = true\nuse_lockfile = true\n\
             --- backends/prod.hcl\nbucket = \"p\"\nkey = \"x\"\nencrypt = true\nuse_lockfile = true\n--- go.sh\n{script}\n"
        )
    };
    check(&listing("terraform workspace select dev"), &["value-missing"], &[]);
    check(
        &listing("terraform plan"),
        &["value-missing"],
        &["warning value-missing main.tf:4 nonprod has no value for \"env\", which has no default"],
    );
}

#[test]
fn a_state_that_a_variable_or_a_script_tells_apart_is_not_shared() {
    let listing = |key: &str, script: &str| {
        format!(
            "--- infra/main.tf\nterraform {{\n  backend \"s3\" {{\n    bucket = \"acme\"\n    key = \"{key}\"\n    encrypt = true\n\
             \x20   use_lockfile = true\n  }}\n}}\nvariable \"env\" {{}}\nresource \"aws_sqs_queue\" \"q\" {{ name = \"q-${{var.env}}\" }}\n\
             --- infra/vars/dev.tfvars\nenv = \"dev\"\n--- infra/vars/prod.tfvars\nenv = \"prod\"\n--- go.sh\n{script}\n"
        )
    };
    check(&listing("x.tfstate", "export TF_WORKSPACE=$1"), &["state-shared"], &[]);
    check(&listing("__ENV__/x.tfstate", "sed -i \"s/__ENV__/$1/\" infra/main.tf"), &["state-shared"], &[]);
    check(
        &listing("x.tfstate", "terraform -chdir=infra apply"),
        &["state-shared"],
        &[
            "warning state-shared infra/main.tf:4 dev (infra) and prod (infra) keep one state: s3 acme/x.tfstate, unless somebody chooses a \
           workspace by hand",
        ],
    );
}

#[test]
fn buckets_that_are_meant_to_be_others_are_left_alone() {
    check(
        &with_base(
            "--- a.sh\n\
             aws s3 cp s3://b/prod.tfstate ./backup.tfstate\n\
             aws s3 cp backup.tfstate s3://acme-tfstate-copies/$(date +%F)/\n\
             aws s3 mb s3://acme-preview-tfstate\n\
             aws s3 sync s3://b s3://acme-tfstate-backups\n\
             aws s3 cp s3://other-team-terraform-state/vpc/outputs.json .\n\
             terraform -chdir=other init -backend-config=bucket=zzz -backend-config=key=x\n",
        ),
        &["pipeline-state-differs"],
        &[],
    );
    check(
        &with_base(
            "--- a.sh\n\
             aws s3 cp s3://bb-tfstate/prod.tfstate .\n\
             aws s3 cp backup.tfstate s3://bb/prod.tfstate\n\
             aws s3 ls s3://bb-tfstate\n",
        ),
        &["pipeline-state-differs"],
        &[
            "warning pipeline-state-differs a.sh:1 the state bucket \"bb-tfstate\" is none of those that the backends name: b",
            "warning pipeline-state-differs a.sh:2 the state bucket \"bb\" is none of those that the backends name: b",
            "warning pipeline-state-differs a.sh:3 the state bucket \"bb-tfstate\" is none of those that the backends name: b",
        ],
    );
}

#[test]
fn a_key_that_no_backend_has_is_said_where_it_names_an_environment() {
    let init = |key: &str| with_base(&format!("--- a.sh\ncd infra\nterraform init -backend-config=key={key}\n"));
    for key in ["prod.tfstate", "$ENV.tfstate", "pr-$NUMBER-prod.tfstate", "scratch.tfstate"] {
        check(&init(key), &["pipeline-state-differs"], &[]);
    }
    check(
        &init("production.tfstate"),
        &["pipeline-state-differs"],
        &[
            "warning pipeline-state-differs a.sh:2 the key of the state \"production.tfstate\" is none of those that the backends name: \
           prod.tfstate, staging.tfstate",
        ],
    );
}

#[test]
fn a_folder_whose_terraform_was_removed_is_bound_to_nothing() {
    let script = |between: &str| {
        with_base(&format!(
            "--- y.sh\n\
             terraform -chdir=infra init -backend-config=backend/staging.hcl\n\
             terraform -chdir=infra plan -var-file=vars/staging.tfvars -out=p\n\
             {between}\n\
             terraform -chdir=infra init -backend-config=backend/prod.hcl\n"
        ))
    };
    for between in ["rm -rf infra/.terraform", "git clean -fdx", "rm -rf infra/.terraform/"] {
        check(&script(between), &["terraform-switched"], &[]);
    }
    check(
        &script("rm -rf infra/build"),
        &["terraform-switched"],
        &["warning terraform-switched y.sh:4 y.sh switches this folder from staging to prod without `-reconfigure`"],
    );
}
