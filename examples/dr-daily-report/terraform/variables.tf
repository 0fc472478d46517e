# What differs between environments has no default: a new environment has to choose.

variable "environment" {
  description = "dev, staging or prod."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be dev, staging or prod."
  }
}

variable "lambda_memory_size" {
  description = "MB for each function."
  type        = number

  validation {
    condition     = var.lambda_memory_size >= 128 && var.lambda_memory_size <= 10240
    error_message = "Lambda takes 128 to 10,240 MB."
  }
}

variable "lambda_timeout" {
  description = "Seconds for each function."
  type        = number

  validation {
    condition     = var.lambda_timeout >= 1 && var.lambda_timeout <= 900
    error_message = "Lambda takes 1 to 900 seconds."
  }
}

variable "lambda_reserved_concurrency" {
  description = "Executions at the same time that each function may use and that are kept for it."
  type        = number
}

variable "provisioned_concurrency" {
  description = "Warm executions of the API: at least, at most, and the use in percent that scaling keeps."
  type = object({
    min                = number
    max                = number
    target_utilization = number
  })

  validation {
    condition     = var.provisioned_concurrency.min >= 1 && var.provisioned_concurrency.max <= var.lambda_reserved_concurrency
    error_message = "At least one execution is provisioned, and no more than are reserved."
  }
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the functions' logs."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch Logs accepts only certain numbers of days."
  }
}

variable "api_rate_limit" {
  description = "Requests a second that the API lets through."
  type        = number
}

variable "api_burst_limit" {
  description = "Requests that the API lets through at once."
  type        = number

  validation {
    condition     = var.api_burst_limit >= var.api_rate_limit
    error_message = "A burst below the rate would keep the rate from ever being reached."
  }
}

variable "table_billing" {
  description = "How the table is paid for; capacities are for PROVISIONED alone."
  type = object({
    mode           = string
    read_capacity  = optional(number)
    write_capacity = optional(number)
  })

  validation {
    condition     = contains(["PAY_PER_REQUEST", "PROVISIONED"], var.table_billing.mode)
    error_message = "mode must be PAY_PER_REQUEST or PROVISIONED."
  }

  validation {
    condition     = (var.table_billing.mode == "PROVISIONED") == (var.table_billing.read_capacity != null && var.table_billing.write_capacity != null)
    error_message = "PROVISIONED takes both capacities, PAY_PER_REQUEST takes none."
  }
}

variable "database_capacity" {
  description = "Aurora capacity units, at least and at most."
  type = object({
    min = number
    max = number
  })

  validation {
    condition     = var.database_capacity.min <= var.database_capacity.max
    error_message = "The least capacity is greater than the most."
  }
}

variable "backup_retention_days" {
  description = "Days that backups of the database are kept."
  type        = number
}

variable "deletion_protection" {
  description = "Whether the table and the database refuse to be deleted, and the database leaves a last snapshot behind."
  type        = bool
}

# What all environments share.

variable "project" {
  type    = string
  default = "dr-daily-report"
}

variable "account_id" {
  description = "The account in which all environments stand."
  type        = string
  default     = "111122223333"
}

variable "region" {
  type    = string
  default = "ap-southeast-1"
}

variable "repository" {
  description = "The repository whose workflows deploy, as GitHub writes it in the subject of its tokens; repositories made, renamed or moved since July 2026 have numbers in it."
  type        = string
  default     = "example/dr-daily-report"
}

variable "owner" {
  type    = string
  default = "reports-team"
}

variable "cost_center" {
  type    = string
  default = "reports"
}
