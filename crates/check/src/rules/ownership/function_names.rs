//! What a function may be called, as patterns, so that a deployer's call for one function is not held against another.

use crate::discover::usage;
use crate::hcl::{Expr, Node, Part, Step};
use crate::model::{Module, Resource};
use crate::run::Context;

/// Locals and arguments are followed this deep.
const MAX_DEPTH: usize = 6;

/// Patterns of the names that a resource's attribute may have, with `*` for what is not known.
pub(super) fn of_resource(context: &Context<'_>, module: &Module<'_>, resource: &Resource<'_>) -> Vec<String> {
    let attribute = if resource.kind == "aws_lambda_alias" { "name" } else { "function_name" };
    match resource.body.attr(attribute) {
        Some(attr) => patterns(context, module, &attr.value, MAX_DEPTH),
        None => vec!["*".to_string()],
    }
}

/// The same for the function that an alias belongs to.
pub(super) fn of_alias(context: &Context<'_>, module: &Module<'_>, alias: &Resource<'_>) -> Vec<String> {
    let Some(attr) = alias.body.attr("function_name") else { return vec!["*".to_string()] };
    patterns(context, module, &attr.value, MAX_DEPTH)
}

fn patterns(context: &Context<'_>, module: &Module<'_>, node: &Node<'_>, depth: usize) -> Vec<String> {
    let unknown = || vec!["*".to_string()];
    if depth == 0 {
        return unknown();
    }
    match &node.expr {
        Expr::Str(text) => vec![text.to_string()],
        Expr::Template(parts) => {
            let mut all = vec![String::new()];
            for part in parts {
                let pieces = match part {
                    Part::Text(text) => vec![text.to_string()],
                    Part::Node(node) => patterns(context, module, node, depth - 1),
                    Part::Directive(_) => unknown(),
                };
                all =
                    all.iter().flat_map(|before| pieces.iter().map(move |piece| format!("{before}{piece}"))).collect();
                if all.len() > 64 {
                    return unknown();
                }
            }
            all
        }
        Expr::Path(root, steps) => match (*root, &steps[..]) {
            ("local", [Step::Attr(name)]) => match module.local(name) {
                Some(local) => patterns(context, module, &local.attr.value, depth - 1),
                None => unknown(),
            },
            ("var", [Step::Attr(name)]) => arguments(context, module, name, depth - 1),
            ("aws_lambda_function", [Step::Attr(name), .., Step::Attr("function_name" | "arn" | "id")]) => match module
                .resource("aws_lambda_function", name)
                .and_then(|function| function.body.attr("function_name"))
            {
                Some(attr) => patterns(context, module, &attr.value, depth - 1),
                None => unknown(),
            },
            _ => unknown(),
        },
        Expr::Cond(nodes) => nodes[1..].iter().flat_map(|node| patterns(context, module, node, depth - 1)).collect(),
        _ => unknown(),
    }
}

/// What the calls of a module give for one of its variables.
fn arguments(context: &Context<'_>, module: &Module<'_>, name: &str, depth: usize) -> Vec<String> {
    let modules = &context.world.modules;
    let own = modules.iter().position(|other| std::ptr::eq(other, module));
    let mut out = Vec::new();
    for caller in modules {
        for call in caller.calls.iter().filter(|call| call.target.is_some() && call.target == own) {
            match call.body.attr(name) {
                Some(attr) => out.extend(patterns(context, caller, &attr.value, depth)),
                None => out.push("*".to_string()),
            }
        }
    }
    if out.is_empty() { vec!["*".to_string()] } else { out }
}

/// Whether two expressions are the same local or variable, as it is.
pub(super) fn same_reference(a: &Node<'_>, b: &Node<'_>) -> bool {
    match (&a.expr, &b.expr) {
        (Expr::Path(root, steps), Expr::Path(other, theirs)) => {
            matches!(*root, "local" | "var")
                && root == other
                && matches!(
                    (&steps[..], &theirs[..]),
                    ([Step::Attr(name)], [Step::Attr(other)]) if name == other
                )
        }
        _ => false,
    }
}

/// The function that a call names, without account, region and alias.
pub(super) fn called(text: &str) -> String {
    let pattern = usage::pattern(text);
    let name = pattern.rsplit_once(":function:").map_or(pattern.as_str(), |(_, name)| name);
    name.split(':').next().unwrap_or(name).to_string()
}

/// Whether one text can fit both patterns.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Whether what is left of both can be the same text, from the ends backwards.
    let mut same = vec![vec![false; b.len() + 1]; a.len() + 1];
    for i in (0..=a.len()).rev() {
        for j in (0..=b.len()).rev() {
            let rest = |i: usize, j: usize| same.get(i).and_then(|row| row.get(j)).is_some_and(|same| *same);
            same[i][j] = match (a.get(i), b.get(j)) {
                (None, None) => true,
                // A star is over, or takes one more of the other.
                (Some('*'), _) | (_, Some('*')) => rest(i + 1, j) || rest(i, j + 1),
                (Some(left), Some(right)) => left == right && rest(i + 1, j + 1),
                (Some(_), None) | (None, Some(_)) => false,
            };
        }
    }
    same[0][0]
}

#[cfg(test)]
mod tests {
    use super::{called, overlap};

    #[test]
    fn patterns_overlap_where_one_name_fits_both() {
        for (a, b) in
            [("api-*", "api-prod"), ("*", "x"), ("cron-*", "*-prod"), ("*-api-*", "a*c"), ("", "*"), ("a", "a")]
        {
            assert!(overlap(a, b) && overlap(b, a), "{a} {b}");
        }
        for (a, b) in [("api-*", "cron-*"), ("worker-*", "work"), ("a", "b"), ("", "a"), ("*-live", "*-old")] {
            assert!(!overlap(a, b) && !overlap(b, a), "{a} {b}");
        }
    }

    #[test]
    fn a_call_names_a_function_by_its_name_or_its_arn() {
        assert_eq!(called("arn:aws:lambda:eu-west-1:$ACCOUNT:function:api-$1:live"), "api-*");
        assert_eq!(called("api-${ENV}"), "api-*");
    }
}
