//! Which of several variable files counts, and names that the roots of two regions both want.

use tiers_check::{FileTree, Options, check};

fn lines(listing: &str, rule: &str) -> Vec<String> {
    let report = check(&FileTree::from_listing(listing), &Options::default());
    let findings = report.findings.iter().filter(|finding| finding.rule == rule);
    findings
        .map(|finding| {
            format!("{} {}:{} {}", finding.severity.as_str(), finding.at.path, finding.at.line, finding.message)
        })
        .collect()
}

const QUIET: [&str; 0] = [];

#[test]
fn of_several_variable_files_the_one_that_a_command_names_last_counts() {
    let tree = |command: &str| {
        format!(
            "--- infra/main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"min_size\" {{}}\nvariable \"max_size\" {{}}\n\
             resource \"aws_autoscaling_group\" \"g\" {{\n  min_size = var.min_size\n  max_size = var.max_size\n}}\n\
             --- infra/prod.tfvars\nmax_size = 10\n--- infra/dev.tfvars\nmax_size = 10\n--- infra/common.tfvars\nmin_size = 5\nmax_size = 3\n\
             --- deploy.sh\ncd infra\n{command}\n"
        )
    };
    let wrong = "error infra/common.tfvars:1 min_size is 5 in dev, above max_size, which is 3";
    let last = tree("terraform plan -var-file=$1.tfvars -var-file=common.tfvars");
    assert_eq!(lines(&last, "bounds-inverted")[..1], [wrong]);
    for fine in [
        "terraform plan -var-file=common.tfvars -var-file=$1.tfvars",
        "terraform plan -var-file=$1.tfvars",
        "terraform plan -var-file=$1.tfvars -var-file=common.tfvars\nterraform apply -var-file=common.tfvars -var-file=$1.tfvars",
    ] {
        assert_eq!(lines(&tree(fine), "bounds-inverted"), QUIET, "{fine}");
    }
}

#[test]
fn files_that_a_command_lays_over_each_other_do_not_disagree() {
    let tree = |command: &str| {
        format!(
            "--- stacks/app/main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"size\" {{}}\noutput \"s\" {{\n  value = var.size\n}}\n\
             --- config/dev.tfvars\nsize = 1\n--- config/prod.tfvars\nsize = 1\n\
             --- config/app/dev.tfvars\nsize = 3\n--- config/app/prod.tfvars\nsize = 9\n--- run.sh\ncd stacks/$1\n{command}\n"
        )
    };
    let over = "terraform plan -var-file=../../config/$2.tfvars -var-file=../../config/$1/$2.tfvars";
    assert_eq!(lines(&tree(over), "values-disagree"), QUIET);
    // A folder of which nothing is told may be this one.
    let anywhere = tree(over).replace("cd stacks/$1", "cd $DIR");
    assert_eq!(lines(&anywhere, "values-disagree"), QUIET);
    assert_eq!(lines(&tree("terraform plan"), "values-disagree").len(), 2);
}

/// A root for each region of prod, in this account.
fn regions(resource: &str, accounts: [&str; 2]) -> String {
    let root = |region: &str, account: &str| {
        format!(
            "--- live/prod/{region}/main.tf\nterraform {{\n  backend \"s3\" {{\n    bucket = \"st\"\n    key = \"prod/{region}\"\n  }}\n}}\n\
             provider \"aws\" {{\n  region = \"{region}\"\n  {account}\n}}\nlocals {{\n  region = \"{region}\"\n}}\n{resource}\n"
        )
    };
    root("eu-west-1", accounts[0]) + &root("us-east-1", accounts[1])
}

#[test]
fn a_bucket_or_a_role_has_one_name_in_all_regions_together() {
    let bucket = "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"acme-data-prod\"\n}";
    assert_eq!(
        lines(&regions(bucket, ["", ""]), "name-collides"),
        [
            "error live/prod/us-east-1/main.tf:15 aws_s3_bucket.b is called \"acme-data-prod\" in eu-west-1 and us-east-1 of prod, and the name must be unique in the whole world"
        ]
    );
    let role = "resource \"aws_iam_role\" \"r\" {\n  name = \"app-prod\"\n}";
    let account = |number: &str| format!("allowed_account_ids = [\"{number}\"]");
    let (one, other) = (account("111111111111"), account("222222222222"));
    assert!(lines(&regions(role, [&one, &one]), "name-collides")[0].starts_with("error"));
    assert!(lines(&regions(role, ["", ""]), "name-collides")[0].starts_with("warning"));
    assert_eq!(lines(&regions(role, [&one, &other]), "name-collides"), QUIET);
    let queue = "resource \"aws_sqs_queue\" \"q\" {\n  name = \"q-prod\"\n}";
    assert_eq!(lines(&regions(queue, [&one, &one]), "name-collides"), QUIET);
    let varies = bucket.replace("-prod", "-${local.region}");
    assert_eq!(lines(&regions(&varies, ["", ""]), "name-collides"), QUIET);
}
