//! The JSON Schema of tiers.toml as it is committed, and the few questions that the structure check asks of it.

use std::sync::LazyLock;

use serde_json::Value;

/// The schema: what is committed in `schema/tiers.schema.json`. It is made from the types, and a test keeps it so.
pub fn schema() -> &'static str {
    include_str!("../../../../schema/tiers.schema.json")
}

/// The schema as a value.
pub(super) fn schema_value() -> &'static Value {
    static SCHEMA: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(schema()).expect("the committed schema is JSON"));
    &SCHEMA
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
    fn the_places_of_a_key_are_spelled_as_a_person_would_write_them() {
        assert_eq!(places_of(schema_value(), "dockerfile"), ["apps.NAME.image.dockerfile"]);
        assert_eq!(places_of(schema_value(), "nonsense"), Vec::<String>::new());
    }
}
