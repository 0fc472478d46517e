//! One fault is said once, where somebody would mend it, however many resources and environments it shows in.

use tiers_check::{FileTree, Finding, Options, TagPolicy, check};

fn found(listing: &str, options: &Options, rule: &str) -> Vec<Finding> {
    let report = check(&FileTree::from_listing(listing), options);
    report.findings.into_iter().filter(|finding| finding.rule == rule).collect()
}

fn lines(listing: &str, options: &Options, rule: &str) -> Vec<String> {
    let line = |finding: &Finding| format!("{}:{} {}", finding.at.path, finding.at.line, finding.message);
    found(listing, options, rule).iter().map(line).collect()
}

/// A shared root whose provider or resources carry these tags.
fn shared(more: &str) -> String {
    format!(
        "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"environment\" {{}}\n{more}\n\
         --- dev.tfvars\nenvironment = \"dev\"\n--- staging.tfvars\nenvironment = \"staging\"\n--- prod.tfvars\nenvironment = \"prod\"\n"
    )
}

fn queues(count: usize, tags: &str) -> String {
    let queue = |index| {
        format!(
            "resource \"aws_sqs_queue\" \"q{index}\" {{\n  name = \"q{index}-${{var.environment}}\"\n  {tags}\n}}\n"
        )
    };
    (0..count).map(queue).collect()
}

#[test]
fn a_literal_in_the_tags_of_shared_code_is_one_finding() {
    let tree = shared(&format!(
        "locals {{\n  tags = {{\n    Team = \"a\"\n    Environment = \"prod\"\n  }}\n}}\n{}",
        queues(3, "tags = local.tags")
    ));
    assert_eq!(
        lines(&tree, &Options::default(), "tag-environment"),
        ["main.tf:8 the tag Environment of 3 resources is \"prod\" in dev and staging, so it passes for prod"]
    );
    assert_eq!(lines(&tree, &Options::default(), "environment-in-code"), [] as [&str; 0]);
    let fine = tree.replace("Environment = \"prod\"", "Environment = var.environment");
    assert_eq!(lines(&fine, &Options::default(), "tag-environment"), [] as [&str; 0]);
    // What is no tag of anything is still a name in shared code.
    let other = shared(&queues(1, "policy = \"queue-prod-policy\""));
    assert_eq!(lines(&other, &Options::default(), "environment-in-code").len(), 1, "{other}");
}

#[test]
fn a_value_that_is_not_allowed_is_said_at_its_cause_with_the_number_of_resources() {
    let options = Options {
        tags: TagPolicy { allowed: [("Team".to_string(), vec!["core".to_string()])].into(), ..TagPolicy::default() },
        ..Options::default()
    };
    let provider = "provider \"aws\" {\n  default_tags {\n    tags = {\n      Team = \"kore\"\n    }\n  }\n}\n";
    assert_eq!(
        lines(&shared(&format!("{provider}{}", queues(4, ""))), &options, "tag-value"),
        ["main.tf:8 the tag Team of 4 resources is \"kore\" in dev, staging and prod; it may be core"]
    );
    let local = format!(
        "locals {{\n  tags = merge({{ A = 1 }}, {{ Team = \"kore\" }})\n}}\n{}",
        queues(2, "tags = merge(local.tags, { B = 2 })")
    );
    assert_eq!(
        lines(&shared(&local), &options, "tag-value"),
        ["main.tf:6 the tag Team of 2 resources is \"kore\" in dev, staging and prod; it may be core"]
    );
    let own = shared(&queues(1, "tags = { Team = \"kore\" }"));
    assert_eq!(
        lines(&own, &options, "tag-value"),
        ["main.tf:7 the tag Team of aws_sqs_queue.q0 is \"kore\" in dev, staging and prod; it may be core"]
    );
    let fine = shared(&format!("{}{}", provider.replace("kore", "core"), queues(4, "")));
    assert_eq!(lines(&fine, &options, "tag-value"), [] as [&str; 0]);
}

#[test]
fn a_wrong_tag_that_a_variable_file_or_an_argument_gives_is_said_there() {
    let root = "variable \"team\" {}\nmodule \"m\" {\n  source = \"./m\"\n  tags = { Team = var.team }\n}\n\
                --- m/main.tf\nvariable \"tags\" {}\nresource \"aws_sqs_queue\" \"q\" {\n  tags = var.tags\n}\n";
    let tree = format!("{}team = \"kore\"\n", shared(root));
    let options = Options {
        tags: TagPolicy { allowed: [("Team".to_string(), vec!["core".to_string()])].into(), ..TagPolicy::default() },
        ..Options::default()
    };
    assert_eq!(
        lines(&tree, &options, "tag-value"),
        ["prod.tfvars:2 the tag Team of module.m.aws_sqs_queue.q is \"kore\" in prod; it may be core"]
    );
}

#[test]
fn labels_tags_of_other_clouds_and_blocks_of_tags_say_the_environment_too() {
    for resource in [
        "resource \"google_storage_bucket\" \"b\" {\n  name = \"b-${var.environment}\"\n  labels = {\n    environment = \"prod\"\n  }\n}",
        "resource \"azurerm_resource_group\" \"g\" {\n  name = \"g-${var.environment}\"\n  tags = {\n    Environment = \"prod\"\n  }\n}",
        "resource \"aws_instance\" \"i\" {\n  tags {\n    Environment = \"prod\"\n  }\n}",
        "provider \"google\" {\n  default_labels = {\n    env = \"prod\"\n  }\n}\nresource \"google_pubsub_topic\" \"t\" {\n  name = \"t-${var.environment}\"\n}",
    ] {
        let tree = shared(resource);
        assert_eq!(found(&tree, &Options::default(), "tag-environment").len(), 1, "{tree}");
        let fine = tree.replace("= \"prod\"\n  }", "= var.environment\n  }");
        assert_ne!(fine, tree);
        assert_eq!(found(&fine, &Options::default(), "tag-environment").len(), 0, "{fine}");
    }
    // Google's tags choose firewall rules.
    let network = shared(
        "resource \"google_compute_instance\" \"i\" {\n  name = \"i-${var.environment}\"\n  tags = [\"prod\"]\n}",
    );
    assert_eq!(found(&network, &Options::default(), "tag-environment").len(), 0);
}
