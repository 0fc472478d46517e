resource "aws_dynamodb_table" "reports" {
  name         = local.name["reports"]
  billing_mode = var.table_billing.mode
  hash_key     = "ticker"
  range_key    = "date"

  # Null where the mode is PAY_PER_REQUEST; the variable's validation sees to that.
  read_capacity  = var.table_billing.read_capacity
  write_capacity = var.table_billing.write_capacity

  deletion_protection_enabled = var.deletion_protection
  tags                        = { Component = "reports" }

  attribute {
    name = "ticker"
    type = "S"
  }

  attribute {
    name = "date"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

resource "aws_s3_bucket" "reports" {
  bucket = "${local.name["reports"]}-${var.account_id}"
  tags   = { Component = "reports" }
}

resource "aws_s3_bucket_versioning" "reports" {
  bucket = aws_s3_bucket.reports.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "reports" {
  bucket                  = aws_s3_bucket.reports.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# The network is made elsewhere, one for each environment, and found by its tags.
data "aws_vpc" "this" {
  tags = {
    Environment = var.environment
  }
}

data "aws_subnets" "database" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }

  tags = {
    Environment = var.environment
    Tier        = "database"
  }
}

resource "aws_db_subnet_group" "reports" {
  name       = local.name["reports"]
  subnet_ids = data.aws_subnets.database.ids
  tags       = { Component = "reports" }
}

# No rules: nobody reaches the database over the network, the functions use its Data API.
resource "aws_security_group" "database" {
  name        = "${local.name["reports"]}-database"
  description = "The database of the reports, which is used through its Data API."
  vpc_id      = data.aws_vpc.this.id
  tags        = { Component = "reports" }
}

resource "aws_rds_cluster" "reports" {
  cluster_identifier          = local.name["reports"]
  engine                      = "aurora-postgresql"
  engine_mode                 = "provisioned"
  engine_version              = "16.6"
  database_name               = "reports"
  master_username             = "reports"
  manage_master_user_password = true
  db_subnet_group_name        = aws_db_subnet_group.reports.name
  vpc_security_group_ids      = [aws_security_group.database.id]
  storage_encrypted           = true
  enable_http_endpoint        = true
  copy_tags_to_snapshot       = true
  backup_retention_period     = var.backup_retention_days
  deletion_protection         = var.deletion_protection
  skip_final_snapshot         = !var.deletion_protection
  final_snapshot_identifier   = "${local.name["reports"]}-final"
  tags                        = { Component = "reports" }

  serverlessv2_scaling_configuration {
    min_capacity = var.database_capacity.min
    max_capacity = var.database_capacity.max
  }
}

resource "aws_rds_cluster_instance" "reports" {
  identifier         = "${local.name["reports"]}-1"
  cluster_identifier = aws_rds_cluster.reports.id
  engine             = aws_rds_cluster.reports.engine
  engine_version     = aws_rds_cluster.reports.engine_version
  instance_class     = "db.serverless"
  tags               = { Component = "reports" }
}
