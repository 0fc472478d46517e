//! Reads the text and compares its structure with the JSON Schema: unknown keys, missing keys, wrong types, unknown words.
//!
//! What does not fit is written down and taken out of the document, so that the rest can still be read into the types and
//! checked for what it means: several problems come to light at once.

use std::fmt;
use std::ops::Range;

use serde_json::Value;
use toml::de::{DeArray, DeTable, DeValue};

use super::notes::Notes;
use super::read::{Read as _, Unread};
use super::suggest::{listed, nearest};
use super::{schema, typed};
use crate::problem::Code;

/// The text as typed, or nothing where it is no TOML. Problems are in the notes.
pub(super) fn read(notes: &mut Notes<'_>) -> Option<typed::File> {
    let (mut document, errors) = DeTable::parse_recoverable(notes.text());
    let mut broken = false;
    for error in &errors {
        let message = error.message().trim().to_owned();
        let duplicate = message.contains("duplicate key");
        // After any other error the parser guesses where tables begin, and what it guesses would lead to false problems.
        broken |= !duplicate;
        let hint = syntax_hint(&message);
        notes.add(Code::Syntax, error.span().unwrap_or(0..0), one_line(&message)).hint(hint);
    }
    if broken {
        return None;
    }
    let root = schema::schema_value();
    let whole = Called { key: "", in_list: false };
    Walk { notes, root }.table(document.get_mut(), root, whole, 0..0);
    let span = document.span();
    let mut unread = Unread::default();
    let file = typed::File::read(&toml::Spanned::new(span, DeValue::Table(document.into_inner())), &mut unread);
    for span in unread.0 {
        // The walk should have found it; what it missed is still shown with its place.
        notes
            .add(Code::WrongType, span, "the value has a type that is not expected here")
            .hint("Compare it with the schema.");
    }
    file
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn syntax_hint(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "Keep one of the two."
    } else if message.contains("string") || message.contains("quote") {
        "Text stands in quotes that are closed on the same line: `name = \"value\"`."
    } else if message.contains("table") || message.contains("]") {
        "A table begins with its name in brackets, as in `[environments.dev]`; a list of tables with two, as in `[[apps.api.gates]]`."
    } else {
        "A line is `key = value`, with text in quotes and lists in brackets; comments begin with `#`."
    }
}

/// What a value is called in messages: by its key, or as an entry of the list of this key.
#[derive(Clone, Copy)]
struct Called<'k> {
    /// Empty for the file itself.
    key: &'k str,
    in_list: bool,
}

impl Called<'_> {
    /// How one would write it, for a hint.
    fn written(self, value: &str) -> String {
        if self.in_list { format!("`{value}`") } else { format!("`{} = {value}`", toml_key(self.key)) }
    }

    /// Written with the schema's example.
    fn example(self, node: &Value) -> String {
        match node.get("examples").and_then(Value::as_array).and_then(|examples| examples.first()) {
            Some(value) => self.written(&as_toml(value)),
            None => self.written("…"),
        }
    }
}

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_list = if self.in_list { "an entry of " } else { "" };
        write!(f, "{of_list}`{}`", self.key.escape_debug())
    }
}

struct Walk<'n, 'a, 's> {
    notes: &'n mut Notes<'a>,
    root: &'s Value,
}

impl<'s> Walk<'_, '_, 's> {
    /// Checks a table against a form of the schema and takes out what does not fit.
    fn table(&mut self, table: &mut DeTable<'_>, form: &'s Value, called: Called<'_>, span: Range<usize>) {
        let properties = form.get("properties").and_then(Value::as_object);
        // `true` is how a schema says that the values may be anything, as those of an expectation's `json`.
        let others =
            form.get("additionalProperties").filter(|others| others.is_object() || **others == Value::Bool(true));
        let mut out = Vec::new();
        let mut meant = Vec::new();
        for (name, value) in table.iter_mut() {
            let child = properties.and_then(|known| known.get(name.get_ref().as_ref())).or(others);
            let keep = match child {
                Some(child) => self.value(value, child, Called { key: name.get_ref(), in_list: false }),
                None => {
                    let known: Vec<&str> = properties.into_iter().flatten().map(|(known, _)| known.as_str()).collect();
                    meant.extend(self.unknown_key(name.get_ref(), name.span(), &known));
                    false
                }
            };
            if !keep {
                out.push(name.get_ref().to_string());
            }
        }
        for name in form.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !table.contains_key(name)
                && !out.iter().any(|gone| gone == name)
                && !meant.iter().any(|other| other == name)
            {
                let child = properties.and_then(|known| known.get(name)).unwrap_or(&Value::Null);
                let inside = if called.key.is_empty() { String::new() } else { format!(" in {called}") };
                let hint =
                    format!("Add {}. {}", Called { key: name, in_list: false }.example(child), description(child));
                self.notes
                    .add(Code::MissingKey, span.clone(), format!("`{name}` is missing{inside}"))
                    .hint(hint.trim().to_owned());
            }
        }
        for name in out {
            self.notes.lose(span.clone(), &name);
            table.remove(name.as_str());
        }
    }

    /// Checks a value; false where it has to be taken out.
    fn value(&mut self, value: &mut toml::Spanned<DeValue<'_>>, node: &'s Value, called: Called<'_>) -> bool {
        let span = value.span();
        let forms = schema::forms(self.root, node);
        if forms.iter().all(|form| form.get("type").is_none() && form.get("oneOf").is_none()) {
            return self.free(value.get_ref(), span, called);
        }
        let found = kind_of(value.get_ref());
        let Some(form) = forms.iter().copied().find(|form| kind_of_form(form) == found) else {
            self.wrong_type(value.get_ref(), span, node, &forms, called);
            return false;
        };
        match value.get_mut() {
            DeValue::Table(table) => {
                self.table(table, form, called, span);
                true
            }
            DeValue::Array(array) => {
                let items = form.get("items").unwrap_or(&Value::Null);
                let all = std::mem::replace(array, DeArray::from_iter([]));
                let entry = Called { in_list: true, ..called };
                *array = all
                    .into_iter()
                    .filter_map(|mut item| self.value(&mut item, items, entry).then_some(item))
                    .collect();
                true
            }
            DeValue::String(word) => self.word(word, span, form, node, called),
            DeValue::Integer(number) => {
                let fits = i64::from_str_radix(number.as_str(), number.radix()).is_ok();
                if !fits {
                    self.notes
                        .add(Code::BadValue, span, format!("{called} is too large a number"))
                        .hint(format!("Write it like {}.", called.example(node)));
                }
                fits
            }
            DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => true,
        }
    }

    fn word(&mut self, word: &str, span: Range<usize>, form: &Value, node: &Value, called: Called<'_>) -> bool {
        let allowed = schema::words(form);
        if allowed.is_empty() || allowed.contains(&word) {
            return true;
        }
        let hint = match nearest(word, allowed.iter().copied()) {
            Some(meant) => format!("Did you mean `{meant}`? Possible are {}.", listed(allowed.iter().copied())),
            None => format!("Possible are {}. {}", listed(allowed.iter().copied()), description(node)),
        };
        self.notes
            .add(Code::BadValue, span, format!("`{}` is not a value of `{}`", word.escape_debug(), called.key))
            .hint(hint.trim().to_owned());
        false
    }

    /// A value that may be anything JSON can say.
    fn free(&mut self, value: &DeValue<'_>, span: Range<usize>, called: Called<'_>) -> bool {
        match value {
            DeValue::Datetime(_) => {
                self.notes
                    .add(Code::WrongType, span, format!("{called} holds a date, which JSON does not have"))
                    .hint("Put it in quotes.");
                false
            }
            DeValue::Float(number) if !number.as_str().parse::<f64>().is_ok_and(f64::is_finite) => {
                self.notes
                    .add(Code::BadValue, span, format!("{called} holds a number that JSON does not have"))
                    .hint("Use a finite number.");
                false
            }
            DeValue::Integer(number) if i64::from_str_radix(number.as_str(), number.radix()).is_err() => {
                self.notes
                    .add(Code::BadValue, span, format!("{called} is too large a number"))
                    .hint("Put it in quotes.");
                false
            }
            DeValue::Array(items) => items.iter().all(|item| self.free(item.get_ref(), item.span(), called)),
            DeValue::Table(fields) => fields.iter().all(|(name, item)| {
                self.free(item.get_ref(), item.span(), Called { key: name.get_ref(), in_list: false })
            }),
            DeValue::Float(_) | DeValue::Integer(_) | DeValue::String(_) | DeValue::Boolean(_) => true,
        }
    }

    /// The answer is the key that was probably meant.
    fn unknown_key(&mut self, name: &str, span: Range<usize>, known: &[&str]) -> Option<String> {
        let meant = nearest(name, known.iter().copied());
        let elsewhere = schema::places_of(self.root, name);
        let hint = match (meant, elsewhere.as_slice()) {
            (Some(meant), _) => format!("Did you mean `{meant}`?"),
            (None, []) => format!("Known here are {}.", listed(known.iter().copied())),
            (None, places) => format!(
                "A key of this name stands at {}. Known here are {}.",
                listed(places.iter().take(3).map(String::as_str)),
                listed(known.iter().copied())
            ),
        };
        self.notes.add(Code::UnknownKey, span, format!("unknown key `{}`", name.escape_debug())).hint(hint);
        meant.map(str::to_owned)
    }

    fn wrong_type(
        &mut self,
        value: &DeValue<'_>,
        span: Range<usize>,
        node: &Value,
        forms: &[&Value],
        called: Called<'_>,
    ) {
        let mut expected: Vec<&str> = forms.iter().map(|form| in_words(kind_of_form(form))).collect();
        expected.dedup();
        let found = in_words(kind_of(value));
        let scalar = match value {
            DeValue::Integer(number) => Some(number.as_str().to_owned()),
            DeValue::Datetime(datetime) => Some(datetime.to_string()),
            DeValue::Boolean(word) => Some(word.to_string()),
            _ => None,
        };
        let hint = match (scalar, value) {
            (Some(text), _) if expected == ["text"] => {
                format!("Put it in quotes: {}.", called.written(&format!("\"{text}\"")))
            }
            (_, DeValue::String(text)) if expected == ["a list"] => {
                format!("Put it in brackets: {}.", called.written(&format!("[{}]", Value::from(text.as_ref()))))
            }
            (_, DeValue::String(text)) if text.parse::<i64>().is_ok() && expected.contains(&"a whole number") => {
                format!("Leave the quotes away: {}.", called.written(text))
            }
            _ => format!("Write it like {}. {}", called.example(node), description(node)),
        };
        self.notes
            .add(Code::WrongType, span, format!("{called} is {found}, expected {}", expected.join(" or ")))
            .hint(hint.trim().to_owned());
    }
}

/// What a value is, in the words of JSON Schema.
fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "datetime",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

fn kind_of_form(form: &Value) -> &str {
    // An enum whose variants are described one by one has no type of its own.
    form.get("type").and_then(Value::as_str).unwrap_or("string")
}

fn in_words(kind: &str) -> &'static str {
    match kind {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number with a fraction",
        "boolean" => "true or false",
        "datetime" => "a date",
        "array" => "a list",
        _ => "a table",
    }
}

/// The first sentence of a description.
fn description(node: &Value) -> String {
    let text = node.get("description").and_then(Value::as_str).unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    one_line(first)
}

/// A JSON value as TOML on one line.
pub(super) fn as_toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(as_toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("{} = {}", toml_key(key), as_toml(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        // JSON's strings, numbers and booleans are TOML's, but for escapes above the basic plane, which examples don't have.
        scalar => scalar.to_string(),
    }
}

fn toml_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if bare { key.to_owned() } else { Value::from(key).to_string() }
}
