//! What error answers mean to a deployer.

use tiers_lambda::api::{ApiError, classify};

fn check(status: u16, code: &str, message: &str, expected: fn(String) -> ApiError) {
    let read = classify(status, code, message);
    let text = match &read {
        ApiError::NotFound(text)
        | ApiError::Precondition(text)
        | ApiError::InProgress(text)
        | ApiError::Conflict(text)
        | ApiError::Throttled(text)
        | ApiError::Denied(text)
        | ApiError::Invalid(text)
        | ApiError::Ambiguous(text) => text.clone(),
    };
    assert!(text.contains(code) && text.contains(message), "{text}");
    assert_eq!(read, expected(text), "{status} {code} {message}");
}

#[test]
fn the_two_meanings_of_409_differ_by_message() {
    let conflict = "ResourceConflictException";
    let during = "The operation cannot be performed at this time. An update is in progress for resource: arn:f";
    let state = "The operation cannot be performed at this time. The function is currently in the following state: ";
    check(409, conflict, during, ApiError::InProgress);
    check(409, conflict, &format!("{state}Pending"), ApiError::InProgress);
    check(409, conflict, &format!("{state}Inactive"), ApiError::InProgress);
    check(409, conflict, &format!("{state}Failed"), ApiError::Conflict);
    check(
        409,
        conflict,
        "The function could not be updated due to a concurrent update operation.",
        ApiError::InProgress,
    );
    check(409, conflict, "Function already exist: f", ApiError::Conflict);
    check(
        409,
        conflict,
        "Unable to delete version because the following aliases reference it: [live]",
        ApiError::Conflict,
    );
    check(409, "SnapStartNotReadyException", "wait", ApiError::InProgress);
}

#[test]
fn a_wrong_code_hash_is_a_precondition_although_it_is_a_400() {
    let invalid = "InvalidParameterValueException";
    let hash = "CodeSHA256 (aa) is different from current CodeSHA256 in $LATEST (bb). Please try again.";
    check(400, invalid, hash, ApiError::Precondition);
    check(400, invalid, "Source image x does not exist. Provide a valid source image.", ApiError::Invalid);
    check(412, "PreconditionFailedException", "The Revision Id provided does not match", ApiError::Precondition);
}

#[test]
fn absent_is_said_by_the_service_and_never_by_a_status_alone() {
    check(404, "ResourceNotFoundException", "Function not found: arn:f", ApiError::NotFound);
    check(404, "", "404 page not found", ApiError::Invalid);
    check(404, "UnknownOperationException", "", ApiError::Invalid);
    check(403, "AccessDeniedException", "no rights to look", ApiError::Denied);
}

#[test]
fn a_refusal_of_credentials_is_denied_whatever_its_status() {
    check(401, "", "", ApiError::Denied);
    check(403, "", "Forbidden", ApiError::Denied);
    check(403, "ExpiredTokenException", "expired", ApiError::Denied);
    check(400, "UnrecognizedClientException", "The security token is invalid", ApiError::Denied);
    check(400, "ExpiredToken", "expired", ApiError::Denied);
}

#[test]
fn a_rate_that_was_exceeded_is_throttled_whatever_its_status() {
    check(429, "TooManyRequestsException", "Rate exceeded", ApiError::Throttled);
    check(429, "", "slow down", ApiError::Throttled);
    check(400, "ThrottlingException", "Rate exceeded", ApiError::Throttled);
    check(503, "Throttling", "", ApiError::Throttled);
}

#[test]
fn whatever_is_no_refusal_is_an_unknown_outcome() {
    for status in [0, 100, 200, 302, 408, 500, 502, 503, 504, 599] {
        check(status, "", "", ApiError::Ambiguous);
    }
    check(500, "ServiceException", "internal", ApiError::Ambiguous);
    // Rights are judged before anything is done, but a 5xx is believed in nothing.
    check(500, "AccessDeniedException", "", ApiError::Ambiguous);
}
