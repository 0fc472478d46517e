environment = "staging"

lambda_memory_size          = 1024
lambda_timeout              = 120
lambda_reserved_concurrency = 10
log_retention_days          = 14
api_rate_limit              = 50
api_burst_limit             = 100

provisioned_concurrency = {
  min                = 1
  max                = 5
  target_utilization = 60
}

table_billing = {
  mode           = "PROVISIONED"
  read_capacity  = 5
  write_capacity = 5
}

database_capacity = {
  min = 0.5
  max = 4
}

backup_retention_days = 7
deletion_protection   = false
