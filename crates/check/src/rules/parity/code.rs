//! Names in the code: used and not declared, declared and not used.

use foldhash::{HashMap, HashMapExt};

use super::linked;
use crate::discover::names::folder_of_tests;
use crate::finding::Finding;
use crate::hcl::{Body, Expr, Node, Span, Step};
use crate::model::{FileId, Module, Place};
use crate::parsed::Parsed;
use crate::run::Context;

/// Every `var.x` and `local.x` of a module.
struct Uses<'m, 'a> {
    module: &'m Module<'a>,
    /// By position, whether it is used.
    variables: Vec<bool>,
    locals: Vec<bool>,
    /// What is declared nowhere: by name, the first place.
    undeclared_variables: HashMap<&'a str, (FileId, Span)>,
    undeclared_locals: HashMap<&'a str, (FileId, Span)>,
    /// `local` or `var` as a whole, from which anything may be taken.
    everything: bool,
}

pub(super) fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let mut found = Vec::new();
    crate::rules::each_module(context, &mut found, |module, out| {
        if module.incomplete || folder_of_tests(module.dir).is_some() {
            return;
        }
        let uses = uses(context, module);
        if !uses.everything {
            undeclared(context, &uses, out);
            unused(context, &uses, out);
        }
    });
    linked::merge(context, found, out);
}

fn uses<'m, 'a>(context: &Context<'a>, module: &'m Module<'a>) -> Uses<'m, 'a> {
    let mut uses = Uses {
        module,
        variables: vec![false; module.variables.len()],
        locals: vec![false; module.locals.len()],
        undeclared_variables: HashMap::new(),
        undeclared_locals: HashMap::new(),
        everything: false,
    };
    for file in &module.files {
        if let Parsed::Terraform(body) = &context.parsed[*file] {
            take_body(*file, body, &mut uses);
        }
    }
    uses
}

fn take_body<'a>(file: FileId, body: &'a Body<'a>, uses: &mut Uses<'_, 'a>) {
    body.each_node(&mut |node: &'a Node<'a>| {
        let Expr::Path(root, steps) = &node.expr else { return };
        let is_local = match *root {
            "var" => false,
            "local" => true,
            _ => return,
        };
        let Some(Step::Attr(name)) = steps.first() else {
            uses.everything |= is_local || !steps.is_empty();
            return;
        };
        let (position, used, undeclared) = match is_local {
            true => (uses.module.local_position(name), &mut uses.locals, &mut uses.undeclared_locals),
            false => (uses.module.variable_position(name), &mut uses.variables, &mut uses.undeclared_variables),
        };
        match position {
            Some(position) => used[position] = true,
            None => {
                undeclared.entry(name).or_insert((file, node.span));
            }
        }
    });
}

fn undeclared(context: &Context<'_>, uses: &Uses<'_, '_>, out: &mut Vec<Finding>) {
    for (name, (file, span)) in &uses.undeclared_variables {
        let place = Place { file: *file, span: *span };
        out.push(context.finding(
            "variable-undeclared",
            place,
            name,
            format!("var.{name} is used and declared nowhere in this module"),
        ));
    }
    for (name, (file, span)) in &uses.undeclared_locals {
        let place = Place { file: *file, span: *span };
        out.push(context.finding(
            "local-undeclared",
            place,
            name,
            format!("local.{name} is used and declared nowhere in this module"),
        ));
    }
}

/// Of two that are declared under one name, the later one's position stands for both.
fn unused(context: &Context<'_>, uses: &Uses<'_, '_>, out: &mut Vec<Finding>) {
    let module = uses.module;
    for variable in &module.variables {
        if !module.variable_position(variable.name).is_some_and(|position| uses.variables[position]) {
            let message = format!("the variable {:?} is declared and never used", variable.name);
            out.push(context.finding("variable-unused", variable.place, variable.name, message));
        }
    }
    for local in &module.locals {
        if !module.local_position(local.name).is_some_and(|position| uses.locals[position]) {
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
