environment        = "staging"
lambda_memory_size = 1024
lambda_timeout     = 120
log_retention_days = 14
