//! How a failed exchange is told: a refusal only where the service, or the SDK before sending, proves that nothing happened.

use aws_sdk_lambda::error::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tiers_lambda::api::{ApiError, classify};

use crate::answer::Watch;

/// How much of an unreadable answer is shown, in characters.
const SHOWN_CHARS: usize = 200;

/// The kind of failure and a text for people. `endpoint` is named where the failure may lie in reaching it.
pub fn explain<E>(call: &str, error: &SdkError<E>, watch: &Watch, endpoint: Option<&str>) -> ApiError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let place = endpoint.unwrap_or("aws");
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or_default();
            let message = service.err().message().unwrap_or_default();
            classify(status, code, message)
        }
        SdkError::ResponseError(response) if (400..500).contains(&response.raw().status().as_u16()) => {
            // A refusal that something between us and the service wrote: its status still says that it did not pass.
            let text = String::from_utf8_lossy(response.raw().body().bytes().unwrap_or_default()).into_owned();
            let shown: String = text.chars().take(SHOWN_CHARS).collect();
            classify(response.raw().status().as_u16(), "", &format!("an answer that is not the service's: {shown}"))
        }
        _ if !watch.was_sent() => not_sent(call, error),
        SdkError::ResponseError(_) => {
            ApiError::Ambiguous(format!("{call}: the answer could not be read: {}", words(error)))
        }
        SdkError::TimeoutError(_) => ApiError::Ambiguous(format!("{call}: no answer from {place} in time")),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            ApiError::Ambiguous(format!("{call}: no answer from {place} in time"))
        }
        other => ApiError::Ambiguous(format!("{call}: the connection to {place} failed: {}", words(other))),
    }
}

/// The SDK gave up before the request left: no credentials, or a request that it could not build.
fn not_sent<E>(call: &str, error: &SdkError<E>) -> ApiError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let reason = words(error);
    match error {
        SdkError::ConstructionFailure(_) => {
            ApiError::Invalid(format!("{call}: the request could not be built: {reason}"))
        }
        SdkError::DispatchFailure(_) => {
            ApiError::Denied(format!("{call}: nothing was sent, no usable credentials: {reason}"))
        }
        // Among them a deadline that ran out while credentials were fetched: worth another look, and never a denial.
        _ => ApiError::Ambiguous(format!("{call}: nothing was sent: {reason}")),
    }
}

/// What an error and those below it say, each once. `DisplayErrorContext` would add the whole of their structure.
fn words(error: &dyn std::error::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !said.iter().any(|known| known.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    said.join(": ")
}
