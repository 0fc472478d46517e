//! What something other than Terraform deploys, and Terraform would take back at its next apply.

use std::collections::BTreeSet;

use super::function_names as names;
use crate::command::Command;
use crate::finding::{Finding, Severity};
use crate::hcl::{Body, Expr};
use crate::model::{FileId, Module, Place, Resource};
use crate::run::Context;

/// Calls of a deployer beside Terraform, and where they stand.
#[derive(Debug, Default)]
pub(super) struct Deployer {
    calls: Vec<Moves>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Image,
    Archive,
    Alias,
}

/// One call that moves what runs.
#[derive(Debug)]
struct Moves {
    what: What,
    /// Patterns of the function and of the alias that it names.
    function: String,
    alias: String,
    place: Place,
}

impl Deployer {
    pub(super) fn find(context: &Context<'_>) -> Deployer {
        let mut deployer = Deployer::default();
        let mut called = BTreeSet::new();
        for flow in context.flows.jobs() {
            let variants = if flow.variants.is_empty() { std::slice::from_ref(&flow.ran) } else { &flow.variants };
            for ran in variants.iter().flatten() {
                deployer.take(ran.file, &ran.command);
                called.insert(ran.file);
            }
        }
        // A script that jobs call deploys what they tell it to.
        let alone = context.flows.alone.iter().filter(|alone| !called.contains(&alone.file));
        for ran in alone.flat_map(|alone| &alone.ran) {
            deployer.take(ran.file, &ran.command);
        }
        deployer
    }

    fn take(&mut self, file: FileId, command: &Command<'_>) {
        if command.program() != "aws" || command.subcommands().next() != Some("lambda") {
            return;
        }
        let what = match command.subcommands().nth(1) {
            Some("update-function-code") if command.value("image-uri").is_some() => What::Image,
            Some("update-function-code") => What::Archive,
            Some("update-alias") => What::Alias,
            _ => return,
        };
        let pattern = |flag: &str| command.value(flag).map_or("*".to_string(), names::called);
        let place = Place { file, span: command.span() };
        self.calls.push(Moves { what, function: pattern("function-name"), alias: pattern("name"), place });
    }

    /// The first call that may be for a function with one of these names, and for an alias with one of those.
    fn moves(&self, what: What, functions: &[String], aliases: &[String]) -> Option<Place> {
        let any = |patterns: &[String], called: &str| patterns.iter().any(|pattern| names::overlap(pattern, called));
        let fits = |moves: &&Moves| {
            moves.what == what && any(functions, &moves.function) && (what != What::Alias || any(aliases, &moves.alias))
        };
        self.calls.iter().find(fits).map(|moves| moves.place)
    }
}

pub(super) fn check(context: &Context<'_>, module: &Module<'_>, deployer: &Deployer, out: &mut Vec<Finding>) {
    let by_tiers = !context.options.deployed_components.is_empty();
    if !by_tiers && deployer.calls.is_empty() {
        return;
    }
    for resource in &module.resources {
        match resource.kind {
            "aws_lambda_function" => function(context, module, resource, deployer, by_tiers, out),
            "aws_lambda_alias" => alias(context, module, resource, deployer, by_tiers, out),
            _ => {}
        }
    }
}

fn function(
    context: &Context<'_>,
    module: &Module<'_>,
    resource: &Resource<'_>,
    deployer: &Deployer,
    by_tiers: bool,
    out: &mut Vec<Finding>,
) {
    let body = resource.body;
    let deployed = |what: What| deployer.moves(what, &names::of_resource(context, module, resource), &[]);
    let image = body.attr("image_uri").map(|attr| ("image_uri", attr, deployed(What::Image), Severity::Error));
    let archive = ["filename", "s3_key", "s3_object_version"]
        .iter()
        .find_map(|name| body.attr(name))
        .map(|attr| ("source_code_hash", attr, deployed(What::Archive), Severity::Warning));
    let Some((ignored, attr, evidence, severity)) = image.or(archive) else { return };
    let tiers = by_tiers && ignored == "image_uri";
    if (evidence.is_none() && !tiers) || ignores(body, ignored) || ignores(body, attr.name) {
        return;
    }
    let place = Place { file: resource.place.file, span: attr.span() };
    let who = if evidence.is_some() { "something else deploys it too" } else { "tiers deploys it" };
    let message = format!("Terraform manages {} of {}.{} and {who}", attr.name, resource.kind, resource.name);
    out.push(
        context
            .finding("image-owned-twice", place, &format!("{}.{}", resource.kind, resource.name), message)
            .severity(severity)
            .label("the next apply puts this back")
            .besides(evidence.map(|place| context.related(place, "the other deployer")))
            .fix(format!(
                "Add `lifecycle {{ ignore_changes = [{}] }}` to the function.",
                if ignored == "image_uri" { "image_uri" } else { "filename, source_code_hash" }
            )),
    );
}

fn alias(
    context: &Context<'_>,
    module: &Module<'_>,
    resource: &Resource<'_>,
    deployer: &Deployer,
    by_tiers: bool,
    out: &mut Vec<Finding>,
) {
    let Some(attr) = resource.body.attr("function_version") else { return };
    let functions = names::of_alias(context, module, resource);
    let moved = deployer.moves(What::Alias, &functions, &names::of_resource(context, module, resource));
    if (moved.is_none() && !by_tiers) || ignores(resource.body, "function_version") {
        return;
    }
    let place = Place { file: resource.place.file, span: attr.span() };
    let message =
        format!("Terraform manages the version of {}.{} and a deployer moves it", resource.kind, resource.name);
    out.push(
        context
            .finding("alias-owned-twice", place, &format!("{}.{}", resource.kind, resource.name), message)
            .label("the next apply moves the alias back")
            .besides(moved.map(|place| context.related(place, "this moves the alias"))),
    );
}

/// Whether `lifecycle { ignore_changes = […] }` names an attribute, or all of them.
pub(super) fn ignores(body: &Body<'_>, attribute: &str) -> bool {
    let Some(attr) = body.block("lifecycle").and_then(|block| block.body.attr("ignore_changes")) else { return false };
    match &attr.value.expr {
        Expr::Tuple(items) => {
            items.iter().any(|item| matches!(item.keyword(), Some(name) if name == attribute || name == "*"))
        }
        _ => attr.value.keyword() == Some("all"),
    }
}
