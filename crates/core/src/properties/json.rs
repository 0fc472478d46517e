//! Changes to JSON that was good: what a fault, an older program or somebody with an editor would do to it.

use serde_json::{Value, json};

use super::Choices;

/// Changes one place of the value: takes a field out, puts another value in, or copies one from elsewhere in it.
pub fn alter(value: &mut Value, choices: &mut Choices<'_>) {
    let all = pointers(value);
    let at = choices.pick::<String>(&all).clone();
    let other = value.pointer(choices.pick::<String>(&all)).cloned().unwrap_or_default();
    let how = choices.below(8);
    if how == 0 {
        return remove(value, &at);
    }
    let number = choices.number();
    let Some(place) = value.pointer_mut(&at) else { return };
    *place = match how {
        1 => Value::Null,
        2 => other,
        3 => json!(number),
        4 => json!(choices.text(12)),
        5 => json!({}),
        6 => json!([place.clone(), other]),
        _ => match place.as_u64() {
            Some(old) => json!(old.wrapping_add(u64::from(choices.byte()))),
            None => json!(f64::from_bits(number)),
        },
    };
}

fn remove(value: &mut Value, at: &str) {
    let Some((parent, key)) = at.rsplit_once('/') else { return };
    match value.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&key.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => {
            if let Some(index) = key.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// Where something stands, the whole value first.
fn pointers(value: &Value) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut open = vec![(String::new(), value)];
    while let Some((at, value)) = open.pop() {
        let below: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), value))
                .collect(),
            Value::Array(items) => {
                items.iter().enumerate().map(|(number, value)| (format!("{at}/{number}"), value)).collect()
            }
            _ => Vec::new(),
        };
        for (at, value) in below {
            all.push(at.clone());
            open.push((at, value));
        }
    }
    // What a choice can reach.
    all.truncate(65_536);
    all
}
