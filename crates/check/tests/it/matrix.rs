//! The table of differences.

use tiers_check::{ExtraRow, FileTree, Group, Options, diff, matrix};

const TREE: &str = r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
variable "memory" {
  type = number
}
variable "capacity" {
  type    = number
  default = 1
}
variable "alarm" {
  type    = string
  default = ""
}
variable "password" {
  type      = string
  sensitive = true
}
variable "region" {
  default = "eu-west-1"
}
resource "aws_lambda_function" "api" {
  function_name = "api-${var.environment}"
  memory_size   = var.memory
  timeout       = var.environment == "prod" ? 300 : 120
  role          = aws_iam_role.api.arn
}
resource "aws_cloudwatch_metric_alarm" "errors" {
  count      = var.alarm == "" ? 0 : 1
  alarm_name = "errors-${var.environment}"
}
output "all" {
  value = [var.password, var.region, var.capacity]
}
--- envs/dev/terraform.tfvars
environment = "dev"
memory      = 512
password    = "a"
--- envs/dev/backend.hcl
bucket = "state"
key    = "dev/terraform.tfstate"
--- envs/staging/terraform.tfvars
environment = "staging"
memory      = 1024
capacity    = 5
alarm       = "team"
password    = "b"
--- envs/staging/backend.hcl
bucket  = "state"
key     = "staging/terraform.tfstate"
encrypt = true
--- envs/prod/terraform.tfvars
environment = "prod"
memory      = 768
alarm       = "oncall"
password    = "c"
--- envs/prod/backend.hcl
bucket  = "state-prod"
key     = "prod/terraform.tfstate"
encrypt = true
"#;

#[test]
fn the_matrix_shows_what_differs_with_the_oddest_first() {
    let extra = [ExtraRow {
        group: Group::Gate,
        name: "api smoke".into(),
        cells: vec![
            ("dev".into(), "withhold".into(), None),
            ("staging".into(), "block".into(), None),
            ("prod".into(), "block".into(), None),
        ],
    }];
    let matrix = matrix(&FileTree::from_listing(TREE), &Options::default(), &extra);
    insta::assert_snapshot!("text", matrix.text(100, false));
    insta::assert_snapshot!("markdown", matrix.markdown());
    insta::assert_snapshot!("everything", matrix.text(80, true));
}

#[test]
fn the_diff_of_two_environments_names_file_and_line() {
    let diff =
        diff(&FileTree::from_listing(TREE), &Options::default(), &[], "staging", "production").expect("both exist");
    insta::assert_snapshot!("pair", diff.text(100, false));
    insta::assert_snapshot!("pair_json", diff.json());
}

#[test]
fn an_environment_that_does_not_exist_is_named_with_those_that_do() {
    let error =
        diff(&FileTree::from_listing(TREE), &Options::default(), &[], "dev", "uat").expect_err("there is no uat");
    assert_eq!(error.to_string(), "there is no environment \"uat\": dev, staging, prod were found");
}

#[test]
fn a_value_of_a_sensitive_variable_is_never_shown() {
    let matrix = matrix(&FileTree::from_listing(TREE), &Options::default(), &[]);
    assert!(!matrix.json().contains("\"a\""), "{}", matrix.json());
}

/// A secret by its mark, one by its name, and what is made from them.
const SECRETS: &str = r#"--- main.tf
terraform {
  backend "s3" {}
}
variable "environment" {
  type = string
}
variable "connection" {
  type      = string
  sensitive = true
}
variable "master_password" {
  type = string
}
variable "database" {
  type = object({ size = string, password = string })
}
variable "password_length" {
  type = number
}
locals {
  url = "postgres://app:${var.connection}@host/db"
}
module "service" {
  source = "./service"
  url    = local.url
}
resource "aws_secretsmanager_secret_version" "plain" {
  secret_id     = "a"
  secret_string = "in the clear ${var.environment}"
}
resource "aws_instance" "machine" {
  user_data     = base64encode(var.master_password)
  instance_type = var.environment == "prod" ? "m5.large" : "m5.xlarge"
}
module "database" {
  source   = "terraform-aws-modules/rds/aws"
  password = "rds-${var.environment}-secret"
}
resource "aws_ssm_parameter" "each" {
  for_each = toset(split(",", var.connection))
  name     = upper(each.value)
}
resource "azurerm_mssql_server" "server" {
  administrator_login_password = "mssql-${var.environment}-secret"
}
output "size" {
  value = var.database.size
}
resource "aws_iam_role" "role" {
  name = "r-${var.connection}-of-the-service-whose-name-is-much-too-long-for-a-role-in-aws"
}
--- service/main.tf
variable "url" {
  type = string
}
resource "aws_ecs_task_definition" "task" {
  container_definitions = jsonencode([{ environment = [{ name = "URL", value = var.url }] }])
}
--- envs/dev/terraform.tfvars
environment     = "dev"
connection      = "hunter2-hunter2"
master_password = "correct horse"
database        = { size = "small", password = "object-dev-secret" }
old_token       = "undeclared-secret"
password_length = 12
--- envs/dev/backend.hcl
bucket = "state"
key    = "dev"
--- envs/prod/terraform.tfvars
environment     = "prod"
connection      = "swordfish-swordfish"
master_password = 4711
database        = { size = "large", password = "object-prod-secret" }
password_length = 24
--- envs/prod/backend.hcl
bucket = "state"
key    = "prod"
"#;

#[test]
fn nothing_that_is_made_from_a_secret_is_shown_in_a_table_or_a_finding() {
    let tree = FileTree::from_listing(SECRETS);
    let table = matrix(&tree, &Options::default(), &[]);
    let report = tiers_check::check(&tree, &Options::default());
    let style = tiers_check::render::TextStyle { colour: false, width: 100, all: true };
    let findings = tiers_check::render::text(&report, &tree, style);
    assert!(table.text(100, true).contains("password_length"), "no secret by its name: {}", table.text(100, true));
    assert!(table.text(100, true).contains("database.size\n  dev   small"), "{}", table.text(100, true));
    assert!(findings.contains("name-too-long") && findings.contains("value-undeclared"), "{findings}");
    let json = tiers_check::render::json(&report);
    for (what, text) in [
        ("text", table.text(100, true)),
        ("markdown", table.markdown()),
        ("json", table.json()),
        ("findings", findings),
        ("report", json),
    ] {
        for secret in ["hunter2", "HUNTER2", "swordfish", "correct horse", "Y29ycmVjd", "in the clear", "-secret"] {
            assert!(!text.contains(secret), "{secret} in {what}:\n{text}");
        }
    }
}

#[test]
fn a_line_of_source_that_holds_a_secret_is_shown_without_it() {
    let tree = FileTree::from_listing(
        &SECRETS.replace("type      = string\n  sensitive", "type      = number\n  sensitive").replace("4711", "\"x\""),
    );
    let report = tiers_check::check(&tree, &Options::default());
    let style = tiers_check::render::TextStyle { colour: false, width: 100, all: true };
    let findings = tiers_check::render::text(&report, &tree, style);
    assert!(findings.contains("value-type") && findings.contains("connection      = *****************"), "{findings}");
    assert!(!findings.contains("hunter2") && !findings.contains("swordfish"), "{findings}");
}

/// Two stacks with environments of their own, and roots that were copied and drifted.
const DRIFTED: &str = r#"--- a/main.tf
terraform {
  backend "s3" {
    bucket = "state"
  }
}
variable "size" {
  type = string
}
--- a/dev.tfvars
size = "m"
--- a/prod.tfvars
size = "m"
--- live/staging/main.tf
terraform {
  backend "s3" {
    bucket = "state"
    key    = "staging"
  }
}
provider "aws" {
  region = "eu-west-1"
}
module "waf" {
  source = "../../waf"
}
module "scaling" {
  source = "../../scaling"
  least  = 4
}
resource "aws_db_instance" "db" {
  identifier              = "db-staging"
  backup_retention_period = 7
  deletion_protection     = true
  instance_class          = "db.r6g.large"
}
resource "aws_s3_bucket_versioning" "files" {
  versioning_configuration {
    status = "Enabled"
  }
}
resource "aws_instance" "worker" {
  count = 1
}
resource "aws_backup_plan" "plan" {
  name = "plan-staging"
}
--- live/prod/main.tf
terraform {
  backend "s3" {
    bucket = "state"
    key    = "prod"
  }
}
provider "aws" {
  region = "us-east-1"
}
module "scaling" {
  source = "../../scaling"
  least  = 2
}
resource "aws_db_instance" "db" {
  identifier          = "db-prod"
  deletion_protection = false
  instance_class      = "db.t3.small"
}
resource "aws_s3_bucket_versioning" "files" {
  versioning_configuration {
    status = "Suspended"
  }
}
resource "aws_instance" "worker" {
  count = 3
}
--- waf/main.tf
resource "aws_wafv2_web_acl" "this" {
  name  = "waf"
  scope = "REGIONAL"
}
--- scaling/main.tf
variable "least" {
  type = number
}
resource "aws_appautoscaling_target" "this" {
  min_capacity = var.least
}
"#;

#[test]
fn roots_that_drifted_differ_in_what_stands_there_in_blocks_counts_and_providers() {
    let table =
        diff(&FileTree::from_listing(DRIFTED), &Options::default(), &[], "staging", "prod").expect("both exist");
    let row = |name: &str| {
        let row = table
            .rows
            .iter()
            .find(|row| row.name == name)
            .unwrap_or_else(|| panic!("{name}:\n{}", table.text(100, true)));
        let cells: Vec<&str> = row.cells.iter().map(|cell| cell.value.as_deref().unwrap_or("-")).collect();
        (cells.join(" "), row.odd.join("; "))
    };
    assert_eq!(row("aws_backup_plan.plan").0, "yes no");
    assert_eq!(row("module.waf").0, "yes no");
    assert!(!table.rows.iter().any(|row| row.name.starts_with("module.waf.")), "the module as a whole");
    assert_eq!(row("provider.aws.region").0, "eu-west-1 us-east-1");
    assert_eq!(row("aws_instance.worker.count").0, "1 3");
    assert_eq!(row("aws_s3_bucket_versioning.files.versioning_configuration.status").0, "Enabled Suspended");
    assert_eq!(row("aws_db_instance.db.backup_retention_period").0, "7 -");
    let off = ("true false".to_owned(), "off in prod, on in staging".to_owned());
    assert_eq!(row("aws_db_instance.db.deletion_protection"), off);
    assert_eq!(row("aws_db_instance.db.instance_class").1, "smaller in prod than in staging");
    let least = table.rows.iter().find(|row| row.name == "module.scaling.aws_appautoscaling_target.this.min_capacity");
    let places: Vec<&str> =
        least.expect("a row").cells.iter().filter_map(|cell| Some(cell.origin.as_ref()?.path.as_str())).collect();
    assert_eq!(places, ["live/staging/main.tf", "live/prod/main.tf"], "where the argument is written");
}

#[test]
fn a_stack_is_compared_in_its_own_environments() {
    let table = matrix(&FileTree::from_listing(DRIFTED), &Options::default(), &[]);
    assert!(!table.rows.iter().any(|row| row.stack == "a"), "{}", table.text(100, true));
    let apart = DRIFTED.replace("a/prod.tfvars", "a/qa.tfvars");
    let table = diff(&FileTree::from_listing(&apart), &Options::default(), &[], "qa", "prod").expect("both exist");
    assert!(table.text(100, false).contains("have no root module in common"), "{}", table.text(100, true));
}

/// A root for three environments, with these lines of code, and values by environment.
fn rooted(dir: &str, code: &str, values: [&str; 3]) -> String {
    let mut out = format!("--- {dir}main.tf\nvariable \"environment\" {{ type = string }}\n{code}\n");
    for (environment, values) in ["dev", "staging", "prod"].iter().zip(values) {
        out.push_str(&format!("--- {dir}envs/{environment}.tfvars\nenvironment = \"{environment}\"\n{values}\n"));
    }
    out
}

/// `name: a | b | c ^ odd` of every row that differs by more than a name.
fn rows(listing: &str) -> Vec<String> {
    told(&matrix(&FileTree::from_listing(listing), &Options::default(), &[]))
}

fn told(matrix: &tiers_check::Matrix) -> Vec<String> {
    let shown = matrix.rows.iter().filter(|row| !row.by_name_only);
    shown
        .map(|row| {
            let cells: Vec<&str> = row.cells.iter().map(|cell| cell.value.as_deref().unwrap_or("-")).collect();
            let odd = if row.odd.is_empty() { String::new() } else { format!(" ^ {}", row.odd.join("; ")) };
            format!("{}: {}{odd}", row.name, cells.join(" | "))
        })
        .collect()
}

const QUEUES: &str = "variable \"queues\" { type = map(object({ delay = number })) }
resource \"aws_sqs_queue\" \"q\" {
  for_each      = var.queues
  name          = \"${var.environment}-${each.key}\"
  delay_seconds = each.value.delay + 1
  max_message_size = var.environment == \"prod\" ? 2 : 1
}";

#[test]
fn what_is_repeated_is_compared_key_by_key() {
    let values = |keys: &[(&str, u32)]| {
        let entries: Vec<String> = keys.iter().map(|(key, delay)| format!("{key} = {{ delay = {delay} }}")).collect();
        format!("queues = {{ {} }}", entries.join(", "))
    };
    let (dev, staging, prod) = (
        values(&[("mail", 1), ("orders", 5)]),
        values(&[("orders", 5)]),
        values(&[("audit", 9), ("mail", 1), ("orders", 7)]),
    );
    assert_eq!(
        rows(&rooted("", QUEUES, [&dev, &staging, &prod])),
        [
            "queues.audit: - | - | { delay = 9 } ^ set in prod only",
            "queues.mail: { delay = 1 } | - | { delay = 1 } ^ not set in staging",
            "queues.orders.delay: 5 | 5 | 7",
            "aws_sqs_queue.q.max_message_size: 1 | 1 | 2",
            "aws_sqs_queue.q[\"orders\"].delay_seconds: 6 | 6 | 8",
        ]
    );
    // Too many to be shown one by one are told by the variable alone.
    let many: Vec<(String, u32)> = (0..60).map(|number| (format!("k{number:02}"), number)).collect();
    let of = |more: u32| {
        let pairs: Vec<(&str, u32)> = many.iter().map(|(key, delay)| (key.as_str(), delay + more)).collect();
        values(&pairs)
    };
    let found = rows(&rooted("", QUEUES, [&of(0), &of(0), &of(1)]));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("queues: { k00 = { delay = 0 }, k01"), "{found:#?}");
}

#[test]
fn one_secret_in_a_map_hides_that_one_alone() {
    let code = "variable \"password\" {
  type      = string
  sensitive = true
}
variable \"level\" {}
resource \"aws_lambda_function\" \"f\" {
  environment {
    variables = {
      URL       = \"db://${var.password}\"
      API_TOKEN = \"t-${var.level}\"
      LEVEL     = \"l-${var.level}\"
      HOST      = aws_db_instance.x.address
    }
  }
}";
    let values = |of: &str| format!("password = \"secret-{of}\"\nlevel = \"{of}\"");
    let found = rows(&rooted("", code, [&values("a"), &values("b"), &values("b")]));
    assert_eq!(found, ["level: a | b | b", "aws_lambda_function.f.environment.variables.LEVEL: l-a | l-b | l-b"]);
}

#[test]
fn what_several_stacks_have_alike_is_one_row() {
    let code = "variable \"size\" {}\noutput \"o\" {\n  value = var.size\n}";
    let tree = |last: [&str; 3]| {
        let same = ["size = 1", "size = 2", "size = 3"];
        [rooted("layers/a/", code, same), rooted("layers/b/", code, same), rooted("layers/c/", code, last)].concat()
    };
    let of = |listing: &str| matrix(&FileTree::from_listing(listing), &Options::default(), &[]);
    let folded = of(&tree(["size = 1", "size = 2", "size = 3"]));
    assert!(folded.text(80, false).contains("layers/a and 2 more: size"), "{}", folded.text(80, false));
    assert_eq!(folded.rows[0].also, ["layers/b", "layers/c"]);
    let apart = of(&tree(["size = 1", "size = 2", "size = 4"]));
    assert!(apart.text(80, false).contains("layers/a and 1 more: size"), "{}", apart.text(80, false));
    assert!(apart.text(80, false).contains("layers/c: size"), "{}", apart.text(80, false));
}

#[test]
fn the_arguments_of_a_module_that_is_not_there_are_no_rows_of_their_own() {
    let root = |of: &str, module: &str| {
        format!("--- envs/{of}/main.tf\nresource \"aws_sqs_queue\" \"q\" {{\n  name = \"q\"\n}}\n{module}")
    };
    let module = |more: &str| format!("module \"x\" {{\n  source = \"a/b/c\"\n  size = 1\n{more}}}\n");
    let three =
        |staging: &str, prod: &str| [root("dev", &module("")), root("staging", staging), root("prod", prod)].concat();
    assert_eq!(rows(&three(&module(""), "")), ["module.x: yes | yes | no"]);
    assert_eq!(rows(&three(&module(""), &module("  more = 2\n"))), ["module.x.more: - | - | 2 ^ set in prod only"]);
}

#[test]
fn a_diff_marks_what_is_odd_among_all_environments() {
    let code = "variable \"a\" { default = \"x\" }\nvariable \"b\" {}\nvariable \"c\" {}";
    let listing = rooted(
        "",
        code,
        ["b = 1\nc = \"db.prod.acme\"", "b = 2\nc = \"db.staging.acme\"", "a = \"y\"\nb = 0\nc = \"db.staging.acme\""],
    );
    let pair =
        diff(&FileTree::from_listing(&listing), &Options::default(), &[], "dev", "prod").expect("both are there");
    assert_eq!(
        told(&pair),
        [
            "a: x | y ^ set in prod only",
            "b: 1 | 0 ^ smaller in prod than in dev",
            "c: db.prod.acme | db.staging.acme ^ names prod in dev"
        ]
    );
}
