# What stands once in the account, whatever the number of environments: the images, which all of them run, the ledger, and GitHub's
# identity provider. It is applied before the environments and has a state of its own.

terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  backend "s3" {
    bucket         = "dr-daily-report-terraform-state"
    key            = "account/terraform.tfstate"
    region         = "ap-southeast-1"
    dynamodb_table = "dr-daily-report-terraform-locks"
    encrypt        = true
  }
}

variable "account_id" {
  type    = string
  default = "111122223333"
}

variable "region" {
  type    = string
  default = "ap-southeast-1"
}

variable "repository" {
  description = "As in the environments' variables.tf."
  type        = string
  default     = "example/dr-daily-report"
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project     = "dr-daily-report"
      Environment = "shared"
      ManagedBy   = "terraform"
      App         = "dr-daily-report"
      Component   = "platform"
      Owner       = "reports-team"
      CostCenter  = "reports"
    }
  }
}
