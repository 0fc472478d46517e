//! Root modules that were copied from one environment to the next: what is written in one and still means the other.
//!
//! Where environments share their code, their values stand in variable files; here they stand in the code, so that the same questions
//! are asked of the code. What one root says is held to what the others say in the same place.

use std::collections::BTreeMap;

use super::differences::{inner, lists_own, mentions_many, other_account, strings};
use super::{is_environment_name, neighbours, severity_of_wrong_name};
use crate::discover::names;
use crate::eval::same_literal;
use crate::finding::{Finding, Severity};
use crate::hcl::{Block, Body, Node};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::services::named_type;
use crate::view::{Deployed, View};

/// What is written at one place of a root module.
struct Written<'a> {
    file: FileId,
    attribute: &'a str,
    value: &'a Node<'a>,
    place: Place,
    /// An argument of a provider configuration that has no alias.
    default_provider: bool,
}

/// By its way from the top: `module.api.env`, `data.terraform_remote_state.network.config`.
type Root<'a> = BTreeMap<String, Written<'a>>;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    if !view.compares() || view.shares_root() {
        return;
    }
    let roots: Vec<Root<'_>> = view.deployed.iter().map(|deployed| root(view, deployed)).collect();
    for (index, deployed) in view.deployed.iter().enumerate().filter(|(_, each)| !each.environment.is_empty()) {
        // Two environments that run one root have nothing of their own in it.
        let own = view.deployed.iter().filter(|each| each.instance.module == deployed.instance.module).count() == 1;
        for (path, written) in roots[index].iter().filter(|_| own) {
            let others = || {
                let pairs =
                    view.deployed.iter().zip(&roots).filter(|(each, _)| each.environment != deployed.environment);
                pairs.filter_map(|(each, root)| Some((each.environment, root.get(path)?)))
            };
            let (kind, _) = path.split_once('.').unwrap_or_default();
            if matches!(kind, "module" | "local") && is_environment_name(written.attribute) {
                // Beside an argument that names this environment, another may mean something else.
                let beside = path.len() - written.attribute.len();
                let told = roots[index]
                    .range(path[..beside].to_string()..)
                    .take_while(|(other, _)| other.starts_with(&path[..beside]))
                    .any(|(_, other)| {
                        is_environment_name(other.attribute)
                            && other
                                .value
                                .as_str()
                                .is_some_and(|text| view.context.found.known.is_own(text, deployed.environment))
                    });
                if !told {
                    passes_for_other(view, deployed, path, written, others(), out);
                }
            } else {
                names_other(view, deployed, path, written, others, out);
                account_of_other(view, deployed, path, written, others, out);
            }
        }
    }
}

fn root<'a>(view: &View<'a>, deployed: &Deployed<'a>) -> Root<'a> {
    let mut out = Root::new();
    for file in &deployed.module.files {
        let Parsed::Terraform(body) = &view.context.parsed[*file] else { continue };
        let kinds = ["module", "locals", "resource", "data", "provider"];
        for block in body.blocks.iter().filter(|block| kinds.contains(&block.kind)) {
            let kind = if block.kind == "locals" { "local" } else { block.kind };
            // Of two configurations of one provider, the second has a name of its own.
            let alias = block.body.attr("alias").filter(|_| kind == "provider").and_then(|attr| attr.value.as_str());
            let path = std::iter::once(kind).chain(block.labels.iter().copied()).chain(alias);
            let path = path.collect::<Vec<_>>().join(".");
            take(*file, block, &block.body, &path, &mut out);
        }
    }
    out
}

fn take<'a>(file: FileId, top: &Block<'a>, body: &'a Body<'a>, path: &str, out: &mut Root<'a>) {
    for attr in &body.attrs {
        // What names collide is said of names, and what a tag says of tags.
        let named =
            top.labels.first().and_then(|kind| named_type(kind)).is_some_and(|named| named.attribute == attr.name);
        if named || attr.name == "source" || attr.name.contains("tags") {
            continue;
        }
        let place = Place { file, span: attr.span() };
        let default_provider = top.kind == "provider" && top.body.attr("alias").is_none();
        let written = Written { file, attribute: attr.name, value: &attr.value, place, default_provider };
        out.entry(format!("{path}.{}", attr.name)).or_insert(written);
    }
    for block in &body.blocks {
        take(file, top, &block.body, &format!("{path}.{}", block.kind), out);
    }
}

/// A provider that is configured for another environment makes everything there; one with a name of its own, what names it.
fn severity<'a>(view: &View<'a>, deployed: &Deployed<'a>, other: &str, written: &Written<'_>) -> Severity {
    let usual = crate::rule::explain("value-names-other").map_or(Severity::Warning, |rule| rule.severity);
    let decides = written.default_provider && neighbours::is_place(written.attribute);
    let usual = if decides { Severity::Error } else { usual };
    neighbours::severity(view, deployed, other, written.attribute, usual)
}

/// `env = "staging"` in a call of prod's root.
fn passes_for_other<'r>(
    view: &View<'_>,
    deployed: &Deployed<'_>,
    path: &str,
    written: &Written<'_>,
    mut others: impl Iterator<Item = (&'r str, &'r Written<'r>)>,
    out: &mut Vec<Finding>,
) {
    let Some(text) = written.value.as_str() else { return };
    let Some((_, _, other)) = view.context.found.known.other_in(text, deployed.environment) else { return };
    // A word that only begins with an environment's name may mean anything.
    if !names::same_environment(text, other) {
        return;
    }
    let message = format!("in {} {path} is {text:?}, so it passes for {other}", deployed.environment);
    let theirs = others.find(|(environment, _)| names::same_environment(environment, other));
    out.push(
        view.context
            .finding("environment-wrong", written.place, &format!("{}/{path}", deployed.environment), message)
            .severity(severity_of_wrong_name(view, deployed))
            .label(format!("in the root module of {}", deployed.environment))
            .besides(theirs.map(|(_, theirs)| view.context.related(theirs.place, format!("as in {other}"))))
            .environments([deployed.environment, other]),
    );
}

/// A text with another environment's name in it, where another root names itself in the same place.
fn names_other<'a, 'r, O: Iterator<Item = (&'r str, &'r Written<'r>)>>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    path: &str,
    written: &Written<'_>,
    others: impl Fn() -> O,
    out: &mut Vec<Finding>,
) {
    strings(written.value, path, &mut |node, path, text| {
        let Some((start, end, other)) = view.context.found.known.other_in(text, deployed.environment) else { return };
        if text.contains(' ') || mentions_many(text, &view.context.found.environments) {
            return;
        }
        let names_itself = others().any(|(environment, theirs)| {
            let mut found = false;
            strings(theirs.value, "", &mut |_, _, text| found |= names::mentions(text, environment));
            found
        });
        // What every root takes from a later environment is kept there for all, a registry perhaps. The other way round it is a copy.
        let known = &view.context.found.known;
        let later = known.stage(other) > known.stage(deployed.environment);
        if !names_itself || later && others().all(|(_, theirs)| same_literal(theirs.value, written.value)) {
            return;
        }
        let message = format!("the root module of {} names {other}: {path} is {text:?}", deployed.environment);
        let theirs = others().find(|(environment, _)| names::same_environment(environment, other));
        out.push(
            view.context
                .finding(
                    "value-names-other",
                    Place { file: written.file, span: inner(node, text, start, end) },
                    &format!("{}/{path}", deployed.environment),
                    message,
                )
                .severity(severity(view, deployed, other, written))
                .label(format!("in the root module of {}", deployed.environment))
                .besides(theirs.map(|(_, theirs)| view.context.related(theirs.place, format!("as in {other}"))))
                .environments([deployed.environment, other]),
        );
    });
}

/// The account of another environment, unless all other roots name it as well.
fn account_of_other<'a, 'r, O: Iterator<Item = (&'r str, &'r Written<'r>)>>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    path: &str,
    written: &Written<'_>,
    others: impl Fn() -> O,
    out: &mut Vec<Finding>,
) {
    strings(written.value, path, &mut |node, path, text| {
        let at = Place { file: written.file, span: node.span };
        let Some((other, number)) = other_account(view, deployed, text, at) else { return };
        let third = || others().filter(|(environment, _)| *environment != other);
        let mentions = |theirs: &Written<'_>| {
            let mut found = false;
            strings(theirs.value, "", &mut |_, _, text| found |= text.contains(number));
            found
        };
        // One account that all of them use is kept there for all.
        if third().next().is_some() && third().all(|(_, theirs)| mentions(theirs)) {
            return;
        }
        let theirs = others().find(|(environment, _)| *environment == other).map(|(_, theirs)| theirs);
        // What stands in no root but this one may well be a door to the other one's account, as may a list of accounts.
        if (theirs.is_none() && !written.default_provider) || lists_own(view, deployed, written.value, number) {
            return;
        }
        // A door to a later environment that both have is that one's, a zone of names perhaps.
        let known = &view.context.found.known;
        let later = known.stage(other) > known.stage(deployed.environment);
        let both = theirs.is_some_and(|theirs| same_literal(theirs.value, written.value));
        if later && both && !written.default_provider {
            return;
        }
        let message =
            format!("the root module of {} holds the account of {other}: {path} is {text:?}", deployed.environment);
        out.push(
            view.context
                .finding("value-names-other", at, &format!("{}/{path}", deployed.environment), message)
                .severity(severity(view, deployed, other, written))
                .label(format!("{number} is the account of {other}"))
                .besides(theirs.map(|theirs| view.context.related(theirs.place, format!("as in {other}"))))
                .environments([deployed.environment, other]),
        );
    });
}
