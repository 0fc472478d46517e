//! Expressions that choose between texts: `${{ github.ref == 'refs/heads/main' && 'prod' || 'dev' }}`.

use github_actions_expressions::op::{BinExpr, BinOp};
use github_actions_expressions::{Expr, SpannedExpr};

use super::matrix::Combination;

/// What each such expression of a workflow stands for, case by case. Nothing where they ask for different things: nobody knows then
/// which of their texts go together.
pub(super) fn choices(text: &str) -> Vec<Combination> {
    let mut asked: Option<Vec<String>> = None;
    let mut out: Vec<Combination> = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find("${{") {
        let inner = &rest[open + 3..];
        let Some(close) = inner.find("}}") else { break };
        let (expression, after) = (inner[..close].trim(), &inner[close..]);
        rest = after;
        let is_known = |each: &Combination| each.iter().any(|(known, _)| known == expression);
        if !expression.contains("&&") || !expression.contains("||") || out.iter().any(is_known) {
            continue;
        }
        let Some((conditions, texts)) = Expr::parse(expression).ok().and_then(|parsed| arms(&parsed)) else { continue };
        if asked.get_or_insert_with(|| conditions.clone()) != &conditions {
            return Vec::new();
        }
        out.resize(texts.len(), Combination::new());
        for (each, text) in out.iter_mut().zip(texts) {
            each.push((expression.to_string(), text));
        }
    }
    out
}

/// What is asked, one after the other, and the text for each answer; the last is for none of them.
fn arms(expression: &SpannedExpr<'_>) -> Option<(Vec<String>, Vec<String>)> {
    match &expression.inner {
        Expr::BinExpr(BinExpr { lhs, op: BinOp::Or, rhs }) => {
            let (mut conditions, mut texts) = arms(lhs)?;
            let (more, last) = arms(rhs)?;
            conditions.extend(more);
            texts.extend(last);
            Some((conditions, texts))
        }
        Expr::BinExpr(BinExpr { lhs, op: BinOp::And, rhs }) => {
            let Expr::Literal(text) = &rhs.inner else { return None };
            let condition: String = lhs.origin.raw.split_whitespace().collect();
            Some((vec![condition], vec![text.as_str().into_owned()]))
        }
        Expr::Literal(text) => Some((Vec::new(), vec![text.as_str().into_owned()])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::choices;

    fn check(text: &str, expected: &[&str]) {
        let told: Vec<String> = choices(text)
            .iter()
            .map(|each| each.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn texts_that_hang_on_one_answer_go_together() {
        check("a: ${{ github.ref == 'm' && 'prod' || 'dev' }}", &["prod", "dev"]);
        check("${{ x == 'm' && 'prod' || 'dev' }} ${{ x=='m' && 'p' || 'd' }} ${{ y }}", &["prod p", "dev d"]);
        check("${{ x == 'm' && 'prod' || x == 'r' && 'uat' || 'dev' }}", &["prod", "uat", "dev"]);
        check("${{ x == 'm' && 'prod' || 'dev' }} ${{ y && 'p' || 'd' }}", &[]);
        check("${{ inputs.environment || 'dev' }} ${{ a && b || c }} ${{ a && 'x' }} ${{", &[]);
    }
}
