//! The state in named pieces, so that a host can keep a journal of what each call changed instead of writing the whole anew.
//!
//! Names are stored, so they stay: `plane/ACCOUNT/REGION`, `function/ACCOUNT/REGION/NAME`, `images/REPOSITORY`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::{Model, PlaneState};

/// A plane apart from its functions. What is left of the quotas is not kept: a restart refills them.
#[derive(Serialize, Deserialize)]
struct PlaneHead {
    now_ms: u64,
    made: u64,
}

impl Model {
    /// The pieces in which this state differs from `before`, with their new values; `None` for a piece that is gone. Empty when
    /// nothing but the clock moved on.
    pub fn changed_parts(&self, before: &Model) -> BTreeMap<String, Option<Value>> {
        let mut changed = BTreeMap::new();
        let nothing = PlaneState::default();
        for (account, regions) in &self.planes {
            for (region, plane) in regions {
                let old = before.planes.get(account).and_then(|regions| regions.get(region)).unwrap_or(&nothing);
                let place = format!("{account}/{region}");
                diff(&format!("function/{place}/"), &plane.functions, &old.functions, &mut changed);
                if plane.made != old.made {
                    let head = PlaneHead { now_ms: plane.now_ms, made: plane.made };
                    changed.insert(format!("plane/{place}"), Some(to_value(&head)));
                }
            }
        }
        diff("images/", &self.images.repositories, &before.images.repositories, &mut changed);
        changed
    }

    /// Puts a piece back that [`Model::changed_parts`] gave. Names of other kinds are left alone, and `false` says so.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub fn restore_part(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        let wrong = |e: serde_json::Error| e.to_string();
        let parts: Vec<&str> = name.splitn(4, '/').collect();
        match parts.as_slice() {
            ["plane", account, region] => {
                let head = PlaneHead::deserialize(value).map_err(wrong)?;
                let plane = self.plane_mut(account, region);
                plane.now_ms = head.now_ms;
                plane.made = head.made;
            }
            ["function", account, region, function] => {
                let state = Deserialize::deserialize(value).map_err(wrong)?;
                self.plane_mut(account, region).functions.insert((*function).to_owned(), state);
            }
            ["images", ..] => {
                let repository = Deserialize::deserialize(value).map_err(wrong)?;
                self.images.repositories.insert(name["images/".len()..].to_owned(), repository);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn plane_mut(&mut self, account: &str, region: &str) -> &mut PlaneState {
        self.planes.entry(account.to_owned()).or_default().entry(region.to_owned()).or_default()
    }
}

fn diff<T: PartialEq + Serialize>(
    prefix: &str,
    new: &BTreeMap<String, T>,
    old: &BTreeMap<String, T>,
    changed: &mut BTreeMap<String, Option<Value>>,
) {
    for (name, value) in new.iter().filter(|(name, value)| old.get(*name) != Some(value)) {
        changed.insert(format!("{prefix}{name}"), Some(to_value(value)));
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        changed.insert(format!("{prefix}{name}"), None);
    }
}

/// The state consists of texts, numbers and maps under texts, which always serialize.
fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CreateAlias, CreateFunction, FunctionCode, Options, Place};

    #[test]
    fn the_pieces_of_every_change_give_the_whole_state_back() {
        let place = Place { account: "000000000000".into(), region: "eu-west-1".into() };
        let mut kept: BTreeMap<String, Value> = BTreeMap::new();
        let mut model = Model::new(Options::default());
        let mut step = |model: &mut Model, change: &mut dyn FnMut(&mut Model)| {
            let before = model.clone();
            change(model);
            for (name, value) in model.changed_parts(&before) {
                match value {
                    Some(value) => drop(kept.insert(name, value)),
                    None => drop(kept.remove(&name).expect("what goes was there")),
                }
            }
            let mut again = Model::new(Options::default());
            for (name, value) in &kept {
                assert_eq!(again.restore_part(name, value), Ok(true), "{name}");
            }
            // The clock is kept only as far as changes moved it.
            let mut still = model.clone();
            for model in [&mut again, &mut still] {
                model.planes.values_mut().flat_map(|regions| regions.values_mut()).for_each(|plane| plane.now_ms = 0);
            }
            assert_eq!(again, still);
        };
        let digest = format!("sha256:{}", "a".repeat(64));
        step(&mut model, &mut |model| model.put_image(5, "host:5000/team/app", &digest));
        let uri = format!("host:5000/team/app@{digest}");
        step(&mut model, &mut |model| {
            let code = FunctionCode { image_uri: Some(uri.clone()) };
            let role = "arn:aws:iam::000000000000:role/r".to_owned();
            let request =
                CreateFunction { function_name: "f".into(), role, code, publish: true, ..CreateFunction::default() };
            model.at(&place, 10).create_function(request).expect("made");
        });
        step(&mut model, &mut |model| {
            let request = CreateAlias {
                function_name: "f".into(),
                name: "live".into(),
                function_version: "1".into(),
                ..CreateAlias::default()
            };
            model.at(&place, 1000).create_alias(request).expect("made");
        });
        step(&mut model, &mut |model| model.at(&place, 2000).delete_function("f", None).expect("deleted"));
        let before = model.clone();
        model.at(&place, 3000);
        assert!(model.changed_parts(&before).is_empty(), "the clock alone is no change");
        assert_eq!(model.restore_part("environment/dev", &Value::Null), Ok(false));
        assert!(model.restore_part("function/1/r/f", &Value::Null).is_err());
    }
}
