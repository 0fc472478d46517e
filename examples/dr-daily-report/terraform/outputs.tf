output "url" {
  description = "The door that users use: `url` of this environment in tiers.toml."
  value       = "https://${aws_cloudfront_distribution.site.domain_name}"
}

output "functions" {
  value = [module.telegram_api.function_name, module.report_worker.function_name]
}

output "deployer_role" {
  value = aws_iam_role.deployer.arn
}
