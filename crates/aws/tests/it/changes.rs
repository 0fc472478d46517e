//! Each call that changes something: what exactly goes out, and that it goes out once whatever comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tiers_lambda::api::{AliasWrite, ApiError, LambdaApi, NewFunction, Qualifier, Settings};

use crate::scripted::{Step, configuration, scripted};

fn settings() -> Settings {
    Settings {
        description: "the shop".into(),
        role: "arn:aws:iam::123456789012:role/shop".into(),
        memory_mb: 512,
        timeout_s: 120,
        environment: BTreeMap::from([("STAGE".into(), "dev".into())]),
        command: vec!["api".into()],
        architecture: "arm64".into(),
        ephemeral_mb: 1024,
        ..Settings::default()
    }
}

fn new_function() -> NewFunction {
    NewFunction {
        name: "shop-api-dev".into(),
        image_uri: "repo@sha256:5f".into(),
        settings: settings(),
        tags: BTreeMap::from([("App".into(), "shop".into())]),
        publish: true,
    }
}

fn alias_write(weights: &[(&str, f64)]) -> AliasWrite {
    AliasWrite {
        version: "7".into(),
        description: "tiers 1/2/3".into(),
        weights: weights.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect(),
    }
}

/// The name of each change, and the call.
const CHANGES: [&str; 9] = [
    "update_code",
    "publish",
    "update_alias",
    "invoke",
    "create_function",
    "update_settings",
    "create_alias",
    "put_concurrency",
    "delete_version",
];

async fn change(name: &str, lambda: &impl LambdaApi) -> Result<(), ApiError> {
    let function = "shop-api-dev";
    match name {
        "update_code" => lambda.update_code(function, "repo@sha256:5f", "r-1").await.map(drop),
        "publish" => lambda.publish(function, "5f", "r-1", "v").await.map(drop),
        "update_alias" => lambda.update_alias(function, "live", &alias_write(&[]), "a-1").await.map(drop),
        "invoke" => lambda.invoke(function, &Qualifier::Latest, b"{}").await.map(drop),
        "create_function" => lambda.create_function(&new_function()).await.map(drop),
        "update_settings" => lambda.update_settings(function, &settings(), "r-1").await.map(drop),
        "create_alias" => lambda.create_alias(function, "live", &alias_write(&[])).await.map(drop),
        "put_concurrency" => lambda.put_concurrency(function, 5).await,
        "delete_version" => lambda.delete_version(function, "3").await,
        other => panic!("no change is called {other}"),
    }
}

/// Every change, met with `step`, sends one request and ends as `expected` says.
async fn check(step: Step, expected: fn(&ApiError) -> bool) {
    for name in CHANGES {
        let (lambda, script) = scripted([step.clone()]);
        let error = change(name, &lambda).await.expect_err(name);
        assert!(expected(&error), "{name} met with {step:?} ended as {error:?}");
        assert_eq!(script.sent().len(), 1, "{name} met with {step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_is_lost_is_sent_once_and_its_outcome_is_unknown() {
    let unknown = |error: &ApiError| matches!(error, ApiError::Ambiguous(_));
    check(Step::Silent, unknown).await;
    check(Step::Broken, unknown).await;
    check(Step::error(500, "ServiceException", "internal error"), unknown).await;
    check(Step::error(503, "ServiceUnavailable", "try again"), unknown).await;
    check(Step::html(502), unknown).await;
    check(Step::html(408), unknown).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_refused_is_sent_once_and_said_to_be_refused() {
    check(Step::error(412, "PreconditionFailedException", "stale"), |error| matches!(error, ApiError::Precondition(_)))
        .await;
    check(Step::error(429, "TooManyRequestsException", "Rate exceeded"), |error| {
        matches!(error, ApiError::Throttled(_))
    })
    .await;
    check(Step::error(403, "AccessDeniedException", "no"), |error| matches!(error, ApiError::Denied(_))).await;
    check(Step::error(404, "ResourceNotFoundException", "no"), |error| matches!(error, ApiError::NotFound(_))).await;
}

#[tokio::test]
async fn a_change_that_was_answered_with_something_unreadable_has_an_unknown_outcome() {
    for name in ["update_code", "publish", "update_alias", "create_function", "update_settings", "create_alias"] {
        for body in ["", "{}", "<html>", r#"{"FunctionName": 7}"#] {
            let (lambda, script) = scripted([Step::Answer { status: 200, error: None, body: body.into() }]);
            let error = change(name, &lambda).await.expect_err(name);
            assert!(matches!(error, ApiError::Ambiguous(_)), "{name} answered with {body:?}: {error:?}");
            assert_eq!(script.sent().len(), 1);
        }
    }
}

#[tokio::test]
async fn code_is_updated_by_digest_under_the_revision_and_never_published_along() {
    let (lambda, script) = scripted([Step::ok(configuration("$LATEST"))]);
    lambda.update_code("shop-api-dev", "repo@sha256:5f", "r-1").await.expect("an update");
    let sent = script.only();
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("PUT", "/2015-03-31/functions/shop-api-dev/code"));
    assert_eq!(sent.json(), json!({ "ImageUri": "repo@sha256:5f", "RevisionId": "r-1" }));
}

#[tokio::test]
async fn a_version_is_published_under_both_preconditions() {
    let (lambda, script) = scripted([Step::ok(configuration("8"))]);
    let version = lambda.publish("shop-api-dev", "5f5f", "r-1", "release 3").await.expect("a version");
    assert_eq!(version.version, "8");
    let sent = script.only();
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("POST", "/2015-03-31/functions/shop-api-dev/versions"));
    assert_eq!(sent.json(), json!({ "CodeSha256": "5f5f", "RevisionId": "r-1", "Description": "release 3" }));
}

async fn check_alias_write(weights: &[(&str, f64)], routing: Value) {
    let answer = json!({ "Name": "live", "FunctionVersion": "7", "RevisionId": "a-2", "RoutingConfig": routing });
    let (lambda, script) = scripted([Step::ok(answer)]);
    let alias = lambda.update_alias("shop-api-dev", "live", &alias_write(weights), "a-1").await.expect("an update");
    assert_eq!((alias.revision.as_str(), alias.weights.len()), ("a-2", weights.len()));
    let sent = script.only();
    assert_eq!(sent.target, "/2015-03-31/functions/shop-api-dev/aliases/live");
    let expected = json!({
        "FunctionVersion": "7",
        "Description": "tiers 1/2/3",
        "RevisionId": "a-1",
        "RoutingConfig": routing,
    });
    assert_eq!(sent.json(), expected);
}

#[tokio::test]
async fn an_alias_is_written_whole_under_its_own_revision_and_empty_weights_are_sent() {
    check_alias_write(&[], json!({ "AdditionalVersionWeights": {} })).await;
    check_alias_write(&[("6", 0.1)], json!({ "AdditionalVersionWeights": { "6": 0.1 } })).await;
}

#[tokio::test]
async fn a_function_is_made_with_all_its_settings() {
    let (lambda, script) = scripted([Step::ok(configuration("1"))]);
    lambda.create_function(&new_function()).await.expect("a function");
    let expected = json!({
        "FunctionName": "shop-api-dev",
        "PackageType": "Image",
        "Code": { "ImageUri": "repo@sha256:5f" },
        "Role": "arn:aws:iam::123456789012:role/shop",
        "Description": "the shop",
        "MemorySize": 512,
        "Timeout": 120,
        "Publish": true,
        "Environment": { "Variables": { "STAGE": "dev" } },
        "ImageConfig": { "EntryPoint": [], "Command": ["api"] },
        "Architectures": ["arm64"],
        "EphemeralStorage": { "Size": 1024 },
        "Tags": { "App": "shop" },
    });
    assert_eq!(script.only().json(), expected);
}

#[tokio::test]
async fn a_function_with_settings_that_cannot_be_made_is_refused_before_anything_is_sent() {
    let (lambda, script) = scripted([Step::ok(configuration("1"))]);
    let mut new = new_function();
    new.settings.other.insert("VpcConfig".into(), json!({ "VpcId": "vpc-1" }));
    let error = lambda.create_function(&new).await.expect_err("a refusal");
    assert_eq!(
        error,
        ApiError::Invalid("CreateFunction: the setting VpcConfig can be read here and not be made".into())
    );
    assert!(script.sent().is_empty());
}

#[tokio::test]
async fn settings_that_were_taken_away_are_sent_as_empty() {
    let (lambda, script) = scripted([Step::ok(configuration("$LATEST"))]);
    let bare = Settings { environment: BTreeMap::new(), command: Vec::new(), ..settings() };
    lambda.update_settings("shop-api-dev", &bare, "r-1").await.expect("an update");
    let sent = script.only().json();
    assert_eq!(sent["Environment"], json!({ "Variables": {} }));
    assert_eq!(sent["ImageConfig"], json!({ "EntryPoint": [], "Command": [] }));
    assert_eq!(sent["DeadLetterConfig"], json!({ "TargetArn": "" }));
    assert_eq!(sent["RevisionId"], json!("r-1"));
}

#[tokio::test]
async fn deleting_names_one_version_and_can_never_mean_the_whole_function() {
    let (lambda, script) = scripted([Step::Answer { status: 204, error: None, body: String::new() }]);
    lambda.delete_version("shop-api-dev", "3").await.expect("a deletion");
    let sent = script.only();
    assert_eq!(
        (sent.method.as_str(), sent.target.as_str()),
        ("DELETE", "/2015-03-31/functions/shop-api-dev?Qualifier=3")
    );
    for version in ["", "$LATEST", "live", "3 ", "-1"] {
        let error = lambda.delete_version("shop-api-dev", version).await.expect_err(version);
        assert!(matches!(error, ApiError::Invalid(_)), "{version}: {error:?}");
    }
    assert_eq!(script.sent().len(), 1);
}

#[tokio::test]
async fn tags_and_concurrency_reach_their_own_addresses() {
    let (lambda, script) = scripted([Step::ok(json!({ "ReservedConcurrentExecutions": 5 }))]);
    lambda.put_concurrency("shop-api-dev", 5).await.expect("a reservation");
    lambda.tag("arn:aws:lambda:eu-west-1:123456789012:function:f", &new_function().tags).await.expect("a tag");
    let sent = script.sent();
    assert_eq!(sent[0].target, "/2017-10-31/functions/shop-api-dev/concurrency");
    assert_eq!(sent[0].json(), json!({ "ReservedConcurrentExecutions": 5 }));
    assert!(sent[1].target.starts_with("/2017-03-31/tags/arn"), "{}", sent[1].target);
    assert_eq!(sent[1].json(), json!({ "Tags": { "App": "shop" } }));
}

#[tokio::test(start_paused = true)]
async fn an_invocation_may_take_as_long_as_a_function_may_run() {
    let (lambda, script) = scripted([Step::Late(Duration::from_secs(905), r#"{"ok":true}"#.into())]);
    let answer =
        lambda.invoke("shop-api-dev", &Qualifier::Alias("live".into()), br#"{"n":1}"#).await.expect("an answer");
    assert_eq!((answer.status, answer.payload.as_slice()), (200, br#"{"ok":true}"#.as_slice()));
    let sent = script.only();
    assert_eq!(sent.target, "/2015-03-31/functions/shop-api-dev/invocations?Qualifier=live");
    assert_eq!(sent.body(), br#"{"n":1}"#);
}
