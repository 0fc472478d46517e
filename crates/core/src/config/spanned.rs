//! Values that remember where they stand in the text, tables in its order, and values that may be written in two forms.

use std::ops::{Deref, Range};

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Spanned<T> {
    value: T,
    span: Range<usize>,
}

impl<T> Spanned<T> {
    pub(super) fn new(value: T, span: Range<usize>) -> Spanned<T> {
        Spanned { value, span }
    }

    /// The bytes of the value in the text.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A table whose keys are names that somebody chose, in the order of the file.
#[derive(Debug)]
pub(super) struct Table<T>(Vec<(Spanned<String>, T)>);

impl<T> Table<T> {
    /// Entries in the order of the file, no name twice.
    pub(super) fn new(entries: Vec<(Spanned<String>, T)>) -> Table<T> {
        Table(entries)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.0.iter().map(|(name, _)| name)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known.as_str() == name).map(|(_, value)| value)
    }
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table(Vec::new())
    }
}

impl<T> Deref for Table<T> {
    type Target = [(Spanned<String>, T)];
    fn deref(&self) -> &[(Spanned<String>, T)] {
        &self.0
    }
}

/// A short form (a text, a number or a list) or a long form (a table).
#[derive(Debug)]
pub(super) enum Either<S, T> {
    Short(S),
    Long(T),
}

/// One value or a list of them.
#[derive(Debug)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema), schemars(untagged, inline))]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// How the types appear in the schema: a span is invisible, and either form is allowed.
#[cfg(any(test, feature = "schema"))]
mod in_schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator};

    use super::{Either, Spanned, Table};

    impl<T: JsonSchema> JsonSchema for Table<T> {
        fn inline_schema() -> bool {
            true
        }
        fn schema_name() -> Cow<'static, str> {
            format!("Table_of_{}", T::schema_name()).into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            generator.subschema_for::<std::collections::BTreeMap<String, T>>()
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
}
