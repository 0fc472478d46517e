# The role that a workflow takes to deploy to this environment, and to no other. There are no keys that could leak.

data "aws_iam_openid_connect_provider" "github" {
  url = "https://token.actions.githubusercontent.com"
}

data "aws_iam_policy_document" "deployer_trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [data.aws_iam_openid_connect_provider.github.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    # Only jobs that say `environment:` have such a subject, so that GitHub's rules for the environment stand before this role.
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${var.repository}:environment:${var.environment}"]
    }
  }
}

resource "aws_iam_role" "deployer" {
  name                 = "${var.project}-deployer-${var.environment}"
  description          = "Deploys to ${var.environment}."
  assume_role_policy   = data.aws_iam_policy_document.deployer_trust.json
  max_session_duration = 3600
}

data "aws_iam_policy_document" "deployer" {
  statement {
    sid = "Functions"
    actions = [
      "lambda:GetAlias",
      "lambda:GetFunction",
      "lambda:GetFunctionConfiguration",
      "lambda:InvokeFunction",
      "lambda:ListTags",
      "lambda:ListVersionsByFunction",
      "lambda:PublishVersion",
      "lambda:TagResource",
      "lambda:UpdateAlias",
      "lambda:UpdateFunctionCode",
    ]
    resources = flatten([
      for component in ["telegram-api", "report-worker"] : [
        "arn:aws:lambda:${var.region}:${var.account_id}:function:${local.name[component]}",
        "arn:aws:lambda:${var.region}:${var.account_id}:function:${local.name[component]}:*",
      ]
    ])
  }

  # Lambda asks whether the caller may read the image, and whether a lifecycle rule can reach it is looked at beforehand.
  statement {
    sid       = "Images"
    actions   = ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:GetDownloadUrlForLayer", "ecr:GetLifecyclePolicy"]
    resources = ["arn:aws:ecr:${var.region}:${var.account_id}:repository/${var.project}"]
  }

  statement {
    sid       = "Registry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "Alarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = ["*"]
  }

  # All of the ledger is read: what the environments before have verified stands in theirs. Only this one's is written.
  statement {
    sid       = "LedgerRead"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = ["arn:aws:s3:::${local.ledger}", "arn:aws:s3:::${local.ledger}/*"]
  }

  statement {
    sid       = "LedgerAppend"
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::${local.ledger}/${var.environment}/*"]
  }
}

resource "aws_iam_role_policy" "deployer" {
  name   = "deploy"
  role   = aws_iam_role.deployer.name
  policy = data.aws_iam_policy_document.deployer.json
}
