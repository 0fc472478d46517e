environment = "dev"

lambda_memory_size          = 512
lambda_timeout              = 120
lambda_reserved_concurrency = 5
log_retention_days          = 7
api_rate_limit              = 10
api_burst_limit             = 20

provisioned_concurrency = {
  min                = 1
  max                = 2
  target_utilization = 70
}

table_billing = {
  mode = "PAY_PER_REQUEST"
}

database_capacity = {
  min = 0.5
  max = 2
}

backup_retention_days = 1
deletion_protection   = false
