//! What the control plane says when it refuses, in its own words: exception name, status, message and, where it has one, Reason.
//!
//! The messages are those of the service where they are known; a deployer must tell some refusals apart by nothing else.

use std::fmt;

use crate::api::{self, ApiError};

/// The exceptions of the Lambda API that the model raises. Source of names and statuses: botocore's service model of 2015-03-31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    InvalidParameterValue,
    /// A constraint of the request's shape (length, pattern, range), refused before the service looks at anything.
    Validation,
    ResourceConflict,
    ResourceNotFound,
    PreconditionFailed,
    TooManyRequests,
    /// An invocation that finds its function inactive because its image is gone.
    ResourceNotReady,
}

impl Exception {
    /// As it stands in the `x-amzn-ErrorType` header and the `__type` of the body.
    pub fn name(self) -> &'static str {
        match self {
            Exception::InvalidParameterValue => "InvalidParameterValueException",
            Exception::Validation => "ValidationException",
            Exception::ResourceConflict => "ResourceConflictException",
            Exception::ResourceNotFound => "ResourceNotFoundException",
            Exception::PreconditionFailed => "PreconditionFailedException",
            Exception::TooManyRequests => "TooManyRequestsException",
            Exception::ResourceNotReady => "ResourceNotReadyException",
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Exception::InvalidParameterValue | Exception::Validation => 400,
            Exception::ResourceConflict => 409,
            Exception::ResourceNotFound => 404,
            Exception::PreconditionFailed => 412,
            Exception::TooManyRequests => 429,
            Exception::ResourceNotReady => 502,
        }
    }
}

/// A refusal as the service would send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError {
    pub exception: Exception,
    /// The `message` (or `Message`) of the body.
    pub message: String,
    /// `Reason`, which only `TooManyRequestsException` has.
    pub reason: Option<&'static str>,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.exception.name(), self.message)
    }
}

impl std::error::Error for ModelError {}

impl From<ModelError> for ApiError {
    /// What the wire adapter makes of the same answer: both go through [`api::classify`].
    fn from(error: ModelError) -> ApiError {
        api::classify(error.status(), error.code(), &error.message)
    }
}

impl ModelError {
    /// The exception's name.
    pub fn code(&self) -> &'static str {
        self.exception.name()
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.exception.status()
    }

    fn new(exception: Exception, message: impl Into<String>) -> ModelError {
        ModelError { exception, message: message.into(), reason: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> ModelError {
        ModelError::new(Exception::InvalidParameterValue, message)
    }

    /// A request that breaks a constraint of its shape.
    pub(super) fn constraint(field: &str, value: &str, must: &str) -> ModelError {
        let text = format!(
            "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must {must}"
        );
        ModelError::new(Exception::Validation, text)
    }

    pub(super) fn function_not_found(arn: &str) -> ModelError {
        ModelError::new(Exception::ResourceNotFound, format!("Function not found: {arn}"))
    }

    pub(super) fn alias_not_found(arn: &str) -> ModelError {
        ModelError::new(Exception::ResourceNotFound, format!("Cannot find alias arn: {arn}"))
    }

    pub(super) fn conflict(message: impl Into<String>) -> ModelError {
        ModelError::new(Exception::ResourceConflict, message)
    }

    pub(super) fn update_in_progress(arn: &str) -> ModelError {
        ModelError::conflict(format!(
            "The operation cannot be performed at this time. An update is in progress for resource: {arn}"
        ))
    }

    pub(super) fn wrong_state(state: &str) -> ModelError {
        ModelError::conflict(format!(
            "The operation cannot be performed at this time. The function is currently in the following state: {state}"
        ))
    }

    pub(super) fn stale_revision() -> ModelError {
        ModelError::new(
            Exception::PreconditionFailed,
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve \
             the latest Revision Id",
        )
    }

    /// The code hash that `PublishVersion` was given is not that of `$LATEST`: a 400, not a 412.
    pub(super) fn other_code(given: &str, current: &str) -> ModelError {
        ModelError::invalid(format!(
            "CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({current}). Please try again with the \
             CodeSHA256 in $LATEST."
        ))
    }

    pub(super) fn rate_exceeded() -> ModelError {
        let mut error = ModelError::new(Exception::TooManyRequests, "Rate exceeded");
        error.reason = Some("CallerRateLimitExceeded");
        error
    }

    /// No concurrency is left for this function. Public for hosts, which count the invocations that are running.
    pub fn concurrency_exceeded(reserved: bool) -> ModelError {
        let mut error = ModelError::new(Exception::TooManyRequests, "Rate Exceeded.");
        error.reason = Some(if reserved {
            "ReservedFunctionConcurrentInvocationLimitExceeded"
        } else {
            "ConcurrentInvocationLimitExceeded"
        });
        error
    }

    pub(super) fn image_deleted(image_uri: &str) -> ModelError {
        ModelError::new(
            Exception::ResourceNotReady,
            format!("The function is inactive because its image {image_uri} was deleted."),
        )
    }
}
