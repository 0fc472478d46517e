//! The JSON Schema of tiers.toml, generated from the types, and the few questions that the structure check asks of it.

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use serde_json::{Map, Value, json};

use super::typed;

/// The schema as it is committed in `schema/tiers.schema.json`, with a newline at its end.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&sorted(schema_value())).expect("a JSON value");
    text.push('\n');
    text
}

/// The schema as a value. It is the same for every file, and making it takes longer than reading one.
pub(super) fn schema_value() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(generate);
    &SCHEMA
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

/// Follows `$ref`. The definitions are not recursive, so that this ends.
pub(super) fn resolve<'a>(root: &'a Value, mut node: &'a Value) -> &'a Value {
    while let Some(reference) = node.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let Some(target) = root.get("$defs").and_then(|defs| defs.get(name)) else { break };
        node = target;
    }
    node
}

/// The forms that a value may take: the parts of `anyOf`, or the node alone.
pub(super) fn forms<'a>(root: &'a Value, node: &'a Value) -> Vec<&'a Value> {
    let node = resolve(root, node);
    match node.get("anyOf") {
        Some(Value::Array(forms)) => forms.iter().flat_map(|form| self::forms(root, form)).collect(),
        _ => vec![node],
    }
}

/// The words that a form allows, empty where it allows any.
pub(super) fn words(form: &Value) -> Vec<&str> {
    let of_enum = form.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let of_consts =
        form.get("oneOf").and_then(Value::as_array).into_iter().flatten().flat_map(|part| match part.get("const") {
            Some(Value::String(word)) => vec![word.as_str()],
            // schemars gathers the variants without a description into one part.
            _ => words(part),
        });
    let alone = form.get("const").and_then(Value::as_str);
    alone.into_iter().chain(of_enum).chain(of_consts).collect()
}

/// Every place in the file where a key of this name may stand, as `environments.NAME.after`.
pub(super) fn places_of(root: &Value, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    gather(root, root, "", key, &mut found);
    found
}

fn gather(root: &Value, node: &Value, path: &str, key: &str, found: &mut Vec<String>) {
    for form in forms(root, node) {
        for (name, child) in form.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if name == key {
                found.push(here.clone());
            }
            gather(root, child, &here, key, found);
        }
        if let Some(child) = form.get("additionalProperties").filter(|child| child.is_object()) {
            gather(root, child, &format!("{path}.NAME"), key, found);
        }
        if let Some(child) = form.get("items") {
            gather(root, child, path, key, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_what_the_types_say() {
        // `cargo xtask generated` renews it.
        let committed = include_str!("../../../../schema/tiers.schema.json");
        assert!(committed == schema(), "schema/tiers.schema.json is stale");
    }

    #[test]
    fn every_key_has_a_description_and_no_part_mentions_null() {
        let value = schema_value();
        assert!(!value.to_string().contains("\"null\""));
        for (name, definition) in value["$defs"].as_object().into_iter().flatten() {
            for (key, property) in definition["properties"].as_object().into_iter().flatten() {
                assert!(property.get("description").is_some(), "{name}.{key}");
            }
        }
    }

    #[test]
    fn the_places_of_a_key_are_spelled_as_a_person_would_write_them() {
        assert_eq!(places_of(schema_value(), "dockerfile"), ["apps.NAME.image.dockerfile"]);
        assert_eq!(places_of(schema_value(), "nonsense"), Vec::<String>::new());
    }
}
