# The same shape with nothing but Terraform's built-in provider: environments, backend files, values, two components. It plans and
# applies for real on a machine that can download no provider; the tests of guarded Terraform use it.

terraform {
  required_version = ">= 1.4"

  backend "s3" {}
}

variable "environment" {
  type = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod."
  }
}

variable "lambda_memory_size" {
  type = number
}

variable "lambda_timeout" {
  type = number
}

variable "log_retention_days" {
  type = number
}

# A change of this replaces the database: what a breaking plan looks like.
variable "database_engine" {
  type    = string
  default = "16.6"
}

locals {
  components = toset(["telegram-api", "report-worker"])
}

resource "terraform_data" "function" {
  for_each = local.components

  input = {
    name        = join("-", ["dr-daily-report", each.key, var.environment])
    memory_size = var.lambda_memory_size
    timeout     = var.lambda_timeout
  }
}

resource "terraform_data" "log_group" {
  for_each = local.components

  input = {
    name              = "/aws/lambda/${terraform_data.function[each.key].output.name}"
    retention_in_days = var.log_retention_days
  }
}

resource "terraform_data" "database" {
  input            = "dr-daily-report-reports-${var.environment}"
  triggers_replace = [var.database_engine]
}

output "functions" {
  value = { for component, function in terraform_data.function : component => function.output.name }
}
