//! Refusals in the form in which AWS's REST-JSON services send them.

use serde_json::json;
use tiers_lambda::model::ModelError;
use tiers_oci::OciError;

use crate::LocalError;
use crate::http::{self, Answer};
use crate::model_store::ChangeError;

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub status: u16,
    /// The exception's name, which travels in a header.
    pub code: String,
    pub message: String,
    pub reason: Option<String>,
}

impl Failure {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Failure {
        Failure { status, code: code.to_owned(), message: message.into(), reason: None }
    }

    /// The request carries no credentials at all.
    pub fn no_credentials() -> Failure {
        Failure::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    /// The body is no JSON of the right shape.
    pub fn bad_body(why: &serde_json::Error) -> Failure {
        let text = format!("Could not parse request body into json: {why}");
        Failure::new(400, "InvalidRequestContentException", text)
    }

    pub fn too_large(limit_bytes: usize, operation: &str) -> Failure {
        let text = format!("Request must be smaller than {limit_bytes} bytes for the {operation} operation");
        Failure::new(413, "RequestTooLargeException", text)
    }

    /// As an answer; `request_id` stands in its header.
    pub fn answer(&self, request_id: &str) -> Answer {
        // Source: botocore's service model: these shapes spell the member with a capital letter, the others don't.
        let name = match self.code.as_str() {
            "ResourceNotFoundException" | "ServiceException" => "Message",
            _ => "message",
        };
        let kind = if self.status < 500 { "User" } else { "Service" };
        let mut body = json!({"Type": kind, name: self.message});
        if let (Some(reason), Some(fields)) = (&self.reason, body.as_object_mut()) {
            fields.insert("Reason".to_owned(), json!(reason));
        }
        let mut answer = http::json(self.status, &body);
        set(&mut answer, "x-amzn-errortype", &self.code);
        set(&mut answer, "x-amzn-requestid", request_id);
        answer
    }
}

/// Sets a header; a value that can't be one is left out.
pub(crate) fn set(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = hyper::header::HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Failure {
        Failure {
            status: error.status(),
            code: error.code().to_owned(),
            message: error.message.clone(),
            reason: error.reason.map(str::to_owned),
        }
    }
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Failure {
        Failure::new(500, "ServiceException", error.to_string())
    }
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Failure {
        match error {
            ChangeError::Refused(error) => error.into(),
            ChangeError::Local(error) => error.into(),
        }
    }
}

impl From<OciError> for ChangeError {
    /// The layouts are this host's registry: what is wrong with them is no fault of the request.
    fn from(error: OciError) -> ChangeError {
        ChangeError::Local(LocalError::Invalid(format!("the image layouts can't be read: {error}")))
    }
}
