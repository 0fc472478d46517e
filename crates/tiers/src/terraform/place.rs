//! Where a state is, so that two environments never share one: what is declared or bound, made whole with what this machine adds.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tiers_core::lease::Backend;
use tiers_core::terraform::{identity, is_same_state};
use tiers_edge::terraform::{Declared, local_state};

/// Variables that say where S3 is reached when a backend does not; the first that is set counts.
///
/// Source: the S3 backend's documentation, as of Terraform 1.11.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL"];

/// AWS's own endpoint of S3: where a backend leads that names none, and nor does the caller's environment.
const AWS: &str = "https://s3.amazonaws.com";

/// The identity of a backend of this root module. A path on this machine is a whole one in it, and where S3 is reached is always told:
/// the next caller's environment may say something else.
pub fn placed(root: &Path, kind: &str, config: &BTreeMap<String, Value>) -> Backend {
    let mut backend = identity(kind, config);
    if kind == "local" {
        let path = local_state(root, backend.settings.get("path").map(String::as_str));
        backend.settings.insert("path".to_owned(), path.display().to_string());
    }
    let names_s3 = |all: &String| all.split(',').any(|one| one.starts_with("s3="));
    let is_told = backend.settings.contains_key("endpoint") || backend.settings.get("endpoints").is_some_and(names_s3);
    if kind == "s3" && !is_told {
        backend.settings.insert("endpoint".to_owned(), usual_endpoint().unwrap_or_else(|| AWS.to_owned()));
    }
    backend
}

/// The identity of what is declared; a root module without a backend keeps its state beside it.
pub fn of_declared(root: &Path, declared: Option<Declared>) -> Backend {
    let (kind, settings) = declared.unwrap_or_else(|| ("local".to_owned(), BTreeMap::new()));
    placed(root, &kind, &settings)
}

/// True when both lead to the same state, from this machine.
pub fn same_state(one: &Backend, other: &Backend) -> bool {
    is_same_state(one, other, usual_endpoint().as_deref())
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

fn usual_endpoint() -> Option<String> {
    ENDPOINTS.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
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
}
