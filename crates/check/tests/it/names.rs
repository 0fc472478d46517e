//! Which services want a name once, where, and what is said of the account that two environments share.

use tiers_check::{FileTree, Finding, Options, check};

fn collisions(listing: &str) -> Vec<Finding> {
    let report = check(&FileTree::from_listing(listing), &Options::default());
    report.findings.into_iter().filter(|finding| finding.rule == "name-collides").collect()
}

fn messages(listing: &str) -> Vec<String> {
    collisions(listing)
        .into_iter()
        .map(|finding| format!("{} {}", finding.severity.as_str(), finding.message))
        .collect()
}

/// A shared root in one account, with `var.own`, which differs.
fn tree(code: &str) -> String {
    let values = |env: &str| format!("--- {env}.tfvars\nown = \"{env}\"\naccount_id = \"111111111111\"\n");
    format!(
        "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"own\" {{}}\nvariable \"account_id\" {{}}\noutput \"o\" {{\n  value = [var.own, var.account_id]\n}}\n{code}\n{}{}",
        values("dev"),
        values("prod")
    )
}

#[test]
fn services_that_want_a_name_once_are_known() {
    for (kind, name) in [
        ("aws_elb", "name"),
        ("aws_glue_catalog_database", "name"),
        ("aws_redshiftserverless_workgroup", "workgroup_name"),
        ("aws_ses_template", "name"),
        ("aws_scheduler_schedule", "name"),
        ("azurerm_linux_web_app", "name"),
        ("azurerm_windows_web_app", "name"),
        ("azurerm_linux_function_app", "name"),
        ("azurerm_windows_function_app", "name"),
        ("azurerm_function_app", "name"),
        ("google_cloud_run_v2_service", "name"),
    ] {
        let of = |text: &str| tree(&format!("resource \"{kind}\" \"r\" {{\n  {name} = {text}\n}}"));
        assert_eq!(messages(&of("\"web\"")).len(), 1, "{kind}");
        assert!(messages(&of("\"web\""))[0].starts_with("error "), "{kind}");
        assert_eq!(messages(&of("\"web-${var.own}\"")).len(), 0, "{kind}");
    }
}

#[test]
fn records_schedules_and_services_are_told_apart_by_what_they_stand_in() {
    let of = |kind: &str, name: &str, more: &str| {
        messages(&tree(&format!("resource \"{kind}\" \"r\" {{\n  name = \"{name}\"\n  {more}\n}}"))).len()
    };
    let record = "type = \"A\"\n  zone_id";
    for (kind, argument) in [
        ("aws_route53_record", record),
        ("aws_scheduler_schedule", "group_name"),
        ("google_cloud_run_v2_service", "location"),
    ] {
        assert_eq!(of(kind, "api", &format!("{argument} = \"one\"")), 1, "{kind}");
        assert_eq!(of(kind, "api", &format!("{argument} = var.own")), 0, "{kind}");
        assert_eq!(of(kind, "api", &format!("{argument} = aws_x.y.id")), 0, "{kind}");
        assert_eq!(of(kind, "api-${var.own}", &format!("{argument} = \"one\"")), 0, "{kind}");
    }
    let weighted = "type = \"A\"\n  zone_id = \"one\"\n  set_identifier = var.own";
    assert_eq!(of("aws_route53_record", "api", weighted), 0);
    // An address and a text of one name are two records.
    let two = |kind: &str| {
        let record = |label: &str, kind: &str| {
            format!(
                "resource \"aws_route53_record\" \"{label}\" {{\n  name = \"api-${{var.own}}\"\n  zone_id = \"one\"\n  type = \"{kind}\"\n}}\n"
            )
        };
        messages(&tree(&format!("{}{}", record("a", "A"), record("b", kind))))
    };
    assert_eq!(two("AAAA").len(), 0);
    assert_eq!(two("A").len(), 1);
}

#[test]
fn a_distribution_answers_to_names_that_no_other_does() {
    let of =
        |aliases: &str| tree(&format!("resource \"aws_cloudfront_distribution\" \"d\" {{\n  aliases = {aliases}\n}}"));
    assert_eq!(
        messages(&of("[\"${var.own}.x.io\", \"www.x.io\"]")),
        [
            "error aws_cloudfront_distribution.d answers to \"www.x.io\" in dev and prod, and the name must be unique in the whole world"
        ]
    );
    assert_eq!(messages(&of("[\"${var.own}.x.io\"]")).len(), 0);
    assert_eq!(messages(&of("var.own == \"prod\" ? [\"www.x.io\"] : []")).len(), 0);
    assert_eq!(messages(&of("var.unknown")).len(), 0);
}

#[test]
fn the_lines_that_lead_two_environments_into_one_account_stand_beside_the_name() {
    let tree = |prod: &str| {
        let values =
            |env: &str, account: &str| format!("--- {env}.tfvars\nrole = \"arn:aws:iam::{account}:role/deployer\"\n");
        format!(
            "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"role\" {{}}\nprovider \"aws\" {{\n  assume_role {{\n    role_arn = var.role\n  }}\n}}\n\
             resource \"aws_iam_role\" \"app\" {{\n  name = \"app\"\n}}\n{}{}{}",
            values("dev", "111111111111"),
            values("staging", "222222222222"),
            values("prod", prod)
        )
    };
    assert_eq!(collisions(&tree("333333333333")).len(), 0);
    let found = collisions(&tree("222222222222"));
    let beside: Vec<String> =
        found[0].related.iter().map(|it| format!("{}:{} {}", it.at.path, it.at.line, it.says)).collect();
    assert_eq!(
        beside,
        ["staging.tfvars:1 staging goes to account 222222222222", "prod.tfvars:1 prod goes to account 222222222222"]
    );
    assert!(found[0].fix.starts_with("First see that staging and prod both belong in account 222222222222"));
    // With one account for all there is no slip to be looked for.
    let dev = "--- dev.tfvars\nrole = \"arn:aws:iam::111111111111:role/deployer\"\n";
    let found = collisions(&tree("222222222222").replace(dev, ""));
    assert!(found[0].related.is_empty() && found[0].fix.is_empty());
}

#[test]
fn what_a_project_or_a_subscription_is_called_is_said_where_two_environments_share_it() {
    let tree = |kind: &str, variable: &str, prod: &str| {
        format!(
            "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"{variable}\" {{}}\noutput \"o\" {{\n  value = var.{variable}\n}}\n\
             resource \"{kind}\" \"r\" {{\n  name = \"jobs\"\n}}\n--- dev.tfvars\n{variable} = \"one\"\n--- prod.tfvars\n{variable} = \"{prod}\"\n"
        )
    };
    assert_eq!(
        messages(&tree("google_pubsub_topic", "project_id", "one")),
        [
            "warning google_pubsub_topic.r is called \"jobs\" in dev and prod, and the name must be unique in a project, and both are in project one"
        ]
    );
    assert_eq!(messages(&tree("google_pubsub_topic", "project_id", "two")).len(), 0);
    assert_eq!(
        messages(&tree("azurerm_resource_group", "other", "one")),
        [
            "warning azurerm_resource_group.r is called \"jobs\" in dev and prod, and the name must be unique in a subscription, unless each environment has a subscription of its own"
        ]
    );
}
