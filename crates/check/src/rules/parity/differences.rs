//! Values that differ where they should not, and that don't where they should.

use std::fmt::{self, Display, Formatter};

use super::{is_environment_name, neighbours, severity_of_wrong_name};
use crate::accounts::account_in;
use crate::discover::names::{self, Stage};
use crate::eval::{Evaluation, Value, is_empty_literal, literal, same_literal};
use crate::finding::{Finding, Related, Severity, listed};
use crate::hcl::{Attr, Expr, Node, Part, Span};
use crate::model::{Place, Variable};
use crate::view::{Deployed, View};

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in view.deployed.iter().filter(|deployed| !deployed.environment.is_empty()) {
        environment_wrong(view, deployed, out);
        names_other(view, deployed, out);
        account_of_other(view, deployed, out);
    }
    if view.compares() {
        only_in_some(view, out);
        empty_in_one(view, out);
        same_everywhere(view, out);
    }
}

fn is_production(view: &View<'_>, deployed: &Deployed<'_>) -> bool {
    view.context.found.known.stage(deployed.environment) == Some(Stage::Prod)
}

/// The line on which another environment sets a variable.
fn as_in(view: &View<'_>, environment: &str, variable: &str) -> Option<Related> {
    let theirs = view.deployed.iter().find(|each| names::same_environment(each.environment, environment))?;
    let (file, attr) = theirs.given(variable)?;
    Some(view.context.related(Place { file, span: attr.span() }, format!("as in {environment}")))
}

/// Whether a variable that is called after the environment holds this one's name.
pub(super) fn names_itself(view: &View<'_>, deployed: &Deployed<'_>) -> bool {
    deployed.module.variables.iter().filter(|variable| is_environment_name(variable.name)).any(|variable| {
        let value = deployed.evaluation.variable(Evaluation::ROOT, variable.name);
        value.as_str().is_some_and(|text| view.context.found.known.is_own(text, deployed.environment))
    })
}

/// `environment = "staging"` among the values of prod.
fn environment_wrong<'a>(view: &View<'a>, deployed: &Deployed<'a>, out: &mut Vec<Finding>) {
    // Where one of them is right, another may well mean the stage of an API or the tier of an account.
    if names_itself(view, deployed) {
        return;
    }
    for variable in deployed.module.variables.iter().filter(|variable| is_environment_name(variable.name)) {
        let value = deployed.evaluation.variable(Evaluation::ROOT, variable.name);
        let Some(text) = value.as_str() else { continue };
        let Some((_, _, other)) = view.context.found.known.other_in(text, deployed.environment) else { continue };
        let (place, label) = match (deployed.given(variable.name), variable.default) {
            (Some((file, attr)), _) => {
                (Place { file, span: attr.span() }, format!("among the values of {}", deployed.environment))
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
        let subject = format!("{}/{}", deployed.environment, variable.name);
        out.push(
            view.context
                .finding("environment-wrong", place, &subject, message)
                .severity(severity_of_wrong_name(view, deployed))
                .label(label)
                .besides(as_in(view, other, variable.name))
                .environments([deployed.environment, other]),
        );
    }
}

/// A value of one environment with another's name in it, where the other environments name themselves.
fn names_other<'a>(view: &View<'a>, deployed: &Deployed<'a>, out: &mut Vec<Finding>) {
    let known = &view.context.found.known;
    for (file, attr) in deployed.winning().filter(|(_, attr)| !is_environment_name(attr.name)) {
        strings(&attr.value, attr.name, &mut |node, path, text| {
            let Some((start, end, other)) = known.other_in(text, deployed.environment) else { return };
            if !names_themselves(view, deployed, attr.name) || mentions_many(text, &view.context.found.environments) {
                return;
            }
            if is_one_for_all(view, attr) || means_no_environment(text, start, end) {
                return;
            }
            if is_one_repository(view, other, attr, text) {
                return;
            }
            let place = Place { file, span: inner(node, text, start, end) };
            let message = format!("a value of {} names {other}: {path} is {text:?}", deployed.environment);
            let usual =
                if (start, end) == (0, text.len()) && is_mode(attr.name) { Severity::Hint } else { Severity::Warning };
            out.push(
                view.context
                    .finding("value-names-other", place, &format!("{}/{path}", deployed.environment), message)
                    .severity(neighbours::severity(view, deployed, other, attr.name, usual))
                    .label(format!("among the values of {}", deployed.environment))
                    .besides(as_in(view, other, attr.name))
                    .environments([deployed.environment, other]),
            );
        });
    }
}

/// Whether three environments or more say the same: what all of them share is called after one of them.
fn is_one_for_all(view: &View<'_>, attr: &Attr<'_>) -> bool {
    let same =
        |each: &Deployed<'_>| each.given(attr.name).is_some_and(|(_, theirs)| same_literal(&attr.value, &theirs.value));
    view.deployed.len() > 2 && view.deployed.iter().all(same)
}

/// The address of a team of developers, and a key of Stripe, whose mode is `test` or `live`.
fn means_no_environment(text: &str, start: usize, end: usize) -> bool {
    let is_developers = || names::stage_of(&text[start..end]).is_some_and(|(stage, _)| stage == Stage::Dev);
    let of_developers = text[end..].split_once('@').is_some_and(|(rest, _)| !rest.contains(['/', ':', ' ']));
    let of_stripe = matches!(&text[..start], "pk_" | "sk_" | "rk_");
    (of_developers && is_developers()) || of_stripe
}

/// Variables that choose how something runs or which branch is taken; `production` among them may be meant anywhere.
fn is_mode(name: &str) -> bool {
    const LAST: &[&str] =
        &["env", "mode", "class", "type", "branch", "ref", "tier", "profile", "level", "channel", "track", "edition"];
    let last = name.rsplit(['_', '-']).next().unwrap_or(name);
    LAST.iter().any(|known| known.eq_ignore_ascii_case(last))
}

/// Whether the other environment takes its image from the same repository: what is built once lies in one place for all.
fn is_one_repository(view: &View<'_>, other: &str, attr: &Attr<'_>, text: &str) -> bool {
    let repository = |text: &str| {
        let (host, path) = text.split_once('/')?;
        let name = path.split(['@', ':']).next()?;
        (host.contains('.') && name.len() < path.len()).then(|| format!("{host}/{name}"))
    };
    let Some(own) = repository(text) else { return false };
    view.deployed.iter().filter(|each| names::same_environment(each.environment, other)).any(|each| {
        let Some((_, theirs)) = each.given(attr.name) else { return false };
        let mut same = false;
        strings(&theirs.value, "", &mut |_, _, text| same |= repository(text).is_some_and(|theirs| theirs == own));
        same
    })
}

/// A value of one environment that holds the account of another, where that account is not what all of them use.
fn account_of_other<'a>(view: &View<'a>, deployed: &Deployed<'a>, out: &mut Vec<Finding>) {
    for (file, attr) in deployed.winning() {
        strings(&attr.value, attr.name, &mut |node, path, text| {
            let at = Place { file, span: node.span };
            let Some((other, number)) = other_account(view, deployed, text, at) else { return };
            let same = |each: &Deployed<'a>| {
                each.given(attr.name).is_some_and(|(_, theirs)| same_literal(&attr.value, &theirs.value))
            };
            let of_other = |each: &&Deployed<'a>| each.environment == other;
            let told = attr.name.contains("account");
            // One thing that two environments share is no fault; where a third has its own, it was forgotten.
            let has_own = |each: &Deployed<'a>| {
                let theirs = each.given(attr.name).map(|(_, theirs)| &theirs.value);
                let third = each.environment != deployed.environment && each.environment != other;
                third && theirs.is_some_and(|value| lists_own(view, each, value, number))
            };
            let shared = !told && !view.deployed.iter().any(has_own);
            if view.deployed.iter().filter(of_other).any(same) && (shared || view.deployed.iter().all(same)) {
                return;
            }
            // Whoever lists its own account beside others means several of them.
            if lists_own(view, deployed, &attr.value, number) {
                return;
            }
            let message = format!("{path} of {} holds the account of {other}, {number}", deployed.environment);
            out.push(
                view.context
                    .finding("value-names-other", at, &format!("{}/{path}", deployed.environment), message)
                    .severity(neighbours::severity(view, deployed, other, attr.name, Severity::Warning))
                    .label(format!("among the values of {}", deployed.environment))
                    .besides(as_in(view, other, attr.name))
                    .environments([deployed.environment, other]),
            );
        });
    }
}

/// Whether a value holds this environment's own account, in it or beside the one that was found.
pub(super) fn lists_own<'a>(view: &View<'a>, deployed: &Deployed<'a>, value: &Node<'_>, found: &str) -> bool {
    let own = view.whereabouts(deployed).number();
    let mut lists = false;
    strings(value, "", &mut |_, _, text| {
        let beside = account_in(text).filter(|number| *number != found);
        lists |= beside
            .is_some_and(|number| own == Some(number) || view.context.owners().owns(deployed.environment, number));
    });
    lists
}

/// Whether another environment's value of the same variable holds that environment's own name.
fn names_themselves<'a>(view: &View<'a>, deployed: &Deployed<'a>, name: &str) -> bool {
    view.deployed.iter().filter(|other| other.environment != deployed.environment).any(|other| {
        let Some((_, attr)) = other.given(name) else { return false };
        let mut found = false;
        strings(&attr.value, name, &mut |_, _, text| found |= names::mentions(text, other.environment));
        found
    })
}

pub(super) fn mentions_many(text: &str, all: &[String]) -> bool {
    all.iter().filter(|name| names::mentions(text, name)).count() > 1
}

/// The account of another environment that a text holds; `None` too where this environment's own account is not known.
pub(super) fn other_account<'a, 't>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    text: &'t str,
    at: Place,
) -> Option<(&'a str, &'t str)> {
    let number = account_in(text)?;
    let own = view.whereabouts(deployed).number();
    let other = view.deployed.iter().find(|other| view.whereabouts(other).number() == Some(number));
    match (own, other) {
        (Some(own), Some(other)) if own != number => Some((other.environment, number)),
        _ => Some((view.context.owners().other(number, deployed.environment, at)?, number)),
    }
}

/// The way to a value from the variable, put together only where somebody asks: `tags.env`.
pub(super) struct Way<'w> {
    above: Option<&'w Way<'w>>,
    step: &'w str,
}

impl Display for Way<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            write!(out, "{above}.")?;
        }
        out.write_str(self.step)
    }
}

/// Calls `visit` for each string that is a value in an expression, with the way to it from `start`. Keys of objects are names, and
/// no values.
pub(super) fn strings(node: &Node<'_>, start: &str, visit: &mut impl FnMut(&Node<'_>, &Way<'_>, &str)) {
    strings_below(node, &Way { above: None, step: start }, visit);
}

fn strings_below(node: &Node<'_>, way: &Way<'_>, visit: &mut impl FnMut(&Node<'_>, &Way<'_>, &str)) {
    match &node.expr {
        Expr::Str(text) => visit(node, way, text),
        Expr::Template(parts) => {
            for part in parts {
                if let Part::Text(text) = part {
                    visit(node, way, text);
                }
            }
        }
        Expr::Tuple(items) => items.iter().for_each(|item| strings_below(item, way, visit)),
        Expr::Call("jsonencode" | "merge" | "concat" | "toset" | "tolist", call) => {
            call.args.iter().for_each(|item| strings_below(item, way, visit));
        }
        Expr::Object(entries) => {
            for (key, value) in entries {
                match (key.as_str(), &value.expr) {
                    (_, Expr::Number(_) | Expr::Bool(_) | Expr::Null) => {}
                    (Some(key), _) => strings_below(value, &Way { above: Some(way), step: key }, visit),
                    (None, _) => strings_below(value, way, visit),
                }
            }
        }
        _ => {}
    }
}

/// The span of part of a string's text, where the string is written without escapes.
pub(super) fn inner(node: &Node<'_>, text: &str, start: usize, end: usize) -> Span {
    let length = (node.span.end - node.span.start) as usize;
    if length == text.len() + 2 {
        let at = |offset: usize| node.span.start + 1 + u32::try_from(offset).unwrap_or(0);
        Span { start: at(start), end: at(end) }
    } else {
        node.span
    }
}

/// Set in some environments only, where the default is none of their values.
fn only_in_some(view: &View<'_>, out: &mut Vec<Finding>) {
    if !view.shares_root() {
        return;
    }
    for variable in view.deployed.iter().take(1).flat_map(|deployed| &deployed.module.variables) {
        let Some(default) = variable.default else { continue };
        let set = view.deployed.iter().filter(|each| each.sets(variable.name)).count();
        if set > 0 && set < view.deployed.len() {
            only_in(view, variable, Place { file: variable.place.file, span: default.span() }, &default.value, out);
        }
    }
}

fn only_in<'a>(
    view: &View<'a>,
    variable: &Variable<'a>,
    default_at: Place,
    default: &Node<'_>,
    out: &mut Vec<Finding>,
) {
    let (set, unset): (Vec<_>, Vec<_>) = view.deployed.iter().partition(|each| each.sets(variable.name));
    // Environments with no variable file at all get everything from elsewhere.
    if unset.iter().any(|each| each.values.is_empty()) {
        return;
    }
    // An empty default says that the setting is optional; that production goes without is worth a look all the same.
    if is_empty_literal(default) && !unset.iter().any(|each| is_production(view, each)) {
        return;
    }
    let fallback = literal(default);
    let same = |each: &&Deployed<'a>| {
        each.given(variable.name).is_some_and(|(_, attr)| literal(&attr.value).to_string() == fallback.to_string())
    };
    if set.iter().any(same) {
        return;
    }
    let forgotten = unset.len() == 1 && set.len() > 1 && is_production(view, unset[0]);
    let severity = if forgotten && !fallback.is_empty() { Severity::Warning } else { Severity::Hint };
    let names = |some: &[&Deployed<'a>]| listed(some.iter().map(|each| each.environment));
    let Some((file, attr)) = set.first().and_then(|first| first.given(variable.name)) else { return };
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
            .finding("value-only-in-some", Place { file, span: attr.span() }, variable.name, message)
            .severity(severity)
            .label(format!("{} sets it", set[0].environment))
            .beside(
                view.context.related(
                    default_at,
                    format!("what {} get{}", names(&unset), if unset.len() == 1 { "s" } else { "" }),
                ),
            )
            .environments(unset.iter().map(|each| each.environment)),
    );
}

/// Empty in one environment and set in another.
fn empty_in_one(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in &view.deployed {
        for (file, attr) in deployed.winning().filter(|(_, attr)| is_empty_literal(&attr.value)) {
            if says_default(deployed, attr) {
                continue;
            }
            let full = view.deployed.iter().find_map(|other| {
                let (file, full) = other.given(attr.name)?;
                (!is_empty_literal(&full.value)).then_some((other, file, full))
            });
            let Some((other, there, full)) = full else { continue };
            let text = matches!(full.value.expr, Expr::Str(_));
            let default = deployed.module.variable(attr.name).and_then(|variable| variable.default);
            let optional = default.is_some_and(|default| matches!(default.value.expr, Expr::Null));
            let empty_text = matches!(attr.value.expr, Expr::Str(_)) && optional;
            let severity = match is_production(view, deployed) && text && !empty_text {
                true => Severity::Warning,
                false => Severity::Hint,
            };
            let fix = match empty_text {
                true => "Leave it out: the default is null, which says that it is optional, and \"\" is not null.",
                false => "",
            };
            let message = format!(
                "{:?} is {} in {} and {} in {}",
                attr.name,
                literal(&attr.value),
                deployed.environment,
                shorten(&literal(&full.value)),
                other.environment
            );
            let subject = format!("{}/{}", deployed.environment, attr.name);
            let set = Place { file: there, span: full.span() };
            out.push(
                view.context
                    .finding("value-empty", Place { file, span: attr.span() }, &subject, message)
                    .severity(severity)
                    .label(format!("empty in {}", deployed.environment))
                    .fix(fix)
                    .beside(view.context.related(set, format!("set in {}", other.environment)))
                    .environment(deployed.environment),
            );
        }
    }
}

/// `null` where the variable's default is null too, or where null means the default: whoever writes that leaves the setting out.
fn says_default(deployed: &Deployed<'_>, attr: &Attr<'_>) -> bool {
    let Some(variable) = deployed.module.variable(attr.name) else { return false };
    let is_null = |node: &Node<'_>| matches!(node.expr, Expr::Null);
    is_null(&attr.value) && variable.default.is_some_and(|default| is_null(&default.value) || !variable.nullable)
}

fn shorten(value: &Value<'_>) -> String {
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
    let same: Vec<_> = first
        .winning()
        .filter(|(file, attr)| {
            first.module.variable(attr.name).is_some()
                && view.deployed[1..].iter().all(|other| {
                    other
                        .given(attr.name)
                        .is_some_and(|(there, second)| there != *file && same_literal(&attr.value, &second.value))
                })
        })
        .collect();
    let Some((file, attr)) = same.first() else { return };
    let names: Vec<&str> = same.iter().map(|(_, attr)| attr.name).collect();
    let listed = if names.len() > 6 {
        format!("{} and {} more", names[..6].join(", "), names.len() - 6)
    } else {
        names.join(", ")
    };
    let plural = if names.len() == 1 { "is" } else { "are" };
    let message = format!("{listed} {plural} the same in all {} environments", view.deployed.len());
    out.push(
        view.context
            .finding("value-same-everywhere", Place { file: *file, span: attr.span() }, "values", message)
            .environments(view.deployed.iter().map(|each| each.environment)),
    );
}
