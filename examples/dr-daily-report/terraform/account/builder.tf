resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

# The workflow that builds may push images and record releases, and do nothing else.
data "aws_iam_policy_document" "builder_trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${var.repository}:ref:refs/heads/dev", "repo:${var.repository}:ref:refs/heads/main"]
    }
  }
}

resource "aws_iam_role" "builder" {
  name               = "dr-daily-report-builder"
  description        = "Builds releases."
  assume_role_policy = data.aws_iam_policy_document.builder_trust.json
}

data "aws_iam_policy_document" "builder" {
  statement {
    sid       = "Registry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid = "Images"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [aws_ecr_repository.images.arn]
  }

  statement {
    sid       = "LedgerRead"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = [aws_s3_bucket.ledger.arn, "${aws_s3_bucket.ledger.arn}/*"]
  }

  statement {
    sid       = "LedgerAppend"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.ledger.arn}/genesis.json", "${aws_s3_bucket.ledger.arn}/releases/*"]
  }
}

resource "aws_iam_role_policy" "builder" {
  name   = "push"
  role   = aws_iam_role.builder.name
  policy = data.aws_iam_policy_document.builder.json
}

output "builder_role" {
  value = aws_iam_role.builder.arn
}
