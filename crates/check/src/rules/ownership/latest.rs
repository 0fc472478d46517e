//! `latest` by a value: the image, or its tag, stands in a variable file, a default or a local.

use std::collections::BTreeMap;

use super::deployer::ignores;
use super::images::RUNS_IMAGES;
use crate::cause::At;
use crate::eval::Evaluation;
use crate::finding::{Finding, listed};
use crate::hcl::{Body, Expr, Node, Part, Step};
use crate::model::Place;
use crate::view::{Deployed, Placed, View};

/// Arguments and keys that hold an image.
const IMAGES: &[&str] =
    &["image", "image_uri", "image_identifier", "docker_image", "docker_image_name", "container_image"];

/// Steps from a value to what gives it, at most.
const MAX_STEPS: usize = 12;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    let mut found: BTreeMap<Place, (String, &Placed<'_>, Vec<&str>)> = BTreeMap::new();
    for deployed in &view.deployed {
        for placed in deployed.placed().iter().filter(|placed| RUNS_IMAGES.contains(&placed.resource.kind)) {
            // What a deployer moves is only what it begins with.
            let body = placed.resource.body;
            if ["image_uri", "container_definitions"].iter().any(|attribute| ignores(body, attribute)) {
                continue;
            }
            let mut images = Vec::new();
            in_body(deployed, placed, body, &mut images);
            for at in images {
                let Some(place) = latest(view, deployed, at, false, MAX_STEPS) else { continue };
                let (_, _, environments) = found.entry(place).or_insert_with(|| (placed.address(), placed, Vec::new()));
                if !environments.contains(&deployed.environment) {
                    environments.push(deployed.environment);
                }
            }
        }
    }
    for (place, (address, placed, environments)) in found {
        let named: Vec<&str> = environments.iter().copied().filter(|name| !name.is_empty()).collect();
        let place_in = if named.is_empty() { String::new() } else { format!(" in {}", listed(named.iter().copied())) };
        let message = format!("{address} runs whatever image bears the tag latest{place_in}");
        let subject = format!("{}.{}", placed.resource.kind, placed.resource.name);
        out.push(
            view.context.finding("image-latest", place, &subject, message).label("the tag latest").environments(named),
        );
    }
}

/// Every expression in a resource that gives an image.
fn in_body<'a>(deployed: &Deployed<'a>, placed: &Placed<'a>, body: &'a Body<'a>, out: &mut Vec<At<'a>>) {
    for attr in &body.attrs {
        let at = At { scope: placed.scope, file: placed.resource.place.file, node: &attr.value };
        if IMAGES.contains(&attr.name) {
            out.push(at);
        } else {
            in_document(deployed, at, MAX_STEPS, out);
        }
    }
    for block in &body.blocks {
        in_body(deployed, placed, &block.body, out);
    }
}

/// The same in `jsonencode([{ image = … }])`, and in the locals that such a document is put together from.
fn in_document<'a>(deployed: &Deployed<'a>, at: At<'a>, steps: usize, out: &mut Vec<At<'a>>) {
    let Some(steps) = steps.checked_sub(1) else { return };
    match &at.node.expr {
        Expr::Object(entries) => {
            for (key, value) in entries {
                let inner = At { node: value, ..at };
                match key.as_str() {
                    Some(key) if IMAGES.contains(&key) => out.push(inner),
                    _ => in_document(deployed, inner, steps, out),
                }
            }
        }
        Expr::Tuple(items) => items.iter().for_each(|item| in_document(deployed, At { node: item, ..at }, steps, out)),
        Expr::Call(_, call) => {
            call.args.iter().for_each(|item| in_document(deployed, At { node: item, ..at }, steps, out));
        }
        Expr::Path("local", path) if matches!(&path[..], [Step::Attr(_)]) => {
            if let Some(next) = deployed.leads_to(at) {
                in_document(deployed, next, steps, out);
            }
        }
        _ => {}
    }
}

/// The place where an image, or a tag, is `latest`, where that is not written in the resource itself: that is said of the code.
fn latest<'a>(view: &View<'a>, deployed: &Deployed<'a>, at: At<'a>, tag: bool, steps: usize) -> Option<Place> {
    let left = steps.checked_sub(1)?;
    let is_latest = |text: &str| match tag {
        true => text == "latest",
        false => text.ends_with(":latest") && !text.contains(char::is_whitespace),
    };
    let inherited = steps < MAX_STEPS;
    let here = || inherited.then_some(Place { file: at.file, span: at.node.span });
    match &at.node.expr {
        Expr::Str(text) => is_latest(text).then(here).flatten(),
        Expr::Template(parts) => match &parts[..] {
            [Part::Node(only)] => latest(view, deployed, At { node: only, ..at }, tag, steps),
            [.., Part::Text(text)] => is_latest(text).then(here).flatten(),
            [.., Part::Text(before), Part::Node(last)] if before.ends_with(':') && !tag => {
                latest(view, deployed, At { node: last, ..at }, true, left)
            }
            _ => None,
        },
        Expr::Call("format", call) => {
            let (form, last) = (call.args.first()?.as_str()?, call.args.last()?);
            let ends = form.ends_with(":%s") && call.args.len() > 1 && !tag;
            ends.then(|| latest(view, deployed, At { node: last, ..at }, true, left)).flatten()
        }
        Expr::Call("join", call) => match (call.args.first()?.as_str()?, &call.args.get(1)?.expr) {
            (":", Expr::Tuple(items)) if !tag => latest(view, deployed, At { node: items.last()?, ..at }, true, left),
            _ => None,
        },
        Expr::Call("coalesce" | "try" | "lookup", _) => {
            let value = deployed.evaluation.value(at.scope, at.node);
            let place = Place { file: at.file, span: at.node.span };
            value.as_str().is_some_and(is_latest).then_some(place)
        }
        Expr::Path(root, _) => {
            let variable = at.node.reference().filter(|_| *root == "var" && at.scope == Evaluation::ROOT);
            // What a pipeline gives is what it gives.
            if variable.is_some_and(|(_, name)| is_given(view, name)) {
                return None;
            }
            latest(view, deployed, deployed.leads_to(at)?, tag, left)
        }
        Expr::Cond(_) => latest(view, deployed, deployed.leads_to(at)?, tag, left),
        _ => None,
    }
}

fn is_given(view: &View<'_>, variable: &str) -> bool {
    let context = view.context;
    let said = |name: &String| name == variable;
    context.found.uses.iter().any(|used| used.variables.iter().any(said))
        || context.options.supplied_variables.iter().any(said)
}

/// Used by the rule that reads the code alone.
pub(super) fn is_image_with_latest(node: &Node<'_>) -> bool {
    match &node.expr {
        Expr::Str(text) => text.ends_with(":latest") && text.contains('/') && !text.contains(char::is_whitespace),
        Expr::Template(parts) => {
            parts.len() > 1
                && matches!(parts.last(), Some(Part::Text(text)) if text.ends_with(":latest") && !text.contains(char::is_whitespace))
        }
        _ => false,
    }
}
