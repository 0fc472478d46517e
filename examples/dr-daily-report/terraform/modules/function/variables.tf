variable "name" {
  description = "{project}-{component}-{environment}."
  type        = string

  validation {
    condition     = length(var.name) <= 59
    error_message = "Lambda takes 64 characters, and the role's name ends with -role."
  }
}

variable "component" {
  description = "The component, which is also the command that the image is started with."
  type        = string
}

variable "environment" {
  type = string
}

variable "image_uri" {
  description = "The image that the function is created with."
  type        = string
}

variable "memory_size" {
  type = number
}

variable "timeout" {
  type = number
}

variable "reserved_concurrency" {
  type = number
}

variable "log_retention_days" {
  type = number
}

variable "variables" {
  description = "Environment variables beside ENVIRONMENT. Secrets are named here, never written."
  type        = map(string)
}

variable "policy" {
  description = "What the function may do beside writing its logs, as a JSON document."
  type        = string
}
