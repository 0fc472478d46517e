environment = "prod"

lambda_memory_size          = 1024
lambda_timeout              = 300
lambda_reserved_concurrency = 50
log_retention_days          = 30
api_rate_limit              = 100
api_burst_limit             = 200

provisioned_concurrency = {
  min                = 5
  max                = 20
  target_utilization = 50
}

table_billing = {
  mode           = "PROVISIONED"
  read_capacity  = 25
  write_capacity = 10
}

database_capacity = {
  min = 1
  max = 8
}

backup_retention_days = 30
deletion_protection   = true
