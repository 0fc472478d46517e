bucket         = "dr-daily-report-terraform-state"
key            = "builtin/dev/terraform.tfstate"
region         = "ap-southeast-1"
dynamodb_table = "dr-daily-report-terraform-locks"
encrypt        = true
