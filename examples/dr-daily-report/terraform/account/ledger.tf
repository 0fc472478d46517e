# The ledger of all deployments: `ledger = "s3://dr-daily-report-ledger-111122223333"` in tiers.toml.
resource "aws_s3_bucket" "ledger" {
  bucket = "dr-daily-report-ledger-${var.account_id}"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "ledger" {
  bucket = aws_s3_bucket.ledger.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "ledger" {
  bucket                  = aws_s3_bucket.ledger.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Records are created once and never written again. The bucket holds everybody to that, whatever rights a role has.
data "aws_iam_policy_document" "ledger" {
  statement {
    sid       = "NothingIsWrittenTwice"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.ledger.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["true"]
    }
  }

  statement {
    sid       = "NothingIsDeleted"
    effect    = "Deny"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    resources = ["${aws_s3_bucket.ledger.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

resource "aws_s3_bucket_policy" "ledger" {
  bucket = aws_s3_bucket.ledger.id
  policy = data.aws_iam_policy_document.ledger.json
}

output "ledger" {
  description = "`ledger` in tiers.toml."
  value       = "s3://${aws_s3_bucket.ledger.bucket}"
}
