module "telegram_api" {
  source = "./modules/function"

  name                 = local.name["telegram-api"]
  component            = "telegram-api"
  environment          = var.environment
  image_uri            = local.first_image
  memory_size          = var.lambda_memory_size
  timeout              = var.lambda_timeout
  reserved_concurrency = var.lambda_reserved_concurrency
  log_retention_days   = var.log_retention_days
  policy               = data.aws_iam_policy_document.telegram_api.json

  variables = {
    TABLE  = aws_dynamodb_table.reports.name
    BUCKET = aws_s3_bucket.reports.bucket
  }
}

module "report_worker" {
  source = "./modules/function"

  name                 = local.name["report-worker"]
  component            = "report-worker"
  environment          = var.environment
  image_uri            = local.first_image
  memory_size          = var.lambda_memory_size
  timeout              = var.lambda_timeout
  reserved_concurrency = var.lambda_reserved_concurrency
  log_retention_days   = var.log_retention_days
  policy               = data.aws_iam_policy_document.report_worker.json

  variables = {
    TABLE           = aws_dynamodb_table.reports.name
    BUCKET          = aws_s3_bucket.reports.bucket
    DATABASE        = aws_rds_cluster.reports.arn
    DATABASE_SECRET = aws_rds_cluster.reports.master_user_secret[0].secret_arn
  }
}

# The API reads.
data "aws_iam_policy_document" "telegram_api" {
  statement {
    sid       = "Table"
    actions   = ["dynamodb:GetItem", "dynamodb:Query"]
    resources = [aws_dynamodb_table.reports.arn]
  }

  statement {
    sid       = "Bucket"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.reports.arn}/*"]
  }
}

# The worker writes what the API reads, from what stands in the database.
data "aws_iam_policy_document" "report_worker" {
  statement {
    sid       = "Table"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.reports.arn]
  }

  statement {
    sid       = "Bucket"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.reports.arn}/*"]
  }

  statement {
    sid       = "Database"
    actions   = ["rds-data:BatchExecuteStatement", "rds-data:BeginTransaction", "rds-data:CommitTransaction", "rds-data:ExecuteStatement", "rds-data:RollbackTransaction"]
    resources = [aws_rds_cluster.reports.arn]
  }

  statement {
    sid       = "DatabaseSecret"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_rds_cluster.reports.master_user_secret[0].secret_arn]
  }
}

# Warm executions of the alias that users reach. Lambda refuses weights on an alias with provisioned concurrency, so traffic to
# this component moves all at once, and no canary is possible.
resource "aws_appautoscaling_target" "telegram_api" {
  service_namespace  = "lambda"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  resource_id        = "function:${module.telegram_api.function_name}:${module.telegram_api.alias_name}"
  min_capacity       = var.provisioned_concurrency.min
  max_capacity       = var.provisioned_concurrency.max
  tags               = { Component = "telegram-api" }
}

resource "aws_appautoscaling_policy" "telegram_api" {
  name               = "${local.name["telegram-api"]}-warm"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.telegram_api.service_namespace
  scalable_dimension = aws_appautoscaling_target.telegram_api.scalable_dimension
  resource_id        = aws_appautoscaling_target.telegram_api.resource_id

  target_tracking_scaling_policy_configuration {
    target_value = var.provisioned_concurrency.target_utilization / 100

    predefined_metric_specification {
      predefined_metric_type = "LambdaProvisionedConcurrencyUtilization"
    }
  }
}

# The worker runs once a day, through its alias. Schedules take no tags.
resource "aws_scheduler_schedule" "daily" {
  name                         = "${local.name["report-worker"]}-daily"
  schedule_expression          = "cron(0 6 * * ? *)"
  schedule_expression_timezone = "Asia/Bangkok"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.report_worker.alias_arn
    role_arn = aws_iam_role.scheduler.arn
  }
}

resource "aws_iam_role" "scheduler" {
  name               = "${var.project}-scheduler-${var.environment}"
  assume_role_policy = data.aws_iam_policy_document.scheduler_trust.json
  tags               = { Component = "report-worker" }
}

data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = [module.report_worker.alias_arn]
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "invoke"
  role   = aws_iam_role.scheduler.name
  policy = data.aws_iam_policy_document.scheduler.json
}
