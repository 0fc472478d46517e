//! Ownership: what Terraform and a deployer both believe to be theirs, and callers that go past the alias.

use crate::finding::Severity::{Error, Warning};
use crate::rule::{Family::Ownership, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "image-owned-twice",
        family: Ownership,
        severity: Error,
        title: "Terraform manages a function's code and something else deploys it",
        consequence: "The next apply puts back the old image, in production and without a test.",
        fix: "Add `lifecycle { ignore_changes = [image_uri] }` to the function.",
        explanation: "It speaks where a workflow or script calls `aws lambda update-function-code` for a function that may have this \
name, or where tiers.toml has apps to deploy. Names are compared as far as they are written; what a variable holds may be anything. For \
code in archives it is a warning.",
        bad: r#"--- main.tf
variable "image_uri" {
  type = string
}
resource "aws_lambda_function" "api" {
  function_name = "orders-api"
  package_type  = "Image"
  image_uri     = var.image_uri
}
--- scripts/deploy.sh
aws lambda update-function-code --function-name orders-api --image-uri "$REPO@$DIGEST"
"#,
        good: r#"--- main.tf
variable "image_uri" {
  type = string
}
resource "aws_lambda_function" "api" {
  function_name = "orders-api"
  package_type  = "Image"
  image_uri     = var.image_uri
  lifecycle {
    ignore_changes = [image_uri]
  }
}
--- scripts/deploy.sh
aws lambda update-function-code --function-name orders-api --image-uri "$REPO@$DIGEST"
"#,
    },
    Rule {
        id: "alias-owned-twice",
        family: Ownership,
        severity: Error,
        title: "Terraform manages an alias's version and a deployer moves it",
        consequence: "The next apply moves the alias back to the version it knows, which takes a release away from users.",
        fix: "Add `lifecycle { ignore_changes = [function_version, routing_config] }` to the alias.",
        explanation: "It speaks where a workflow or script calls `aws lambda update-alias` for a function and an alias that may have \
these names, or where tiers.toml has apps to deploy.",
        bad: r#"--- main.tf
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = "orders-api"
  function_version = "1"
}
--- scripts/deploy.sh
aws lambda update-alias --function-name orders-api --name live --function-version "$VERSION"
"#,
        good: r#"--- main.tf
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = "orders-api"
  function_version = "1"
  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}
--- scripts/deploy.sh
aws lambda update-alias --function-name orders-api --name live --function-version "$VERSION"
"#,
    },
    Rule {
        id: "caller-bypasses-alias",
        family: Ownership,
        severity: Warning,
        title: "a caller names the function although it has an alias",
        consequence: "The caller runs $LATEST: it gets new code before any test, and a rollback does not reach it.",
        fix: "Refer to the alias: its arn or invoke_arn, or the function's name with `qualifier` set to the alias's name.",
        explanation: "It looks at function URLs, permissions, event source mappings, integrations, event targets, notifications, \
subscriptions, and at environment variables that carry a function's name, in the same module and through an output of a local one. \
A function without an alias is left alone.",
        bad: r#"--- main.tf
resource "aws_lambda_function" "api" {
  function_name = "orders-api"
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.api.function_name
  function_version = "1"
}
resource "aws_apigatewayv2_integration" "api" {
  api_id           = "x"
  integration_type = "AWS_PROXY"
  integration_uri  = aws_lambda_function.api.invoke_arn
}
"#,
        good: r#"--- main.tf
resource "aws_lambda_function" "api" {
  function_name = "orders-api"
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.api.function_name
  function_version = "1"
}
resource "aws_apigatewayv2_integration" "api" {
  api_id           = "x"
  integration_type = "AWS_PROXY"
  integration_uri  = aws_lambda_alias.live.invoke_arn
}
resource "aws_lambda_permission" "gateway" {
  function_name = aws_lambda_function.api.function_name
  qualifier     = aws_lambda_alias.live.name
}
"#,
    },
    Rule {
        id: "repository-mutable",
        family: Ownership,
        severity: Warning,
        title: "tags in an image repository can be moved",
        consequence: "The tag that staging tested may name another image by the time production pulls it.",
        fix: "Set `image_tag_mutability = \"IMMUTABLE\"`.",
        explanation: "MUTABLE is what a repository gets when nothing is said.",
        bad: r#"--- main.tf
resource "aws_ecr_repository" "app" {
  name = "acme"
}
"#,
        good: r#"--- main.tf
resource "aws_ecr_repository" "app" {
  name                 = "acme"
  image_tag_mutability = "IMMUTABLE"
}
"#,
    },
    Rule {
        id: "image-latest",
        family: Ownership,
        severity: Warning,
        title: "an image is named by the tag latest",
        consequence: "What runs depends on the hour of the deployment; two environments that look alike run different code.",
        fix: "Name the image by its digest.",
        explanation: "It looks at the images of functions, tasks and services, and follows variables, defaults, locals and arguments of \
modules to the line that says latest. What a pipeline gives by `-var` is left alone.",
        bad: r#"--- main.tf
variable "repository_url" {
  type = string
}
resource "aws_lambda_function" "api" {
  function_name = "orders-api"
  image_uri     = "${var.repository_url}:latest"
}
"#,
        good: r#"--- main.tf
variable "repository_url" {
  type = string
}
variable "digest" {
  type = string
}
resource "aws_lambda_function" "api" {
  function_name = "orders-api"
  image_uri     = "${var.repository_url}@${var.digest}"
}
"#,
    },
    Rule {
        id: "lifecycle-expires-live",
        family: Ownership,
        severity: Warning,
        title: "a lifecycle rule can expire an image that is live",
        consequence: "Weeks later the function cannot start any more, and the image for a rollback is gone as well.",
        fix: "Expire only untagged images, keep tags immutable, and give every image that is deployed a tag.",
        explanation: "A registry's rules know nothing of what runs. A rule for any image, by age or number, can expire a live one; \
a rule for untagged images can where tags move.",
        bad: r#"--- main.tf
resource "aws_ecr_repository" "app" {
  name                 = "acme"
  image_tag_mutability = "IMMUTABLE"
}
resource "aws_ecr_lifecycle_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 }
      action       = { type = "expire" }
    }]
  })
}
"#,
        good: r#"--- main.tf
resource "aws_ecr_repository" "app" {
  name                 = "acme"
  image_tag_mutability = "IMMUTABLE"
}
resource "aws_ecr_lifecycle_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    }]
  })
}
"#,
    },
];
