//! What can be seen of the model, and what must hold of it at every moment.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tiers_lambda::model::Model;

use crate::model_store::every_page;

/// Everything that any caller could see: by place, function and `$LATEST`, number or `alias:NAME`, with the revision id.
pub type Seen = BTreeMap<String, (String, Value)>;

/// Looks without being seen, at a copy.
pub fn see(model: &Model, now_ms: u64) -> Seen {
    let mut model = model.clone();
    let mut seen = Seen::new();
    for place in model.places() {
        let mut plane = model.at(&place, now_ms);
        for function in every_page("", |list| plane.list_functions(list)) {
            let name = &function.function_name;
            let at = |what: &str| format!("{}/{}/{name}/{what}", place.account, place.region);
            let whole = plane.get_function(name, None).expect("what is listed exists");
            seen.insert(at("whole"), (String::new(), json!([whole.tags, whole.concurrency])));
            for version in every_page(name, |list| plane.list_versions(list)) {
                let shown = plane.get_function(name, Some(&version.version)).expect("what is listed exists");
                seen.insert(at(&version.version), (version.revision_id.clone(), json!([shown.code, version])));
            }
            for alias in every_page(name, |list| plane.list_aliases(list)) {
                seen.insert(at(&format!("alias:{}", alias.name)), (alias.revision_id.clone(), json!(alias)));
            }
        }
    }
    seen
}

/// What was seen so far.
#[derive(Default)]
pub struct Witness {
    /// Each revision id that was ever shown, and what it was shown with.
    meanings: BTreeMap<String, (String, Value)>,
}

impl Witness {
    /// Checks what holds at every moment, and remembers.
    pub fn look(&mut self, seen: &Seen) {
        for (thing, (revision, shown)) in seen.iter().filter(|(_, (revision, _))| !revision.is_empty()) {
            let meaning = (thing.clone(), shown.clone());
            let known = self.meanings.entry(revision.clone()).or_insert_with(|| meaning.clone());
            assert_eq!(*known, meaning, "one revision id stands for one content of one thing, for ever");
        }
        for (thing, (_, shown)) in seen {
            if let Some((function, _)) = thing.split_once("/alias:") {
                check_alias(function, shown, seen);
            }
        }
    }
}

fn check_alias(function: &str, shown: &Value, seen: &Seen) {
    let main = shown["FunctionVersion"].as_str().expect("a version");
    let weights = shown.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Value::as_object);
    let others: Vec<&String> = weights.map(|weights| weights.keys().collect()).unwrap_or_default();
    assert!(others.len() <= 1 && others.iter().all(|other| *other != main), "{shown}");
    for version in others.into_iter().map(String::as_str).chain([main]) {
        assert!(seen.contains_key(&format!("{function}/{version}")), "an alias names a version that is gone: {shown}");
    }
    for weight in weights.into_iter().flat_map(|weights| weights.values()) {
        assert!(weight.as_f64().is_some_and(|weight| (0.0..=1.0).contains(&weight)), "{shown}");
    }
}
