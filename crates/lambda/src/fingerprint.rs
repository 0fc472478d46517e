//! One hash over everything that a version freezes apart from its code.
//!
//! It answers "do these two run with the same settings": `$LATEST` when its gates passed and the version that was published
//! from it, a version now and the same version in the ledger. So it must not depend on how an adapter writes what means the
//! same, nor on what the service moves by itself.
//!
//! Left out on purpose:
//! - the description: `PublishVersion` gives each version its own, so a version would never equal the `$LATEST` it came from;
//! - [`MOVING`], and `SnapStart.OptimizationStatus`: fields that identify or date a form of the function or report how the service is getting on with it;
//! - what belongs to the function as a whole and is frozen in no version: tags and reserved concurrency.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::api::Settings;

/// Names in [`Settings::other`] that say nothing about how a version runs: which form it is and when it was made, its code
/// (covered by its digest), states, the service's own choices, and `ConfigSha256`, which is not documented to be equal for a
/// version and the `$LATEST` it was made from.
pub const MOVING: [&str; 20] = [
    "CodeSha256",
    "CodeSize",
    "Concurrency",
    "ConfigSha256",
    "Description",
    "FunctionArn",
    "FunctionName",
    "LastModified",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "MasterArn",
    "RevisionId",
    "RuntimeVersionConfig",
    "SigningJobArn",
    "State",
    "StateReason",
    "StateReasonCode",
    "Tags",
    "Version",
];

/// A field inside `SnapStart` that reports progress.
const MOVING_INSIDE: &str = "OptimizationStatus";

/// Lists whose order means nothing.
const SETS: [&str; 2] = ["SecurityGroupIds", "SubnetIds"];

/// 64 lower-case hexadecimal digits; equal for settings that mean the same, and stable across versions of this program as long
/// as the first line of the hashed text is.
pub fn fingerprint(settings: &Settings) -> String {
    let Settings {
        description: _,
        role,
        memory_mb,
        timeout_s,
        environment,
        entry_point,
        command,
        working_directory,
        architecture,
        ephemeral_mb,
        dead_letter_arn,
        other,
    } = settings;
    let mut hash = Canonical(Sha256::new());
    hash.text("tiers lambda settings 1");
    hash.text(role);
    hash.text(&memory_mb.to_string());
    hash.text(&timeout_s.to_string());
    hash.count(environment.len());
    for (name, value) in environment {
        hash.text(name);
        hash.text(value);
    }
    for list in [entry_point, command] {
        hash.count(list.len());
        list.iter().for_each(|item| hash.text(item));
    }
    hash.text(working_directory.as_deref().unwrap_or_default());
    hash.text(architecture);
    hash.text(&ephemeral_mb.to_string());
    hash.text(dead_letter_arn.as_deref().unwrap_or_default());
    let is_default = |name: &str, value: &Value| name == "PackageType" && value == "Image";
    let fields = other.iter().filter(|(name, value)| !MOVING.contains(&name.as_str()) && !is_default(name, value));
    let fields: Vec<(&String, Value)> =
        fields.filter_map(|(name, value)| Some((name, meaning(name, value)?))).collect();
    hash.count(fields.len());
    for (name, value) in fields {
        hash.text(name);
        hash.value(&value);
    }
    hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A setting without what says "not set" (null, false, empty) and without what moves; `None` when nothing is left.
fn meaning(name: &str, value: &Value) -> Option<Value> {
    match value {
        _ if name == MOVING_INSIDE => None,
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) => {
            // Inside a list a place counts, so nothing is dropped from it.
            let mut items: Vec<Value> = items.iter().map(|item| meaning("", item).unwrap_or(Value::Null)).collect();
            if SETS.contains(&name) {
                items.sort_by_key(Value::to_string);
            }
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(fields) => {
            let fields: serde_json::Map<String, Value> =
                fields.iter().filter_map(|(name, value)| Some((name.clone(), meaning(name, value)?))).collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Bool(true) | Value::Number(_) | Value::String(_) => Some(value.clone()),
    }
}

/// Feeds a hash so that no two different inputs feed the same bytes: lengths stand before texts, kinds before values.
struct Canonical(Sha256);

impl Canonical {
    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.0.update(b"n"),
            Value::Bool(yes) => self.0.update(if *yes { b"t" } else { b"f" }),
            Value::Number(number) => {
                self.0.update(b"#");
                self.text(&number.to_string());
            }
            Value::String(text) => {
                self.0.update(b"s");
                self.text(text);
            }
            Value::Array(items) => {
                self.0.update(b"a");
                self.count(items.len());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Object(fields) => {
                self.0.update(b"o");
                // Sorted here: whether the map is depends on a feature of serde_json that any crate may switch on.
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by(|a, b| a.0.cmp(b.0));
                self.count(fields.len());
                for (name, value) in fields {
                    self.text(name);
                    self.value(value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings() -> Settings {
        Settings {
            description: "first".into(),
            role: "arn:aws:iam::123456789012:role/app".into(),
            memory_mb: 512,
            timeout_s: 30,
            environment: [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())].into(),
            entry_point: vec!["/app".into()],
            command: vec!["serve".into(), "--fast".into()],
            working_directory: Some("/srv".into()),
            architecture: "x86_64".into(),
            ephemeral_mb: 512,
            dead_letter_arn: Some("arn:aws:sqs:eu-west-1:123456789012:dead".into()),
            other: [("TracingConfig".to_owned(), json!({ "Mode": "Active" }))].into(),
        }
    }

    fn with(change: impl FnOnce(&mut Settings)) -> String {
        let mut changed = settings();
        change(&mut changed);
        fingerprint(&changed)
    }

    #[test]
    fn a_fingerprint_does_not_change_between_versions_of_this_program() {
        assert_eq!(fingerprint(&settings()), "19f3462873ef62087e0211f4c55e4264530e0571a3e73d46497843841fced938");
    }

    #[test]
    fn every_setting_but_the_description_changes_the_fingerprint() {
        type Change = fn(&mut Settings);
        let changes: [(&str, Change); 16] = [
            ("role", |it| it.role.push('2')),
            ("memory", |it| it.memory_mb += 1),
            ("timeout", |it| it.timeout_s += 1),
            ("a variable's value", |it| drop(it.environment.insert("A".into(), "3".into()))),
            ("a variable's name", |it| {
                it.environment.remove("A");
                it.environment.insert("C".into(), "1".into());
            }),
            ("a variable more", |it| drop(it.environment.insert("C".into(), String::new()))),
            ("entry point", |it| it.entry_point.clear()),
            ("command", |it| it.command.reverse()),
            ("an argument moved to the entry point", |it| it.entry_point.push(it.command.remove(0))),
            ("working directory", |it| it.working_directory = None),
            ("architecture", |it| it.architecture = "arm64".into()),
            ("ephemeral storage", |it| it.ephemeral_mb += 1),
            ("dead letters", |it| it.dead_letter_arn = None),
            ("tracing", |it| drop(it.other.insert("TracingConfig".into(), json!({ "Mode": "PassThrough" })))),
            ("a setting more", |it| drop(it.other.insert("Layers".into(), json!([{ "Arn": "a" }])))),
            ("a setting less", |it| it.other.clear()),
        ];
        let mut seen = vec![fingerprint(&settings())];
        for (name, change) in changes {
            let changed = with(change);
            assert!(!seen.contains(&changed), "{name}");
            seen.push(changed);
        }
        assert_eq!(with(|it| it.description = "second".into()), seen[0]);
    }

    #[test]
    fn what_the_service_moves_by_itself_does_not_change_the_fingerprint() {
        let plain = fingerprint(&settings());
        for name in MOVING {
            assert_eq!(with(|it| drop(it.other.insert(name.into(), json!("moved")))), plain, "{name}");
        }
        let snap_start = |status: &str| {
            let value = json!({ "ApplyOn": "PublishedVersions", "OptimizationStatus": status });
            with(|it| drop(it.other.insert("SnapStart".into(), value)))
        };
        assert_eq!(snap_start("On"), snap_start("Off"));
        assert_ne!(snap_start("On"), plain);
    }

    #[test]
    fn what_means_the_same_has_the_same_fingerprint_however_it_is_written() {
        let plain = fingerprint(&settings());
        for unset in [json!(null), json!(""), json!([]), json!({}), json!({ "SubnetIds": [], "Ipv6": false })] {
            assert_eq!(with(|it| drop(it.other.insert("VpcConfig".into(), unset.clone()))), plain, "{unset}");
        }
        assert_eq!(with(|it| drop(it.other.insert("PackageType".into(), json!("Image")))), plain);
        let subnets = |ids: Value| with(|it| drop(it.other.insert("VpcConfig".into(), json!({ "SubnetIds": ids }))));
        assert_eq!(subnets(json!(["a", "b"])), subnets(json!(["b", "a"])));
        let layers = |arns: Value| with(|it| drop(it.other.insert("Layers".into(), arns)));
        assert_ne!(layers(json!(["a", "b"])), layers(json!(["b", "a"])));
    }
}
