//! Type constraints of variables, and what Terraform makes of a value under one.

use super::entries::Entries;
use super::literal::literal;
use super::value::{Text, Value};
use crate::hcl::{Expr, Node};

/// A type constraint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type<'a> {
    /// `any`, none at all, or one that is not understood.
    Any,
    Str,
    Number,
    Bool,
    List(Box<Type<'a>>),
    Set(Box<Type<'a>>),
    Map(Box<Type<'a>>),
    Tuple(Vec<Type<'a>>),
    Object(Vec<Field<'a>>),
}

/// An attribute of an `object({…})`.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Type<'a>,
    pub(crate) optional: bool,
    pub(crate) default: Option<&'a Node<'a>>,
}

impl PartialEq for Field<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind && self.optional == other.optional
    }
}

/// Where a value does not fit its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mismatch {
    /// From the variable down, such as `.subnets[2]`; empty for the value itself.
    pub(crate) path: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl<'a> Type<'a> {
    /// Reads a constraint. Terraform 0.11's `"string"`, `"list"` and `"map"` are read too.
    pub(crate) fn of(node: &'a Node<'a>) -> Type<'a> {
        if let Some(keyword) = node.keyword() {
            return match keyword {
                "string" => Type::Str,
                "number" => Type::Number,
                "bool" => Type::Bool,
                "list" => Type::List(Box::new(Type::Any)),
                "set" => Type::Set(Box::new(Type::Any)),
                "map" => Type::Map(Box::new(Type::Any)),
                _ => Type::Any,
            };
        }
        let Expr::Call(name, call) = &node.expr else { return Type::Any };
        let Some(first) = call.args.first() else { return Type::Any };
        match *name {
            "list" => Type::List(Box::new(Type::of(first))),
            "set" => Type::Set(Box::new(Type::of(first))),
            "map" => Type::Map(Box::new(Type::of(first))),
            "tuple" => match &first.expr {
                Expr::Tuple(items) => Type::Tuple(items.iter().map(Type::of).collect()),
                _ => Type::Any,
            },
            "object" => match &first.expr {
                Expr::Object(entries) => {
                    Type::Object(entries.iter().filter_map(|(key, value)| field(key, value)).collect())
                }
                _ => Type::Any,
            },
            _ => Type::Any,
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self {
            Type::Any => "any".into(),
            Type::Str => "string".into(),
            Type::Number => "number".into(),
            Type::Bool => "bool".into(),
            Type::List(inner) => format!("list({})", inner.describe()),
            Type::Set(inner) => format!("set({})", inner.describe()),
            Type::Map(inner) => format!("map({})", inner.describe()),
            Type::Tuple(_) => "tuple".into(),
            Type::Object(_) => "object".into(),
        }
    }
}

fn field<'a>(key: &'a Node<'a>, value: &'a Node<'a>) -> Option<Field<'a>> {
    let Expr::Str(name) = &key.expr else { return None };
    if let Expr::Call("optional", call) = &value.expr {
        let kind = call.args.first().map_or(Type::Any, Type::of);
        return Some(Field { name, kind, optional: true, default: call.args.get(1) });
    }
    Some(Field { name, kind: Type::of(value), optional: false, default: None })
}

/// What a value becomes under a constraint. What is not known passes.
pub(crate) fn convert<'a>(value: Value<'a>, kind: &Type<'a>) -> Result<Value<'a>, Mismatch> {
    match (kind, value) {
        (Type::Any, value) => Ok(value),
        (_, Value::Unknown) => Ok(Value::Unknown),
        (_, Value::Null) => Ok(Value::Null),
        (Type::Str, value) => match value.to_text() {
            Some(text) => Ok(Value::Str(text)),
            None => Err(mismatch(kind, &value)),
        },
        (Type::Number, Value::Number(number)) => Ok(Value::Number(number)),
        (Type::Number, Value::Str(text)) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Number(number)),
            _ => Err(mismatch(kind, &Value::Str(text))),
        },
        (Type::Bool, Value::Bool(value)) => Ok(Value::Bool(value)),
        (Type::Bool, Value::Str(text)) => match &*text {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(mismatch(kind, &Value::Str(text))),
        },
        (Type::List(inner) | Type::Set(inner), Value::List(items)) => {
            if matches!(kind, Type::List(_)) && items.iter().all(|item| stays(item, inner)) {
                return Ok(Value::List(items));
            }
            let mut out = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                out.push(convert(item.clone(), inner).map_err(|error| error.below(&format!("[{index}]")))?);
            }
            if matches!(kind, Type::Set(_)) {
                sort_and_dedup(&mut out);
            }
            Ok(Value::list(out))
        }
        (Type::Map(inner), Value::Map(entries)) => {
            if entries.values().all(|item| stays(item, inner)) {
                return Ok(Value::Map(entries));
            }
            let mut out = Vec::with_capacity(entries.len());
            for (key, item) in entries.iter() {
                let item = convert(item.clone(), inner).map_err(|error| error.below(&format!(".{}", &**key)))?;
                out.push((key.clone(), item));
            }
            Ok(Value::map(Entries::new(out)))
        }
        (Type::Tuple(kinds), Value::List(items)) if kinds.len() == items.len() => {
            let converted: Result<Vec<_>, _> =
                items.iter().zip(kinds).map(|(item, kind)| convert(item.clone(), kind)).collect();
            Ok(Value::list(converted?))
        }
        (Type::Object(fields), Value::Map(entries)) => object(fields, &entries),
        (kind, value) => Err(mismatch(kind, &value)),
    }
}

/// Whether [`convert`] would give the same value again. A quick test for the common case: no says nothing.
pub(super) fn stays(value: &Value<'_>, kind: &Type<'_>) -> bool {
    matches!(
        (kind, value),
        (Type::Any, _)
            | (_, Value::Unknown | Value::Null)
            | (Type::Str, Value::Str(_))
            | (Type::Number, Value::Number(_))
            | (Type::Bool, Value::Bool(_))
    )
}

fn object<'a>(fields: &[Field<'a>], entries: &Entries<'a>) -> Result<Value<'a>, Mismatch> {
    let mut out = Vec::with_capacity(fields.len());
    for field in fields {
        let name = Text::Borrowed(field.name);
        let given = entries.get(field.name).cloned();
        let value = match given {
            Some(Value::Null) | None if field.optional => match field.default {
                // A default is a literal; what is in it that is not, is not known here.
                Some(node) => convert(literal(node), &field.kind).unwrap_or(Value::Unknown),
                None => Value::Null,
            },
            Some(value) => convert(value, &field.kind).map_err(|error| error.below(&format!(".{}", field.name)))?,
            None => {
                let expected = format!("an object with the attribute {:?}", field.name);
                return Err(Mismatch { path: String::new(), expected, found: "one without it".into() });
            }
        };
        out.push((name, value));
    }
    Ok(Value::map(Entries::new(out)))
}

pub(crate) fn sort_and_dedup(items: &mut Vec<Value<'_>>) {
    if items.iter().all(|item| item.as_str().is_some()) {
        items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    let mut seen: Vec<Value<'_>> = Vec::with_capacity(items.len());
    items.retain(|item| {
        let fresh = item.is_unknown() || !seen.contains(item);
        if fresh {
            seen.push(item.clone());
        }
        fresh
    });
}

impl Mismatch {
    fn below(mut self, step: &str) -> Mismatch {
        self.path.insert_str(0, step);
        self
    }
}

fn mismatch(kind: &Type<'_>, value: &Value<'_>) -> Mismatch {
    let found = match value {
        Value::Str(text) => format!("the string {:?}", &**text),
        Value::Number(_) => format!("the number {value}"),
        Value::Bool(_) => format!("the boolean {value}"),
        Value::List(items) => format!("a list of {}", items.len()),
        Value::Map(_) => "a map".into(),
        Value::Null => "null".into(),
        Value::Unknown => "a value that is not known".into(),
    };
    Mismatch { path: String::new(), expected: kind.describe(), found }
}
