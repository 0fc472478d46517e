//! A local map with an entry for each environment, and an environment that has none: what is forgotten when one is added.

use crate::eval::{Evaluation, Failure, ScopeId, Value};
use crate::finding::Finding;
use crate::hcl::{Attr, Expr, Node, Step};
use crate::model::{FileId, Local, Module, Place};
use crate::view::{Deployed, View};

/// An entry that is asked for and not there.
struct Missing<'a> {
    local: &'a Local<'a>,
    at: Place,
    key: String,
    environments: Vec<&'a str>,
}

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    if !view.compares() {
        return;
    }
    let mut found: Vec<Missing<'_>> = Vec::new();
    for deployed in view.deployed.iter().filter(|deployed| !deployed.module.incomplete) {
        let maps = maps(view, deployed.module);
        if !maps.is_empty() {
            look(view, deployed, &maps, &mut found);
        }
    }
    for Missing { local, at, key, environments } in found {
        let message = format!("local.{} has no entry {key:?}, and {} asks for it", local.name, environments.join(", "));
        let map = Place { file: local.file, span: local.attr.name_span };
        out.push(
            view.context
                .finding("key-missing", at, &format!("{}/{key}", local.name), message)
                .label(format!("{key:?} in {}", environments.join(", ")))
                .beside(view.context.related(map, "the map"))
                .environments(environments),
        );
    }
}

/// Locals that are maps with the name of some environment of the stack among their keys, all of which are plain.
fn maps<'a>(view: &View<'a>, module: &'a Module<'a>) -> Vec<&'a Local<'a>> {
    let is_environment = |key: &str| {
        let known = &view.context.found.known;
        view.deployed.iter().any(|deployed| known.is_own(key, deployed.environment))
    };
    let is_map = |local: &&Local<'a>| match &local.attr.value.expr {
        Expr::Object(entries) => {
            entries.iter().all(|(key, _)| key.as_str().is_some())
                && entries.iter().filter_map(|(key, _)| key.as_str()).any(is_environment)
        }
        _ => false,
    };
    // Of two with one name nobody knows which is meant.
    let single = |local: &&Local<'a>| module.locals.iter().filter(|other| other.name == local.name).count() == 1;
    module.locals.iter().filter(is_map).filter(single).collect()
}

/// Everything that Terraform certainly evaluates: locals, and what stands in resources and calls that are there once.
fn look<'a>(view: &View<'a>, deployed: &Deployed<'a>, maps: &[&'a Local<'a>], found: &mut Vec<Missing<'a>>) {
    let module = deployed.module;
    let scope = Evaluation::ROOT;
    let mut expressions: Vec<(FileId, &'a Attr<'a>)> =
        module.locals.iter().map(|local| (local.file, local.attr)).collect();
    for resource in module.resources.iter().filter(|resource| !resource.repetition.is_some()) {
        if resource.overrides.is_empty() {
            expressions.extend(resource.body.attrs.iter().map(|attr| (resource.place.file, attr)));
        }
    }
    for call in module.calls.iter().filter(|call| !call.repetition.is_some() && call.overrides.is_empty()) {
        expressions.extend(call.body.attrs.iter().map(|attr| (call.place.file, attr)));
    }
    for (file, attr) in expressions {
        let mut missing: Vec<(&'a Local<'a>, &'a Node<'a>, String)> = Vec::new();
        attr.value.each(&mut |node: &'a Node<'a>| {
            if let Some((local, key)) = asked(deployed, scope, node, maps)
                && view.context.found.known.is_own(&key, deployed.environment)
            {
                missing.push((local, node, key));
            }
        });
        // `try`, `can` and conditions may stand around it: only what fails as a whole stops the plan.
        if missing.is_empty() || deployed.evaluation.outcome(scope, &attr.value) != Err(Failure) {
            continue;
        }
        for (local, node, key) in missing {
            let at = Place { file, span: node.span };
            match found.iter_mut().find(|known| known.at == at && known.key == key) {
                Some(known) => known.environments.push(deployed.environment),
                None => found.push(Missing { local, at, key, environments: vec![deployed.environment] }),
            }
        }
    }
}

/// The map and the key of `local.map[key]`, where the map has no such key.
fn asked<'a>(
    deployed: &Deployed<'a>,
    scope: ScopeId,
    node: &'a Node<'a>,
    maps: &[&'a Local<'a>],
) -> Option<(&'a Local<'a>, String)> {
    let (name, key) = match &node.expr {
        Expr::Path("local", steps) => match &steps[..] {
            [Step::Attr(name), Step::Index(index), ..] => (*name, index),
            _ => return None,
        },
        _ => return None,
    };
    let local = maps.iter().find(|local| local.name == name)?;
    let Value::Str(key) = deployed.evaluation.value(scope, key) else { return None };
    let Expr::Object(entries) = &local.attr.value.expr else { return None };
    let there = entries.iter().any(|(known, _)| known.as_str() == Some(&*key));
    (!there).then(|| (*local, key.to_string()))
}
