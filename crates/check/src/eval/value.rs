//! Values, with not knowing as one of them.

use std::borrow::{Borrow, Cow};
use std::fmt::{self, Display, Formatter};
use std::ops::Deref;
use std::rc::Rc;

use super::entries::Entries;

/// Text that is either a slice of a file or was put together; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Shared(text) => text,
        }
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Text::Shared(text.into())
    }
}
impl Text<'_> {
    /// A copy of text that does not live as long as the files.
    pub(crate) fn copied(text: &str) -> Self {
        Text::Shared(text.into())
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Text::Borrowed(text)
    }
}

impl<'a> From<&'a Cow<'a, str>> for Text<'a> {
    fn from(text: &'a Cow<'a, str>) -> Self {
        Text::Borrowed(text)
    }
}

/// What an expression comes to. Lists, sets and tuples are one; so are maps and objects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// Not known before Terraform runs, or not known to this evaluator.
    Unknown,
    Null,
    Bool(bool),
    Number(f64),
    Str(Text<'a>),
    List(Rc<[Value<'a>]>),
    Map(Rc<Entries<'a>>),
}

impl<'a> Value<'a> {
    pub(crate) fn text(text: impl Into<Text<'a>>) -> Value<'a> {
        Value::Str(text.into())
    }

    pub(crate) fn list(items: Vec<Value<'a>>) -> Value<'a> {
        Value::List(items.into())
    }

    pub(crate) fn map(entries: Entries<'a>) -> Value<'a> {
        Value::Map(Rc::new(entries))
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Value::Unknown)
    }

    /// Whether the value and everything in it is known.
    pub(crate) fn is_known(&self) -> bool {
        match self {
            Value::Unknown => false,
            Value::List(items) => items.iter().all(Value::is_known),
            Value::Map(entries) => entries.values().all(Value::is_known),
            _ => true,
        }
    }

    /// A string; numbers and booleans are not turned into one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// What Terraform makes of a primitive value in a template.
    pub(crate) fn to_text(&self) -> Option<Text<'a>> {
        match self {
            Value::Str(text) => Some(text.clone()),
            Value::Bool(true) => Some(Text::Borrowed("true")),
            Value::Bool(false) => Some(Text::Borrowed("false")),
            Value::Number(number) => Some(Text::from(number_text(*number))),
            _ => None,
        }
    }

    /// Empty text, list or map, or null.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Str(text) => text.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            Value::Unknown | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// `==` as Terraform has it; `None` where what is not known decides.
    pub(crate) fn equals(&self, other: &Value<'a>) -> Option<bool> {
        match (self, other) {
            (Value::Unknown, _) | (_, Value::Unknown) => None,
            (Value::List(a), Value::List(b)) => {
                if a.len() != b.len() {
                    return Some(false);
                }
                all_equal(a.iter().zip(b.iter()))
            }
            (Value::Map(a), Value::Map(b)) => {
                if a.len() != b.len() || a.keys().ne(b.keys()) {
                    return Some(false);
                }
                all_equal(a.values().zip(b.values()))
            }
            _ => Some(self == other),
        }
    }
}

/// One pair that differs decides, whatever else is not known.
fn all_equal<'v, 'a: 'v>(pairs: impl Iterator<Item = (&'v Value<'a>, &'v Value<'a>)>) -> Option<bool> {
    let mut result = Some(true);
    for (a, b) in pairs {
        match a.equals(b) {
            Some(false) => return Some(false),
            None => result = None,
            Some(true) => {}
        }
    }
    result
}

pub(crate) fn number_text(number: f64) -> String {
    if number.fract() != 0.0 || number.abs() >= 1e15 {
        return number.to_string();
    }
    // An integer has no sign when it is zero.
    if number == 0.0 { format!("{number:.0}") } else { (number as i64).to_string() }
}

/// As a person would write it, on one line.
impl Display for Value<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Value::Unknown => out.write_str("(known after apply)"),
            Value::Null => out.write_str("null"),
            Value::Bool(value) => write!(out, "{value}"),
            Value::Number(number) => out.write_str(&number_text(*number)),
            Value::Str(text) => write!(out, "{:?}", &**text),
            Value::List(items) => {
                out.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(out, "{comma}{item}")?;
                }
                out.write_str("]")
            }
            Value::Map(entries) => {
                out.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(out, "{comma} {} = {value}", &**key)?;
                }
                out.write_str(if entries.is_empty() { "}" } else { " }" })
            }
        }
    }
}
