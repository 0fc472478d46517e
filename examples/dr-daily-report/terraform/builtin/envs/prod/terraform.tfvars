environment        = "prod"
lambda_memory_size = 1024
lambda_timeout     = 300
log_retention_days = 30
