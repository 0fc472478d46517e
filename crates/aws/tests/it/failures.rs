//! Which failure is which: the deployer's next step hangs on it.

use tiers_lambda::api::{ApiError, LambdaApi, Qualifier};

use crate::scripted::{Step, scripted};

/// The kind's name, for tables.
fn kind(error: &ApiError) -> &'static str {
    match error {
        ApiError::NotFound(_) => "not found",
        ApiError::Precondition(_) => "precondition",
        ApiError::InProgress(_) => "in progress",
        ApiError::Conflict(_) => "conflict",
        ApiError::Throttled(_) => "throttled",
        ApiError::Denied(_) => "denied",
        ApiError::Invalid(_) => "invalid",
        ApiError::Ambiguous(_) => "unknown",
    }
}

async fn check(step: Step, expected: &str) {
    let (lambda, _) = scripted([step.clone()]);
    let error = lambda.update_code("f", "repo@sha256:5f", "r-1").await.expect_err("an error");
    assert_eq!(kind(&error), expected, "{step:?} became {error:?}");
}

#[tokio::test]
async fn the_two_meanings_of_409_are_told_apart_by_their_text() {
    let conflict = "ResourceConflictException";
    let busy =
        "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:f";
    check(Step::error(409, conflict, busy), "in progress").await;
    check(Step::error(409, conflict, "Function already exist: f"), "conflict").await;
}

#[tokio::test]
async fn refusals_keep_their_kind_and_the_text_of_the_service() {
    check(Step::error(400, "InvalidParameterValueException", "no such image"), "invalid").await;
    check(Step::error(403, "ExpiredTokenException", "expired"), "denied").await;
    check(Step::error(413, "RequestTooLargeException", "too much"), "invalid").await;
    let (lambda, _) = scripted([Step::error(404, "ResourceNotFoundException", "Function not found: f")]);
    let error = lambda.get_function("f", &Qualifier::Latest).await.expect_err("an error");
    assert_eq!(error, ApiError::NotFound("ResourceNotFoundException: Function not found: f".into()));
}

#[tokio::test]
async fn an_answer_of_something_between_us_and_the_service_is_never_read_as_absent() {
    check(Step::html(403), "denied").await;
    check(Step::html(407), "invalid").await;
    check(Step::html(404), "invalid").await;
    check(Step::html(302), "unknown").await;
}

#[tokio::test(start_paused = true)]
async fn a_read_is_asked_three_times_at_most_and_then_says_why_it_failed() {
    for step in [Step::Silent, Step::Broken, Step::html(503), Step::error(429, "TooManyRequestsException", "slow")] {
        let (lambda, script) = scripted([step.clone()]);
        let error = lambda.get_alias("f", "live").await.expect_err("an error");
        assert!(matches!(error, ApiError::Ambiguous(_) | ApiError::Throttled(_)), "{step:?}: {error:?}");
        let sent = script.sent().len();
        assert!((2..=3).contains(&sent), "{step:?} was met with {sent} requests");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_read_is_not_asked_again() {
    for step in [Step::error(403, "AccessDeniedException", "no"), Step::error(404, "ResourceNotFoundException", "no")] {
        let (lambda, script) = scripted([step]);
        lambda.get_alias("f", "live").await.expect_err("an error");
        assert_eq!(script.sent().len(), 1);
    }
}
