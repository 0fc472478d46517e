//! A map that lacks an entry which the plan of an environment asks for: a local one with an entry for each environment, or a variable
//! that another environment's values give that entry to. What is forgotten when one is added.

use std::collections::BTreeSet;

use crate::eval::{Evaluation, Failure, ScopeId, Value};
use crate::finding::Finding;
use crate::hcl::{Attr, Expr, Node, Step};
use crate::model::{FileId, Local, Module, Place};
use crate::view::{Deployed, View};

/// An entry that is asked for and not there.
struct Missing<'a> {
    /// `local.sizes`
    of: String,
    map: Place,
    at: Place,
    key: String,
    environments: Vec<&'a str>,
}

/// What an environment's maps may be asked for in vain.
struct Maps<'a> {
    locals: Vec<&'a Local<'a>>,
    /// Variables, each with where it is set and the entries that only other environments give it.
    variables: Vec<(&'a str, Place, BTreeSet<&'a str>)>,
}

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    if !view.compares() {
        return;
    }
    let mut found: Vec<Missing<'_>> = Vec::new();
    for deployed in view.deployed.iter().filter(|deployed| !deployed.module.incomplete) {
        let maps = Maps { locals: locals(view, deployed.module), variables: variables(view, deployed) };
        if !maps.locals.is_empty() || !maps.variables.is_empty() {
            look(view, deployed, &maps, &mut found);
        }
    }
    for Missing { of, map, at, key, environments } in found {
        let message = format!("{of} has no entry {key:?}, and {} asks for it", environments.join(", "));
        let subject = format!("{}/{key}", of.split_once('.').map_or(of.as_str(), |(_, name)| name));
        out.push(
            view.context
                .finding("key-missing", at, &subject, message)
                .label(format!("{key:?} in {}", environments.join(", ")))
                .beside(view.context.related(map, "the map"))
                .environments(environments),
        );
    }
}

/// Locals that are maps with the name of some environment of the stack among their keys, all of which are plain.
fn locals<'a>(view: &View<'a>, module: &'a Module<'a>) -> Vec<&'a Local<'a>> {
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

/// Variables that this environment's values make a map without entries that another environment's have.
fn variables<'a>(view: &View<'a>, deployed: &Deployed<'a>) -> Vec<(&'a str, Place, BTreeSet<&'a str>)> {
    let mut out = Vec::new();
    for (file, attr) in deployed.winning() {
        let Some(own) = plain_keys(attr) else { continue };
        let Some(variable) = deployed.module.variable(attr.name) else { continue };
        // An attribute that may be left out is there all the same.
        let mut optional = false;
        if let Some(constraint) = variable.constraint {
            constraint.each(&mut |node| optional |= matches!(node.expr, Expr::Call("optional", _)));
        }
        if optional {
            continue;
        }
        let of = |other: &Deployed<'a>| other.given(attr.name).map(|(_, theirs)| theirs).or(variable.default);
        let others = view.deployed.iter().filter_map(|other| plain_keys(of(other)?));
        let lacking: BTreeSet<&str> = others.flatten().filter(|key| !own.contains(key)).collect();
        if !lacking.is_empty() {
            out.push((attr.name, Place { file, span: attr.name_span }, lacking));
        }
    }
    out
}

fn plain_keys<'a>(attr: &'a Attr<'a>) -> Option<BTreeSet<&'a str>> {
    let Expr::Object(entries) = &attr.value.expr else { return None };
    entries.iter().map(|(key, _)| key.as_str()).collect()
}

/// Everything that Terraform certainly evaluates: locals, and what stands in resources and calls that are there once.
fn look<'a>(view: &View<'a>, deployed: &Deployed<'a>, maps: &Maps<'a>, found: &mut Vec<Missing<'a>>) {
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
        let mut missing: Vec<(String, Place, &'a Node<'a>, String)> = Vec::new();
        attr.value.each(&mut |node: &'a Node<'a>| {
            if let Some((local, key)) = asked(deployed, scope, node, &maps.locals)
                && view.context.found.known.is_own(&key, deployed.environment)
            {
                let map = Place { file: local.file, span: local.attr.name_span };
                missing.push((format!("local.{}", local.name), map, node, key));
            } else if let Some((name, map, key)) = asked_of_variable(deployed, scope, node, maps) {
                missing.push((format!("var.{name}"), map, node, key));
            }
        });
        // `try`, `can` and conditions may stand around it: only what fails as a whole stops the plan.
        if missing.is_empty() || deployed.evaluation.outcome(scope, &attr.value) != Err(Failure) {
            continue;
        }
        for (of, map, node, key) in missing {
            let at = Place { file, span: node.span };
            match found.iter_mut().find(|known| known.at == at && known.key == key) {
                Some(known) => known.environments.push(deployed.environment),
                None => found.push(Missing { of, map, at, key, environments: vec![deployed.environment] }),
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

/// The variable, where it is set, and the key of `var.map["key"]`, where this environment's value has no such key.
fn asked_of_variable<'a>(
    deployed: &Deployed<'a>,
    scope: ScopeId,
    node: &'a Node<'a>,
    maps: &Maps<'a>,
) -> Option<(&'a str, Place, String)> {
    let Expr::Path("var", steps) = &node.expr else { return None };
    let [Step::Attr(name), second, ..] = &steps[..] else { return None };
    let (name, map, lacking) = maps.variables.iter().find(|(known, ..)| known == name)?;
    let key = match second {
        Step::Attr(key) => (*key).to_string(),
        Step::Index(index) => deployed.evaluation.value(scope, index).as_str()?.to_string(),
        Step::Splat => return None,
    };
    lacking.contains(key.as_str()).then_some((*name, *map, key))
}
