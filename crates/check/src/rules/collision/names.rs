//! Names of resources in each environment: the same in two of them, too long, or against the project's pattern.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use regex::Regex;

use super::one_account;
use crate::accounts::Relation;
use crate::eval::{Evaluation, ScopeId, Text, Value};
use crate::finding::{Finding, Severity, listed};
use crate::instances::{InstanceOf, called, instances};
use crate::model::Place;
use crate::services::{NamedType, Scope};
use crate::view::{Deployed, Placed, View};

/// A name as it is in one environment.
struct Name<'v, 'a> {
    deployed: &'v Deployed<'a>,
    text: Text<'a>,
    place: Place,
    /// The resource is there for certain: nothing that is not known decides about it.
    certain: bool,
    /// What it says of where it is made.
    standing: Option<Text<'a>>,
    /// What else tells it from others of its name; `None` where that is not known.
    within: Option<String>,
}

impl<'v, 'a> Name<'v, 'a> {
    fn new(deployed: &'v Deployed<'a>, placed: &Placed<'a>, text: Text<'a>, place: Place, certain: bool) -> Self {
        let standing = placed
            .resource
            .standing
            .map(|attr| deployed.evaluation.value_in(placed.scope, &attr.value, placed.each.as_ref()).to_text());
        // Where that is not known, two of one name may stand apart.
        let certain = certain && standing != Some(None);
        let tell_apart = placed.resource.named.map_or(&[][..], |named| named.within);
        // What is not written is the same in all of them.
        let within = tell_apart.iter().map(|name| match deployed.attribute(placed, name) {
            Some((value, _)) => value.to_text(),
            None => Some(Text::Borrowed("")),
        });
        let within: Option<String> = within.map(|text| Some([&*text?, "\0"].concat())).collect();
        let certain = certain && within.is_some();
        Name { deployed, text, place, certain, standing: standing.flatten(), within }
    }

    /// Whether two names are wanted in one region, project or bus, for all that the resources say themselves.
    fn stands_beside(&self, other: &Name<'_, 'a>, scope: Scope) -> bool {
        let within = self.within.is_some() && self.within == other.within;
        within && (scope == Scope::World || self.standing == other.standing)
    }
}

/// One resource with its name in each environment that has it.
struct Group<'v, 'a> {
    named: &'static NamedType,
    placed: &'v Placed<'a>,
    /// Of one instance of a repeated resource, or of the repeated call that it is in, what tells it from the others.
    key: String,
    /// It is the call that is repeated.
    by_call: bool,
    names: Vec<Name<'v, 'a>>,
}

impl Group<'_, '_> {
    fn address(&self) -> String {
        if !self.by_call {
            return self.placed.address() + &self.key;
        }
        let (call, resource) = (self.placed.prefix.trim_end_matches('.'), self.placed.resource);
        format!("{call}{}.{}.{}", self.key, resource.kind, resource.name)
    }
}

/// In the order of the calls that lead to them, type and name.
type Groups<'v, 'a> = Vec<Group<'v, 'a>>;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    let groups = groups(view);
    taken_twice(view, &groups, out);
    prefix_too_long(view, out);
    for group in &groups {
        collides(view, group, out);
        too_long(view, group, out);
        against_pattern(view, group, out);
    }
}

fn groups<'v, 'a>(view: &'v View<'a>) -> Groups<'v, 'a> {
    let mut groups = Groups::new();
    let mut by_address: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut repeated: BTreeMap<(&str, &str, &str, String), Group<'v, 'a>> = BTreeMap::new();
    for deployed in &view.deployed {
        // Environments that run the same code have the same resources, one behind the other.
        let mut next = 0;
        let calls = calls(deployed);
        for placed in deployed.placed() {
            let Some(named) = placed.resource.named else { continue };
            let call = calls.iter().find(|(prefix, _)| **prefix == *placed.prefix);
            if let Some((_, scopes)) = call.filter(|_| !placed.resource.repetition.is_some()) {
                for (key, scope) in scopes {
                    let instance = placed.in_scope(*scope);
                    let Some((Value::Str(text), place)) = deployed.name(&instance).cloned() else { continue };
                    let address = (&*placed.prefix, placed.resource.kind, placed.resource.name, key.clone());
                    let group = repeated.entry(address).or_insert_with(|| Group {
                        named,
                        placed,
                        key: key.clone(),
                        by_call: true,
                        names: Vec::new(),
                    });
                    group.names.push(Name::new(deployed, &instance, text, place, placed.certain));
                }
                continue;
            }
            if placed.resource.repetition.is_some() && placed.each.is_some() {
                for InstanceOf { key, placed: each } in instances(deployed, placed) {
                    let Some((Value::Str(text), place)) = deployed.name(&each).cloned() else { continue };
                    let address = (&*placed.prefix, placed.resource.kind, placed.resource.name, key);
                    let name = Name::new(deployed, &each, text, place, placed.certain);
                    let key = address.3.clone();
                    let group = repeated.entry(address);
                    group
                        .or_insert_with(|| Group { named, placed, key, by_call: false, names: Vec::new() })
                        .names
                        .push(name);
                }
                continue;
            }
            let Some((Value::Str(text), place)) = deployed.name(placed) else { continue };
            let expected = groups.get(next).is_some_and(|group| {
                std::ptr::eq(group.placed.resource, placed.resource) && group.placed.prefix == placed.prefix
            });
            let at = if expected {
                next
            } else {
                let key = (&*placed.prefix, placed.resource.kind, placed.resource.name);
                *by_address.entry(key).or_insert_with(|| {
                    let names = Vec::with_capacity(view.deployed.len());
                    groups.push(Group { named, placed, key: String::new(), by_call: false, names });
                    groups.len() - 1
                })
            };
            next = at + 1;
            let certain = placed.certain && !(placed.resource.repetition.is_some() && placed.each.is_none());
            groups[at].names.push(Name::new(deployed, placed, text.clone(), *place, certain));
        }
    }
    let mut found: Vec<Option<Group<'v, 'a>>> = groups.into_iter().map(Some).collect();
    by_address.into_values().filter_map(|at| found[at].take()).chain(repeated.into_values()).collect()
}

/// Calls in the root module that are repeated, by the prefix of what is in them, with a scope for each instance.
fn calls(deployed: &Deployed<'_>) -> Vec<(String, Vec<(String, ScopeId)>)> {
    let all = deployed.module.calls.iter().filter(|call| call.repetition.is_some());
    all.map(|call| (format!("module.{}.", call.name), called(deployed, Evaluation::ROOT, call)))
        .filter(|(_, instances)| !instances.is_empty())
        .collect()
}

fn collides<'a>(view: &View<'a>, group: &Group<'_, 'a>, out: &mut Vec<Finding>) {
    let Group { named, placed, names, .. } = group;
    let mut worst: Option<(Severity, &Name<'_, '_>, &Name<'_, '_>)> = None;
    for (index, first) in names.iter().enumerate() {
        for second in &names[index + 1..] {
            if first.text != second.text
                || first.deployed.environment == second.deployed.environment
                || !first.stands_beside(second, named.scope)
            {
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
    let address = group.address();
    // An environment in an account of its own may call a thing as it likes.
    let apart = |name: &&Name<'_, 'a>| {
        let (here, there) = (view.whereabouts(first.deployed), view.whereabouts(name.deployed));
        let account = named.scope != Scope::World && here.account(there) == Relation::Different;
        account || named.scope == Scope::Region && here.region(there) == Relation::Different
    };
    let same = names.iter().filter(|name| name.text == first.text && !apart(name));
    let sharing: Vec<&str> = same.map(|name| name.deployed.environment).collect();
    let within = |name: &Name<'_, 'a>| name.deployed.instance.within.as_deref();
    let (here, there) = (view.whereabouts(first.deployed), view.whereabouts(second.deployed));
    let account = match named.kind.split('_').next() {
        Some("google") => "project",
        Some("azurerm") => "subscription",
        _ => "account",
    };
    let each = match within(first).is_some() && within(first) == within(second) {
        true => "region",
        false => "environment",
    };
    let article = if account == "account" { "an" } else { "a" };
    let doubt = match here.in_common(there, account) {
        Some(common) => format!(", and both are in {account} {common}"),
        None => format!(", unless each {each} has {article} {account} of its own"),
    };
    let (where_unique, doubted) = match (named.scope, severity) {
        (Scope::World, _) if named.within.is_empty() => ("in the whole world".to_string(), false),
        (Scope::World, _) => ("in its zone".to_string(), false),
        (Scope::Account, Severity::Error) => (format!("in their {account}"), false),
        (Scope::Region, Severity::Error) => ("in their region".to_string(), false),
        (Scope::Account, _) => (format!("in {article} {account}"), true),
        (Scope::Region, _) => (format!("in a region of {article} {account}"), true),
    };
    let doubt = if doubted { doubt.as_str() } else { "" };
    let message = format!(
        "{address} is called {:?} in {}, and the name must be unique {where_unique}{doubt}",
        &*first.text,
        listed(sharing.iter().copied())
    );
    let mut finding = view
        .context
        .finding("name-collides", first.place, &placed.address(), message)
        .severity(severity)
        .label("does not vary with the environment")
        .environments(sharing);
    if second.place != first.place {
        finding = finding
            .beside(view.context.related(second.place, format!("the same name in {}", second.deployed.environment)));
    }
    let finding = match named.scope {
        Scope::World => finding,
        _ => one_account::with_lines(view, finding, first.deployed, second.deployed),
    };
    out.push(finding);
}

/// A name with its environment, its type and what it stands in.
type Wanted<'n> = (&'n str, &'n str, &'n str, &'n str, &'n str);

/// Two resources of one environment want the same name. Where providers have aliases they may stand apart.
fn taken_twice(view: &View<'_>, groups: &Groups<'_, '_>, out: &mut Vec<Finding>) {
    let aliased = |deployed: &Deployed<'_>| deployed.module.providers.iter().any(|provider| provider.alias.is_some());
    if view.deployed.iter().any(aliased) {
        return;
    }
    let mut taken: HashMap<Wanted<'_>, (&Group<'_, '_>, Place)> =
        HashMap::with_capacity(groups.iter().map(|group| group.names.len()).sum());
    // Versions of one layer bear its name, each published by a resource of its own.
    for group in groups.iter().filter(|group| group.named.kind != "aws_lambda_layer_version") {
        let Group { named, placed, names, .. } = group;
        for name in names.iter().filter(|name| name.certain) {
            let standing = name.standing.as_deref().filter(|_| named.scope != Scope::World).unwrap_or_default();
            let key = (
                name.deployed.environment,
                named.kind,
                &*name.text,
                standing,
                name.within.as_deref().unwrap_or_default(),
            );
            let Some((taker, place)) = taken.get(&key).copied() else {
                taken.insert(key, (group, name.place));
                continue;
            };
            let (other, address) = (taker.address(), group.address());
            let message =
                format!("{other} and {address} are both called {:?} in {}", &*name.text, name.deployed.label());
            // Instances of one resource are one finding, however many there are.
            let subject = format!("{}/{}", taker.placed.address(), placed.address());
            let mut finding = view
                .context
                .finding("name-collides", name.place, &subject, message)
                .label("the same name a second time")
                .environment(name.deployed.environment);
            if place != name.place {
                finding = finding.beside(view.context.related(place, format!("taken by {other}")));
            }
            out.push(finding);
        }
    }
}

fn too_long(view: &View<'_>, group: &Group<'_, '_>, out: &mut Vec<Finding>) {
    let Group { named, placed, names, .. } = group;
    // Bytes are never fewer than characters.
    if names.iter().all(|name| name.text.len() <= named.limit) {
        return;
    }
    let Some(longest) = names.iter().max_by_key(|name| name.text.chars().count()) else { return };
    let length = longest.text.chars().count();
    if length <= named.limit {
        return;
    }
    let address = group.address();
    let affected =
        names.iter().filter(|name| name.text.chars().count() > named.limit).map(|name| name.deployed.environment);
    let message = format!(
        "{address} is called {:?} in {}: {length} characters, and {} takes {}",
        &*longest.text,
        longest.deployed.label(),
        named.kind,
        named.limit
    );
    out.push(
        view.context
            .finding("name-too-long", longest.place, &placed.address(), message)
            .label(format!("{} characters too many", length - named.limit))
            .environments(affected),
    );
}

/// Characters that the provider puts behind a prefix to make a name.
const SUFFIX: usize = 26;

/// Arguments that begin a name which the provider completes.
const PREFIXES: &[&str] = &["name_prefix", "bucket_prefix", "identifier_prefix", "cluster_identifier_prefix"];

/// A prefix that leaves no room for the rest.
fn prefix_too_long(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in &view.deployed {
        let unnamed = |placed: &&Placed<'_>| placed.resource.named.is_some() && placed.resource.name_attr.is_none();
        for placed in deployed.placed().iter().filter(unnamed) {
            let (Some(named), Some(argument)) =
                (placed.resource.named, PREFIXES.iter().find(|name| placed.resource.body.attr(name).is_some()))
            else {
                continue;
            };
            let Some((Value::Str(text), place)) = deployed.attribute(placed, argument) else { continue };
            // Load balancers get a shorter suffix behind a prefix that is short by rule.
            let limit = if named.limit == 32 { 6 } else { named.limit.saturating_sub(SUFFIX) };
            let length = text.chars().count();
            if length <= limit {
                continue;
            }
            let address = placed.address();
            let message = format!(
                "the {argument} of {address} is {:?} in {}: {length} characters, and {} takes {limit}",
                &*text,
                deployed.label(),
                named.kind
            );
            out.push(
                view.context
                    .finding("name-too-long", place, &address, message)
                    .label(format!("{} characters too many", length - limit))
                    .environment(deployed.environment),
            );
        }
    }
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

fn against_pattern(view: &View<'_>, group: &Group<'_, '_>, out: &mut Vec<Finding>) {
    let Group { named, placed, names, .. } = group;
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
        let address = group.address();
        let message = format!("{address} is called {:?} in {}, not {pattern}", &*name.text, name.deployed.environment);
        out.push(
            view.context
                .finding("name-against-pattern", name.place, &placed.address(), message)
                .label(format!("{:?}", &*name.text))
                .environment(name.deployed.environment),
        );
        return;
    }
}
