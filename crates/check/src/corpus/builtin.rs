//! A share of the corpus that Terraform itself can validate with no provider: the same variables, locals, templates and module calls,
//! with `terraform_data` in the place of the cloud's resources.

use super::{MODULES, VARIABLES, locals_and_calls, place_of};

/// Files of so many components with their modules.
pub fn builtin(components: usize) -> Vec<(String, Vec<u8>)> {
    let modules = (0..MODULES).map(|index| (format!("modules/function-{index:02}/main.tf"), module(index)));
    let of_component = |index: usize| {
        let (name, root) = place_of(index);
        [(format!("{root}/main.tf"), main(&name, index)), (format!("{root}/variables.tf"), VARIABLES.to_string())]
    };
    modules.chain((0..components).flat_map(of_component)).map(|(path, text)| (path, text.into_bytes())).collect()
}

fn main(name: &str, index: usize) -> String {
    format!(
        r#"{calls}
resource "terraform_data" "items" {{
  input = {{
    name         = "${{local.name}}-items"
    billing_mode = local.is_production ? "PROVISIONED" : "PAY_PER_REQUEST"
    hash_key     = "id"

    read_capacity  = local.is_production ? var.capacity : null
    write_capacity = local.is_production ? var.capacity : null

    attribute = {{ name = "id", type = "S" }}
    tags      = merge(local.tags, {{ Name = "${{local.name}}-items" }})
  }}
}}

resource "terraform_data" "jobs" {{
  for_each = local.queues

  input = {{
    name                       = format("%s-%s", local.name, each.key)
    delay_seconds              = each.value.delay
    visibility_timeout_seconds = var.timeout_s * 6
    tags                       = local.tags
  }}
}}

resource "terraform_data" "errors" {{
  count = length(var.alarm_topics) > 0 ? 1 : 0

  input = {{
    alarm_name          = "${{local.name}}-errors"
    comparison_operator = "GreaterThanThreshold"
    evaluation_periods  = 1
    threshold           = var.error_threshold
    alarm_actions       = var.alarm_topics
  }}
}}

resource "terraform_data" "worker" {{
  input = {{
    name = "${{local.name}}-worker"
    policy = jsonencode({{
      Statement = [
        {{
          Sid      = "Queues"
          Action   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"]
          Resource = ["arn:aws:sqs:${{var.region}}:*:${{local.name}}-*"]
        }},
        {{
          Sid      = "Table"
          Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
          Resource = [terraform_data.items.id, "${{terraform_data.items.id}}/index/*"]
        }},
      ]
    }})
  }}
}}

output "api" {{
  value = module.api.alias_arn
}}

output "worker" {{
  value = module.worker.alias_arn
}}
"#,
        calls = locals_and_calls(name, index, "terraform_data.items.id", "terraform_data.jobs", "id"),
    )
}

fn module(index: usize) -> String {
    let variables: String = [
        ("name", "string"),
        ("environment", "string"),
        ("memory", "number"),
        ("timeout", "number"),
        ("retention", "number"),
        ("tags", "map(string)"),
        ("variables", "map(string)"),
    ]
    .iter()
    .map(|(name, kind)| format!("variable \"{name}\" {{\n  type = {kind}\n}}\n\n"))
    .collect();
    format!(
        r#"{variables}locals {{
  tags = merge(var.tags, {{ Module = "function-{index:02}" }})
}}

resource "terraform_data" "role" {{
  input = {{
    name = "${{var.name}}-role"
    tags = local.tags
  }}
}}

resource "terraform_data" "logs" {{
  input = {{
    name              = "/aws/lambda/${{var.name}}"
    retention_in_days = var.retention
    tags              = local.tags
  }}
}}

resource "terraform_data" "function" {{
  input = {{
    function_name = var.name
    role          = terraform_data.role.id
    package_type  = "Image"
    memory_size   = var.memory
    timeout       = var.timeout
    tags          = local.tags
    variables     = merge({{ ENVIRONMENT = var.environment }}, var.variables)
  }}
}}

output "alias_arn" {{
  value = terraform_data.function.id
}}
"#
    )
}
