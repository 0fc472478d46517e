environment        = "dev"
lambda_memory_size = 512
lambda_timeout     = 120
log_retention_days = 7
