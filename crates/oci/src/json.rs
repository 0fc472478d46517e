//! JSON whose bytes depend on the value alone, since they are hashed.

use serde_json::{Map, Value};

/// Keys sorted by their bytes, no white space. `serde_json` sorts keys by itself only while no crate in the whole build asks
/// for its feature `preserve_order`; a digest must not hang on that.
pub(crate) fn canonical(value: Value) -> Vec<u8> {
    sorted(value).to_string().into_bytes()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut fields: Vec<(String, Value)> = object.into_iter().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().map(|(key, value)| (key, sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":2}],"a":null}"#).expect("JSON");
        assert_eq!(canonical(value), br#"{"a":null,"b":[{"a":2,"z":1}]}"#);
    }
}
