//! Plans as Terraform writes them, judged; and bindings, compared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tiers_core::redact::Redactor;
use tiers_core::terraform::{Class, Deployed, Difference, NotAPlan, PlanJson, Review, compare, identity, review};

fn parse(plan: &Value) -> PlanJson {
    PlanJson::parse(&plan.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

fn deployed() -> Deployed {
    Deployed {
        functions: BTreeSet::from(["shop-api-dev".into()]),
        alias: "live".into(),
        ledger_tag: "tiers:ledger".into(),
    }
}

fn judged(resources: Value) -> Review {
    judged_with(json!({ "resource_changes": resources }), &[])
}

fn judged_with(mut plan: Value, protected: &[&str]) -> Review {
    plan["format_version"] = json!("1.2");
    let protected: Vec<String> = protected.iter().map(|name| (*name).to_owned()).collect();
    review(&parse(&plan), &protected, &deployed())
}

fn resource(address: &str, actions: &[&str]) -> Value {
    let kind = address.split('.').next().unwrap_or_default();
    json!({ "address": address, "mode": "managed", "type": kind, "change": { "actions": actions, "before": {}, "after": {} } })
}

#[track_caller]
fn check(actions: &[&str], class: Class, counts: &str) {
    let review = judged(json!([resource("aws_sqs_queue.jobs", actions)]));
    assert_eq!((review.class(), review.counts.to_string().as_str()), (class, counts));
}

#[test]
fn every_combination_of_actions_has_its_class() {
    check(&["no-op"], Class::Nothing, "nothing to change");
    check(&["read"], Class::Nothing, "nothing to change");
    check(&["create"], Class::Safe, "1 to create");
    check(&["update"], Class::Safe, "1 to update");
    check(&["delete"], Class::Breaking, "1 to delete");
    check(&["delete", "create"], Class::Breaking, "1 to replace");
    check(&["create", "delete"], Class::Breaking, "1 to replace");
    check(&["forget"], Class::Breaking, "1 to forget");
    check(&["create", "forget"], Class::Breaking, "1 to create, 1 to forget");
    check(&["teleport"], Class::Breaking, "nothing to change");
}

#[test]
fn moves_and_imports_are_counted_and_safe() {
    let mut moved = resource("aws_sqs_queue.new", &["no-op"]);
    moved["previous_address"] = json!("aws_sqs_queue.old");
    let mut imported = resource("aws_sqs_queue.found", &["update"]);
    imported["change"]["importing"] = json!({ "id": "x" });
    let review = judged(json!([moved, imported]));
    assert_eq!(
        (review.class(), review.counts.to_string().as_str()),
        (Class::Safe, "1 to update, 1 to import, 1 to move")
    );
}

#[test]
fn changes_of_outputs_alone_are_something_to_apply() {
    let outputs = json!({ "url": { "actions": ["update"] }, "same": { "actions": ["no-op"] } });
    let review = judged_with(json!({ "output_changes": outputs }), &[]);
    assert_eq!((review.class(), review.counts.to_string().as_str()), (Class::Safe, "1 output to change"));
}

#[test]
fn what_is_protected_is_breaking_by_type_by_address_and_below_a_module() {
    let changed = |address: &str, actions: &[&str]| json!({ "resource_changes": [resource(address, actions)] });
    let class =
        |address: &str, actions: &[&str], protected: &str| judged_with(changed(address, actions), &[protected]).class();
    assert_eq!(class("aws_rds_cluster.main", &["update"], "aws_rds_cluster"), Class::Breaking);
    assert_eq!(class("aws_rds_cluster.main", &["update"], "aws_rds_cluster.main"), Class::Breaking);
    assert_eq!(class("aws_rds_cluster.main[0]", &["update"], "aws_rds_cluster.main"), Class::Breaking);
    assert_eq!(class("module.network.aws_vpc.main", &["update"], "module.network"), Class::Breaking);
    assert_eq!(class("module.network2.aws_vpc.main", &["update"], "module.network"), Class::Safe);
    assert_eq!(class("aws_rds_cluster.main", &["create"], "aws_rds_cluster"), Class::Safe, "nothing is there to break");
}

#[test]
fn secrets_in_addresses_are_replaced_and_two_that_read_alike_stay_two() {
    let one = resource("terraform_data.each[\"tok-secret-1\"]", &["delete"]);
    let other = resource("terraform_data.each[\"tok-secret-2\"]", &["delete"]);
    let kept = resource("terraform_data.each[\"plain\"]", &["delete", "create"]);
    let review = judged(json!([one, other, kept])).redacted(&Redactor::new(["tok-secret-1", "tok-secret-2"]));
    assert!(!format!("{review:?}").contains("tok-secret"), "{review:?}");
    let addresses =
        ["terraform_data.each[\"***\"]", "terraform_data.each[\"***\"] (2)", "terraform_data.each[\"plain\"]"];
    assert_eq!(review.breaking_addresses(), BTreeSet::from(addresses));
    assert_eq!(review.changes.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(), addresses);
}

#[test]
fn a_plan_that_leaves_something_out_is_breaking_and_one_that_broke_off_is_refused() {
    let partial = judged_with(json!({ "complete": false }), &[]);
    assert_eq!(partial.breaking_addresses(), BTreeSet::from(["the plan"]));
    let broken = judged_with(json!({ "complete": false, "errored": true }), &[]);
    assert_eq!(broken.refusals.len(), 1);
    assert_eq!(judged_with(json!({ "complete": true, "errored": false }), &[]).class(), Class::Nothing);
}

fn drifted(kind: &str, before: Value, after: Value) -> Review {
    let change = json!({ "actions": ["update"], "before": before, "after": after });
    let resource = json!({ "address": format!("{kind}.it"), "mode": "managed", "type": kind, "change": change });
    judged_with(json!({ "resource_drift": [resource] }), &[])
}

#[test]
fn drift_is_breaking_and_what_deployments_move_is_none() {
    let review = drifted("aws_sqs_queue", json!({ "delay": 1, "secret": "x" }), json!({ "delay": 2, "secret": "y" }));
    assert_eq!(review.breaking[0].why, "it was changed outside of Terraform: delay, secret");
    let gone = json!({ "address": "a.b", "mode": "managed", "type": "a", "change": { "actions": ["delete"] } });
    assert_eq!(
        judged_with(json!({ "resource_drift": [gone] }), &[]).breaking[0].why,
        "it was destroyed outside of Terraform"
    );
    let nothing = [
        (
            "aws_lambda_function",
            json!({ "image_uri": "a", "version": "1" }),
            json!({ "image_uri": "b", "version": "2" }),
        ),
        (
            "aws_lambda_alias",
            json!({ "function_version": "1" }),
            json!({ "function_version": "2", "description": "tiers x" }),
        ),
        ("aws_lambda_function", json!({ "tags": { "A": "b" } }), json!({ "tags": { "A": "b", "tiers:ledger": "x" } })),
    ];
    for (kind, before, after) in nothing {
        assert_eq!(drifted(kind, before, after).class(), Class::Nothing);
    }
    let other = drifted("aws_lambda_function", json!({ "memory_size": 1 }), json!({ "memory_size": 2 }));
    assert_eq!(other.class(), Class::Breaking);
    let tags = drifted(
        "aws_lambda_function",
        json!({ "tags": { "A": "b" } }),
        json!({ "tags": { "A": "c", "tiers:ledger": "x" } }),
    );
    assert_eq!(tags.class(), Class::Breaking);
}

fn updated(kind: &str, before: Value, after: Value, unknown: Value) -> Review {
    let change = json!({ "actions": ["update"], "before": before, "after": after, "after_unknown": unknown });
    judged(json!([{ "address": format!("{kind}.it"), "mode": "managed", "type": kind, "change": change }]))
}

#[test]
fn an_image_that_deployments_own_is_not_terraforms_to_change() {
    let before = json!({ "function_name": "shop-api-dev", "image_uri": "repo@sha256:1", "memory_size": 1 });
    let with = |image: &str, memory: u32| json!({ "function_name": "shop-api-dev", "image_uri": image, "memory_size": memory });
    let moved = updated("aws_lambda_function", before.clone(), with("repo:latest", 1), json!({}));
    assert!(moved.refusals[0].remedy.contains("ignore_changes = [image_uri]"), "{moved:?}");
    let unknown =
        updated("aws_lambda_function", before.clone(), with("repo@sha256:1", 1), json!({ "image_uri": true }));
    assert_eq!(unknown.refusals.len(), 1);
    assert!(updated("aws_lambda_function", before, with("repo@sha256:1", 2), json!({})).refusals.is_empty());
    let other = json!({ "function_name": "somebody-elses", "image_uri": "a" });
    let after = json!({ "function_name": "somebody-elses", "image_uri": "b" });
    assert!(updated("aws_lambda_function", other, after, json!({})).refusals.is_empty());
}

#[test]
fn the_alias_of_users_and_the_ledgers_tag_are_not_terraforms_either() {
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:shop-api-dev";
    let alias = |name: &str, version: &str| json!({ "name": name, "function_name": arn, "function_version": version });
    let refused =
        |name: &str| updated("aws_lambda_alias", alias(name, "1"), alias(name, "2"), json!({})).refusals.len();
    assert_eq!((refused("live"), refused("canary")), (1, 0));
    let tags = |tags: Value| json!({ "function_name": "shop-api-dev", "tags": tags });
    let lost = updated("aws_lambda_function", tags(json!({ "tiers:ledger": "x" })), tags(json!({})), json!({}));
    assert!(lost.refusals[0].why.contains("which ledger"), "{lost:?}");
}

#[test]
fn a_newer_major_version_is_refused_and_a_newer_minor_one_is_read() {
    let newer = PlanJson::parse(r#"{"format_version":"2.0","resource_changes":7}"#);
    assert_eq!(newer.err(), Some(NotAPlan::Newer("2.0".into())));
    assert!(PlanJson::parse(r#"{"format_version":"1.9","something_new":[1]}"#).is_ok());
    assert!(matches!(PlanJson::parse("{"), Err(NotAPlan::Unreadable(_))));
}

#[test]
fn the_providers_region_is_told_by_a_constant_or_a_variable() {
    let plan = |region: Value| {
        let aws = json!({ "name": "aws", "expressions": { "region": region } });
        let other =
            json!({ "name": "aws", "alias": "us", "expressions": { "region": { "constant_value": "us-east-1" } } });
        let configuration = json!({ "provider_config": { "aws": aws, "aws.us": other } });
        json!({ "format_version": "1.2", "configuration": configuration, "variables": { "region": { "value": "eu-west-1" } } })
    };
    let region = |value: Value| parse(&plan(value)).aws_region().map(str::to_owned);
    assert_eq!(region(json!({ "constant_value": "eu-central-1" })), Some("eu-central-1".into()));
    assert_eq!(region(json!({ "references": ["var.region"] })), Some("eu-west-1".into()));
    assert_eq!(region(json!({ "references": ["local.region", "var.region"] })), None);
}

fn settings(value: Value) -> BTreeMap<String, Value> {
    value.as_object().expect("an object").clone().into_iter().collect()
}

#[test]
fn a_binding_is_compared_setting_by_setting_and_tells_no_credentials() {
    let declared = settings(json!({ "bucket": "state", "key": "dev", "encrypt": true, "access_key": "AKIA1" }));
    let mut bound =
        settings(json!({ "bucket": "state", "key": "dev", "encrypt": true, "access_key": "AKIA1", "endpoints": null }));
    assert_eq!(compare("s3", &declared, &bound), []);
    bound.extend(settings(json!({ "key": "prod", "access_key": "AKIA2", "dynamodb_table": "locks" })));
    let told = |name: &str, declared: Option<&str>, bound: Option<&str>| Difference {
        name: name.into(),
        declared: declared.map(str::to_owned),
        bound: bound.map(str::to_owned),
    };
    let expected = [
        told("access_key", Some("***"), Some("***")),
        told("key", Some("dev"), Some("prod")),
        told("dynamodb_table", None, Some("locks")),
    ];
    assert_eq!(compare("s3", &declared, &bound), expected);
}

#[test]
fn the_identity_of_a_backend_holds_its_place_and_nothing_secret() {
    let config = settings(
        json!({ "bucket": "state", "key": "dev", "secret_key": "s3cr3t", "kms_key_id": "k", "dynamodb_table": "l" }),
    );
    let s3 = identity("s3", &config);
    assert_eq!(s3.settings.keys().collect::<Vec<_>>(), ["bucket", "dynamodb_table", "key"]);
    assert_eq!(s3.to_string(), "s3 state/dev");
    let http = identity("http", &settings(json!({ "address": "https://user:pass@host/state" })));
    assert!(!format!("{http:?}").contains("pass"), "{http:?}");
}
