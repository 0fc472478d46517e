//! Names of what `count` and `for_each` repeat, and of what begins with a prefix.

use tiers_check::{FileTree, Options, check};

fn messages(listing: &str, rule: &str) -> Vec<String> {
    let report = check(&FileTree::from_listing(listing), &Options::default());
    let findings = report.findings.iter().filter(|finding| finding.rule == rule);
    findings.map(|finding| finding.message.clone()).collect()
}

const QUIET: [&str; 0] = [];

/// A shared root in one account, with lists of queues.
fn tree(resource: &str, dev: &str, prod: &str) -> String {
    let account = "account_id = \"111111111111\"";
    format!(
        "--- main.tf\nterraform {{\n  backend \"gcs\" {{}}\n}}\nvariable \"environment\" {{}}\nvariable \"queues\" {{}}\nvariable \"account_id\" {{}}\n{resource}\n\
         --- dev.tfvars\nenvironment = \"dev\"\n{account}\nqueues = {dev}\n--- prod.tfvars\nenvironment = \"prod\"\n{account}\nqueues = {prod}\n"
    )
}

#[test]
fn every_instance_has_a_name_of_its_own_in_each_environment() {
    let each = |name: &str| {
        format!("resource \"aws_sqs_queue\" \"q\" {{\n  for_each = toset(var.queues)\n  name = {name}\n}}")
    };
    let lists = ("[\"mail\", \"orders\"]", "[\"bills\", \"orders\"]");
    assert_eq!(
        messages(&tree(&each("each.key"), lists.0, lists.1), "name-collides"),
        [
            "aws_sqs_queue.q[\"orders\"] is called \"orders\" in dev and prod, and the name must be unique in their region"
        ]
    );
    assert_eq!(messages(&tree(&each("\"${each.key}-${var.environment}\""), lists.0, lists.1), "name-collides"), QUIET);
    assert_eq!(messages(&tree(&each("each.key"), "[\"mail\"]", "[\"bills\"]"), "name-collides"), QUIET);
    assert_eq!(messages(&tree(&each("each.key"), "[\"mail\"]", "[]"), "name-collides"), QUIET);
    let map = "resource \"aws_sqs_queue\" \"q\" {\n  for_each = var.queues\n  name = each.value.name\n}";
    assert_eq!(
        messages(
            &tree(
                map,
                "{ a = { name = \"x\" }, b = { name = \"y-dev\" } }",
                "{ a = { name = \"x\" }, b = { name = \"y-prod\" } }"
            ),
            "name-collides"
        ),
        ["aws_sqs_queue.q[\"a\"] is called \"x\" in dev and prod, and the name must be unique in their region"]
    );
}

#[test]
fn instances_of_one_environment_that_want_one_name_collide_once() {
    let count =
        |name: &str| format!("resource \"aws_sqs_queue\" \"q\" {{\n  count = length(var.queues)\n  name = {name}\n}}");
    let lists = ("[\"a\", \"b\", \"c\"]", "[\"a\"]");
    assert_eq!(
        messages(&tree(&count("\"jobs-${var.environment}\""), lists.0, lists.1), "name-collides"),
        ["aws_sqs_queue.q[0] and aws_sqs_queue.q[1] are both called \"jobs-dev\" in dev"]
    );
    assert_eq!(
        messages(&tree(&count("\"${var.queues[count.index]}-${var.environment}\""), lists.0, lists.1), "name-collides"),
        QUIET
    );
    assert_eq!(
        messages(&tree(&count("\"jobs-${count.index}-${var.environment}\""), lists.0, lists.1), "name-collides"),
        QUIET
    );
    let many = format!("[{}]", (0..100).map(|index| format!("\"{index}\"")).collect::<Vec<_>>().join(", "));
    assert_eq!(messages(&tree(&count("\"jobs-${var.environment}\""), &many, "[\"a\"]"), "name-collides"), QUIET);
}

#[test]
fn the_longest_name_of_an_instance_is_measured() {
    let each =
        "resource \"aws_lb\" \"l\" {\n  for_each = toset(var.queues)\n  name = \"${each.key}-${var.environment}\"\n}";
    let long = "[\"a\", \"a-rather-long-name-of-a-queue\"]";
    assert_eq!(messages(&tree(each, "[\"a\"]", long), "name-too-long").len(), 1);
    assert_eq!(messages(&tree(each, "[\"a\"]", "[\"b\"]"), "name-too-long"), QUIET);
}

#[test]
fn a_prefix_leaves_room_for_what_the_provider_puts_behind_it() {
    let resource = |kind: &str, argument: &str, prefix: &str| {
        format!("resource \"{kind}\" \"r\" {{\n  {argument} = \"{prefix}-${{var.environment}}-\"\n}}")
    };
    let check = |kind: &str, argument: &str, prefix: &str, count: usize| {
        let found = messages(&tree(&resource(kind, argument, prefix), "[]", "[]"), "name-too-long");
        assert_eq!(found.len(), count, "{kind} {prefix}: {found:?}");
    };
    // In both environments, which is one finding, and in prod alone, whose name is longer by one.
    check("aws_lb_target_group", "name_prefix", "app", 1);
    check("aws_lb_target_group", "name_prefix", "", 0);
    check("aws_iam_role", "name_prefix", "a-role-of-the-service-that-is", 0);
    check("aws_iam_role", "name_prefix", "a-role-of-the-service-that-is-long-too", 1);
    check("aws_s3_bucket", "bucket_prefix", "acme-data-of-all-the-customers-a", 1);
}

#[test]
fn a_module_that_is_called_for_each_makes_a_name_in_each() {
    let call = |name: &str| {
        format!(
            "module \"q\" {{\n  source = \"./q\"\n  for_each = toset(var.queues)\n  name = {name}\n}}\n\
             --- q/main.tf\nvariable \"name\" {{}}\nresource \"aws_sqs_queue\" \"q\" {{\n  name = var.name\n}}\n"
        )
    };
    let lists = ("[\"mail\", \"orders\"]", "[\"bills\", \"orders\"]");
    assert_eq!(
        messages(&tree(&call("each.key"), lists.0, lists.1), "name-collides"),
        [
            "module.q[\"orders\"].aws_sqs_queue.q is called \"orders\" in dev and prod, and the name must be unique in their region"
        ]
    );
    assert_eq!(
        messages(&tree(&call("\"jobs-${var.environment}\""), lists.0, "[\"a\"]"), "name-collides"),
        [
            "module.q[\"mail\"].aws_sqs_queue.q and module.q[\"orders\"].aws_sqs_queue.q are both called \"jobs-dev\" in dev"
        ]
    );
    assert_eq!(messages(&tree(&call("\"${each.key}-${var.environment}\""), lists.0, lists.1), "name-collides"), QUIET);
    assert_eq!(messages(&tree(&call("each.key"), "[\"mail\", \"x\"]", "[\"bills\", \"y\"]"), "name-collides"), QUIET);
}

#[test]
fn resources_that_say_where_they_stand_may_have_one_name() {
    let two = |kind: &str, name: &str, standing: [&str; 2]| {
        let one = |label: &str, standing: &str| {
            format!("resource \"{kind}\" \"{label}\" {{\n  {name} = \"x-${{var.environment}}\"\n  {standing}\n}}\n")
        };
        one("a", standing[0]) + &one("b", standing[1])
    };
    let found = |resources: &str| messages(&tree(resources, "[]", "[]"), "name-collides").len();
    let regions = ["region = \"eu-west-1\"", "region = \"us-east-1\""];
    assert_eq!(found(&two("aws_sqs_queue", "name", regions)), 0);
    assert_eq!(found(&two("aws_sqs_queue", "name", [regions[0], regions[0]])), 1);
    assert_eq!(found(&two("aws_sqs_queue", "name", ["region = var.unknown", "region = var.other"])), 0);
    assert_eq!(found(&two("aws_s3_bucket", "bucket", regions)), 1);
    assert_eq!(found(&two("google_pubsub_topic", "name", ["project = \"a\"", "project = \"b\""])), 0);
    assert_eq!(
        found(&two("aws_cloudwatch_event_rule", "name", ["event_bus_name = \"a\"", "event_bus_name = \"b\""])),
        0
    );
    assert_eq!(found(&two("aws_lambda_layer_version", "layer_name", ["", ""])), 0);
    let each = "resource \"aws_sqs_queue\" \"q\" {\n  for_each = toset([\"eu-west-1\", \"us-east-1\"])\n  name = \"q-${var.environment}\"\n  region = each.key\n}";
    assert_eq!(found(each), 0);
    assert_eq!(found(&each.replace("  region = each.key\n", "")), 1);
}
