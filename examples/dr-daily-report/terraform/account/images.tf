# A tag names one image for ever, so that every image that was deployed keeps its tag, and the rule below can't reach it.
resource "aws_ecr_repository" "images" {
  name                 = "dr-daily-report"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

# Only what never had a tag goes: layers of builds that broke off. Live images and those that a rollback needs have tags, and
# nobody below has the right to take a tag away.
resource "aws_ecr_lifecycle_policy" "images" {
  repository = aws_ecr_repository.images.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Images that never had a tag, after two weeks."
      selection = {
        tagStatus   = "untagged"
        countType   = "sinceImagePushed"
        countUnit   = "days"
        countNumber = 14
      }
      action = { type = "expire" }
    }]
  })
}

# Functions fetch their image again after weeks without a call, as the service and not as whoever deployed them.
data "aws_iam_policy_document" "images" {
  statement {
    sid     = "Functions"
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:aws:lambda:${var.region}:${var.account_id}:function:dr-daily-report-*"]
    }
  }
}

resource "aws_ecr_repository_policy" "images" {
  repository = aws_ecr_repository.images.name
  policy     = data.aws_iam_policy_document.images.json
}

output "repository_url" {
  value = aws_ecr_repository.images.repository_url
}
