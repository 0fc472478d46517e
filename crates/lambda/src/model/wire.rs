//! Requests and answers of the model in the shapes of the wire: field names serialize as the REST API spells them.
//!
//! Source: botocore's service model of 2015-03-31. A host may read bodies straight into the requests (names that travel in the
//! URI are set afterwards) and write the answers as they are. Fields whose absence means something are `Option`s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api;

/// Settings that the model keeps and reports without understanding them, by wire name.
pub const OPAQUE_SETTINGS: [&str; 7] =
    ["VpcConfig", "KMSKeyArn", "TracingConfig", "Layers", "FileSystemConfigs", "SnapStart", "LoggingConfig"];

/// `Code` of `CreateFunction`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FunctionCode {
    pub image_uri: Option<String>,
}

/// `Environment`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Environment {
    pub variables: BTreeMap<String, String>,
}

/// `ImageConfig`: what overrides the image's own settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfig {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
}

/// `ImageConfigResponse`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfigResponse {
    pub image_config: ImageConfig,
}

/// `EphemeralStorage`, in MB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EphemeralStorage {
    pub size: u32,
}

/// `DeadLetterConfig`; an empty target clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeadLetterConfig {
    pub target_arn: String,
}

/// `CreateFunction`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateFunction {
    pub function_name: String,
    pub role: String,
    pub code: FunctionCode,
    /// Only `Image` is accepted; the service takes an absent one for `Zip`, the model for `Image`.
    pub package_type: Option<String>,
    pub description: Option<String>,
    /// Seconds, 1 to 900; 3 when absent.
    pub timeout: Option<u32>,
    /// MB, 128 to 10,240; 128 when absent.
    pub memory_size: Option<u32>,
    pub publish: bool,
    pub environment: Option<Environment>,
    pub image_config: Option<ImageConfig>,
    pub architectures: Option<Vec<String>>,
    pub ephemeral_storage: Option<EphemeralStorage>,
    pub dead_letter_config: Option<DeadLetterConfig>,
    pub tags: BTreeMap<String, String>,
    /// What else stood in the body; only [`OPAQUE_SETTINGS`] are kept.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// `UpdateFunctionCode`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateFunctionCode {
    pub function_name: String,
    pub image_uri: Option<String>,
    pub revision_id: Option<String>,
    pub publish: bool,
    pub dry_run: bool,
    pub architectures: Option<Vec<String>>,
}

/// `UpdateFunctionConfiguration`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateFunctionConfiguration {
    pub function_name: String,
    pub revision_id: Option<String>,
    pub role: Option<String>,
    pub description: Option<String>,
    pub timeout: Option<u32>,
    pub memory_size: Option<u32>,
    pub environment: Option<Environment>,
    pub image_config: Option<ImageConfig>,
    pub ephemeral_storage: Option<EphemeralStorage>,
    pub dead_letter_config: Option<DeadLetterConfig>,
    /// What else stood in the body; only [`OPAQUE_SETTINGS`] are kept.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// `PublishVersion`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PublishVersion {
    pub function_name: String,
    pub code_sha256: Option<String>,
    pub description: Option<String>,
    pub revision_id: Option<String>,
}

/// `AliasRoutingConfiguration`. Given and empty, it clears the weights; not given, it leaves them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RoutingConfig {
    pub additional_version_weights: BTreeMap<String, f64>,
}

/// `CreateAlias`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateAlias {
    pub function_name: String,
    pub name: String,
    pub function_version: String,
    pub description: Option<String>,
    pub routing_config: Option<RoutingConfig>,
}

/// `UpdateAlias`; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateAlias {
    pub function_name: String,
    pub name: String,
    pub function_version: Option<String>,
    pub description: Option<String>,
    pub routing_config: Option<RoutingConfig>,
    /// The alias's own, not the function's.
    pub revision_id: Option<String>,
}

/// A paged list: `ListFunctions`, `ListVersionsByFunction`, `ListAliases`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListRequest {
    /// Empty for `ListFunctions`.
    pub function_name: String,
    /// `NextMarker` of the page before.
    pub marker: Option<String>,
    /// 1 to 10,000; pages of the three lists hold 50 at most.
    pub max_items: Option<u32>,
    /// `ListAliases`: only those that name this version.
    pub function_version: Option<String>,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_marker: Option<String>,
}

/// `FunctionConfiguration`: the answer of everything that writes or lists functions and versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FunctionConfiguration {
    pub function_name: String,
    pub function_arn: String,
    pub role: String,
    /// 0 for images.
    pub code_size: u64,
    pub description: String,
    pub timeout: u32,
    pub memory_size: u32,
    /// `2026-01-31T23:59:59.123+0000`.
    pub last_modified: String,
    pub code_sha256: String,
    pub version: String,
    /// Absent when there are no variables.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<Environment>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dead_letter_config: Option<DeadLetterConfig>,
    pub revision_id: String,
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state_reason_code: Option<String>,
    /// Absent until creation has completed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_update_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_update_status_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_update_status_reason_code: Option<String>,
    /// Always `Image`.
    pub package_type: String,
    /// Absent when nothing of the image is overridden.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub image_config_response: Option<ImageConfigResponse>,
    pub architectures: Vec<String>,
    pub ephemeral_storage: EphemeralStorage,
    /// [`OPAQUE_SETTINGS`] as they were given, and the service's defaults for `TracingConfig`, `LoggingConfig`, `SnapStart`.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// `FunctionCodeLocation` of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CodeLocation {
    /// `ECR`.
    pub repository_type: String,
    /// As it was given: may be a tag.
    pub image_uri: String,
    /// By digest.
    pub resolved_image_uri: String,
}

/// `Concurrency`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Concurrency {
    pub reserved_concurrent_executions: u32,
}

/// The answer of `GetFunction`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetFunctionResponse {
    pub configuration: FunctionConfiguration,
    pub code: CodeLocation,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub concurrency: Option<Concurrency>,
}

/// `AliasConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AliasConfiguration {
    pub alias_arn: String,
    pub name: String,
    pub function_version: String,
    pub description: String,
    /// Absent when there are no weights.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub routing_config: Option<RoutingConfig>,
    pub revision_id: String,
}

/// Which version an invocation runs, and with what: everything a host needs to run it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    pub function_name: String,
    /// As it was invoked: with the alias or version, if one was named.
    pub invoked_arn: String,
    /// `$LATEST` or a number: `ExecutedVersion`.
    pub version: String,
    /// Without digest or tag.
    pub repository: String,
    /// `sha256:…`.
    pub digest: String,
    /// What the version froze, or what `$LATEST` runs with (during an update: what it ran with before).
    pub settings: api::Settings,
    /// Of the function as a whole; the host counts what runs.
    pub reserved_concurrency: Option<u32>,
}
