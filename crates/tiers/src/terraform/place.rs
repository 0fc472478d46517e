//! Where a state is, so that two environments never share one: what is declared or bound, made whole with what this machine adds.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tiers_check::{Run, Sameness, StateIdentity};
use tiers_core::lease::Backend;
use tiers_core::terraform::identity;
use tiers_edge::terraform::{Declared, local_state};

/// Variables that say where S3 is reached when a backend does not; the first that is set counts.
///
/// Source: the S3 backend's documentation, as of Terraform 1.11.
const ENDPOINTS: &[&str] = &["AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL"];

/// AWS's own endpoint of S3: where a backend leads that names none, and nor does the caller's environment.
const AWS: &str = "https://s3.amazonaws.com";

/// What a backend takes from the caller's environment where a setting is missing, by kind and setting; then what it takes by itself.
///
/// Source: the backends' documentation, as of Terraform 1.11.
const FROM_ENVIRONMENT: [(&str, &str, &[&str], Option<&str>); 7] = [
    ("s3", "endpoint", ENDPOINTS, Some(AWS)),
    ("consul", "address", &["CONSUL_HTTP_ADDR"], Some("127.0.0.1:8500")),
    ("azurerm", "environment", &["ARM_ENVIRONMENT"], None),
    ("kubernetes", "namespace", &["KUBE_NAMESPACE"], None),
    ("pg", "conn_str", &["PG_CONN_STR"], None),
    ("pg", "schema_name", &["PG_SCHEMA_NAME"], None),
    ("http", "address", &["TF_HTTP_ADDRESS"], None),
];

/// The identity of a backend of this root module. A path on this machine is a whole one in it, and where S3 is reached is always told:
/// the next caller's environment may say something else.
pub fn placed(root: &Path, kind: &str, config: &BTreeMap<String, Value>) -> Backend {
    let mut config = config.clone();
    for (of, setting, variables, usual) in FROM_ENVIRONMENT {
        if of != kind || is_set(&config, setting) {
            continue;
        }
        let told = variables.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        if let Some(value) = told.or(usual.map(str::to_owned)) {
            config.insert(setting.to_owned(), Value::String(value));
        }
    }
    let mut backend = identity(kind, &config);
    if kind == "local" {
        let path = local_state(root, backend.settings.get("path").map(String::as_str));
        backend.settings.insert("path".to_owned(), path.display().to_string());
    }
    backend
}

/// Whether a setting says something; where S3 is reached may be said in two ways.
fn is_set(config: &BTreeMap<String, Value>, setting: &str) -> bool {
    let says = |value: Option<&Value>| value.is_some_and(|value| !value.is_null() && value.as_str() != Some(""));
    says(config.get(setting)) || (setting == "endpoint" && says(config.get("endpoints").and_then(|all| all.get("s3"))))
}

/// The identity of what is declared; a root module without a backend keeps its state beside it.
pub fn of_declared(root: &Path, declared: Option<Declared>) -> Backend {
    let (kind, settings) = declared.unwrap_or_else(|| ("local".to_owned(), BTreeMap::new()));
    placed(root, &kind, &settings)
}

/// Whether both lead to one state, as far as it can be told from this machine.
pub fn sameness(one: &Backend, other: &Backend) -> Sameness {
    // What is written alike is one, also where nobody knows what this kind of backend takes its settings for.
    if one == other {
        return Sameness::Same;
    }
    // Tiers works in the workspace `default` alone, and paths on this machine are whole ones.
    let run = Run { root: "/", workspace: Some("default") };
    let of = |backend: &Backend| StateIdentity::of_texts(&backend.kind, run, &backend.settings);
    of(one).compare(&of(other))
}

/// True when both lead to one state for certain.
pub fn same_state(one: &Backend, other: &Backend) -> bool {
    sameness(one, other) == Sameness::Same
}

/// Two backends that are told apart, in words that differ: where S3 is reached is named where nothing else tells them apart.
pub fn told_apart(one: &Backend, other: &Backend) -> (String, String) {
    let (mine, theirs) = (one.to_string(), other.to_string());
    if mine != theirs {
        return (mine, theirs);
    }
    let with = |backend: &Backend, text: String| {
        let endpoint = backend.settings.get("endpoints").or(backend.settings.get("endpoint"));
        endpoint.map_or(text.clone(), |endpoint| format!("{text} at {endpoint}"))
    };
    (with(one, mine), with(other, theirs))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn states_on_this_machine_are_told_apart_by_the_files_that_they_are() {
        let dir = tempfile::tempdir().expect("a folder");
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        for root in [&one, &other] {
            std::fs::create_dir_all(root).expect("a folder");
        }
        let local = |root: &Path, path: &str| {
            of_declared(root, Some(("local".to_owned(), [("path".to_owned(), Value::from(path))].into())))
        };
        assert!(same_state(&local(&one, "./states//a.tfstate"), &local(&one, "states/a.tfstate")));
        assert!(same_state(&local(&one, "../x"), &local(&other, &dir.path().join("x").display().to_string())));
        assert!(same_state(&local(&one, "terraform.tfstate"), &of_declared(&one, None)));
        assert!(!same_state(&local(&one, "a.tfstate"), &local(&other, "a.tfstate")));
        assert!(!same_state(&of_declared(&one, None), &of_declared(&other, None)));
    }

    #[test]
    fn where_s3_is_reached_is_always_told_and_named_where_nothing_else_differs() {
        let s3 = |settings: &[(&str, &str)]| {
            let own = [("bucket", "b"), ("key", "k")];
            let all = own.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
            placed(Path::new("/"), "s3", &all.collect())
        };
        assert!(s3(&[]).settings.contains_key("endpoint"));
        let (one, other) = (s3(&[("endpoint", "http://one:1")]), s3(&[("endpoint", "http://two:2")]));
        assert!(!same_state(&one, &other));
        let (one, other) = told_apart(&one, &other);
        assert_eq!((&*one, &*other), ("s3 b/k at http://one:1", "s3 b/k at http://two:2"));
    }

    #[test]
    fn two_backends_are_one_another_or_perhaps_one() {
        use Sameness::{Different, Perhaps, Same};
        let of = |kind: &str, settings: Value| {
            let settings = settings.as_object().expect("an object").clone();
            placed(Path::new("/"), kind, &settings.into_iter().collect())
        };
        for (kind, one, other, expected) in [
            (
                "s3",
                json!({ "bucket": "b", "key": "/k/" }),
                json!({ "bucket": "b", "key": "k", "region": "eu-west-1" }),
                Same,
            ),
            ("s3", json!({ "bucket": "b", "key": "k", "profile": "" }), json!({ "bucket": "b", "key": "k" }), Same),
            ("s3", json!({ "bucket": "b", "key": "k" }), json!({ "bucket": "b", "key": "l" }), Different),
            ("gcs", json!({ "bucket": "b" }), json!({ "bucket": "b", "prefix": "" }), Same),
            ("consul", json!({ "path": "p" }), json!({ "path": "p", "address": "http://127.0.0.1:8500" }), Same),
            ("consul", json!({ "path": "p", "address": "a" }), json!({ "path": "p", "address": "b" }), Perhaps),
            ("consul", json!({ "path": "p" }), json!({ "path": "q" }), Different),
            ("http", json!({ "address": "https://h/s" }), json!({ "address": "https://h/s", "username": "u" }), Same),
            ("http", json!({ "address": "https://h/s" }), json!({ "address": "https://h/t" }), Different),
            ("etcdv9", json!({ "a": "1" }), json!({ "a": "1" }), Same),
            ("etcdv9", json!({ "a": "1" }), json!({ "a": "2" }), Perhaps),
        ] {
            let (one, other) = (of(kind, one), of(kind, other));
            assert_eq!((sameness(&one, &other), sameness(&other, &one)), (expected, expected), "{one} and {other}");
        }
        assert_eq!(
            sameness(&of("s3", json!({ "bucket": "b", "key": "k" })), &of("gcs", json!({ "bucket": "b" }))),
            Different
        );
    }
}
