//! Conditions (`if:`): what they come out as, and whether a job or a step can run when something before it went wrong.
//!
//! Nothing here goes by how a condition is spelled. It is read as GitHub reads it and tried out: with every needed job passed, with
//! one and two of them failed, with the run cancelled, and with every value that what cannot be known may have.

mod evaluate;
mod jobs;
mod steps;
mod unknowns;
mod value;

use github_actions_expressions::call::{Call, Function};
use github_actions_expressions::op::BinExpr;
use github_actions_expressions::{Expr, SpannedExpr};
use github_actions_models::common::If;

pub(super) use jobs::{Certainty, condition as written, runs};
pub(super) use steps::{lets_pass, never_runs, on_failure_only, runs_after_failure};

/// A condition as GitHub reads it.
pub(super) enum Condition<'s> {
    /// None is written, so that everything before has to succeed.
    None,
    Constant(bool),
    Expression(SpannedExpr<'s>),
    /// Text stands outside of `${{ }}`: all of it is one text that is not empty, which counts as true.
    Text(Vec<SpannedExpr<'s>>),
    Unreadable,
}

impl<'s> Condition<'s> {
    pub(super) fn read(condition: Option<&'s If>) -> Condition<'s> {
        match condition {
            None => Condition::None,
            Some(If::Bool(value)) => Condition::Constant(*value),
            Some(If::Expr(text)) => Condition::parse(text),
        }
    }

    fn parse(text: &'s str) -> Condition<'s> {
        let text = text.trim();
        if text.is_empty() {
            return Condition::None;
        }
        let Some(open) = text.find("${{") else {
            return Expr::parse(text).map_or(Condition::Unreadable, Condition::Expression);
        };
        let (mut inner, mut outside, mut rest) = (Vec::new(), open > 0, &text[open..]);
        while let Some(body) = rest.strip_prefix("${{") {
            let Some(close) = closing(body) else { return Condition::Unreadable };
            let Ok(parsed) = Expr::parse(&body[..close]) else { return Condition::Unreadable };
            inner.push(parsed);
            let after = &body[close + 2..];
            let next = after.find("${{").unwrap_or(after.len());
            outside |= next > 0;
            rest = &after[next..];
        }
        match (outside, inner.len()) {
            (false, 1) => inner.pop().map_or(Condition::Unreadable, Condition::Expression),
            (true, _) => Condition::Text(inner),
            // Two expressions side by side make a text whose emptiness depends on both.
            (false, _) => Condition::Unreadable,
        }
    }

    /// Without one of these functions GitHub asks for `success()` too.
    fn has_status(&self) -> bool {
        match self {
            Condition::Expression(expression) => has_status(expression),
            Condition::Text(inner) => inner.iter().any(has_status),
            Condition::None | Condition::Constant(_) | Condition::Unreadable => false,
        }
    }
}

/// Whether text outside of `${{ }}` makes a condition always true.
pub(super) fn is_text(condition: &If) -> bool {
    matches!(Condition::read(Some(condition)), Condition::Text(_))
}

/// Where `}}` stands that is not inside a quoted text.
fn closing(body: &str) -> Option<usize> {
    let mut quoted = false;
    body.bytes().enumerate().find_map(|(index, byte)| {
        quoted ^= byte == b'\'';
        (!quoted && body.as_bytes()[index..].starts_with(b"}}")).then_some(index)
    })
}

fn has_status(expression: &SpannedExpr<'_>) -> bool {
    match &expression.inner {
        Expr::Call(Call { func, args }) => is_status(*func) || args.iter().any(has_status),
        Expr::BinExpr(BinExpr { lhs, rhs, .. }) => has_status(lhs) || has_status(rhs),
        Expr::UnExpr { expr, .. } | Expr::Index(expr) => has_status(expr),
        Expr::Context(context) => context.parts.iter().any(has_status),
        Expr::Literal(_) | Expr::Star | Expr::Identifier(_) => false,
    }
}

fn is_status(function: Function) -> bool {
    matches!(function, Function::Success | Function::Failure | Function::Cancelled | Function::Always)
}

#[cfg(test)]
mod tests {
    use super::Condition;

    fn kind(text: &str) -> &'static str {
        match Condition::parse(text) {
            Condition::None => "none",
            Condition::Constant(_) => "constant",
            Condition::Expression(_) => "expression",
            Condition::Text(_) => "text",
            Condition::Unreadable => "unreadable",
        }
    }

    #[test]
    fn what_stands_outside_of_the_braces_makes_a_condition_a_text() {
        assert_eq!(kind("always()"), "expression");
        assert_eq!(kind(" ${{ always() }} "), "expression");
        assert_eq!(kind("${{ always() }} && success()"), "text");
        assert_eq!(kind("!${{ failure() }}"), "text");
        assert_eq!(kind("${{ contains('}}', github.ref) }}"), "expression");
        assert_eq!(kind("${{ a }}${{ b }}"), "unreadable");
        assert_eq!(kind("${{ a &&"), "unreadable");
        assert_eq!(kind(" "), "none");
    }

    #[test]
    fn a_status_function_is_found_wherever_it_stands() {
        assert!(Condition::parse("github.ref == 'x' || !(failure())").has_status());
        assert!(Condition::parse("format('{0}', always())").has_status());
        assert!(Condition::parse("${{ always() }} x").has_status());
        assert!(!Condition::parse("github.ref == 'success()'").has_status());
    }
}
