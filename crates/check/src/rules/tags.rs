//! Tags: those that are required, after `merge`, `default_tags` and module arguments are resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::parity::is_environment_name;
use crate::eval::{Entries, Value};
use crate::finding::{Finding, listed};
use crate::model::Place;
use crate::view::{Deployed, Placed, View};

/// From this many resources that lack the same tags on, one finding stands for all of them.
const TOGETHER: usize = 5;

/// So many maps of tags are remembered with which nothing is wrong.
const REMEMBERED: usize = 16;

/// The tags of one resource in one environment.
struct Tags<'a> {
    /// What the resource says and what the provider adds; the first wins.
    layers: [Option<Value<'a>>; 2],
    /// Neither the resource's tags nor the provider's hide anything.
    complete: bool,
    place: Place,
}

impl<'a> Tags<'a> {
    fn of(deployed: &Deployed<'a>, placed: &Placed<'a>) -> Tags<'a> {
        let written = deployed.tags(placed);
        let place = written.as_ref().map_or(placed.resource.place, |(_, place)| *place);
        let layers = [written.map(|(value, _)| value), Some(placed.default_tags.clone())];
        let complete = layers.iter().flatten().all(|value| matches!(value, Value::Map(_) | Value::Null));
        Tags { layers, complete, place }
    }

    /// What these tags are made of, where that is all that decides about them.
    fn sources(&self) -> Option<[Option<Rc<Entries<'a>>>; 2]> {
        let shared = |layer: &Option<Value<'a>>| match layer {
            Some(Value::Map(entries)) => Some(Rc::clone(entries)),
            _ => None,
        };
        let plain = self.layers.iter().flatten().all(|value| matches!(value, Value::Map(_)));
        (plain && self.complete).then(|| self.layers.each_ref().map(shared))
    }

    fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.maps().find_map(|entries| entries.get(name))
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn maps(&self) -> impl Iterator<Item = &Entries<'a>> {
        self.layers.iter().flatten().filter_map(|value| match value {
            Value::Map(entries) => Some(&**entries),
            _ => None,
        })
    }
}

/// Blocks that lack the same tags: each with its resource's name and the environments it lacks them in.
type Blocks = BTreeMap<Place, (String, BTreeSet<usize>)>;

/// Values of tags that are wrong, by what is to be changed: one line may be behind the tags of all resources.
#[derive(Default)]
struct Wrong<'a> {
    found: BTreeMap<(Place, String, String), Cause<'a>>,
    /// How often anything was found.
    count: usize,
}

/// What is wrong at one place.
#[derive(Default)]
struct Cause<'a> {
    resources: BTreeSet<String>,
    /// It stands among what a provider adds to everything.
    everywhere: bool,
    environments: Vec<&'a str>,
    /// The environment that the value names instead.
    passes_for: Option<&'a str>,
    /// What the value may be.
    allowed: Vec<String>,
}

impl<'a> Wrong<'a> {
    fn add(&mut self, deployed: &Deployed<'a>, placed: &Placed<'a>, tags: &Tags<'a>, name: &str) -> &mut Cause<'a> {
        self.count += 1;
        let own = matches!(&tags.layers[0], Some(Value::Map(entries)) if entries.contains_key(name));
        let written = if own { deployed.tags_written(placed) } else { placed.default_tags_written };
        let place = written.map_or(tags.place, |(scope, file, node)| deployed.cause_of_key(scope, file, node, name));
        let text = tags.get(name).and_then(Value::to_text).map(|text| text.to_string()).unwrap_or_default();
        let cause = self.found.entry((place, name.to_string(), text)).or_default();
        cause.resources.insert(placed.address());
        cause.everywhere |= !own;
        if !cause.environments.contains(&deployed.environment) {
            cause.environments.push(deployed.environment);
        }
        cause
    }

    fn report(self, view: &View<'a>, out: &mut Vec<Finding>) {
        for ((place, name, text), cause) in self.found {
            let whose = match (cause.resources.first(), cause.resources.len()) {
                (Some(address), 1) if !cause.everywhere => address.clone(),
                (_, count) if !cause.everywhere || cause.passes_for.is_none() => format!("{count} resources"),
                _ => "every resource".to_string(),
            };
            let labels =
                cause.environments.iter().map(|name| if name.is_empty() { "the only environment" } else { name });
            let environments = listed(labels);
            let (rule, says) = match cause.passes_for {
                Some(other) => ("tag-environment", format!(", so it passes for {other}")),
                None => ("tag-value", format!("; it may be {}", cause.allowed.join(", "))),
            };
            let message = format!("the tag {name} of {whose} is {text:?} in {environments}{says}");
            let mut finding = view
                .context
                .finding(rule, place, &format!("{whose}/{name}"), message)
                .environments(cause.environments.iter().copied().chain(cause.passes_for));
            if let (false, [_, _, ..], Some(first)) =
                (cause.everywhere, &cause.resources.iter().take(2).collect::<Vec<_>>()[..], cause.resources.first())
            {
                finding = finding.label(format!("{first} among them"));
            }
            out.push(finding);
        }
    }
}

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    let policy = &view.context.options.tags;
    let mut wrong = Wrong::default();
    let mut missing: BTreeMap<Vec<String>, Blocks> = BTreeMap::new();
    for (index, deployed) in view.deployed.iter().enumerate() {
        let mut fine: Vec<[Option<Rc<Entries<'_>>>; 2]> = Vec::new();
        for placed in deployed.placed().iter().filter(|placed| has_tags(placed)) {
            let tags = Tags::of(deployed, placed);
            // Most resources of a module have the very tags of the one before.
            let sources = tags.sources();
            if sources.as_ref().is_some_and(|sources| fine.iter().any(|known| are_the_same(known, sources))) {
                continue;
            }
            let before = wrong.count;
            let lacks = placed.resource.taggable && tags.complete && policy.required.iter().any(|name| !tags.has(name));
            if lacks {
                let lacking: Vec<String> = policy.required.iter().filter(|name| !tags.has(name)).cloned().collect();
                let by_place = missing.entry(lacking).or_default();
                by_place.entry(tags.place).or_insert_with(|| (placed.address(), BTreeSet::new())).1.insert(index);
            }
            wrong_values(view, deployed, placed, &tags, &mut wrong);
            wrong_environment(view, deployed, placed, &tags, &mut wrong);
            if !lacks && wrong.count == before && fine.len() < REMEMBERED {
                fine.extend(sources);
            }
        }
    }
    for (lacking, resources) in missing {
        report_missing(view, &lacking, &resources, out);
    }
    wrong.report(view, out);
}

fn has_tags(placed: &Placed<'_>) -> bool {
    let resource = placed.resource;
    let labelled = || resource.kind.starts_with("google_") && placed.default_tags_written.is_some();
    resource.taggable || resource.is_tagged() || labelled()
}

fn are_the_same(a: &[Option<Rc<Entries<'_>>>; 2], b: &[Option<Rc<Entries<'_>>>; 2]) -> bool {
    a.iter().zip(b).all(|pair| match pair {
        (Some(a), Some(b)) => Rc::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    })
}

fn report_missing(
    view: &View<'_>,
    lacking: &[String],
    resources: &BTreeMap<Place, (String, BTreeSet<usize>)>,
    out: &mut Vec<Finding>,
) {
    let named = lacking.join(", ");
    let plural = if lacking.len() == 1 { "tag" } else { "tags" };
    let environments = |indices: &BTreeSet<usize>| -> Vec<&str> {
        indices.iter().map(|index| view.deployed[*index].environment).collect()
    };
    let module = view.deployed.first().map(|deployed| deployed.module);
    if resources.len() >= TOGETHER
        && let Some((first, (address, _))) = resources.first_key_value()
    {
        let all: BTreeSet<usize> = resources.values().flat_map(|(_, indices)| indices.iter().copied()).collect();
        let provider = module.and_then(|module| module.providers.iter().find(|provider| provider.name == "aws"));
        let message = format!("{} resources lack the {plural} {named}, {address} among them", resources.len());
        let mut finding = view
            .context
            .finding("tag-missing", *first, &format!("{}/{named}", view.stack.name), message)
            .label("one of them")
            .environments(environments(&all));
        if let Some(attr) = provider.and_then(|provider| provider.body.attr("region").map(|attr| (provider.file, attr)))
        {
            let place = Place { file: attr.0, span: attr.1.span() };
            finding = finding.beside(view.context.related(place, "default_tags of this provider would reach them all"));
        }
        out.push(
            finding.fix(format!("Put {named} into the provider's default_tags, so that every resource has them.")),
        );
        return;
    }
    for (place, (address, indices)) in resources {
        let message = format!("{address} lacks the {plural} {named}");
        out.push(
            view.context
                .finding("tag-missing", *place, &format!("{address}/{named}"), message)
                .environments(environments(indices)),
        );
    }
}

fn wrong_values<'a>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    placed: &Placed<'a>,
    tags: &Tags<'a>,
    wrong: &mut Wrong<'a>,
) {
    for (name, allowed) in &view.context.options.tags.allowed {
        let Some(text) = tags.get(name).and_then(Value::to_text) else { continue };
        let allowed: Vec<String> =
            allowed.iter().map(|value| value.replace("{environment}", deployed.environment)).collect();
        if allowed.iter().any(|value| *value == *text) {
            continue;
        }
        let cause = wrong.add(deployed, placed, tags, name);
        for value in allowed {
            if !cause.allowed.contains(&value) {
                cause.allowed.push(value);
            }
        }
    }
}

/// The tag that says which environment a resource belongs to says another.
fn wrong_environment<'a>(
    view: &View<'a>,
    deployed: &Deployed<'a>,
    placed: &Placed<'a>,
    tags: &Tags<'a>,
    wrong: &mut Wrong<'a>,
) {
    if deployed.environment.is_empty() {
        return;
    }
    let named = || tags.maps().flat_map(Entries::keys).filter(|name| is_environment_name(name));
    let own = |name| tags.get(name).and_then(Value::as_str);
    if named().filter_map(|name| own(name)).any(|text| view.context.found.known.is_own(text, deployed.environment)) {
        return;
    }
    for name in named() {
        let Some(text) = tags.get(name).and_then(Value::as_str) else { continue };
        let Some((_, _, other)) = view.context.found.known.other_in(text, deployed.environment) else { continue };
        // A variable that is wrong is reported once, where it is set.
        let inherited = deployed.module.variables.iter().any(|variable| {
            is_environment_name(variable.name)
                && deployed.evaluation.variable(crate::eval::Evaluation::ROOT, variable.name).as_str() == Some(text)
        });
        if !inherited {
            wrong.add(deployed, placed, tags, name).passes_for = Some(other);
        }
    }
}
