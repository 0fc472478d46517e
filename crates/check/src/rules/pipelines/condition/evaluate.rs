//! The value of a condition, given how what came before it ended.

use github_actions_expressions::call::{Call, Function};
use github_actions_expressions::literal::Literal;
use github_actions_expressions::op::{BinExpr, BinOp};
use github_actions_expressions::{Expr, SpannedExpr};

use super::Condition;
use super::unknowns::{Assignment, is_leaf, key};
use super::value::Value;

/// How what came before ended.
pub(super) trait Before {
    fn success(&self) -> bool;
    fn failure(&self) -> bool;
    fn cancelled(&self) -> bool;
    /// The value of a context, lower case and with dots; `None` where it is one of those that are not known.
    fn context(&self, pattern: &str) -> Option<Value>;
}

/// Whether a job or a step with this condition runs; `None` for one that cannot be read.
pub(super) fn holds(condition: &Condition<'_>, before: &dyn Before, assignment: &Assignment) -> Option<bool> {
    let asked = condition.has_status() || before.success();
    Some(match condition {
        Condition::None => before.success(),
        Condition::Constant(value) => *value && before.success(),
        Condition::Expression(expression) => asked && evaluate(expression, before, assignment)?.truthy(),
        Condition::Text(_) => asked,
        Condition::Unreadable => return None,
    })
}

pub(super) fn literal(literal: &Literal<'_>) -> Value {
    match literal {
        Literal::Number(value) => Value::Number(*value),
        Literal::String(text) => Value::Text(text.to_string()),
        Literal::Boolean(value) => Value::Bool(*value),
        Literal::Null => Value::Null,
    }
}

fn evaluate(expression: &SpannedExpr<'_>, before: &dyn Before, assignment: &Assignment) -> Option<Value> {
    if let Expr::Context(context) = &expression.inner
        && let Some(value) = context.as_pattern().and_then(|pattern| before.context(&pattern))
    {
        return Some(value);
    }
    if is_leaf(expression) {
        return assignment.get(&key(expression)).cloned();
    }
    match &expression.inner {
        Expr::Literal(known) => Some(literal(known)),
        Expr::Call(call) => called(call, before, assignment),
        Expr::UnExpr { expr, .. } => Some(Value::Bool(!evaluate(expr, before, assignment)?.truthy())),
        Expr::BinExpr(BinExpr { lhs, op, rhs }) => {
            let left = evaluate(lhs, before, assignment)?;
            match op {
                BinOp::And if !left.truthy() => return Some(left),
                BinOp::Or if left.truthy() => return Some(left),
                _ => {}
            }
            let right = evaluate(rhs, before, assignment)?;
            Some(match op {
                BinOp::And | BinOp::Or => right,
                BinOp::Eq => Value::Bool(left.equals(&right)),
                BinOp::Neq => Value::Bool(!left.equals(&right)),
                BinOp::Gt => Value::Bool(left.number() > right.number()),
                BinOp::Ge => Value::Bool(left.number() >= right.number()),
                BinOp::Lt => Value::Bool(left.number() < right.number()),
                BinOp::Le => Value::Bool(left.number() <= right.number()),
            })
        }
        // A context that is tried out and that nothing here tells.
        Expr::Context(_) => Some(Value::Null),
        Expr::Index(_) | Expr::Star | Expr::Identifier(_) => None,
    }
}

fn called(call: &Call<'_>, before: &dyn Before, assignment: &Assignment) -> Option<Value> {
    let args: Option<Vec<Value>> = call.args.iter().map(|arg| evaluate(arg, before, assignment)).collect();
    let args = args?;
    let shown = |index: usize| args.get(index).map(Value::shown);
    let lower = |index: usize| shown(index).map(|text| text.to_lowercase());
    Some(match call.func {
        // In the condition of a job `success()` speaks of what it needs, in that of a step of the steps before.
        Function::Success => Value::Bool(before.success()),
        Function::Failure => Value::Bool(before.failure()),
        Function::Cancelled => Value::Bool(before.cancelled()),
        Function::Always => Value::Bool(true),
        Function::Contains => Value::Bool(match args.first()? {
            Value::List(values) => values.iter().any(|value| args.get(1).is_some_and(|sought| value.equals(sought))),
            Value::Object(entries) => entries.values().any(|value| args.get(1).is_some_and(|it| value.equals(it))),
            _ => lower(0)?.contains(&lower(1)?),
        }),
        Function::StartsWith => Value::Bool(lower(0)?.starts_with(&lower(1)?)),
        Function::EndsWith => Value::Bool(lower(0)?.ends_with(&lower(1)?)),
        Function::Format => {
            let mut text = shown(0)?;
            for (index, value) in args.iter().skip(1).enumerate() {
                text = text.replace(&format!("{{{index}}}"), &value.shown());
            }
            Value::Text(text)
        }
        Function::Join => {
            let between = shown(1).unwrap_or_else(|| ",".to_string());
            match args.first()? {
                Value::List(values) => Value::Text(values.iter().map(Value::shown).collect::<Vec<_>>().join(&between)),
                other => Value::Text(other.shown()),
            }
        }
        Function::ToJSON => Value::Text(args.first()?.to_json()),
        Function::FromJSON => Value::from_json(&shown(0)?)?,
        Function::HashFiles | Function::Case => return None,
    })
}
