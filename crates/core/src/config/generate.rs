//! Makes the JSON Schema of tiers.toml from the types. Only what writes the committed file and what tests it is built with this.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use serde_json::{Map, Value, json};

use super::typed;

/// The text for `schema/tiers.schema.json`, with a newline at its end.
pub fn generated_schema() -> String {
    let mut text = serde_json::to_string_pretty(&sorted(&generate())).expect("a JSON value");
    text.push('\n');
    text
}

fn generate() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<typed::File>();
    RecursiveTransform(drop_null).transform(&mut schema);
    RecursiveTransform(drop_formats).transform(&mut schema);
    schema.insert("$id".to_owned(), json!("tiers.schema.json"));
    schema.to_value()
}

/// TOML has no null: what is optional is left out.
fn drop_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [single] = types.as_slice() {
            let single = single.clone();
            object.insert("type".to_owned(), single);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(forms)) = object.get_mut("anyOf") {
        forms.retain(|form| form.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(single)] = forms.as_slice() {
            let single = single.clone();
            object.remove("anyOf");
            for (key, value) in single {
                object.entry(key).or_insert(value);
            }
        }
    }
    if object
        .get("default")
        .is_some_and(|default| *default == Value::Null || *default == json!({}) || *default == json!([]))
    {
        object.remove("default");
    }
}

/// `int64` and the like say nothing that the ranges don't say better.
fn drop_formats(schema: &mut Schema) {
    if let Some(object) = schema.as_object_mut() {
        object.remove("format");
    }
}

/// Sorted by key at every level, so that the text does not depend on which features `serde_json` was built with.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<_> = fields.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_what_the_types_say() {
        // `cargo xtask generated` renews it.
        assert!(super::super::schema() == generated_schema(), "schema/tiers.schema.json is stale");
    }

    #[test]
    fn every_key_has_a_description_and_no_part_mentions_null() {
        let value = generate();
        assert!(!value.to_string().contains("\"null\""));
        for (name, definition) in value["$defs"].as_object().into_iter().flatten() {
            for (key, property) in definition["properties"].as_object().into_iter().flatten() {
                assert!(property.get("description").is_some(), "{name}.{key}");
            }
        }
    }
}
