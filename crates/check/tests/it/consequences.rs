//! One mistake is one finding, not one for everything that follows from it.

use tiers_check::{FileTree, Options, check, render};

const SHARED: &str = "\
--- main.tf
terraform {
  backend \"s3\" {}
}
variable \"environment\" {
  type = string
}
resource \"aws_sqs_queue\" \"jobs\" {
  name = \"jobs-${var.environment}\"
}
resource \"aws_s3_bucket\" \"files\" {
  bucket = \"acme-files-${var.environment}\"
}
resource \"aws_s3_bucket\" \"all\" {
  bucket = \"acme-all\"
}
--- dev.tfvars
environment = \"dev\"
--- staging.tfvars
environment = \"staging\"
--- prod.tfvars
environment = \"staging\"
";

#[test]
fn names_that_collide_because_an_environment_passes_for_another_are_not_reported_beside_it() {
    let report = check(&FileTree::from_listing(SHARED), &Options::default());
    let found: Vec<(&str, usize)> = report.findings.iter().map(|finding| (finding.rule, finding.at.line)).collect();
    // The bucket with one name in all three is a mistake of its own.
    assert_eq!(found, [("name-collides", 14), ("environment-wrong", 1)], "{:#?}", report.findings);
}

#[test]
fn an_environment_in_an_account_of_its_own_is_not_named_among_those_whose_names_collide() {
    let listing = "\
--- main.tf
terraform {
  backend \"s3\" {}
}
variable \"env\" {}
variable \"account\" {}
provider \"aws\" {
  region              = \"eu-west-1\"
  allowed_account_ids = [var.account]
}
resource \"aws_cloudwatch_log_group\" \"all\" {
  name = \"/pay\"
}
--- dev.tfvars
env     = \"dev\"
account = \"101010101010\"
--- staging.tfvars
env     = \"staging\"
account = \"101010101010\"
--- prod.tfvars
env     = \"prod\"
account = \"202020202020\"
";
    let report = check(&FileTree::from_listing(listing), &Options::default());
    let finding = report.findings.iter().find(|finding| finding.rule == "name-collides").expect("the log group");
    assert_eq!(finding.environments, ["dev", "staging"], "{}", finding.message);
}

#[test]
fn a_repository_in_which_nothing_could_be_compared_is_not_called_clean() {
    let tree = FileTree::from_listing("--- live/dev/db/terragrunt.hcl\nterraform {\n  source = \"../m\"\n}\n");
    let text = render::text(&check(&tree, &Options::default()), &tree, render::TextStyle::default());
    assert!(
        text.contains("No root module that could be compared: `tiers check --explain-discovery` says what was found, and why. The folder that Terragrunt runs was not compared."),
        "{text}"
    );
}

fn rules_of(listing: &str) -> Vec<&'static str> {
    check(&FileTree::from_listing(listing), &Options::default()).findings.iter().map(|finding| finding.rule).collect()
}

#[test]
fn an_alias_for_each_of_several_functions_is_the_alias_of_each() {
    let listing = "\
--- main.tf
resource \"aws_lambda_function\" \"api\" {
  for_each      = toset([\"ingest\", \"query\"])
  function_name = each.key
}
resource \"aws_lambda_alias\" \"live\" {
  for_each         = ALL
  name             = \"live\"
  function_name    = each.value.function_name
  function_version = each.value.version
}
resource \"aws_api_gateway_integration\" \"q\" {
  uri = aws_lambda_function.api[\"query\"].invoke_arn
}
";
    assert!(rules_of(&listing.replace("ALL", "aws_lambda_function.api")).contains(&"caller-bypasses-alias"));
    assert!(!rules_of(&listing.replace("ALL", "aws_lambda_function.other")).contains(&"caller-bypasses-alias"));
}

#[test]
fn a_trap_that_moves_the_alias_back_is_a_way_back() {
    let listing = "\
--- ship.sh
trap 'TRAPPED' ERR
aws lambda update-alias --function-name app-prod --name live --function-version \"$1\"
curl -f https://x/health
--- .github/workflows/x.yml
on: workflow_dispatch
concurrency: x
jobs:
  prod:
    runs-on: x
    environment: prod
    steps:
      - run: ./ship.sh 7
";
    let back = "aws lambda update-alias --function-name app-prod --name live --function-version \"$before\"";
    assert!(!rules_of(&listing.replace("TRAPPED", back)).contains(&"no-rollback"));
    assert!(rules_of(&listing.replace("TRAPPED", "echo failed")).contains(&"no-rollback"));
}

#[test]
fn states_that_workspaces_part_are_said_to_be_left_alone() {
    let listing = "--- main.tf\nterraform {\n  backend \"s3\" {\n    bucket               = \"b\"\n    key                  = \"k\"\n    workspace_key_prefix = \"w\"\n  }\n}\n--- dev.tfvars\n--- prod.tfvars\n";
    let said = |listing: &str| {
        let tree = FileTree::from_listing(listing);
        render::text(&check(&tree, &Options::default()), &tree, render::TextStyle::default())
    };
    let sentence = "The states of . were not compared: workspaces part them.";
    assert!(said(listing).contains(sentence), "{}", said(listing));
    let plain = listing.replace("    workspace_key_prefix = \"w\"\n", "");
    assert!(!said(&plain).contains("not compared"), "{}", said(&plain));
}
