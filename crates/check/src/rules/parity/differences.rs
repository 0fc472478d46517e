//! Values that differ where they should not, and that don't where they should.

use std::collections::BTreeMap;

use super::is_environment_name;
use crate::discover::names::{self, Stage};
use crate::eval::{Evaluation, Value, literal};
use crate::finding::{Finding, Severity};
use crate::hcl::{Node, Span};
use crate::model::{FileId, Place};
use crate::view::{Deployed, View};

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    environment_wrong(view, out);
    names_other(view, out);
    if view.compares() {
        only_in_some(view, out);
        empty_in_one(view, out);
        same_everywhere(view, out);
    }
}

fn is_production(deployed: &Deployed<'_>) -> bool {
    names::find(deployed.environment).and_then(|named| named.stage) == Some(Stage::Prod)
}

/// `environment = "staging"` among the values of prod.
fn environment_wrong(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in view.deployed.iter().filter(|deployed| !deployed.environment.is_empty()) {
        for variable in deployed.module.variables.iter().filter(|variable| is_environment_name(variable.name)) {
            let value = deployed.evaluation.variable(Evaluation::ROOT, variable.name);
            let Some(text) = value.as_str() else { continue };
            let all = &view.context.found.environments;
            let Some((_, _, other)) = names::others_named(text, deployed.environment, all) else { continue };
            let given = deployed.by_name.get(variable.name);
            let (place, label) = match (given, variable.default) {
                (Some((file, attr)), _) => {
                    (Place { file: *file, span: attr.span() }, format!("among the values of {}", deployed.environment))
                }
                (None, Some(default)) => {
                    let place = Place { file: variable.place.file, span: default.span() };
                    (place, format!("the default, which {} does not change", deployed.environment))
                }
                (None, None) => continue,
            };
            let message = format!(
                "in {} the variable {:?} is {text:?}, so it passes for {other}",
                deployed.environment, variable.name
            );
            let theirs = view.deployed.iter().find(|each| names::same_environment(each.environment, &other));
            let related = theirs.and_then(|each| each.by_name.get(variable.name)).map(|(file, attr)| {
                view.context.related(Place { file: *file, span: attr.span() }, format!("as in {other}"))
            });
            out.push(
                view.context
                    .finding(
                        "environment-wrong",
                        place,
                        &format!("{}/{}", deployed.environment, variable.name),
                        message,
                    )
                    .label(label)
                    .besides(related)
                    .environments([deployed.environment, other.as_str()]),
            );
        }
    }
}

/// A value of one environment with another's name in it, where the other environments name themselves.
fn names_other(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in view.deployed.iter().filter(|deployed| !deployed.environment.is_empty()) {
        for (name, (file, attr)) in sorted(&deployed.by_name) {
            if is_environment_name(name) {
                continue;
            }
            strings(&attr.value, &mut |node, text| {
                let all = &view.context.found.environments;
                let Some((start, end, other)) = names::others_named(text, deployed.environment, all) else { return };
                if !names_themselves(view, deployed, name) || mentions_many(text, all) {
                    return;
                }
                let theirs = view.deployed.iter().find(|each| names::same_environment(each.environment, &other));
                let related = theirs.and_then(|each| each.by_name.get(name)).map(|(file, attr)| {
                    view.context.related(Place { file: *file, span: attr.span() }, format!("as in {other}"))
                });
                let place = Place { file: *file, span: inner(node, text, start, end) };
                let message = format!("a value of {} names {other}: {name} is {text:?}", deployed.environment);
                out.push(
                    view.context
                        .finding("value-names-other", place, &format!("{}/{name}", deployed.environment), message)
                        .label(format!("among the values of {}", deployed.environment))
                        .besides(related)
                        .environments([deployed.environment, other.as_str()]),
                );
            });
        }
    }
}

/// Whether another environment's value of the same variable holds that environment's own name.
fn names_themselves(view: &View<'_>, deployed: &Deployed<'_>, name: &str) -> bool {
    view.deployed.iter().filter(|other| other.environment != deployed.environment).any(|other| {
        let Some((_, attr)) = other.by_name.get(name) else { return false };
        let mut found = false;
        strings(&attr.value, &mut |_, text| {
            found |= names::words(text)
                .iter()
                .any(|(start, end)| names::same_environment(&text[*start..*end], other.environment));
        });
        found
    })
}

fn mentions_many(text: &str, all: &[String]) -> bool {
    let mentioned = all.iter().filter(|name| {
        names::words(text).iter().any(|(start, end)| names::same_environment(&text[*start..*end], name))
    });
    mentioned.count() > 1
}

/// Calls `visit` for each plain string in an expression.
fn strings<'n, 'a>(node: &'n Node<'a>, visit: &mut impl FnMut(&'n Node<'a>, &'n str)) {
    node.each(&mut |node| {
        if let Some(text) = node.as_str() {
            visit(node, text);
        }
    });
}

/// The span of part of a string's text, where the string is written without escapes.
fn inner(node: &Node<'_>, text: &str, start: usize, end: usize) -> Span {
    let length = (node.span.end - node.span.start) as usize;
    if length == text.len() + 2 {
        let at = |offset: usize| node.span.start + 1 + u32::try_from(offset).unwrap_or(0);
        Span { start: at(start), end: at(end) }
    } else {
        node.span
    }
}

fn sorted<'m, 'a, T>(map: &'m std::collections::HashMap<&'a str, T>) -> BTreeMap<&'a str, &'m T> {
    map.iter().map(|(name, value)| (*name, value)).collect()
}

/// Set in some environments only, where the default is none of their values.
fn only_in_some(view: &View<'_>, out: &mut Vec<Finding>) {
    if !view.shares_root() {
        return;
    }
    let module = view.deployed[0].module;
    for variable in &module.variables {
        let Some(default) = variable.default else { continue };
        let (set, unset): (Vec<_>, Vec<_>) =
            view.deployed.iter().partition(|each| each.by_name.contains_key(variable.name));
        let Some(first) = set.first() else { continue };
        // Environments with no variable file at all get everything from elsewhere.
        if unset.is_empty() || unset.iter().any(|each| each.values.is_empty()) {
            continue;
        }
        let fallback = literal(&default.value);
        // An empty default says that the setting is optional; that production goes without is worth a look all the same.
        if fallback.is_empty() && !unset.iter().any(|each| is_production(each)) {
            continue;
        }
        let value =
            |each: &Deployed<'_>| each.by_name.get(variable.name).map(|(_, attr)| literal(&attr.value).to_string());
        if set.iter().any(|each| value(each) == Some(fallback.to_string())) {
            continue;
        }
        let forgotten = unset.len() == 1 && set.len() > 1 && is_production(unset[0]);
        let severity = if forgotten && !fallback.is_empty() { Severity::Warning } else { Severity::Hint };
        let names = |some: &[&Deployed<'_>]| some.iter().map(|each| each.environment).collect::<Vec<_>>().join(", ");
        let Some((file, attr)) = first.by_name.get(variable.name) else { continue };
        let message = format!(
            "{:?} is set in {} only; {} get{} the default, {}",
            variable.name,
            names(&set),
            names(&unset),
            if unset.len() == 1 { "s" } else { "" },
            fallback
        );
        out.push(
            view.context
                .finding("value-only-in-some", Place { file: *file, span: attr.span() }, variable.name, message)
                .severity(severity)
                .label(format!("{} sets it", first.environment))
                .beside(view.context.related(
                    Place { file: variable.place.file, span: default.span() },
                    format!("what {} gets", names(&unset)),
                ))
                .environments(unset.iter().map(|each| each.environment)),
        );
    }
}

/// Empty in one environment and set in another.
fn empty_in_one(view: &View<'_>, out: &mut Vec<Finding>) {
    let mut by_variable: BTreeMap<&str, Vec<(&Deployed<'_>, FileId, Span, Value<'_>)>> = BTreeMap::new();
    for deployed in &view.deployed {
        for (name, (file, attr)) in &deployed.by_name {
            let value = literal(&attr.value);
            by_variable.entry(name).or_default().push((deployed, *file, attr.span(), value));
        }
    }
    for (name, mut values) in by_variable {
        values.sort_by_key(|(deployed, ..)| {
            view.context.found.environments.iter().position(|known| known == deployed.environment)
        });
        let Some(full) = values.iter().find(|(.., value)| !value.is_empty() && !value.is_unknown()) else { continue };
        let text = matches!(full.3, Value::Str(_));
        for (deployed, file, span, value) in values.iter().filter(|(.., value)| value.is_empty()) {
            let severity = if is_production(deployed) && text { Severity::Warning } else { Severity::Hint };
            let message = format!(
                "{name:?} is {value} in {} and {} in {}",
                deployed.environment,
                shorten(&full.3),
                full.0.environment
            );
            out.push(
                view.context
                    .finding(
                        "value-empty",
                        Place { file: *file, span: *span },
                        &format!("{}/{name}", deployed.environment),
                        message,
                    )
                    .severity(severity)
                    .label(format!("empty in {}", deployed.environment))
                    .beside(
                        view.context
                            .related(Place { file: full.1, span: full.2 }, format!("set in {}", full.0.environment)),
                    )
                    .environment(deployed.environment),
            );
        }
    }
}

pub(super) fn shorten(value: &Value<'_>) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        return text;
    }
    let cut: String = text.chars().take(37).collect();
    format!("{cut}...")
}

/// One finding for all variables that every environment sets to the same value.
fn same_everywhere(view: &View<'_>, out: &mut Vec<Finding>) {
    if view.deployed.len() < 3 || !view.shares_root() {
        return;
    }
    let first = &view.deployed[0];
    let mut same = Vec::new();
    for (file, attr) in &first.values {
        let value = literal(&attr.value);
        let everywhere = view.deployed[1..].iter().all(|other| {
            other.by_name.get(attr.name).is_some_and(|(there, second)| there != file && literal(&second.value) == value)
        });
        if everywhere && !value.is_unknown() && first.module.variable(attr.name).is_some() {
            same.push((*file, attr));
        }
    }
    let Some((file, attr)) = same.first() else { return };
    let names: Vec<&str> = same.iter().map(|(_, attr)| attr.name).collect();
    let listed = if names.len() > 6 {
        format!("{} and {} more", names[..6].join(", "), names.len() - 6)
    } else {
        names.join(", ")
    };
    let plural = if names.len() == 1 { "is" } else { "are" };
    out.push(
        view.context
            .finding(
                "value-same-everywhere",
                Place { file: *file, span: attr.span() },
                "values",
                format!("{listed} {plural} the same in all {} environments", view.deployed.len()),
            )
            .environments(view.deployed.iter().map(|each| each.environment)),
    );
}
