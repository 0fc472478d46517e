//! One reading of a function's configuration for the five operations that answer with it.
//!
//! The SDK has a type of its own for each of them, with the same thirty fields; the body on the wire has one shape. Reading the
//! body also keeps the settings that this program need not understand under the service's own names, whatever SDK reads them.
//! Source: Lambda API reference, `FunctionConfiguration` and `FunctionCodeLocation`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tiers_lambda::api::{Function, Reason, Settings, State, UpdateStatus};
use tiers_lambda::fingerprint::MOVING;

/// What stands for a state that the answer does not tell (`ListVersionsByFunction` does not promise it).
const UNREPORTED: &str = "unreported";

/// Fields that [`Settings`] and [`Function`] have a place of their own for, besides those that say nothing about settings
/// ([`MOVING`]).
const PLACED: [&str; 8] = [
    "Architectures",
    "DeadLetterConfig",
    "Environment",
    "EphemeralStorage",
    "ImageConfigResponse",
    "MemorySize",
    "Role",
    "Timeout",
];

/// `GetFunction`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Whole {
    configuration: Value,
    code: Option<Code>,
    tags: Option<BTreeMap<String, String>>,
    concurrency: Option<Concurrency>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Code {
    image_uri: Option<String>,
    resolved_image_uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Concurrency {
    reserved_concurrent_executions: Option<u32>,
}

/// One page of `ListVersionsByFunction`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    versions: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    function_name: String,
    function_arn: Option<String>,
    version: String,
    revision_id: Option<String>,
    code_sha256: String,
    state: Option<String>,
    state_reason: Option<String>,
    state_reason_code: Option<String>,
    last_update_status: Option<String>,
    last_update_status_reason: Option<String>,
    last_update_status_reason_code: Option<String>,
    last_modified: Option<String>,
    description: Option<String>,
    role: Option<String>,
    memory_size: Option<u32>,
    timeout: Option<u32>,
    environment: Option<Environment>,
    image_config_response: Option<ImageConfigResponse>,
    architectures: Option<Vec<String>>,
    ephemeral_storage: Option<EphemeralStorage>,
    dead_letter_config: Option<DeadLetterConfig>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    variables: Option<BTreeMap<String, String>>,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageConfigResponse {
    image_config: Option<ImageConfig>,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageConfig {
    entry_point: Option<Vec<String>>,
    command: Option<Vec<String>>,
    working_directory: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorage {
    size: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    target_arn: Option<String>,
}

/// The body of `GetFunction`.
pub fn whole(body: &[u8]) -> serde_json::Result<Function> {
    let whole: Whole = serde_json::from_slice(body)?;
    let mut function = configured(whole.configuration)?;
    if let Some(code) = whole.code {
        function.image_uri = code.image_uri.unwrap_or_default();
        function.resolved_image_uri = code.resolved_image_uri;
    }
    function.tags = whole.tags.unwrap_or_default();
    function.reserved_concurrency =
        whole.concurrency.and_then(|concurrency| concurrency.reserved_concurrent_executions);
    Ok(function)
}

/// The body of an operation that answers with the configuration alone; nothing of the code's address is in it.
pub fn configuration(body: &[u8]) -> serde_json::Result<Function> {
    configured(serde_json::from_slice(body)?)
}

/// One page of versions, `$LATEST` included, in the order of the answer.
pub fn versions(body: &[u8]) -> serde_json::Result<Vec<Function>> {
    let page: Page = serde_json::from_slice(body)?;
    page.versions.into_iter().map(configured).collect()
}

fn configured(raw: Value) -> serde_json::Result<Function> {
    let other = other(&raw);
    let told: Configuration = serde_json::from_value(raw)?;
    let (settings, arn) = (settings(&told, other), told.function_arn.clone());
    Ok(Function {
        name: told.function_name,
        arn: arn.unwrap_or_default(),
        version: told.version,
        revision: told.revision_id.unwrap_or_default(),
        image_uri: String::new(),
        resolved_image_uri: None,
        code_sha256: told.code_sha256,
        state: state(told.state),
        state_reason: reason(told.state_reason_code, told.state_reason),
        last_update: update_status(told.last_update_status),
        last_update_reason: reason(told.last_update_status_reason_code, told.last_update_status_reason),
        last_modified: told.last_modified.unwrap_or_default(),
        settings,
        tags: BTreeMap::new(),
        reserved_concurrency: None,
    })
}

/// Defaults are the service's own, for fields that it leaves out.
fn settings(told: &Configuration, mut other: BTreeMap<String, Value>) -> Settings {
    let image = told.image_config_response.as_ref();
    // Settings that can't be read must not look like settings that are not there.
    let unreadable = [
        ("Environment.Error", told.environment.as_ref().and_then(|environment| environment.error.clone())),
        ("ImageConfigResponse.Error", image.and_then(|image| image.error.clone())),
    ];
    other.extend(unreadable.into_iter().filter_map(|(name, error)| Some((name.to_owned(), error?))));
    let image = image.and_then(|image| image.image_config.as_ref());
    Settings {
        description: told.description.clone().unwrap_or_default(),
        role: told.role.clone().unwrap_or_default(),
        memory_mb: told.memory_size.unwrap_or(128),
        timeout_s: told.timeout.unwrap_or(3),
        environment: told.environment.as_ref().and_then(|it| it.variables.clone()).unwrap_or_default(),
        entry_point: image.and_then(|image| image.entry_point.clone()).unwrap_or_default(),
        command: image.and_then(|image| image.command.clone()).unwrap_or_default(),
        working_directory: image.and_then(|image| image.working_directory.clone()).filter(|text| !text.is_empty()),
        architecture: told.architectures.as_ref().and_then(|all| all.first().cloned()).unwrap_or("x86_64".into()),
        ephemeral_mb: told.ephemeral_storage.as_ref().map_or(512, |storage| storage.size),
        dead_letter_arn: told
            .dead_letter_config
            .as_ref()
            .and_then(|it| it.target_arn.clone())
            .filter(|it| !it.is_empty()),
        other,
    }
}

fn state(text: Option<String>) -> State {
    match text.as_deref() {
        Some("Pending") => State::Pending,
        Some("Active") => State::Active,
        Some("Inactive") => State::Inactive,
        Some("Failed") => State::Failed,
        _ => State::Other(text.unwrap_or(UNREPORTED.into())),
    }
}

fn update_status(text: Option<String>) -> UpdateStatus {
    match text.as_deref() {
        Some("Successful") => UpdateStatus::Successful,
        Some("InProgress") => UpdateStatus::InProgress,
        Some("Failed") => UpdateStatus::Failed,
        _ => UpdateStatus::Other(text.unwrap_or(UNREPORTED.into())),
    }
}

fn reason(code: Option<String>, text: Option<String>) -> Option<Reason> {
    let some = code.is_some() || text.is_some();
    some.then(|| Reason { code: code.unwrap_or_default(), text: text.unwrap_or_default() })
}

/// The rest of the configuration as it came, what a newer service may have added included: better a fingerprint that moves
/// with an unknown field than one that misses a setting.
fn other(raw: &Value) -> BTreeMap<String, Value> {
    let fields = raw.as_object().into_iter().flatten();
    let rest = fields.filter(|(name, value)| {
        !value.is_null() && !PLACED.contains(&name.as_str()) && !MOVING.contains(&name.as_str())
    });
    rest.map(|(name, value)| (name.clone(), value.clone())).collect()
}
