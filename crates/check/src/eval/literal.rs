//! Expressions that refer to nothing, as variable files hold them: their values, and what can be told without computing those.

use super::convert::Type;
use super::entries::Entries;
use super::value::Value;
use crate::hcl::{Expr, Node, UnaryOp};

/// The value of an expression that refers to nothing.
pub(crate) fn literal<'a>(node: &'a Node<'a>) -> Value<'a> {
    match &node.expr {
        Expr::Null => Value::Null,
        Expr::Bool(value) => Value::Bool(*value),
        Expr::Number(number) => Value::Number(*number),
        Expr::Str(text) => Value::text(text),
        Expr::Tuple(items) => Value::list(items.iter().map(literal).collect()),
        Expr::Object(entries) => {
            let mut out = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                match literal(key).to_text() {
                    Some(key) => out.push((key, literal(value))),
                    None => return Value::Unknown,
                };
            }
            Value::map(Entries::new(out))
        }
        Expr::Unary(UnaryOp::Neg, inner) => match literal(inner) {
            Value::Number(number) => Value::Number(-number),
            _ => Value::Unknown,
        },
        _ => Value::Unknown,
    }
}

/// Whether two literals are certainly the same. Ones that are written differently may be the same all the same.
pub(crate) fn same_literal(a: &Node<'_>, b: &Node<'_>) -> bool {
    match (&a.expr, &b.expr) {
        (Expr::Null, Expr::Null) => true,
        (Expr::Bool(a), Expr::Bool(b)) => a == b,
        (Expr::Number(a), Expr::Number(b)) => a == b,
        (Expr::Str(a), Expr::Str(b)) => a == b,
        (Expr::Tuple(a), Expr::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same_literal(a, b))
        }
        (Expr::Object(a), Expr::Object(b)) => {
            a.len() == b.len()
                && a.iter().zip(b.iter()).all(|((name, a), (other, b))| same_literal(name, other) && same_literal(a, b))
        }
        _ => false,
    }
}

/// Empty text, list or object, or null.
pub(crate) fn is_empty_literal(node: &Node<'_>) -> bool {
    match &node.expr {
        Expr::Null => true,
        Expr::Str(text) => text.is_empty(),
        Expr::Tuple(items) => items.is_empty(),
        Expr::Object(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Whether a literal is of a type without any conversion. A quick test for the common case: no says nothing.
pub(crate) fn plainly_fits(node: &Node<'_>, kind: &Type<'_>) -> bool {
    match (kind, &node.expr) {
        (Type::Any, _) => true,
        (Type::Str, Expr::Str(_)) | (Type::Number, Expr::Number(_)) | (Type::Bool, Expr::Bool(_)) => true,
        (Type::List(inner) | Type::Set(inner), Expr::Tuple(items)) => {
            items.iter().all(|item| plainly_fits(item, inner))
        }
        (Type::Map(inner), Expr::Object(entries)) => entries.iter().all(|(_, value)| plainly_fits(value, inner)),
        (Type::Object(fields), Expr::Object(entries)) => {
            fields.iter().all(|field| match entries.iter().find(|(name, _)| name.as_str() == Some(field.name)) {
                Some((_, value)) => plainly_fits(value, &field.kind),
                None => field.optional,
            })
        }
        _ => false,
    }
}
