//! Names of resources in each environment: the same in two of them, too long, or against the project's pattern.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use regex::Regex;

use crate::accounts::Relation;
use crate::eval::{Text, Value};
use crate::finding::{Finding, Severity, listed};
use crate::model::Place;
use crate::services::{NamedType, Scope};
use crate::view::{Deployed, Placed, View};

/// A name as it is in one environment.
struct Name<'v, 'a> {
    deployed: &'v Deployed<'a>,
    text: &'v Text<'a>,
    place: Place,
    /// The resource is there for certain: nothing that is not known decides about it.
    certain: bool,
}

/// One resource with its name in each environment that has it.
struct Group<'v, 'a> {
    named: &'static NamedType,
    placed: &'v Placed<'a>,
    names: Vec<Name<'v, 'a>>,
}

/// In the order of the calls that lead to them, type and name.
type Groups<'v, 'a> = Vec<Group<'v, 'a>>;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    let groups = groups(view);
    taken_twice(view, &groups, out);
    for group in &groups {
        collides(view, group, out);
        too_long(view, group, out);
        against_pattern(view, group, out);
    }
}

fn groups<'v, 'a>(view: &'v View<'a>) -> Groups<'v, 'a> {
    let mut groups = Groups::new();
    let mut by_address: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for deployed in &view.deployed {
        // Environments that run the same code have the same resources, one behind the other.
        let mut next = 0;
        for placed in deployed.placed() {
            let Some(named) = placed.resource.named else { continue };
            let Some((Value::Str(text), place)) = deployed.name(placed) else { continue };
            let expected = groups.get(next).is_some_and(|group| {
                std::ptr::eq(group.placed.resource, placed.resource) && group.placed.prefix == placed.prefix
            });
            let at = if expected {
                next
            } else {
                let key = (&*placed.prefix, placed.resource.kind, placed.resource.name);
                *by_address.entry(key).or_insert_with(|| {
                    groups.push(Group { named, placed, names: Vec::with_capacity(view.deployed.len()) });
                    groups.len() - 1
                })
            };
            next = at + 1;
            let certain = placed.certain && !(placed.resource.repetition.is_some() && placed.each.is_none());
            groups[at].names.push(Name { deployed, text, place: *place, certain });
        }
    }
    let mut found: Vec<Option<Group<'v, 'a>>> = groups.into_iter().map(Some).collect();
    by_address.into_values().filter_map(|at| found[at].take()).collect()
}

fn collides<'a>(view: &View<'a>, Group { named, placed, names }: &Group<'_, 'a>, out: &mut Vec<Finding>) {
    let mut worst: Option<(Severity, &Name<'_, '_>, &Name<'_, '_>)> = None;
    for (index, first) in names.iter().enumerate() {
        for second in &names[index + 1..] {
            if first.text != second.text || first.deployed.environment == second.deployed.environment {
                continue;
            }
            let (here, there) = (view.whereabouts(first.deployed), view.whereabouts(second.deployed));
            let severity = match (named.scope, here.account(there), here.region(there)) {
                (Scope::World, ..) => Severity::Error,
                (_, Relation::Different, _) | (Scope::Region, _, Relation::Different) => continue,
                (_, Relation::Same, _) => Severity::Error,
                (_, Relation::Unknown, _) if here.own_stores(there) => Severity::Hint,
                (_, Relation::Unknown, _) => Severity::Warning,
            };
            if worst.as_ref().is_none_or(|(known, ..)| severity > *known) {
                worst = Some((severity, first, second));
            }
        }
    }
    let Some((severity, first, second)) = worst else { return };
    let address = placed.address();
    // An environment in an account of its own may call a thing as it likes.
    let apart = |name: &&Name<'_, 'a>| {
        let (here, there) = (view.whereabouts(first.deployed), view.whereabouts(name.deployed));
        let account = named.scope != Scope::World && here.account(there) == Relation::Different;
        account || named.scope == Scope::Region && here.region(there) == Relation::Different
    };
    let same = names.iter().filter(|name| name.text == first.text && !apart(name));
    let sharing: Vec<&str> = same.map(|name| name.deployed.environment).collect();
    let (where_unique, doubt) = match (named.scope, severity) {
        (Scope::World, _) => ("in the whole world", ""),
        (Scope::Account, Severity::Error) => ("in their account", ""),
        (Scope::Region, Severity::Error) => ("in their region", ""),
        (Scope::Account, _) => ("in an account", ", unless each environment has an account of its own"),
        (Scope::Region, _) => ("in a region of an account", ", unless each environment has an account of its own"),
    };
    let message = format!(
        "{address} is called {:?} in {}, and the name must be unique {where_unique}{doubt}",
        &**first.text,
        listed(sharing.iter().copied())
    );
    let mut finding = view
        .context
        .finding("name-collides", first.place, &address, message)
        .severity(severity)
        .label("does not vary with the environment")
        .environments(sharing);
    if second.place != first.place {
        finding = finding
            .beside(view.context.related(second.place, format!("the same name in {}", second.deployed.environment)));
    }
    out.push(finding);
}

/// Two resources of one environment want the same name. Where providers have aliases they may stand apart.
fn taken_twice(view: &View<'_>, groups: &Groups<'_, '_>, out: &mut Vec<Finding>) {
    let aliased = |deployed: &Deployed<'_>| deployed.module.providers.iter().any(|provider| provider.alias.is_some());
    if view.deployed.iter().any(aliased) {
        return;
    }
    let mut taken: HashMap<(&str, &str, &str), (&Placed<'_>, Place)> =
        HashMap::with_capacity(groups.iter().map(|group| group.names.len()).sum());
    for Group { named, placed, names } in groups {
        for name in names.iter().filter(|name| name.certain) {
            let key = (name.deployed.environment, named.kind, &**name.text);
            let Some((other, place)) = taken.get(&key).copied() else {
                taken.insert(key, (placed, name.place));
                continue;
            };
            let (other, address) = (other.address(), placed.address());
            let message =
                format!("{other} and {address} are both called {:?} in {}", &**name.text, name.deployed.label());
            let mut finding = view
                .context
                .finding("name-collides", name.place, &format!("{other}/{address}"), message)
                .label("the same name a second time")
                .environment(name.deployed.environment);
            if place != name.place {
                finding = finding.beside(view.context.related(place, format!("taken by {other}")));
            }
            out.push(finding);
        }
    }
}

fn too_long(view: &View<'_>, Group { named, placed, names }: &Group<'_, '_>, out: &mut Vec<Finding>) {
    // Bytes are never fewer than characters.
    if names.iter().all(|name| name.text.len() <= named.limit) {
        return;
    }
    let Some(longest) = names.iter().max_by_key(|name| name.text.chars().count()) else { return };
    let length = longest.text.chars().count();
    if length <= named.limit {
        return;
    }
    let address = placed.address();
    let affected =
        names.iter().filter(|name| name.text.chars().count() > named.limit).map(|name| name.deployed.environment);
    let message = format!(
        "{address} is called {:?} in {}: {length} characters, and {} takes {}",
        &**longest.text,
        longest.deployed.label(),
        named.kind,
        named.limit
    );
    out.push(
        view.context
            .finding("name-too-long", longest.place, &address, message)
            .label(format!("{} characters too many", length - named.limit))
            .environments(affected),
    );
}

/// Types that follow the project's pattern: what a component consists of. Buckets carry more than the pattern to be unique, paths
/// have patterns of their own, and repositories are shared.
const PATTERNED: &[&str] = &[
    "aws_cloudwatch_event_rule",
    "aws_dynamodb_table",
    "aws_ecs_cluster",
    "aws_lambda_function",
    "aws_lb",
    "aws_rds_cluster",
    "aws_sfn_state_machine",
    "aws_sns_topic",
    "aws_sqs_queue",
];

fn against_pattern(view: &View<'_>, Group { named, placed, names }: &Group<'_, '_>, out: &mut Vec<Finding>) {
    let Some(pattern) = view.context.options.name_pattern.as_deref().filter(|_| PATTERNED.contains(&named.kind)) else {
        return;
    };
    for name in names.iter().filter(|name| !name.deployed.environment.is_empty()) {
        let project = view.context.options.project.as_deref().map_or("[a-z0-9-]+".to_string(), regex::escape);
        let expression = regex::escape(pattern)
            .replace("\\{project\\}", &project)
            .replace("\\{component\\}", "[A-Za-z0-9_.-]+")
            .replace("\\{environment\\}", &regex::escape(name.deployed.environment));
        let Ok(regex) = Regex::new(&format!("^(?:{expression})$")) else { return };
        // A queue's `.fifo` is the service's own demand.
        if regex.is_match(name.text.trim_end_matches(".fifo")) {
            continue;
        }
        let address = placed.address();
        let message = format!("{address} is called {:?} in {}, not {pattern}", &**name.text, name.deployed.environment);
        out.push(
            view.context
                .finding("name-against-pattern", name.place, &address, message)
                .label(format!("{:?}", &**name.text))
                .environment(name.deployed.environment),
        );
        return;
    }
}
