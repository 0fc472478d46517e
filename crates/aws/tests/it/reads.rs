//! What is made of the answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tiers_lambda::api::{ApiError, Caller, Function, LambdaApi, Qualifier, Reason, State, UpdateStatus};
use tiers_lambda::fingerprint::fingerprint;

use crate::scripted::{Step, configuration, scripted};

async fn look(changes: Value) -> Function {
    let mut told = configuration("$LATEST");
    for (name, value) in changes.as_object().expect("fields by name") {
        told[name] = value.clone();
    }
    let (lambda, _) = scripted([Step::ok(json!({ "Configuration": told }))]);
    lambda.get_function("shop-api-dev", &Qualifier::Latest).await.expect("a function")
}

#[tokio::test]
async fn a_look_at_a_function_tells_everything_that_a_fingerprint_covers() {
    let mut told = configuration("$LATEST");
    told["Environment"] = json!({ "Variables": { "STAGE": "dev" } });
    told["ImageConfigResponse"] = json!({ "ImageConfig": { "Command": ["api"], "WorkingDirectory": "/srv" } });
    told["DeadLetterConfig"] = json!({ "TargetArn": "arn:aws:sqs:q" });
    told["Architectures"] = json!(["arm64"]);
    told["EphemeralStorage"] = json!({ "Size": 1024 });
    told["LastUpdateStatus"] = json!("Failed");
    told["LastUpdateStatusReason"] = json!("the image is gone");
    told["LastUpdateStatusReasonCode"] = json!("ImageDeleted");
    let (lambda, script) = scripted([Step::ok(json!({
        "Configuration": told,
        "Code": { "RepositoryType": "ECR", "ImageUri": "repo:v1", "ResolvedImageUri": "repo@sha256:5f" },
        "Tags": { "App": "shop" },
        "Concurrency": { "ReservedConcurrentExecutions": 5 },
    }))]);
    let function = lambda.get_function("shop-api-dev", &Qualifier::Latest).await.expect("a function");
    assert_eq!(script.only().target, "/2015-03-31/functions/shop-api-dev?Qualifier=%24LATEST");
    assert_eq!(function.image_uri, "repo:v1");
    assert_eq!(function.resolved_image_uri.as_deref(), Some("repo@sha256:5f"));
    assert_eq!(function.reserved_concurrency, Some(5));
    assert_eq!(function.tags, BTreeMap::from([("App".into(), "shop".into())]));
    assert_eq!(function.last_update, UpdateStatus::Failed);
    let reason = Reason { code: "ImageDeleted".into(), text: "the image is gone".into() };
    assert_eq!(function.last_update_reason, Some(reason));
    let settings = function.settings;
    assert_eq!((settings.memory_mb, settings.timeout_s, settings.ephemeral_mb), (512, 120, 1024));
    assert_eq!((settings.architecture.as_str(), settings.command), ("arm64", vec!["api".to_owned()]));
    assert_eq!(settings.environment, BTreeMap::from([("STAGE".into(), "dev".into())]));
    assert_eq!(settings.working_directory.as_deref(), Some("/srv"));
    assert_eq!(settings.dead_letter_arn.as_deref(), Some("arn:aws:sqs:q"));
    assert_eq!(settings.other, BTreeMap::from([("PackageType".to_owned(), json!("Image"))]));
}

#[tokio::test]
async fn values_that_this_program_does_not_know_are_kept_as_the_service_wrote_them() {
    let function = look(json!({
        "State": "Hibernating",
        "LastUpdateStatus": "Sideways",
        "StateReasonCode": "TooCold",
        "StateReason": "it is winter",
    }))
    .await;
    assert_eq!(function.state, State::Other("Hibernating".into()));
    assert_eq!(function.last_update, UpdateStatus::Other("Sideways".into()));
    assert_eq!(function.state_reason, Some(Reason { code: "TooCold".into(), text: "it is winter".into() }));
}

#[tokio::test]
async fn a_state_that_is_not_told_is_not_taken_for_active() {
    let function = look(json!({ "State": null, "LastUpdateStatus": null })).await;
    assert_eq!(function.state, State::Other("unreported".into()));
    assert_eq!(function.last_update, UpdateStatus::Other("unreported".into()));
}

#[tokio::test]
async fn settings_that_need_not_be_understood_are_kept_with_what_is_new_in_them() {
    let vpc = json!({ "VpcId": "vpc-1", "SubnetIds": ["b", "a"], "NewField": { "Deep": 1 } });
    let function = look(json!({ "VpcConfig": vpc, "NewSetting": "on", "KMSKeyArn": null })).await;
    let expected = BTreeMap::from([
        ("NewSetting".to_owned(), json!("on")),
        ("PackageType".to_owned(), json!("Image")),
        ("VpcConfig".to_owned(), vpc),
    ]);
    assert_eq!(function.settings.other, expected);
}

#[tokio::test]
async fn a_setting_that_was_taken_away_equals_one_that_was_never_made() {
    let never = look(json!({ "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" } })).await;
    let away = look(json!({
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "On" },
        "VpcConfig": { "VpcId": "", "SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": false },
        "DeadLetterConfig": { "TargetArn": "" },
        "ImageConfigResponse": { "ImageConfig": { "EntryPoint": [], "WorkingDirectory": "" } },
        "Layers": [],
        "KMSKeyArn": null,
    }))
    .await;
    assert_eq!(fingerprint(&away.settings), fingerprint(&never.settings));
}

#[tokio::test]
async fn settings_that_the_service_could_not_read_are_not_taken_for_absent() {
    let error = json!({ "ErrorCode": "AccessDenied", "Message": "KMS" });
    let function = look(json!({ "Environment": { "Error": error } })).await;
    assert_eq!(function.settings.other.get("Environment.Error"), Some(&error));
}

#[tokio::test]
async fn versions_come_from_all_pages_oldest_first_and_without_latest() {
    let page = |versions: &[&str], next: Option<&str>| {
        let versions: Vec<Value> = versions.iter().map(|version| configuration(version)).collect();
        Step::ok(json!({ "Versions": versions, "NextMarker": next }))
    };
    let (lambda, script) =
        scripted([page(&["$LATEST", "10"], Some("m1")), page(&["9", "2"], Some("m2")), page(&["1"], None)]);
    let versions = lambda.list_versions("shop-api-dev").await.expect("versions");
    let numbers: Vec<&str> = versions.iter().map(|version| version.version.as_str()).collect();
    assert_eq!(numbers, ["1", "2", "9", "10"]);
    let targets: Vec<String> = script.sent().into_iter().map(|sent| sent.target).collect();
    let base = "/2015-03-31/functions/shop-api-dev/versions";
    assert_eq!(targets, [base.to_owned(), format!("{base}?Marker=m1"), format!("{base}?Marker=m2")]);
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let (lambda, _) = scripted([Step::ok(json!({ "Versions": [], "NextMarker": "again" }))]);
    let error = lambda.list_versions("f").await.expect_err("an error");
    assert!(matches!(&error, ApiError::Ambiguous(text) if text.contains("2000 pages")), "{error:?}");
}

#[tokio::test]
async fn an_alias_without_routing_has_no_weights() {
    let (lambda, _) = scripted([Step::ok(json!({
        "Name": "live", "AliasArn": "arn:live", "FunctionVersion": "7", "RevisionId": "a-1", "Description": "tiers",
    }))]);
    let alias = lambda.get_alias("f", "live").await.expect("an alias");
    assert_eq!((alias.version.as_str(), alias.revision.as_str(), alias.weights.len()), ("7", "a-1", 0));
}

#[tokio::test]
async fn the_caller_is_who_sts_says() {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:me</Arn><Account>123456789012</Account>\
                </GetCallerIdentityResult></GetCallerIdentityResponse>";
    let (lambda, script) = scripted([Step::Answer { status: 200, error: None, body: body.into() }]);
    let caller = lambda.caller().await.expect("a caller");
    assert_eq!(caller, Caller { account: "123456789012".into(), arn: "arn:me".into() });
    assert_eq!(lambda.region(), "eu-west-1");
    assert!(
        script.only().authorization.contains("Credential=AKIALOCAL123456789012/"),
        "{}",
        script.only().authorization
    );
}
