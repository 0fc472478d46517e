//! What a plan would do, judged: nothing, something safe, something that can break what is there, or something that is not
//! Terraform's to do. Reasons name addresses and attributes, never values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::plan::{PlanJson, ResourceChange};
use crate::id::Env;
use crate::lease::{Action, Change, Counts};
use crate::redact::Redactor;

/// What deployments own: Terraform makes these things, and tiers moves them from then on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// Names of the environment's functions.
    pub functions: BTreeSet<String>,
    /// The alias that users are served by.
    pub alias: String,
    /// The tag that says which ledger a function belongs to.
    pub ledger_tag: String,
}

/// What stands for an address where the whole state is meant.
const STATE: &str = "the state";

/// What kind of plan it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Nothing,
    Safe,
    Breaking,
}

/// Why one address makes the plan breaking.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breaking {
    pub address: String,
    pub why: String,
}

/// Something that this plan must not do, whoever agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub address: String,
    pub why: String,
    /// What to write into the configuration.
    pub remedy: String,
}

/// A plan, judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    pub counts: Counts,
    /// In the plan's order.
    pub changes: Vec<Change>,
    /// Sorted; at most one reason a place in the plan, so an address may stand here twice.
    pub breaking: Vec<Breaking>,
    pub refusals: Vec<Refusal>,
}

impl Review {
    /// The plan's class.
    pub fn class(&self) -> Class {
        Class::of(!self.breaking.is_empty(), &self.counts)
    }

    /// Every address that makes it breaking, once each.
    pub fn breaking_addresses(&self) -> BTreeSet<&str> {
        self.breaking.iter().map(|one| one.address.as_str()).collect()
    }

    /// The same, breaking for this reason too: what is told of the state as a whole, and stands in no plan. `of` is the environment that
    /// it was applied as until now, where that is another one.
    pub fn also_breaks(mut self, of: Option<&Env>, why: String) -> Review {
        let address = of.map_or(STATE.to_owned(), |of| format!("{STATE} of {of}"));
        self.breaking.push(Breaking { address, why });
        self.breaking.sort();
        self
    }

    /// The same with secrets replaced in addresses, whose keys may be values. Two that then read alike are numbered, so that what
    /// somebody agrees to stays exactly what breaks.
    pub fn redacted(mut self, redactor: &Redactor) -> Review {
        let mut names = Names { redactor, shown: BTreeMap::new(), alike: BTreeMap::new() };
        let changes = self.changes.iter_mut().map(|one| &mut one.address);
        let breaking = self.breaking.iter_mut().map(|one| &mut one.address);
        let refusals = self.refusals.iter_mut().map(|one| &mut one.address);
        changes.chain(breaking).chain(refusals).for_each(|address| *address = names.shown(address));
        self.breaking.sort();
        self
    }
}

/// Addresses as they may be shown.
struct Names<'a> {
    redactor: &'a Redactor,
    /// By the real address, for those that hold a secret.
    shown: BTreeMap<String, String>,
    /// How many there are by now that read like this.
    alike: BTreeMap<String, u32>,
}

impl Names<'_> {
    fn shown(&mut self, address: &str) -> String {
        if let Some(known) = self.shown.get(address) {
            return known.clone();
        }
        let text = self.redactor.text(address).into_owned();
        if text == address {
            return text;
        }
        let count = self.alike.entry(text.clone()).or_default();
        *count += 1;
        let text = if *count == 1 { text } else { format!("{text} ({count})") };
        self.shown.insert(address.to_owned(), text.clone());
        text
    }
}

impl Class {
    /// The class of a plan that breaks something or not, and changes so much.
    pub fn of(breaks: bool, counts: &Counts) -> Class {
        if breaks {
            Class::Breaking
        } else if counts.is_empty() {
            Class::Nothing
        } else {
            Class::Safe
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Class::Nothing => "nothing",
            Class::Safe => "safe",
            Class::Breaking => "breaking",
        }
    }
}

/// Judges a plan. `protected` are types (`aws_db_instance`) and addresses, with everything below them.
pub fn review(plan: &PlanJson, protected: &[String], deployed: &Deployed) -> Review {
    let mut review = Review::default();
    for resource in plan.resource_changes.iter().filter(|one| one.mode != "data") {
        judge(resource, protected, deployed, &mut review);
    }
    for resource in plan.resource_drift.iter().filter(|one| one.mode != "data") {
        review.breaking.extend(drift(resource, deployed));
    }
    let changed = plan.output_changes.values().filter(|change| !is_no_op(&change.actions)).count();
    review.counts.outputs = u32::try_from(changed).unwrap_or(u32::MAX);
    if plan.errored {
        review.refusals.push(Refusal {
            address: "the plan".to_owned(),
            why: "Terraform broke off while making it, so it is not whole".to_owned(),
            remedy: "Mend what the error above says, and plan again.".to_owned(),
        });
    } else if plan.complete == Some(false) {
        let why = "it leaves a part of the configuration out, so another plan has to follow".to_owned();
        review.breaking.push(Breaking { address: "the plan".to_owned(), why });
    }
    review.breaking.sort();
    review.breaking.dedup();
    review
}

fn judge(resource: &ResourceChange, protected: &[String], deployed: &Deployed, review: &mut Review) {
    let address = &resource.address;
    let Some(actions) = actions(resource) else {
        // What is not known is no safe change.
        let why = format!("it has actions that this tiers does not know: {}", resource.change.actions.join(", "));
        review.breaking.push(Breaking { address: address.clone(), why });
        return;
    };
    for action in &actions {
        let count = match action {
            Action::Create => &mut review.counts.create,
            Action::Update => &mut review.counts.update,
            Action::Replace => &mut review.counts.replace,
            Action::Delete => &mut review.counts.delete,
            Action::Forget => &mut review.counts.forget,
            Action::Import => &mut review.counts.import,
            Action::Move => &mut review.counts.moved,
        };
        *count = count.saturating_add(1);
        review.changes.push(Change { address: address.clone(), action: *action });
        let why = match action {
            Action::Replace => Some("it is replaced: destroyed and made anew"),
            Action::Delete => Some("it is destroyed"),
            Action::Forget => Some("it is dropped from the state, and nothing manages it from then on"),
            Action::Create | Action::Update | Action::Import | Action::Move => None,
        };
        let guarded = *action != Action::Create && is_protected(resource, protected);
        let why = why.or(guarded.then_some("it is protected, and the plan changes it"));
        review.breaking.extend(why.map(|why| Breaking { address: address.clone(), why: why.to_owned() }));
    }
    if actions.contains(&Action::Update) {
        review.refusals.extend(not_terraforms(resource, deployed));
    }
}

/// What is done to a resource; empty for nothing, `None` for what is not known.
fn actions(resource: &ResourceChange) -> Option<Vec<Action>> {
    let named: Vec<&str> = resource.change.actions.iter().map(String::as_str).collect();
    let has = |name: &str| named.contains(&name);
    let known = ["no-op", "read", "create", "update", "delete", "forget"];
    if named.iter().any(|name| !known.contains(name)) {
        return None;
    }
    let mut actions = Vec::new();
    if has("delete") {
        actions.push(if has("create") { Action::Replace } else { Action::Delete });
    } else if has("create") && !has("forget") {
        actions.push(Action::Create);
    } else if has("create") {
        actions.extend([Action::Forget, Action::Create]);
    } else if has("forget") {
        actions.push(Action::Forget);
    } else if has("update") {
        actions.push(Action::Update);
    }
    if resource.change.importing.as_ref().is_some_and(|value| !value.is_null()) {
        actions.push(Action::Import);
    }
    if resource.previous_address.as_ref().is_some_and(|before| before != &resource.address) {
        actions.push(Action::Move);
    }
    Some(actions)
}

fn is_no_op(actions: &[String]) -> bool {
    actions.iter().all(|action| action == "no-op" || action == "read")
}

fn is_protected(resource: &ResourceChange, protected: &[String]) -> bool {
    protected.iter().any(|name| {
        let below = |end: char| resource.address.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(end));
        *name == resource.kind || *name == resource.address || below('.') || below('[')
    })
}

/// The names of attributes that differ between before and after, or that will be known only then.
fn differing(resource: &ResourceChange) -> BTreeSet<&str> {
    let change = &resource.change;
    let unknown = |name: &str| change.after_unknown.get(name).is_some_and(|value| value == &Value::Bool(true));
    let names = [&change.before, &change.after].into_iter().filter_map(Value::as_object).flatten();
    let names = names.map(|(name, _)| name.as_str());
    names.filter(|name| unknown(name) || change.before.get(name) != change.after.get(name)).collect()
}

/// Attributes of the two resources that a deployment moves, and what follows from them by itself.
fn moved_by_deployments(kind: &str) -> &'static [&'static str] {
    match kind {
        "aws_lambda_function" => &[
            "image_uri",
            "code_sha256",
            "source_code_hash",
            "source_code_size",
            "last_modified",
            "version",
            "qualified_arn",
            "qualified_invoke_arn",
        ],
        "aws_lambda_alias" => &["function_version", "routing_config", "description"],
        _ => &[],
    }
}

fn drift(resource: &ResourceChange, deployed: &Deployed) -> Option<Breaking> {
    if is_no_op(&resource.change.actions) {
        return None;
    }
    let breaking = |why: String| Some(Breaking { address: resource.address.clone(), why });
    if resource.change.actions.iter().any(|action| action == "delete") {
        return breaking("it was destroyed outside of Terraform".to_owned());
    }
    let expected = moved_by_deployments(&resource.kind);
    let tag = |name: &str| (name == "tags" || name == "tags_all") && only_tag(resource, name, &deployed.ledger_tag);
    let changed: Vec<&str> =
        differing(resource).into_iter().filter(|name| !expected.contains(name) && !tag(name)).collect();
    if changed.is_empty() {
        return None;
    }
    breaking(format!("it was changed outside of Terraform: {}", changed.join(", ")))
}

/// True when this map of tags differs in the ledger's tag alone.
fn only_tag(resource: &ResourceChange, name: &str, tag: &str) -> bool {
    let without = |value: &Value| {
        let mut tags = value.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        tags.remove(tag);
        tags
    };
    without(&resource.change.before) == without(&resource.change.after)
}

/// What an update does that only deployments may do.
fn not_terraforms(resource: &ResourceChange, deployed: &Deployed) -> Option<Refusal> {
    let before = |name: &str| resource.change.before.get(name).and_then(Value::as_str).unwrap_or_default();
    let function = before("function_name").rsplit(':').next().unwrap_or_default();
    if !deployed.functions.contains(function) {
        return None;
    }
    let differs = differing(resource);
    let refusal = |why: &str, ignore: &str| {
        Some(Refusal {
            address: resource.address.clone(),
            why: why.to_owned(),
            remedy: format!("Put `lifecycle {{ ignore_changes = [{ignore}] }}` into the resource."),
        })
    };
    match resource.kind.as_str() {
        "aws_lambda_function" if differs.contains("image_uri") => {
            refusal("it would change the image of a function that deployments own", "image_uri")
        }
        "aws_lambda_function" if loses_tag(resource, &deployed.ledger_tag) => {
            let tag = &deployed.ledger_tag;
            refusal(
                "it would take the tag away that says which ledger the function belongs to",
                &format!("tags[\"{tag}\"], tags_all[\"{tag}\"]"),
            )
        }
        "aws_lambda_alias"
            if before("name") == deployed.alias
                && (differs.contains("function_version") || differs.contains("routing_config")) =>
        {
            refusal("it would move the alias that users are served by", "function_version, routing_config")
        }
        _ => None,
    }
}

fn loses_tag(resource: &ResourceChange, tag: &str) -> bool {
    ["tags", "tags_all"].iter().any(|name| {
        let has = |value: &Value| value.get(name).and_then(|tags| tags.get(tag)).is_some();
        has(&resource.change.before) && !has(&resource.change.after)
    })
}
