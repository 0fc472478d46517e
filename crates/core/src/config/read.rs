//! Reads the types of tiers.toml from a parsed document.
//!
//! serde could do it, at the price of half a minute of building: it makes several copies of every type's reader, for forms of
//! input that never come. Here the structure was already compared with the schema, so that a reader only picks values up; one
//! that can't is remembered by its place, and never passed over.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::spanned::{Either, OneOrMany, Spanned, Table};

/// A value as the parser gives it.
pub(super) type Typed<'i> = toml::Spanned<DeValue<'i>>;

/// The places of values that could not be read.
#[derive(Default)]
pub(super) struct Unread(pub Vec<Range<usize>>);

/// What can be read from a value; `None` where it has another type.
pub(super) trait Read: Sized {
    fn read(value: &Typed<'_>, unread: &mut Unread) -> Option<Self>;
}

/// What can be read from a key that may be absent.
pub(super) trait Field {
    fn field(value: Option<&Typed<'_>>, unread: &mut Unread) -> Self;
}

/// Reads a value, and remembers its place if that fails.
fn read<T: Read>(value: &Typed<'_>, unread: &mut Unread) -> Option<T> {
    let read = T::read(value, unread);
    if read.is_none() {
        unread.0.push(value.span());
    }
    read
}

impl<T: Read> Field for Option<T> {
    fn field(value: Option<&Typed<'_>>, unread: &mut Unread) -> Self {
        read(value?, unread)
    }
}

impl<T: Read> Field for Vec<T> {
    fn field(value: Option<&Typed<'_>>, unread: &mut Unread) -> Self {
        value.and_then(|value| read(value, unread)).unwrap_or_default()
    }
}

impl<T: Read> Field for Table<T> {
    fn field(value: Option<&Typed<'_>>, unread: &mut Unread) -> Self {
        value.and_then(|value| read(value, unread)).unwrap_or_default()
    }
}

impl Field for BTreeMap<String, String> {
    fn field(value: Option<&Typed<'_>>, unread: &mut Unread) -> Self {
        let table: Table<String> = Table::field(value, unread);
        table.iter().map(|(name, text)| (name.to_string(), text.clone())).collect()
    }
}

impl<T: Read> Read for Spanned<T> {
    fn read(value: &Typed<'_>, unread: &mut Unread) -> Option<Self> {
        Some(Spanned::new(T::read(value, unread)?, value.span()))
    }
}

impl Read for String {
    fn read(value: &Typed<'_>, _: &mut Unread) -> Option<String> {
        value.get_ref().as_str().map(str::to_owned)
    }
}

impl Read for i64 {
    fn read(value: &Typed<'_>, _: &mut Unread) -> Option<i64> {
        let number = value.get_ref().as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    }
}

impl Read for bool {
    fn read(value: &Typed<'_>, _: &mut Unread) -> Option<bool> {
        value.get_ref().as_bool()
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Typed<'_>, unread: &mut Unread) -> Option<Vec<T>> {
        Some(value.get_ref().as_array()?.iter().filter_map(|item| read(item, unread)).collect())
    }
}

impl<T: Read> Read for Table<T> {
    fn read(value: &Typed<'_>, unread: &mut Unread) -> Option<Self> {
        let mut entries = Vec::new();
        for (name, item) in in_file_order(value.get_ref().as_table()?) {
            if let Some(item) = read(item, unread) {
                entries.push((name, item));
            }
        }
        Some(Table::new(entries))
    }
}

fn in_file_order<'v, 'i>(table: &'v DeTable<'i>) -> Vec<(Spanned<String>, &'v Typed<'i>)> {
    let mut entries: Vec<_> =
        table.iter().map(|(name, item)| (Spanned::new(name.get_ref().to_string(), name.span()), item)).collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

impl<S: Read, T: Read> Read for Either<S, T> {
    fn read(value: &Typed<'_>, unread: &mut Unread) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(_) => T::read(value, unread).map(Either::Long),
            _ => S::read(value, unread).map(Either::Short),
        }
    }
}

impl<T: Read> Read for OneOrMany<T> {
    fn read(value: &Typed<'_>, unread: &mut Unread) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(_) => Vec::read(value, unread).map(OneOrMany::Many),
            _ => T::read(value, unread).map(OneOrMany::One),
        }
    }
}

impl Read for Value {
    fn read(value: &Typed<'_>, unread: &mut Unread) -> Option<Value> {
        Some(match value.get_ref() {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Integer(_) => Value::from(i64::read(value, unread)?),
            DeValue::Float(number) => Value::from(serde_json::Number::from_f64(number.as_str().parse().ok()?)?),
            DeValue::Boolean(word) => Value::from(*word),
            DeValue::Array(_) => Value::Array(Vec::read(value, unread)?),
            DeValue::Table(_) => {
                let fields: Table<Value> = Table::read(value, unread)?;
                Value::Object(fields.iter().map(|(name, item)| (name.to_string(), item.clone())).collect())
            }
            // JSON has no dates; the structure check says so.
            DeValue::Datetime(_) => return None,
        })
    }
}

/// A word of an enum, by the names that serde gives its variants.
pub(super) fn word<T: for<'de> Deserialize<'de>>(value: &Typed<'_>) -> Option<T> {
    let text: StrDeserializer<'_, Error> = value.get_ref().as_str()?.into_deserializer();
    T::deserialize(text).ok()
}

/// Makes enums readable from their words.
macro_rules! words {
    ($($name:ty),+ $(,)?) => {$(
        impl $crate::config::read::Read for $name {
            fn read(value: &$crate::config::read::Typed<'_>, _: &mut $crate::config::read::Unread) -> Option<Self> {
                $crate::config::read::word(value)
            }
        }
    )+};
}

/// Tables of tiers.toml: the struct, its reader, and, where the schema is made, its part of it. What stands in `schemars`
/// says what is `required`, an `example`, and limits.
macro_rules! tables {
    ($(
        $(#[doc = $about:literal])*
        $(#[schemars($($shape:tt)*)])?
        $visibility:vis struct $name:ident {$(
            $(#[doc = $meaning:literal])*
            $(#[schemars($($more:tt)*)])?
            pub $key:ident: $kind:ty,
        )*}
    )+) => {$(
        $(#[doc = $about])*
        #[derive(Debug, Default)]
        #[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
        #[cfg_attr(any(test, feature = "schema"), schemars(deny_unknown_fields $(, $($shape)*)?))]
        $visibility struct $name {$(
            $(#[doc = $meaning])*
            $(#[cfg_attr(any(test, feature = "schema"), schemars($($more)*))])?
            pub $key: $kind,
        )*}

        impl $crate::config::read::Read for $name {
            fn read(
                value: &$crate::config::read::Typed<'_>,
                unread: &mut $crate::config::read::Unread,
            ) -> Option<Self> {
                let table = value.get_ref().as_table()?;
                Some($name {$(
                    $key: $crate::config::read::Field::field(table.get(stringify!($key).trim_start_matches("r#")), unread),
                )*})
            }
        }
    )+};
}

pub(super) use {tables, words};

#[cfg(test)]
mod tests {
    use super::super::typed;
    use super::*;

    #[test]
    fn a_value_of_another_type_is_remembered_by_its_place_and_the_rest_is_read() {
        let text = "project = 7\nsolo = true\nkeys = { a = \"x\", b = 1 }\n";
        let document = DeTable::parse(text).unwrap();
        let span = document.span();
        let mut unread = Unread::default();
        let file =
            typed::File::read(&Typed::new(span, DeValue::Table(document.into_inner())), &mut unread).expect("a table");
        assert_eq!(unread.0.iter().map(|span| &text[span.clone()]).collect::<Vec<_>>(), ["7", "1"]);
        assert_eq!((file.project.is_none(), file.solo, file.keys.len()), (true, Some(true), 1));
    }
}
