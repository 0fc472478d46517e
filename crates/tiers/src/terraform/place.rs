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

/// The identity of a backend of this root module. A path on this machine is a whole one in it.
pub fn placed(root: &Path, kind: &str, config: &BTreeMap<String, Value>) -> Backend {
    let mut backend = identity(kind, config);
    if kind == "local" {
        let path = local_state(root, backend.settings.get("path").map(String::as_str));
        backend.settings.insert("path".to_owned(), path.display().to_string());
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
    let usual = ENDPOINTS.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    is_same_state(one, other, usual.as_deref())
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
}
