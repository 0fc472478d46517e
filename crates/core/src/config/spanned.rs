//! Values that remember where they stand in the text, and values that may be written in two forms.
//!
//! serde's own untagged enums buffer what they read and lose the places in it; [`Either`] reads the second form straight from
//! the parser.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Spanned<T>(toml::Spanned<T>);

impl<T> Spanned<T> {
    /// The bytes of the value in the text.
    pub(super) fn span(&self) -> Range<usize> {
        self.0.span()
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.get_ref()
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: Ord> PartialOrd for Spanned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Spanned<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(other)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        toml::Spanned::deserialize(deserializer).map(Spanned)
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A short form (a text, a number or a list) or a long form (a table).
#[derive(Clone, Debug)]
pub(super) enum Either<S, T> {
    Short(S),
    Long(T),
}

impl<S: JsonSchema, T: JsonSchema> JsonSchema for Either<S, T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("{}_or_{}", S::schema_name(), T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (short, long) = (generator.subschema_for::<S>(), generator.subschema_for::<T>());
        // The short form may itself have several forms; one flat list reads better in editors.
        let mut forms = match short.get("anyOf") {
            Some(serde_json::Value::Array(forms)) => forms.clone(),
            _ => vec![short.to_value()],
        };
        forms.push(long.to_value());
        schemars::json_schema!({ "anyOf": forms })
    }
}

impl<'de, S: Deserialize<'de>, T: Deserialize<'de>> Deserialize<'de> for Either<S, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EitherVisitor(PhantomData))
    }
}

struct EitherVisitor<S, T>(PhantomData<(S, T)>);

impl<'de, S: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for EitherVisitor<S, T> {
    type Value = Either<S, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the short form or a table")
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        S::deserialize(value.into_deserializer()).map(Either::Short)
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        S::deserialize(value.into_deserializer()).map(Either::Short)
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        S::deserialize(value.into_deserializer()).map(Either::Short)
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        S::deserialize(value.into_deserializer()).map(Either::Short)
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        S::deserialize(value.into_deserializer()).map(Either::Short)
    }
    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        S::deserialize(BorrowedStrDeserializer::new(value)).map(Either::Short)
    }
    fn visit_string<E: Error>(self, value: String) -> Result<Self::Value, E> {
        S::deserialize(value.into_deserializer()).map(Either::Short)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        S::deserialize(SeqAccessDeserializer::new(access)).map(Either::Short)
    }
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(access)).map(Either::Long)
    }
}
