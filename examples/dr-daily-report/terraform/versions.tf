terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  # Filled from envs/<environment>/backend.hcl: each environment keeps a state of its own.
  backend "s3" {}
}

provider "aws" {
  region = var.region

  # A plan with the wrong credentials stops here instead of in somebody else's account.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = local.tags
  }
}
