//! What a deployer needs of Lambda's API, with the service's own words and its preconditions.
//!
//! Source of names and meanings: the Lambda API reference, version 2015-03-31. Enums stay open: the service adds values.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// What stands for a status that an answer does not tell.
pub const UNREPORTED: &str = "unreported";

/// A function's `State`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Pending,
    Active,
    Inactive,
    Failed,
    /// A value this program does not know, as the service wrote it.
    Other(String),
}

impl State {
    /// From the wire; what is not known is kept as it was written, and an absent field is `Other("unreported")`.
    pub fn from_wire(text: Option<&str>) -> State {
        match text {
            Some("Pending") => State::Pending,
            Some("Active") => State::Active,
            Some("Inactive") => State::Inactive,
            Some("Failed") => State::Failed,
            other => State::Other(other.unwrap_or(UNREPORTED).to_owned()),
        }
    }

    /// As the service writes it.
    pub fn as_str(&self) -> &str {
        match self {
            State::Pending => "Pending",
            State::Active => "Active",
            State::Inactive => "Inactive",
            State::Failed => "Failed",
            State::Other(text) => text,
        }
    }
}

/// A function's `LastUpdateStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpdateStatus {
    Successful,
    InProgress,
    Failed,
    Other(String),
}

impl UpdateStatus {
    /// From the wire; what is not known is kept as it was written, and an absent field is `Other("unreported")`: the service
    /// leaves it out until the creation of a function has completed.
    pub fn from_wire(text: Option<&str>) -> UpdateStatus {
        match text {
            Some("Successful") => UpdateStatus::Successful,
            Some("InProgress") => UpdateStatus::InProgress,
            Some("Failed") => UpdateStatus::Failed,
            other => UpdateStatus::Other(other.unwrap_or(UNREPORTED).to_owned()),
        }
    }
}

/// Which form of a function is meant. There is no "none": a call without a qualifier would mean `$LATEST` or, when deleting,
/// everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Qualifier {
    Latest,
    /// A published number.
    Version(String),
    Alias(String),
}

impl Qualifier {
    /// As the API takes it.
    pub fn as_str(&self) -> &str {
        match self {
            Qualifier::Latest => "$LATEST",
            Qualifier::Version(text) | Qualifier::Alias(text) => text,
        }
    }
}

/// The settings of a function or version apart from its code: what a fingerprint covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub description: String,
    pub role: String,
    pub memory_mb: u32,
    pub timeout_s: u32,
    pub environment: BTreeMap<String, String>,
    /// `ImageConfig.EntryPoint`, `Command`, `WorkingDirectory`.
    pub entry_point: Vec<String>,
    pub command: Vec<String>,
    pub working_directory: Option<String>,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    pub ephemeral_mb: u32,
    pub dead_letter_arn: Option<String>,
    /// What else the service reports of the configuration and this program need not understand (VPC, tracing, file systems,
    /// layers, logging…), as JSON by field name, so that a change of it changes the fingerprint.
    pub other: BTreeMap<String, serde_json::Value>,
}

/// What `GetFunction` tells of one function or version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    pub name: String,
    /// With the qualifier that was asked for.
    pub arn: String,
    /// `$LATEST` or a number.
    pub version: String,
    /// `RevisionId`.
    pub revision: String,
    /// `Code.ImageUri`, as stored: may be a tag. Empty where the answer had no `Code` block, which only `GetFunction` has.
    pub image_uri: String,
    /// `Code.ResolvedImageUri`, by digest; `None` where the answer had no `Code` block.
    pub resolved_image_uri: Option<String>,
    /// The hexadecimal digest of an image function.
    pub code_sha256: String,
    pub state: State,
    pub state_reason: Option<Reason>,
    pub last_update: UpdateStatus,
    pub last_update_reason: Option<Reason>,
    pub last_modified: String,
    pub settings: Settings,
    /// Of the function as a whole; empty where the answer did not carry them.
    pub tags: BTreeMap<String, String>,
    pub reserved_concurrency: Option<u32>,
}

/// A reason code (`ImageDeleted`, `ImageAccessDenied`, `InvalidImage`, …) and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub code: String,
    pub text: String,
}

/// An alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    pub name: String,
    pub arn: String,
    pub version: String,
    pub description: String,
    /// The alias's own `RevisionId`.
    pub revision: String,
    /// `RoutingConfig.AdditionalVersionWeights`: at most one, 0.0 to 1.0.
    pub weights: BTreeMap<String, f64>,
}

/// One write to an alias; everything is said, so that nothing stays behind by omission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AliasWrite {
    pub version: String,
    pub description: String,
    /// Sent even when empty: that is how weights are cleared.
    pub weights: BTreeMap<String, f64>,
}

/// A function to be made: Terraform's work where there is a cloud, `tiers local up`'s on the local host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewFunction {
    pub name: String,
    pub image_uri: String,
    pub settings: Settings,
    pub tags: BTreeMap<String, String>,
    pub publish: bool,
}

/// An invocation's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub status: u16,
    /// `Handled` or `Unhandled` when the function itself failed.
    pub function_error: Option<String>,
    pub payload: Vec<u8>,
    pub executed_version: Option<String>,
    /// The last 4 KB of the log when asked for, decoded.
    pub log_tail: Option<String>,
}

/// Who is calling, from STS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    pub account: String,
    pub arn: String,
}

/// Why a call did not do what was asked. The kinds are those a deployer must tell apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// 404: the function, version or alias does not exist.
    #[error("not found: {0}")]
    NotFound(String),
    /// The revision id (412) or code hash (a 400) that was given is not the current one. Nothing was changed.
    #[error("precondition failed: {0}")]
    Precondition(String),
    /// 409 "An update is in progress", or the function is still Pending: nothing was changed; wait and look.
    #[error("busy: {0}")]
    InProgress(String),
    /// Any other 409: it exists already, or an alias still points at it. Nothing was changed.
    #[error("conflict: {0}")]
    Conflict(String),
    /// 429 of the control plane. Nothing was changed.
    #[error("throttled: {0}")]
    Throttled(String),
    /// 401 or 403. Never to be read as "absent". Nothing was changed.
    #[error("access denied: {0}")]
    Denied(String),
    /// Any other 4xx: the request itself is wrong. Nothing was changed.
    #[error("invalid request: {0}")]
    Invalid(String),
    /// A 5xx, a timeout, a connection that broke: the call may or may not have taken effect. Only a look tells.
    #[error("unknown outcome: {0}")]
    Ambiguous(String),
}

impl ApiError {
    /// True when the service said that it did nothing, so that no late effect is possible.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, ApiError::Ambiguous(_))
    }

    /// True when the same LOOK may be asked again. A write is never sent again without a look.
    pub fn may_look_again(&self) -> bool {
        matches!(self, ApiError::Throttled(_) | ApiError::Ambiguous(_) | ApiError::InProgress(_))
    }
}

/// What an error answer of the service means: the one place where HTTP status, exception name and message are read, for the
/// SDK adapter and for the model alike. `code` is the exception's name (empty when the answer had none), and the text of the
/// result is `code: message`.
///
/// Two refusals share `ResourceConflictException` and two share `InvalidParameterValueException`; only their messages differ.
/// An answer of 404 means absent only when the service says so itself: a proxy or a wrong endpoint answers 404 too.
pub fn classify(status: u16, code: &str, message: &str) -> ApiError {
    let text = match (code.is_empty(), message.is_empty()) {
        (false, false) => format!("{code}: {message}"),
        (false, true) => code.to_owned(),
        (true, false) => format!("http status {status}: {message}"),
        (true, true) => format!("http status {status}"),
    };
    if status == 429 || THROTTLED.contains(&code) {
        return ApiError::Throttled(text);
    }
    if !(400..500).contains(&status) || status == 408 {
        return ApiError::Ambiguous(text);
    }
    if matches!(status, 401 | 403) || DENIED.contains(&code) {
        return ApiError::Denied(text);
    }
    match status {
        404 if code.ends_with("NotFoundException") => ApiError::NotFound(text),
        412 => ApiError::Precondition(text),
        409 if is_transient(code, message) => ApiError::InProgress(text),
        409 => ApiError::Conflict(text),
        400 if message.contains("is different from current CodeSHA256") => ApiError::Precondition(text),
        _ => ApiError::Invalid(text),
    }
}

/// Names under which AWS services refuse by rate, whatever the status.
const THROTTLED: [&str; 5] =
    ["TooManyRequestsException", "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded"];

/// Names under which AWS services refuse credentials or rights, some of them with status 400.
const DENIED: [&str; 12] = [
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

/// Tells a 409 that passes by itself from one that does not.
fn is_transient(code: &str, message: &str) -> bool {
    const STATE: &str = "currently in the following state: ";
    let state = message.find(STATE).map(|at| &message[at + STATE.len()..]);
    message.contains("update is in progress")
        || message.contains("concurrent update operation")
        || code == "SnapStartNotReadyException"
        || state.is_some_and(|state| state.starts_with("Pending") || state.starts_with("Inactive"))
}

/// Lambda's API as a deployer uses it, one request a call (paged lists take as many as they need). Implementations never retry
/// a call that changes something; they may retry reads. Every method may answer any [`ApiError`].
#[async_trait(?Send)]
pub trait LambdaApi {
    /// STS `GetCallerIdentity`.
    async fn caller(&self) -> Result<Caller, ApiError>;
    /// The region that this client talks to.
    fn region(&self) -> String;

    /// `GetFunction`.
    async fn get_function(&self, name: &str, qualifier: &Qualifier) -> Result<Function, ApiError>;
    /// `UpdateFunctionCode` with `ImageUri` and `RevisionId`, never with `Publish`.
    async fn update_code(&self, name: &str, image_uri: &str, revision: &str) -> Result<Function, ApiError>;
    /// `PublishVersion` with `CodeSha256` and `RevisionId`. Answers the older version when nothing changed since.
    async fn publish(
        &self,
        name: &str,
        code_sha256: &str,
        revision: &str,
        description: &str,
    ) -> Result<Function, ApiError>;
    /// `ListVersionsByFunction`, all pages, numbered versions only (no `$LATEST`), oldest first; without `Code` block.
    async fn list_versions(&self, name: &str) -> Result<Vec<Function>, ApiError>;
    /// `GetAlias`.
    async fn get_alias(&self, name: &str, alias: &str) -> Result<Alias, ApiError>;
    /// `UpdateAlias` with the alias's `RevisionId`.
    async fn update_alias(
        &self,
        name: &str,
        alias: &str,
        write: &AliasWrite,
        revision: &str,
    ) -> Result<Alias, ApiError>;
    /// `Invoke`, request and response.
    async fn invoke(&self, name: &str, qualifier: &Qualifier, payload: &[u8]) -> Result<Invocation, ApiError>;

    /// `CreateFunction` (used to set up an environment, never inside a deployment).
    async fn create_function(&self, new: &NewFunction) -> Result<Function, ApiError>;
    /// `UpdateFunctionConfiguration` with `RevisionId` (set-up only).
    async fn update_settings(&self, name: &str, settings: &Settings, revision: &str) -> Result<Function, ApiError>;
    /// `CreateAlias` (set-up only).
    async fn create_alias(&self, name: &str, alias: &str, write: &AliasWrite) -> Result<Alias, ApiError>;
    /// `PutFunctionConcurrency` (set-up only: it has no precondition).
    async fn put_concurrency(&self, name: &str, reserved: u32) -> Result<(), ApiError>;
    /// `TagResource` on the function (set-up and adoption only).
    async fn tag(&self, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), ApiError>;
    /// `DeleteFunction` with a qualifier: one numbered version (pruning only).
    async fn delete_version(&self, name: &str, version: &str) -> Result<(), ApiError>;
}
