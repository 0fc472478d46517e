//! A comparison with a spelling of an environment's name that no environment has: false everywhere, and nothing else says so.

use crate::eval::{Evaluation, Value};
use crate::finding::Finding;
use crate::hcl::{BinaryOp, Expr, Node};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::view::View;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    if !view.compares() || !view.shares_root() || view.deployed[0].module.incomplete {
        return;
    }
    for file in &view.deployed[0].module.files {
        let text = view.context.tree.files()[*file].text().unwrap_or_default();
        if !(text.contains("== \"") || text.contains("!= \"") || text.contains("\" ==") || text.contains("\" !=")) {
            continue;
        }
        if let Parsed::Terraform(body) = &view.context.parsed[*file] {
            body.each_node(&mut |node| compared(view, *file, node, out));
        }
    }
}

fn compared<'a>(view: &View<'a>, file: FileId, node: &'a Node<'a>, out: &mut Vec<Finding>) {
    let Expr::Binary(op @ (BinaryOp::Eq | BinaryOp::NotEq), sides) = &node.expr else { return };
    let (name, literal) = match (sides[0].as_str(), sides[1].as_str()) {
        (None, Some(literal)) => (&sides[0], literal),
        (Some(literal), None) => (&sides[1], literal),
        _ => return,
    };
    let Some((root @ ("var" | "local"), attribute)) = name.reference() else { return };
    let known = &view.context.found.known;
    let mut meant = None;
    for deployed in &view.deployed {
        // Something that is not the environment's own name in every environment may take any value.
        let Value::Str(value) = deployed.evaluation.value(Evaluation::ROOT, name) else { return };
        if &*value == literal || !known.is_own(&value, deployed.environment) {
            return;
        }
        if known.is_own(literal, deployed.environment) {
            meant = Some((deployed.environment, value.to_string()));
        }
    }
    let Some((environment, value)) = meant else { return };
    let message = format!("{root}.{attribute} is {literal:?} in no environment; {environment} has {value:?}");
    let outcome = if *op == BinaryOp::Eq { "false everywhere" } else { "true everywhere" };
    let place = Place { file, span: node.span };
    let subject = format!("{root}.{attribute}/{literal}");
    out.push(
        view.context.finding("comparison-unmet", place, &subject, message).label(outcome).environment(environment),
    );
}
