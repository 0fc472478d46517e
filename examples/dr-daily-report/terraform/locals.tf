locals {
  # {project}-{component}-{environment}, as tiers.toml has it.
  name = { for component in ["telegram-api", "report-worker", "reports", "site"] : component => join("-", [var.project, component, var.environment]) }

  # The seven tags, on everything. A component's own resources say which component they belong to.
  tags = {
    Project     = var.project
    Environment = var.environment
    ManagedBy   = "terraform"
    App         = var.project
    Component   = "platform"
    Owner       = var.owner
    CostCenter  = var.cost_center
  }

  # The image that a function is created with; from then on deployments choose it, by digest.
  first_image = "${var.account_id}.dkr.ecr.${var.region}.amazonaws.com/${var.project}:bootstrap"

  # Made in account/.
  ledger = "${var.project}-ledger-${var.account_id}"
}
