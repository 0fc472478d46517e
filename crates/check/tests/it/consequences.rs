//! One mistake is one finding, not one for everything that follows from it.

use tiers_check::{FileTree, Options, check};

const SHARED: &str = "\
--- main.tf
terraform {
  backend \"s3\" {}
}
variable \"environment\" {
  type = string
}
resource \"aws_sqs_queue\" \"jobs\" {
  name = \"jobs-${var.environment}\"
}
resource \"aws_s3_bucket\" \"files\" {
  bucket = \"acme-files-${var.environment}\"
}
resource \"aws_s3_bucket\" \"all\" {
  bucket = \"acme-all\"
}
--- dev.tfvars
environment = \"dev\"
--- staging.tfvars
environment = \"staging\"
--- prod.tfvars
environment = \"staging\"
";

#[test]
fn names_that_collide_because_an_environment_passes_for_another_are_not_reported_beside_it() {
    let report = check(&FileTree::from_listing(SHARED), &Options::default());
    let found: Vec<(&str, usize)> = report.findings.iter().map(|finding| (finding.rule, finding.at.line)).collect();
    // The bucket with one name in all three is a mistake of its own.
    assert_eq!(found, [("name-collides", 14), ("environment-wrong", 1)], "{:#?}", report.findings);
}
