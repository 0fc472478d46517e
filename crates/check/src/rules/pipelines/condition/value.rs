//! Values of GitHub's expressions: what counts as true, and what equals what.

use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

impl Value {
    pub(super) fn text(text: &str) -> Value {
        Value::Text(text.to_string())
    }

    pub(super) fn truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(value) => *value != 0.0 && !value.is_nan(),
            Value::Text(text) => !text.is_empty(),
            Value::List(_) | Value::Object(_) => true,
        }
    }

    pub(super) fn number(&self) -> f64 {
        match self {
            Value::Null => 0.0,
            Value::Bool(value) => f64::from(u8::from(*value)),
            Value::Number(value) => *value,
            Value::Text(text) if text.trim().is_empty() => 0.0,
            Value::Text(text) => text.trim().parse().unwrap_or(f64::NAN),
            Value::List(_) | Value::Object(_) => f64::NAN,
        }
    }

    /// What a text that it is put into gets.
    pub(super) fn shown(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::Text(text) => text.clone(),
            Value::List(_) => "Array".to_string(),
            Value::Object(_) => "Object".to_string(),
        }
    }

    /// `==`: texts without regard to case, values of different kinds as numbers.
    pub(super) fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a.to_lowercase() == b.to_lowercase(),
            // Two lists are equal when they are the same one, which never is so here.
            (Value::List(_) | Value::Object(_), _) | (_, Value::List(_) | Value::Object(_)) => false,
            (Value::Null, Value::Null) => true,
            _ => self.number() == other.number(),
        }
    }

    pub(super) fn from_json(text: &str) -> Option<Value> {
        serde_json::from_str(text).ok().map(from_serde)
    }

    pub(super) fn to_json(&self) -> String {
        to_serde(self).to_string()
    }
}

fn from_serde(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(values) => Value::List(values.into_iter().map(from_serde).collect()),
        serde_json::Value::Object(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key.to_lowercase(), from_serde(value))).collect())
        }
    }
}

fn to_serde(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(value) => (*value).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(values) => values.iter().map(to_serde).collect(),
        Value::Object(entries) => {
            serde_json::Value::Object(entries.iter().map(|(key, value)| (key.clone(), to_serde(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn values_of_different_kinds_are_compared_as_numbers_and_texts_without_case() {
        assert!(Value::text("Success").equals(&Value::text("success")));
        assert!(Value::Bool(true).equals(&Value::Number(1.0)));
        assert!(Value::Null.equals(&Value::text("")));
        assert!(!Value::text("true").equals(&Value::Bool(true)));
        assert!(!Value::List(vec![]).equals(&Value::List(vec![])));
    }

    #[test]
    fn the_text_false_is_true_and_the_empty_one_is_not() {
        assert!(Value::text("false").truthy());
        assert!(!Value::text("").truthy());
        assert!(!Value::Number(f64::NAN).truthy());
        assert!(Value::List(vec![]).truthy());
    }
}
