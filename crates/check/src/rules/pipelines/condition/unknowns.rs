//! What a condition asks that no file tells: refs, inputs, outputs. Each gets the values that make a difference to it.

use std::collections::BTreeMap;

use github_actions_expressions::call::Call;
use github_actions_expressions::literal::Literal;
use github_actions_expressions::op::{BinExpr, BinOp};
use github_actions_expressions::{Expr, SpannedExpr};

use super::evaluate::literal;
use super::value::Value;
use super::{Condition, is_status};

/// A value for everything that is not known.
pub(super) type Assignment = BTreeMap<String, Value>;

/// Above this a condition is not tried out.
const MAX_ASSIGNMENTS: usize = 512;

/// A text that no condition compares anything with.
const OTHER: &str = "\u{1}other";

/// Whether a context is told by the results that are tried out: jobs that are needed, steps that came before.
pub(super) fn is_tried(pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split('.').collect();
    match parts[..] {
        ["needs"] | ["needs", _] | ["needs", _, "result"] => true,
        // Other properties do not exist and are empty.
        ["needs", _, other, ..] => other != "outputs",
        ["steps", _, "outcome" | "conclusion"] | ["job", "status"] => true,
        _ => false,
    }
}

pub(super) fn key(expression: &SpannedExpr<'_>) -> String {
    match &expression.inner {
        Expr::Context(context) => context.as_pattern().unwrap_or_else(|| squeezed(expression)),
        _ => squeezed(expression),
    }
}

fn squeezed(expression: &SpannedExpr<'_>) -> String {
    expression.origin.raw.split_whitespace().collect::<String>().to_lowercase()
}

/// Whether its value depends on something that is not known.
pub(super) fn depends(expression: &SpannedExpr<'_>) -> bool {
    match &expression.inner {
        Expr::Context(context) => !context.as_pattern().is_some_and(|pattern| is_tried(&pattern)),
        Expr::Call(Call { func, args }) => {
            !is_status(*func)
                && (matches!(
                    func,
                    github_actions_expressions::call::Function::HashFiles
                        | github_actions_expressions::call::Function::Case
                ) || args.iter().any(depends))
        }
        Expr::BinExpr(BinExpr { lhs, rhs, .. }) => depends(lhs) || depends(rhs),
        Expr::UnExpr { expr, .. } => depends(expr),
        Expr::Literal(_) => false,
        Expr::Index(_) | Expr::Star | Expr::Identifier(_) => true,
    }
}

/// What is not looked into any further: it depends on something unknown and has no parts that are evaluated.
pub(super) fn is_leaf(expression: &SpannedExpr<'_>) -> bool {
    match &expression.inner {
        Expr::Context(_) | Expr::Call(_) | Expr::Index(_) | Expr::Star | Expr::Identifier(_) => depends(expression),
        Expr::BinExpr(BinExpr { lhs, op, rhs }) => match op {
            BinOp::And | BinOp::Or => false,
            BinOp::Eq | BinOp::Neq => depends(lhs) && depends(rhs),
            BinOp::Gt | BinOp::Ge | BinOp::Lt | BinOp::Le => depends(lhs) || depends(rhs),
        },
        Expr::UnExpr { .. } | Expr::Literal(_) => false,
    }
}

/// The values that everything unknown in some conditions may have.
#[derive(Default)]
pub(super) struct Unknowns {
    domains: BTreeMap<String, Vec<Value>>,
}

impl Unknowns {
    pub(super) fn take(&mut self, condition: &Condition<'_>) {
        match condition {
            Condition::Expression(expression) => self.truth(expression),
            Condition::None | Condition::Constant(_) | Condition::Text(_) | Condition::Unreadable => {}
        }
    }

    fn add(&mut self, key: String, values: impl IntoIterator<Item = Value>) {
        let domain = self.domains.entry(key).or_default();
        for value in values {
            if !domain.contains(&value) {
                domain.push(value);
            }
        }
    }

    fn truth(&mut self, expression: &SpannedExpr<'_>) {
        if is_leaf(expression) {
            return self.add(key(expression), [Value::Bool(false), Value::Bool(true)]);
        }
        match &expression.inner {
            Expr::BinExpr(BinExpr { lhs, op: BinOp::Eq | BinOp::Neq, rhs }) => {
                for (side, other) in [(lhs, rhs), (rhs, lhs)] {
                    match &other.inner {
                        Expr::Literal(known) if is_leaf(side) => self.compared(side, known),
                        _ if is_leaf(side) => {
                            self.add(key(side), ["success", "failure", OTHER].map(Value::text));
                        }
                        _ => self.truth(side),
                    }
                }
            }
            Expr::BinExpr(BinExpr { lhs, rhs, .. }) => {
                self.truth(lhs);
                self.truth(rhs);
            }
            Expr::UnExpr { expr, .. } => self.truth(expr),
            Expr::Call(Call { args, .. }) => args.iter().for_each(|arg| self.truth(arg)),
            _ => {}
        }
    }

    fn compared(&mut self, side: &SpannedExpr<'_>, with: &Literal<'_>) {
        let known = literal(with);
        let other = match known {
            Value::Bool(value) => Value::Bool(!value),
            _ => Value::text(OTHER),
        };
        self.add(key(side), [known, other]);
    }

    /// Keeps of `github.event_name` what may start the workflow.
    pub(super) fn started_by(&mut self, may_be: impl Fn(&str) -> bool) {
        if let Some(domain) = self.domains.get_mut("github.event_name") {
            domain.retain(|value| !matches!(value, Value::Text(text) if text != OTHER && !may_be(text)));
        }
    }

    /// Every combination; `None` where there are too many to try.
    pub(super) fn assignments(&self) -> Option<Vec<Assignment>> {
        let count = self.domains.values().try_fold(1usize, |count, domain| count.checked_mul(domain.len()))?;
        if count > MAX_ASSIGNMENTS {
            return None;
        }
        let mut all = vec![Assignment::new()];
        for (key, domain) in &self.domains {
            all = all
                .into_iter()
                .flat_map(|known| {
                    domain.iter().map(move |value| {
                        let mut next = known.clone();
                        next.insert(key.clone(), value.clone());
                        next
                    })
                })
                .collect();
        }
        Some(all)
    }
}
