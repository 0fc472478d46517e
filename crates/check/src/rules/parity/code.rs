//! Names in the code: used and not declared, declared and not used.

use foldhash::HashMap;

use super::linked;
use crate::finding::Finding;
use crate::hcl::{Body, Expr, Node, Span, Step};
use crate::model::{FileId, Module, Place};
use crate::parsed::Parsed;
use crate::run::Context;

/// Every `var.x` and `local.x` of a module: by name, the first place.
#[derive(Default)]
struct Uses<'a> {
    variables: HashMap<&'a str, (FileId, Span)>,
    locals: HashMap<&'a str, (FileId, Span)>,
    /// `local` or `var` as a whole, from which anything may be taken.
    everything: bool,
}

pub(super) fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let mut found = Vec::new();
    crate::rules::each_module(context, &mut found, |module, out| {
        if module.incomplete {
            return;
        }
        let uses = uses(context, module);
        if !uses.everything {
            undeclared(context, module, &uses, out);
            unused(context, module, &uses, out);
        }
    });
    linked::merge(context, found, out);
}

fn uses<'a>(context: &Context<'a>, module: &Module<'a>) -> Uses<'a> {
    let mut uses = Uses::default();
    for file in &module.files {
        if let Parsed::Terraform(body) = &context.parsed[*file] {
            take_body(*file, body, &mut uses);
        }
    }
    uses
}

fn take_body<'a>(file: FileId, body: &'a Body<'a>, uses: &mut Uses<'a>) {
    body.each_node(&mut |node: &'a Node<'a>| {
        let Expr::Path(root, steps) = &node.expr else { return };
        let known = match *root {
            "var" => &mut uses.variables,
            "local" => &mut uses.locals,
            _ => return,
        };
        match steps.first() {
            Some(Step::Attr(name)) => {
                known.entry(name).or_insert((file, node.span));
            }
            _ => uses.everything |= *root == "local" || !steps.is_empty(),
        }
    });
}

fn undeclared(context: &Context<'_>, module: &Module<'_>, uses: &Uses<'_>, out: &mut Vec<Finding>) {
    for (name, (file, span)) in &uses.variables {
        if module.variable(name).is_none() {
            let place = Place { file: *file, span: *span };
            out.push(context.finding(
                "variable-undeclared",
                place,
                name,
                format!("var.{name} is used and declared nowhere in this module"),
            ));
        }
    }
    for (name, (file, span)) in &uses.locals {
        if module.local(name).is_none() {
            let place = Place { file: *file, span: *span };
            out.push(context.finding(
                "local-undeclared",
                place,
                name,
                format!("local.{name} is used and declared nowhere in this module"),
            ));
        }
    }
}

fn unused(context: &Context<'_>, module: &Module<'_>, uses: &Uses<'_>, out: &mut Vec<Finding>) {
    for variable in &module.variables {
        if !uses.variables.contains_key(variable.name) {
            let message = format!("the variable {:?} is declared and never used", variable.name);
            out.push(context.finding("variable-unused", variable.place, variable.name, message));
        }
    }
    for local in &module.locals {
        if !uses.locals.contains_key(local.name) {
            let place = Place { file: local.file, span: local.attr.name_span };
            out.push(context.finding(
                "local-unused",
                place,
                local.name,
                format!("local.{} is declared and never used", local.name),
            ));
        }
    }
}
