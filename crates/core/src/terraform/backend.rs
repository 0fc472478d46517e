//! Where a state lies: what a data directory is really bound to, compared with what the backend file says, and the identity that
//! is recorded. A directory that is bound to another environment is the accident that this is for.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::id::Digest;
use crate::lease::Backend;

/// Settings as a backend file gives them, with the values that a person wrote.
pub type Declared = BTreeMap<String, Value>;

/// A setting that is bound otherwise than it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub name: String,
    /// As text, `***` where it may be secret; `None` where there is none.
    pub declared: Option<String>,
    pub bound: Option<String>,
}

/// Settings that say where a state and its lock are, by the kind of backend. They may be recorded and shown.
///
/// Source: the backends' documentation, as of Terraform 1.11.
const PLACES: [(&str, &[&str]); 9] = [
    (
        "s3",
        &[
            "bucket",
            "key",
            "region",
            "workspace_key_prefix",
            "endpoint",
            "endpoints",
            "dynamodb_table",
            "dynamodb_endpoint",
            "use_lockfile",
        ],
    ),
    ("gcs", &["bucket", "prefix"]),
    ("azurerm", &["resource_group_name", "storage_account_name", "container_name", "key", "environment"]),
    ("local", &["path", "workspace_dir"]),
    ("consul", &["address", "path", "datacenter"]),
    ("kubernetes", &["secret_suffix", "namespace", "config_context", "config_context_cluster", "config_path", "host"]),
    ("oss", &["bucket", "prefix", "key", "region", "tablestore_table"]),
    ("cos", &["bucket", "prefix", "key", "region"]),
    ("remote", &["hostname", "organization", "workspaces"]),
];

/// The identity of the backend that a directory is bound to.
pub fn identity(kind: &str, config: &BTreeMap<String, Value>) -> Backend {
    let place = PLACES.iter().find(|(name, _)| *name == kind).map(|(_, settings)| *settings);
    let set = config.iter().filter_map(|(name, value)| Some((name, text(value)?)));
    let settings = match place {
        Some(place) => set.filter(|(name, _)| place.contains(&name.as_str())).map(|(n, v)| (n.clone(), v)).collect(),
        // Which of its settings are secret is not known, so only their hash is kept.
        None => set.map(|(name, value)| (name.clone(), Digest::of(value.as_bytes()).short().to_owned())).collect(),
    };
    Backend { kind: kind.to_owned(), settings }
}

/// Every setting that is declared (in the root module's backend block, or in the backend file) and bound otherwise, and every
/// setting that says where the state is and is bound without being declared. Values that may be secret are not told.
pub fn compare(kind: &str, declared: &Declared, bound: &BTreeMap<String, Value>) -> Vec<Difference> {
    let place = PLACES.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, settings)| *settings);
    let undeclared = bound.keys().filter(|name| place.contains(&name.as_str()) && !declared.contains_key(*name));
    let mut differences = Vec::new();
    for name in declared.keys().chain(undeclared) {
        let (declared, bound) = (declared.get(name).and_then(text), bound.get(name).and_then(text));
        if declared != bound {
            let shown = |value: Option<String>| {
                value.map(|value| if place.contains(&name.as_str()) { value } else { crate::redact::MASK.to_owned() })
            };
            differences.push(Difference { name: name.clone(), declared: shown(declared), bound: shown(bound) });
        }
    }
    differences
}

/// A setting as text; `None` where it is not set, or empty, which is the same to a backend. Numbers and booleans read as Terraform writes them.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(_) => Some(value.to_string()),
        // Attributes that are not set are written as null inside of nested values.
        Value::Object(fields) => {
            let set: BTreeMap<&String, String> =
                fields.iter().filter_map(|(name, value)| Some((name, text(value)?))).collect();
            (!set.is_empty())
                .then(|| set.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(","))
        }
    }
}
