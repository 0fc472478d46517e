//! A lower bound above its upper one: what an environment got when only one of the two was changed for it.

use std::collections::BTreeSet;

use crate::eval::{Evaluation, Present, ScopeId, Value};
use crate::finding::Finding;
use crate::hcl::{Block, Body, Node};
use crate::model::Place;
use crate::view::{Deployed, Placed, View};

/// Arguments of resources that bound each other.
const PAIRS: &[(&str, &str)] = &[
    ("min_size", "max_size"),
    ("min_capacity", "max_capacity"),
    ("min_node_count", "max_node_count"),
    ("min_count", "max_count"),
    ("minimum_size", "maximum_size"),
    ("min_instance_count", "max_instance_count"),
    ("min_instances", "max_instances"),
    ("min_replicas", "max_replicas"),
    ("min_nodes", "max_nodes"),
    ("min_throughput", "max_throughput"),
    ("min_vcpus", "max_vcpus"),
    ("minimum_instance_count", "maximum_instance_count"),
    ("minimum_worker_count", "maximum_worker_count"),
    ("minimum_elastic_instance_count", "maximum_elastic_instance_count"),
    ("minimum_scaling_step_size", "maximum_scaling_step_size"),
];

/// Pairs that mean something else where they do not stand in a block.
const PAIRS_IN_BLOCKS: &[(&str, &str)] = &[("minimum", "maximum"), ("min", "max")];

/// Whether a resource has any argument that may be a lower bound.
pub(crate) fn has_bounds(body: &Body<'_>) -> bool {
    body.attrs.iter().any(|attr| attr.name.starts_with("min"))
        || body.blocks.iter().any(|block| has_bounds(&block.body))
}

/// Words in the names of what is written with digits and is no number: 1.10 comes after 1.9.
const NO_NUMBERS: &[&str] = &["version", "versions", "tls", "ssl", "protocol", "release"];

/// The two numbers of a contradiction, as text: what was said of a variable is not said again of the resource that takes it.
type Said = BTreeSet<(String, String)>;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in &view.deployed {
        let mut said = Said::new();
        variables(view, deployed, &mut said, out);
        for placed in deployed.placed() {
            arguments(view, deployed, placed, &said, out);
        }
    }
}

/// `min_capacity` and `max_capacity`, `node_min_count` and `node_max_count`, wherever their values come from.
fn variables(view: &View<'_>, deployed: &Deployed<'_>, said: &mut Said, out: &mut Vec<Finding>) {
    for variable in &deployed.module.variables {
        let Some(upper_name) = counterpart(variable.name) else { continue };
        let Some(upper) = deployed.module.variables.iter().find(|other| other.name == upper_name) else { continue };
        let value = |name| deployed.evaluation.variable(Evaluation::ROOT, name);
        let (least, most) = (value(variable.name), value(upper.name));
        // What a module of somebody's own calls a maximum may be 0 or -1 for none at all.
        let Some((least, most)) = contradiction(&least, &most).filter(|(_, most)| !is_no_bound(most)) else { continue };
        if is_no_number(variable.name)
            || use_of(deployed, Evaluation::ROOT, &[variable.name, upper.name], 0) == Use::Absent
        {
            continue;
        }
        let place_of = |name, default: Place| match deployed.given(name) {
            Some((file, attr)) => (Place { file, span: attr.span() }, true),
            None => (default, false),
        };
        let (lower_at, lower_given) = place_of(variable.name, variable.place);
        let (upper_at, upper_given) = place_of(upper.name, upper.place);
        let (at, beside, says) = match lower_given || !upper_given {
            true => (lower_at, upper_at, format!("{} is {most}", upper.name)),
            false => (upper_at, lower_at, format!("{} is {least}", variable.name)),
        };
        let subject = format!("{}/{}", deployed.environment, variable.name);
        out.push(
            report(view, deployed, at, &subject, (variable.name, &least), (upper.name, &most))
                .beside(view.context.related(beside, says)),
        );
        said.insert((least, most));
    }
}

fn arguments<'a>(view: &View<'a>, deployed: &Deployed<'a>, placed: &Placed<'a>, said: &Said, out: &mut Vec<Finding>) {
    if !placed.resource.bounded {
        return;
    }
    for (lower, upper) in PAIRS {
        let (Some(least), Some(most)) = (deployed.attribute(placed, lower), deployed.attribute(placed, upper)) else {
            continue;
        };
        pair(view, deployed, placed, (lower, least), (upper, most), said, out);
    }
    for block in blocks(placed.resource.body) {
        inside(view, deployed, placed, &block.body, said, out);
    }
}

/// The same in blocks below the resource's own body, as in `scaling { min_instance_count = 1 }`.
fn inside<'a>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    placed: &Placed<'a>,
    body: &'a Body<'a>,
    said: &Said,
    out: &mut Vec<Finding>,
) {
    let value = |name: &str| {
        let attr = body.attr(name)?;
        let value = deployed.evaluation.value_in(placed.scope, &attr.value, placed.each.as_ref());
        Some((value, Place { file: placed.resource.place.file, span: attr.span() }))
    };
    for (lower, upper) in PAIRS.iter().chain(PAIRS_IN_BLOCKS) {
        let (Some(least), Some(most)) = (value(lower), value(upper)) else { continue };
        // Where nothing is allowed at all, a service means that there is no bound.
        if most.0.to_text().is_some_and(|most| is_no_bound(&most)) {
            continue;
        }
        pair(view, deployed, placed, (lower, least), (upper, most), said, out);
    }
    for block in blocks(body) {
        inside(view, deployed, placed, &block.body, said, out);
    }
}

/// A block that `dynamic` makes may be there or not.
fn blocks<'b, 'a>(body: &'b Body<'a>) -> impl Iterator<Item = &'b Block<'a>> {
    body.blocks.iter().filter(|block| block.kind != "dynamic")
}

fn pair<'a>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    placed: &Placed<'a>,
    (lower, (least, at)): (&str, (Value<'a>, Place)),
    (upper, (most, beside)): (&str, (Value<'a>, Place)),
    said: &Said,
    out: &mut Vec<Finding>,
) {
    let Some((least, most)) = contradiction(&least, &most) else { return };
    if said.contains(&(least.clone(), most.clone())) {
        return;
    }
    let address = placed.address();
    let subject = format!("{}/{address}.{lower}", deployed.environment);
    let name = format!("{address}.{lower}");
    out.push(
        report(view, deployed, at, &subject, (&name, &least), (upper, &most))
            .beside(view.context.related(beside, format!("{upper} is {most} here"))),
    );
}

fn report(
    view: &View<'_>,
    deployed: &Deployed<'_>,
    at: Place,
    subject: &str,
    (lower, least): (&str, &str),
    (upper, most): (&str, &str),
) -> Finding {
    let message = format!("{lower} is {least} in {}, above {upper}, which is {most}", deployed.label());
    view.context
        .finding("bounds-inverted", at, subject, message)
        .label("the least is more than the most")
        .environment(deployed.environment)
}

/// Both as text where both are known and the first is the larger.
fn contradiction(least: &Value<'_>, most: &Value<'_>) -> Option<(String, String)> {
    let number =
        |value: &Value<'_>| value.to_text().and_then(|text| text.parse::<f64>().ok().map(|is| (is, text.to_string())));
    // Two texts with dots are versions.
    if matches!((least, most), (Value::Str(least), Value::Str(most)) if least.contains('.') || most.contains('.')) {
        return None;
    }
    let ((low, least), (high, most)) = (number(least)?, number(most)?);
    (low > high).then_some((least, most))
}

fn is_no_number(name: &str) -> bool {
    name.split('_').any(|word| NO_NUMBERS.contains(&word))
}

/// Whether anything that is there in an environment takes one of some variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Nowhere,
    /// Only what `count` or `for_each` leaves out.
    Absent,
    Used,
}

/// Modules within modules deeper than this are not looked into.
const MAX_DEPTH: usize = 8;

fn use_of<'a>(deployed: &Deployed<'a>, scope: ScopeId, names: &[&'a str], depth: usize) -> Use {
    let evaluation = &deployed.evaluation;
    let module = evaluation.module(scope);
    let mut locals: Vec<&str> = Vec::new();
    let takes = |body: &Body<'a>, locals: &[&str]| {
        let mut found = false;
        body.each_node(&mut |node| found |= takes_one(node, names, locals));
        found
    };
    // A local may be made from another that stands behind it.
    for _ in 0..MAX_DEPTH {
        let before = locals.len();
        for local in &module.locals {
            let mut found = false;
            local.attr.value.each(&mut |node| found |= takes_one(node, names, &locals));
            if found && !locals.contains(&local.name) {
                locals.push(local.name);
            }
        }
        if locals.len() == before {
            break;
        }
    }
    let mut most = Use::Nowhere;
    for resource in module.resources.iter().chain(&module.data).filter(|resource| takes(resource.body, &locals)) {
        let there = evaluation.present(scope, resource.repetition) != Present::No;
        most = most.max(if there { Use::Used } else { Use::Absent });
    }
    for call in module.calls.iter().filter(|call| takes(call.body, &locals)) {
        if evaluation.present(scope, call.repetition) == Present::No {
            most = most.max(Use::Absent);
            continue;
        }
        let child = evaluation.child(scope, call).filter(|_| depth < MAX_DEPTH);
        let inner = child.map_or(Use::Used, |child| {
            let given = evaluation.module(child).variables.iter().zip(&call.arguments).filter(|(_, argument)| {
                let mut found = false;
                argument.inspect(|attr| attr.value.each(&mut |node| found |= takes_one(node, names, &locals)));
                found
            });
            use_of(deployed, child, &given.map(|(variable, _)| variable.name).collect::<Vec<_>>(), depth + 1)
        });
        most = most.max(inner);
    }
    most
}

fn takes_one(node: &Node<'_>, variables: &[&str], locals: &[&str]) -> bool {
    match node.reference() {
        Some(("var", name)) => variables.contains(&name),
        Some(("local", name)) => locals.contains(&name),
        _ => false,
    }
}

fn is_no_bound(most: &str) -> bool {
    most == "0" || most.starts_with('-')
}

/// The name of the upper bound that belongs to this lower one, by the word in it.
fn counterpart(name: &str) -> Option<String> {
    if !name.as_bytes().windows(3).any(|letters| letters == b"min") {
        return None;
    }
    let words: Vec<&str> = name.split('_').collect();
    let at = words.iter().position(|word| matches!(*word, "min" | "minimum"))?;
    let upper = if words[at] == "min" { "max" } else { "maximum" };
    let swapped = words.iter().enumerate().map(|(index, word)| if index == at { upper } else { word });
    Some(swapped.collect::<Vec<_>>().join("_"))
}

#[cfg(test)]
mod tests {
    use super::{counterpart, is_no_number};

    #[test]
    fn the_upper_bound_of_a_lower_one_is_found_by_the_word() {
        assert_eq!(counterpart("min_capacity").as_deref(), Some("max_capacity"));
        assert_eq!(counterpart("node_minimum_count").as_deref(), Some("node_maximum_count"));
        assert_eq!(counterpart("minutes"), None);
        assert!(is_no_number("min_tls_version") && !is_no_number("min_size"));
    }
}
