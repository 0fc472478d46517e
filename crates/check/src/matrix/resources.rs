//! The rows of resources, their nested blocks and counts, and of providers: what stands in one environment and not in another, and
//! what has another value.

use std::collections::{BTreeMap, BTreeSet};

use super::maps::step;
use super::rows::{cells, hidden, known, outside, row_of, secrets};
use super::{Cell, Group, How, Row};
use crate::eval::{Entries, Evaluation, ScopeId, Text, Value, is_secret_name};
use crate::hcl::{Body, Expr, Node, Span};
use crate::model::{FileId, Place};
use crate::view::{Deployed, Placed, View};

/// Attributes that say nothing about how an environment differs.
pub(super) const LEFT_OUT: &[&str] = &[
    "count",
    "for_each",
    "provider",
    "depends_on",
    "tags",
    "tags_all",
    "policy",
    "assume_role_policy",
    "description",
    "source_code_hash",
];
/// What a provider configuration says of itself.
const LEFT_OUT_OF_PROVIDERS: &[&str] = &["alias", "version"];
/// Blocks that describe nothing which is made.
const LEFT_OUT_BLOCKS: &[&str] = &["lifecycle", "provisioner", "connection", "timeouts", "dynamic", "default_tags"];
/// A resource with more keys than this is told by what it is repeated over alone.
const KEYS_MAX: usize = 48;

/// One attribute of one block, or one entry of it, in one environment.
#[derive(Clone)]
struct Found<'a> {
    path: String,
    node: &'a Node<'a>,
    file: FileId,
    span: Span,
    scope: ScopeId,
    each: Option<Value<'a>>,
    /// What the resource is repeated over.
    repeated: Option<&'a Node<'a>>,
    secret: bool,
}

/// By address and attribute: the cell of each instance of the stack.
type Values = BTreeMap<(String, String), BTreeMap<usize, Cell>>;

pub(super) fn collect(view: &View<'_>, rows: &mut Vec<Row>) {
    let mut values = Values::new();
    // Where each address stands, with its place.
    let mut present: BTreeMap<String, BTreeMap<usize, Place>> = BTreeMap::new();
    let mut counts: BTreeMap<(String, &'static str), BTreeMap<usize, Cell>> = BTreeMap::new();
    // Of what is repeated, the environments that have a key.
    let mut repetitions: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let secrets = secrets(view);
    for (index, deployed) in view.deployed.iter().enumerate() {
        for placed in deployed.placed() {
            let address = placed.address();
            present.entry(address.clone()).or_default().insert(index, placed.resource.place);
            if let Some((word, cell)) = count(view, deployed, placed) {
                counts.entry((address.clone(), word)).or_default().insert(index, cell);
            }
            let mut found = Vec::new();
            attributes(placed.resource.body, placed.resource.place.file, "", placed, &mut found);
            if placed.resource.kind == "aws_ssm_parameter" {
                let secure = deployed.attribute(placed, "type").is_none_or(|(kind, _)| kind.as_str() != Some("String"));
                found.iter_mut().filter(|one| one.path == "value").for_each(|one| one.secret |= secure);
            }
            let repeated = placed.resource.body.attr("for_each").map(|attr| &attr.value);
            found.iter_mut().for_each(|one| one.repeated = repeated);
            if let Some(repeated) = repeated {
                // What one key is given says nothing of another.
                let (mut of_each, of_all): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| reads_each(one.node));
                found = of_all;
                // Entries of a plain variable have rows of their own.
                if deployed.is_plain(placed.scope, repeated) {
                    of_each.retain(|one| !matches!(one.node.expr, Expr::Path("each", _)));
                }
                for (key, each) in keys(deployed, placed, repeated) {
                    let address = format!("{address}[{key:?}]");
                    repetitions.entry(address.clone()).or_default().insert(index);
                    let of_key = of_each.iter().map(|one| Found { each: Some(each.clone()), ..one.clone() });
                    take(view, deployed, (index, &secrets[index]), &address, of_key.collect(), &mut values);
                }
            }
            take(view, deployed, (index, &secrets[index]), &address, found, &mut values);
        }
        for provider in &deployed.module.providers {
            let address = match provider.alias {
                Some(alias) => format!("provider.{}.{alias}", provider.name),
                None => format!("provider.{}", provider.name),
            };
            let mut found = Vec::new();
            let placed = (Evaluation::ROOT, None);
            attributes_in(provider.body, provider.file, "", placed, &mut found);
            found.retain(|one| !LEFT_OUT_OF_PROVIDERS.contains(&one.path.as_str()));
            take(view, deployed, (index, &secrets[index]), &address, found, &mut values);
        }
    }
    let missing = missing(view, &mut present);
    counts.retain(|_, cells| cells.values().any(|cell| !matches!(cell.value.as_deref(), Some("0" | "1") | None)));
    for ((address, word), found) in &counts {
        let none = || Cell { value: Some("0".into()), how: How::Computed, origin: None };
        let cells = cells(view, |index, _| found.get(&index).cloned().unwrap_or_else(none));
        rows.push(row_of(view.context, Group::Resource, &view.stack.name, &format!("{address}.{word}"), cells));
    }
    for (address, environments) in missing {
        if counts.keys().any(|(counted, _)| *counted == address) {
            continue;
        }
        let cells = cells(view, |index, _| {
            let place = environments.get(&index);
            let value = Some(if place.is_some() { "yes" } else { "no" }.to_string());
            Cell { value, how: How::Computed, origin: place.map(|place| view.context.location(*place)) }
        });
        rows.push(row_of(view.context, Group::Resource, &view.stack.name, &address, cells));
    }
    for ((address, attribute), values) in values {
        let cells = cells(view, |index, _| {
            let there = match repetitions.get(&address) {
                Some(environments) => environments.contains(&index),
                None => present.get(&address).is_none_or(|environments| environments.contains_key(&index)),
            };
            // What is not there in this environment has no attributes either.
            values.get(&index).cloned().unwrap_or_else(|| if there { Cell::default() } else { outside() })
        });
        rows.push(row_of(view.context, Group::Resource, &view.stack.name, &format!("{address}.{attribute}"), cells));
    }
}

/// What does not stand in all environments, a module as a whole where all of it is missing. The attributes of what lies in such a
/// module are no difference of their own.
fn missing(
    view: &View<'_>,
    present: &mut BTreeMap<String, BTreeMap<usize, Place>>,
) -> BTreeMap<String, BTreeMap<usize, Place>> {
    let everywhere = view.deployed.len();
    let mut calls: BTreeMap<&str, BTreeMap<usize, Place>> = BTreeMap::new();
    for (index, deployed) in view.deployed.iter().enumerate() {
        for call in &deployed.module.calls {
            if deployed.evaluation.present(Evaluation::ROOT, call.repetition) != crate::eval::Present::No {
                calls.entry(call.name).or_default().insert(index, call.place);
            }
        }
    }
    let mut out = BTreeMap::new();
    for (name, environments) in calls.into_iter().filter(|(_, environments)| environments.len() < everywhere) {
        out.insert(format!("module.{name}"), environments);
    }
    let gone: BTreeSet<String> = out.keys().map(|address| format!("{address}.")).collect();
    for (address, environments) in present.iter().filter(|(_, environments)| environments.len() < everywhere) {
        if !gone.iter().any(|module| address.starts_with(module.as_str())) {
            out.insert(address.clone(), environments.clone());
        }
    }
    out
}

/// How many there are of a repeated resource, or by which keys.
fn count<'a>(view: &View<'a>, deployed: &Deployed<'a>, placed: &Placed<'a>) -> Option<(&'static str, Cell)> {
    let body = placed.resource.body;
    let (word, attr) = [("count", body.attr("count")), ("for_each", body.attr("for_each"))]
        .into_iter()
        .find_map(|(word, attr)| Some((word, attr?)))?;
    if deployed.is_plain(placed.scope, &attr.value) {
        return None;
    }
    let value = match deployed.evaluation.value(placed.scope, &attr.value) {
        Value::Number(number) => number.to_string(),
        Value::Map(entries) => entries.keys().map(|key| key.to_string()).collect::<Vec<_>>().join(", "),
        Value::List(items) => {
            items.iter().map(|item| item.to_text().map(|text| text.to_string())).collect::<Option<Vec<_>>>()?.join(", ")
        }
        _ => return None,
    };
    let place = Place { file: placed.resource.place.file, span: attr.span() };
    let cell = Cell { value: Some(value), how: How::Computed, origin: Some(view.context.location(place)) };
    let secret = deployed.evaluation.is_secret(placed.scope, &attr.value);
    Some((word, if secret { hidden(cell) } else { cell }))
}

fn attributes<'a>(body: &'a Body<'a>, file: FileId, prefix: &str, placed: &Placed<'a>, out: &mut Vec<Found<'a>>) {
    attributes_in(body, file, prefix, (placed.scope, placed.each.as_ref()), out);
}

/// Every attribute of a body and of the blocks below it: `root_block_device.volume_size`, with a number where a block comes again.
fn attributes_in<'a>(
    body: &'a Body<'a>,
    file: FileId,
    prefix: &str,
    (scope, each): (ScopeId, Option<&Value<'a>>),
    out: &mut Vec<Found<'a>>,
) {
    for attr in body.attrs.iter().filter(|attr| !LEFT_OUT.contains(&attr.name)) {
        let secret = is_secret_name(attr.name) || attr.name.ends_with("_wo");
        let found = Found {
            path: format!("{prefix}{}", attr.name),
            node: &attr.value,
            file,
            span: attr.span(),
            scope,
            each: each.cloned(),
            repeated: None,
            secret,
        };
        entries(found, out);
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for block in body.blocks.iter().filter(|block| !LEFT_OUT_BLOCKS.contains(&block.kind)) {
        let number = seen.entry(block.kind).or_default();
        let again = body.blocks_of(block.kind).nth(1).is_some();
        let path =
            if again { format!("{prefix}{}[{number}].", block.kind) } else { format!("{prefix}{}.", block.kind) };
        *number += 1;
        attributes_in(&block.body, file, &path, (scope, each), out);
    }
}

/// An object that is written out, entry by entry: each has its own secrets, and what is not known of one is not all that is not known.
fn entries<'a>(found: Found<'a>, out: &mut Vec<Found<'a>>) {
    let Expr::Object(parts) = &found.node.expr else { return out.push(found) };
    if parts.is_empty() || parts.len() > KEYS_MAX || parts.iter().any(|(key, _)| key.as_str().is_none()) {
        return out.push(found);
    }
    for (key, value) in parts.iter() {
        let Some(key_text) = key.as_str() else { continue };
        let span = Span { start: key.span.start, end: value.span.end };
        let secret = found.secret || is_secret_name(key_text);
        entries(Found { path: step(&found.path, key_text), node: value, span, secret, ..found.clone() }, out);
    }
}

fn reads_each(node: &Node<'_>) -> bool {
    let mut reads = false;
    node.each(&mut |node| reads |= matches!(node.expr, Expr::Path("each", _)));
    reads
}

/// What a resource is repeated over, as far as that is known and no more than a table can show.
fn keys<'a>(deployed: &Deployed<'a>, placed: &Placed<'a>, repeated: &'a Node<'a>) -> Vec<(String, Value<'a>)> {
    let each = |key: Text<'a>, value: Value<'a>| {
        let pair = vec![("key".into(), Value::Str(key.clone())), ("value".into(), value)];
        (key.to_string(), Value::map(Entries::new(pair)))
    };
    match deployed.evaluation.value(placed.scope, repeated) {
        Value::Map(entries) if entries.len() <= KEYS_MAX => {
            entries.iter().map(|(key, value)| each(key.clone(), value.clone())).collect()
        }
        Value::List(items) if items.len() <= KEYS_MAX => {
            items.iter().filter_map(|item| Some(each(item.to_text()?, item.clone()))).collect()
        }
        _ => Vec::new(),
    }
}

fn take<'a>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    (index, secrets): (usize, &[String]),
    address: &str,
    found: Vec<Found<'a>>,
    values: &mut Values,
) {
    for one in found {
        // A plain variable has a row of its own.
        if deployed.is_plain(one.scope, one.node) {
            continue;
        }
        let value = deployed.evaluation.value_in(one.scope, one.node, one.each.as_ref());
        let place = deployed.given_at(one.scope, one.node);
        let place = place.unwrap_or(Place { file: one.file, span: one.span });
        let cell = known(view.context, &value, How::Computed, place, secrets);
        let secret = one.secret || deployed.evaluation.is_secret_in(one.scope, one.node, one.repeated);
        let cell = if secret { hidden(cell) } else { cell };
        values.entry((address.to_owned(), one.path)).or_default().insert(index, cell);
    }
}
