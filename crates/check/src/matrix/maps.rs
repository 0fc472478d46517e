//! Maps, taken apart: of a map with many entries a reader wants to see those that differ, and each beside its like.

use super::{Cell, How};
use crate::eval::{Text, Value};
use crate::model::Place;

/// A map of which more entries differ is shown as one.
const ENTRIES_MAX: usize = 48;
/// Maps in maps are taken apart this deep.
const DEPTH_MAX: usize = 3;

/// A value in one environment.
#[derive(Clone)]
pub(super) struct Given<'a> {
    pub(super) value: Value<'a>,
    pub(super) how: How,
    pub(super) place: Place,
}

/// One value of each environment, or a cell that says why there is none.
pub(super) type Across<'a> = Vec<Result<Given<'a>, Cell>>;

/// `queues.mail.delay` and what it is in each environment, for everything in the maps that differs; the whole, where they are no maps.
pub(super) fn taken_apart<'a>(name: &str, across: Across<'a>) -> Vec<(String, Across<'a>)> {
    let mut out = Vec::new();
    apart(name.to_string(), across, 0, &mut out);
    out
}

fn apart<'a>(name: String, across: Across<'a>, depth: usize, out: &mut Vec<(String, Across<'a>)>) {
    // What one environment has not at all is shown as a whole.
    let gone = depth > 0 && across.iter().any(|one| one.as_ref().is_err_and(|cell| cell.how == How::Absent));
    let Some(keys) = differing(&across).filter(|_| depth < DEPTH_MAX && !gone) else {
        return out.push((name, across));
    };
    if keys.len() > ENTRIES_MAX {
        return out.push((name, across.into_iter().map(|one| one.map(|given| only(given, &keys))).collect()));
    }
    for key in &keys {
        let of = |one: &Result<Given<'a>, Cell>| match one {
            Ok(Given { value: Value::Map(entries), how, place }) => match entries.get(key) {
                Some(value) => Ok(Given { value: value.clone(), how: *how, place: *place }),
                None => Err(Cell::default()),
            },
            Ok(given) => Ok(given.clone()),
            Err(cell) => Err(cell.clone()),
        };
        apart(step(&name, key), across.iter().map(of).collect(), depth + 1, out);
    }
}

/// The keys whose values differ; `None` where not all that is known are maps, or nothing differs.
fn differing<'a>(across: &Across<'a>) -> Option<Vec<Text<'a>>> {
    let mut maps = Vec::new();
    for given in across.iter().flatten() {
        match &given.value {
            Value::Map(entries) => maps.push(entries),
            _ => return None,
        }
    }
    let (first, rest) = maps.split_first().filter(|(first, rest)| rest.iter().any(|map| map != *first))?;
    let mut keys: Vec<Text<'a>> = Vec::new();
    for map in &maps {
        for (key, value) in map.iter() {
            let elsewhere = rest.iter().chain([first]).any(|other| other.get(key) != Some(value));
            if elsewhere {
                keys.push(key.clone());
            }
        }
    }
    keys.sort();
    keys.dedup();
    Some(keys)
}

/// A map with those entries alone that differ, and a word for the others.
fn only<'a>(given: Given<'a>, keys: &[Text<'a>]) -> Given<'a> {
    let Value::Map(entries) = &given.value else { return given };
    let kept = entries.iter().filter(|(key, _)| keys.binary_search(key).is_ok()).take(ENTRIES_MAX).cloned();
    Given { value: Value::map(kept.collect()), ..given }
}

/// `queues.mail`, or `queues["a b"]`.
pub(super) fn step(name: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|one| one.is_alphanumeric() || one == '_' || one == '-');
    if plain { format!("{name}.{key}") } else { format!("{name}[{key:?}]") }
}
