//! A large repository that nobody wrote: components times environments, with modules, locals and tags, for measuring.
//!
//! The same numbers give the same bytes. A check of it finds nothing worse than hints, so that time goes into checking, not reporting.

mod builtin;

pub use builtin::builtin;

/// Environments in order; a corpus takes the first so many.
pub const ENVIRONMENTS: [&str; 9] = ["sandbox", "dev", "test", "qa", "uat", "demo", "staging", "preprod", "prod"];

const GROUPS: [&str; 7] = ["billing", "catalog", "identity", "messaging", "orders", "platform", "search"];

/// How many local modules the components share.
const MODULES: usize = 12;

/// Files of a repository with this many components, each in the first `environments` environments: (path, bytes), to be handed to
/// [`crate::FileTree::new`]. `environments` is at most 9.
pub fn generate(components: usize, environments: usize) -> Vec<(String, Vec<u8>)> {
    let environments = &ENVIRONMENTS[..environments.min(ENVIRONMENTS.len())];
    let mut files = Vec::with_capacity(components * (4 + 2 * environments.len()) + MODULES);
    for index in 0..MODULES {
        files.push((format!("modules/function-{index:02}/main.tf"), module(index).into_bytes()));
    }
    for index in 0..components {
        let (name, root) = place_of(index);
        files.push((format!("{root}/main.tf"), main(&name, index).into_bytes()));
        files.push((format!("{root}/variables.tf"), VARIABLES.as_bytes().to_vec()));
        files.push((format!("{root}/outputs.tf"), OUTPUTS.as_bytes().to_vec()));
        for (place, environment) in environments.iter().enumerate() {
            files.push((format!("{root}/envs/{environment}.tfvars"), values(index, place, environment).into_bytes()));
            files.push((format!("{root}/backends/{environment}.hcl"), backend(&name, environment).into_bytes()));
        }
    }
    files
}

/// A component's name and folder.
fn place_of(index: usize) -> (String, String) {
    let group = GROUPS[index % GROUPS.len()];
    let name = format!("{group}-{index:04}");
    let root = format!("components/{group}/{name}");
    (name, root)
}

fn main(name: &str, index: usize) -> String {
    format!(
        r#"terraform {{
  required_version = ">= 1.10"

  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }}
  }}

  backend "s3" {{}}
}}

provider "aws" {{
  region = var.region

  default_tags {{
    tags = local.tags
  }}
}}

{calls}
resource "aws_dynamodb_table" "items" {{
  name         = "${{local.name}}-items"
  billing_mode = local.is_production ? "PROVISIONED" : "PAY_PER_REQUEST"
  hash_key     = "id"

  read_capacity  = local.is_production ? var.capacity : null
  write_capacity = local.is_production ? var.capacity : null

  attribute {{
    name = "id"
    type = "S"
  }}

  tags = {{ Name = "${{local.name}}-items" }}
}}

resource "aws_sqs_queue" "jobs" {{
  for_each = local.queues

  name                       = format("%s-%s", local.name, each.key)
  delay_seconds              = each.value.delay
  visibility_timeout_seconds = var.timeout_s * 6
}}

resource "aws_cloudwatch_metric_alarm" "errors" {{
  count = length(var.alarm_topics) > 0 ? 1 : 0

  alarm_name          = "${{local.name}}-errors"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  threshold           = var.error_threshold
  alarm_actions       = var.alarm_topics
}}

data "aws_iam_policy_document" "worker" {{
  statement {{
    sid       = "Queues"
    actions   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"]
    resources = ["arn:aws:sqs:${{var.region}}:*:${{local.name}}-*"]
  }}

  statement {{
    sid       = "Table"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [aws_dynamodb_table.items.arn, "${{aws_dynamodb_table.items.arn}}/index/*"]
  }}
}}

resource "aws_iam_policy" "worker" {{
  name   = "${{local.name}}-worker"
  policy = data.aws_iam_policy_document.worker.json
}}
"#,
        calls = locals_and_calls(name, index, "aws_dynamodb_table.items.name", "aws_sqs_queue.jobs", "url"),
    )
}

/// What a component begins with, whatever its resources are: locals, and the calls of its two functions. `table` is the name of its
/// table, `queues` its queues, and `address` what a function knows a queue by.
fn locals_and_calls(name: &str, index: usize, table: &str, queues: &str, address: &str) -> String {
    format!(
        r#"locals {{
  component = "{name}"
  name      = join("-", [var.project, local.component, var.environment])

  # What every resource carries.
  tags = merge(
    {{
      Project     = var.project
      Environment = var.environment
      ManagedBy   = "terraform"
      Component   = local.component
    }},
    var.extra_tags,
  )

  is_production = var.environment == "prod"
  retention     = lookup(var.retention_days, local.is_production ? "long" : "short", 14)
  queues        = {{ for name, settings in var.queues : name => merge({{ delay = 0 }}, settings) }}
}}

module "api" {{
  source = "../../../modules/function-{module:02}"

  name        = "${{local.name}}-api"
  environment = var.environment
  memory      = var.memory_mb
  timeout     = var.timeout_s
  retention   = local.retention
  tags        = merge(local.tags, {{ Role = "api" }})
  variables = {{
    TABLE     = {table}
    LOG_LEVEL = local.is_production ? "info" : "debug"
  }}
}}

module "worker" {{
  source = "../../../modules/function-{other:02}"

  name        = "${{local.name}}-worker"
  environment = var.environment
  memory      = var.memory_mb * 2
  timeout     = min(var.timeout_s * 3, 900)
  retention   = local.retention
  tags        = merge(local.tags, {{ Role = "worker" }})
  variables   = {{ for name, queue in {queues} : upper(name) => queue.{address} }}
}}
"#,
        module = index % MODULES,
        other = (index + 5) % MODULES,
    )
}

const VARIABLES: &str = r#"variable "project" {
  description = "The project that every name begins with."
  type        = string
  default     = "acme"
}

variable "environment" {
  description = "The environment that these resources belong to."
  type        = string

  validation {
    condition     = length(var.environment) <= 16 && lower(var.environment) == var.environment
    error_message = "An environment has a short name in lower case."
  }
}

variable "region" {
  type = string
}

variable "memory_mb" {
  description = "Of the API; the worker gets twice as much."
  type        = number

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 5120
    error_message = "Lambda takes 128 to 10,240 MB."
  }
}

variable "timeout_s" {
  type = number
}

variable "capacity" {
  type    = number
  default = 5
}

variable "error_threshold" {
  type    = number
  default = 1
}

variable "alarm_topics" {
  type    = list(string)
  default = []
}

variable "retention_days" {
  type    = map(number)
  default = { short = 7, long = 30 }
}

variable "queues" {
  type = map(object({
    delay = optional(number, 0)
  }))
}

variable "extra_tags" {
  type    = map(string)
  default = {}
}
"#;

const OUTPUTS: &str = r#"output "api" {
  description = "The alias that callers use."
  value       = module.api.alias_arn
}

output "worker" {
  value = module.worker.alias_arn
}

output "queues" {
  value = { for name, queue in aws_sqs_queue.jobs : name => queue.url }
}
"#;

fn values(index: usize, place: usize, environment: &str) -> String {
    format!(
        r#"# {environment}
environment = "{environment}"
region      = "{region}"
memory_mb   = {memory}
timeout_s   = {timeout}

error_threshold = {threshold}

retention_days = {{
  short = {short}
  long  = {long}
}}

queues = {{
  incoming = {{ delay = {delay} }}
  outgoing = {{}}
}}

extra_tags = {{
  Owner      = "team-{team}"
  CostCenter = "{center}"
  Stage      = "{environment}"
}}
"#,
        region = if place.is_multiple_of(2) { "us-east-1" } else { "eu-west-1" },
        memory = 256 * (1 + place.min(7)) + 64 * (index % 3),
        timeout = 10 + 5 * place,
        threshold = 1 + (index + place) % 5,
        short = [7, 14][place % 2],
        long = [30, 60, 90][place % 3],
        delay = place,
        team = index % 40,
        center = 4000 + index % 100 + place,
    )
}

fn backend(name: &str, environment: &str) -> String {
    format!(
        "bucket       = \"acme-terraform-state-{environment}\"\nkey          = \"{name}/terraform.tfstate\"\nregion       = \"eu-west-1\"\nencrypt      = true\nuse_lockfile = true\n"
    )
}

fn module(index: usize) -> String {
    format!(
        r#"variable "name" {{
  type = string
}}

variable "environment" {{
  type = string
}}

variable "memory" {{
  type = number
}}

variable "timeout" {{
  type = number
}}

variable "retention" {{
  type = number
}}

variable "tags" {{
  type = map(string)
}}

variable "variables" {{
  type    = map(string)
  default = {{}}
}}

locals {{
  # Generation {index} of this module.
  tags = merge(var.tags, {{ Module = "function-{index:02}" }})
}}

resource "aws_iam_role" "this" {{
  name               = "${{var.name}}-role"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = local.tags
}}

data "aws_iam_policy_document" "assume" {{
  statement {{
    actions = ["sts:AssumeRole"]

    principals {{
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }}
  }}
}}

resource "aws_cloudwatch_log_group" "this" {{
  name              = "/aws/lambda/${{var.name}}"
  retention_in_days = var.retention
  tags              = local.tags
}}

resource "aws_lambda_function" "this" {{
  function_name = var.name
  role          = aws_iam_role.this.arn
  package_type  = "Image"
  memory_size   = var.memory
  timeout       = var.timeout
  tags          = local.tags

  environment {{
    variables = merge({{ ENVIRONMENT = var.environment }}, var.variables)
  }}

  lifecycle {{
    ignore_changes = [image_uri]
  }}
}}

resource "aws_lambda_alias" "live" {{
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = "1"

  lifecycle {{
    ignore_changes = [function_version, routing_config]
  }}
}}

output "alias_arn" {{
  value = aws_lambda_alias.live.arn
}}
"#
    )
}
