//! The JSON form of a saved plan, `terraform show -json PLAN`, as far as it is needed. Fields that are not known are ignored; a
//! newer major version of the format is refused, since what it means is not known.
//!
//! Source: Terraform's "JSON output format", format versions 1.0 to 1.2; OpenTofu writes the same.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The major version of the format that is understood.
const MAJOR: &str = "1";

/// Why a text is not a plan that can be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPlan {
    #[error("the plan has format version {0}, and this tiers reads version 1; use a newer tiers")]
    Newer(String),
    #[error("the plan can't be read: {0}")]
    Unreadable(String),
}

/// A plan. Holds values in clear, so it is never shown, recorded or written to disk.
#[derive(Deserialize)]
pub struct PlanJson {
    #[serde(default)]
    pub(super) resource_changes: Vec<ResourceChange>,
    #[serde(default)]
    pub(super) resource_drift: Vec<ResourceChange>,
    #[serde(default)]
    pub(super) output_changes: BTreeMap<String, Change>,
    /// Terraform broke off while planning.
    #[serde(default)]
    pub(super) errored: bool,
    /// False where a part was left out on purpose, or deferred.
    pub(super) complete: Option<bool>,
    #[serde(default)]
    configuration: Configuration,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
}

#[derive(Deserialize)]
pub(super) struct ResourceChange {
    pub address: String,
    #[serde(default)]
    pub previous_address: Option<String>,
    #[serde(default)]
    pub mode: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    pub change: Change,
}

#[derive(Deserialize)]
pub(super) struct Change {
    #[serde(default)]
    pub actions: Vec<String>,
    #[serde(default)]
    pub before: Value,
    #[serde(default)]
    pub after: Value,
    #[serde(default)]
    pub after_unknown: Value,
    #[serde(default)]
    pub importing: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Configuration {
    #[serde(default)]
    provider_config: BTreeMap<String, ProviderConfig>,
}

#[derive(Deserialize)]
struct ProviderConfig {
    #[serde(default)]
    name: String,
    #[serde(default)]
    alias: Option<String>,
    #[serde(default)]
    expressions: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Variable {
    #[serde(default)]
    value: Value,
}

impl PlanJson {
    /// Reads the output of `terraform show -json`.
    pub fn parse(text: &str) -> Result<PlanJson, NotAPlan> {
        #[derive(Deserialize)]
        struct Version {
            format_version: String,
        }
        let unreadable = |error: serde_json::Error| NotAPlan::Unreadable(error.to_string());
        let version: Version = serde_json::from_str(text).map_err(unreadable)?;
        if version.format_version.split('.').next() != Some(MAJOR) {
            return Err(NotAPlan::Newer(version.format_version));
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// The region of the AWS provider without an alias, where the configuration says it as a constant or by a variable whose
    /// value the plan holds; `None` where there is no such provider or its region comes from elsewhere.
    pub fn aws_region(&self) -> Option<&str> {
        let aws = self.configuration.provider_config.values().find(|one| one.name == "aws" && one.alias.is_none())?;
        let region = aws.expressions.get("region")?;
        if let Some(constant) = region.get("constant_value") {
            return constant.as_str();
        }
        let references = region.get("references")?.as_array()?;
        let [Value::String(reference)] = &references[..] else { return None };
        self.variables.get(reference.strip_prefix("var.")?)?.value.as_str()
    }

    /// True where the configuration has an AWS provider, or a resource of one.
    pub fn uses_aws(&self) -> bool {
        self.configuration.provider_config.values().any(|one| one.name == "aws")
            || self.resource_changes.iter().any(|one| one.kind.starts_with("aws_"))
    }
}
