//! What people and programs see of a plan and of what became of it.

use serde::Serialize;
use tiers_core::id::Env;
use tiers_core::lease::{Backend, Change, Counts, Outcome};
use tiers_core::terraform::{Class, Review};

use crate::render::plan::short;
use crate::render::style::Style;
use crate::render::wrap;
use crate::terraform::planning::Planned;

/// `tiers.terraform/1`.
#[derive(Serialize)]
pub struct Shown<'a> {
    outcome: &'a str,
    environment: &'a Env,
    backend: &'a Backend,
    /// `nothing`, `safe` or `breaking`.
    class: &'a str,
    counts: Counts,
    changes: &'a [Change],
    breaking: Vec<Reason<'a>>,
    refusals: Vec<Reason<'a>>,
    plan: &'a str,
    tree: &'a str,
    commit: Option<&'a str>,
    dirty: bool,
    values_outside: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct Reason<'a> {
    address: &'a str,
    why: &'a str,
}

/// A plan, and what became of it, as JSON.
pub fn shown<'a>(outcome: &'a str, planned: &'a Planned, why: Option<&'a str>) -> Shown<'a> {
    let facts = &planned.request.facts;
    let review = &planned.review;
    Shown {
        outcome,
        environment: &facts.environment,
        backend: &facts.backend,
        class: review.class().word(),
        counts: review.counts,
        changes: &planned.request.changes,
        breaking: review.breaking.iter().map(|one| Reason { address: &one.address, why: &one.why }).collect(),
        refusals: review.refusals.iter().map(|one| Reason { address: &one.address, why: &one.why }).collect(),
        plan: facts.plan.as_str(),
        tree: facts.tree.as_str(),
        commit: facts.commit.as_ref().map(|commit| commit.as_str()),
        dirty: facts.dirty,
        values_outside: planned.values_outside,
        note: planned.note.as_deref(),
        why,
    }
}

/// Where a plan goes, Terraform's own words, and the judgement.
pub fn plan(planned: &Planned, style: Style) -> String {
    let facts = &planned.request.facts;
    let serial = facts.serial.map_or("no state yet".to_owned(), |serial| format!("serial {serial}"));
    let commit = facts.commit.as_ref().map_or("no commit", |commit| short(commit.as_str()));
    let dirty = if facts.dirty { ", with uncommitted changes" } else { "" };
    let mut text = format!("{}\n", style.strong(&format!("Terraform in {}", facts.environment)));
    text.push_str(&field("state", &format!("{} ({serial}), {}", facts.backend, planned.binding.as_declared)));
    text.push_str(&field("account", &planned.place));
    let values = if planned.values_outside { ", values from outside of the repository" } else { "" };
    let files = format!("commit {commit}{dirty}, tree {}{values}, {}", facts.tree.short(), facts.program);
    text.push_str(&field("files", &files));
    if let Some(note) = &planned.note {
        text.push_str(&field("note", note));
    }
    text.push('\n');
    text.push_str(planned.text.trim_matches('\n'));
    text.push_str("\n\n");
    text.push_str(&judgement(&planned.review, style));
    text
}

/// One of the facts at the head, at the terminal's width.
pub fn field(name: &str, says: &str) -> String {
    let lead = format!("  {name:9}");
    format!("{}\n", wrap::paragraph(&lead, lead.len(), lead.len(), says, wrap::width()))
}

/// The class of a plan with its reasons.
pub fn judgement(review: &Review, style: Style) -> String {
    let class = review.class();
    let word = match class {
        Class::Nothing | Class::Safe => style.good(class.word()),
        Class::Breaking => style.bad(class.word()),
    };
    let mut text = match class {
        Class::Nothing => format!("{}\n", review.counts),
        Class::Breaking if review.counts.is_empty() => format!("{word}, though nothing would be changed\n"),
        Class::Safe | Class::Breaking => format!("{word}: {}\n", review.counts),
    };
    for one in &review.breaking {
        text.push_str(&wrap::line(&format!("  {}: {}", one.address, one.why)));
    }
    for one in &review.refusals {
        text.push_str(&format!("  {} {}: {}\n", style.bad("not Terraform's:"), one.address, one.why));
    }
    text
}

/// The last words on an apply, after the word for how it ended.
pub fn ended(planned: &Planned, outcome: &Outcome, word: &str, style: Style) -> String {
    let facts = &planned.request.facts;
    let env = &facts.environment;
    match outcome {
        Outcome::Applied { serial, .. } => {
            let serial = serial.map_or(String::new(), |serial| format!(", the state has serial {serial} now"));
            format!("{} {env}: {}{serial}\n", style.good(&format!("{word}:")), facts.counts)
        }
        Outcome::Failed { why, .. } => format!(
            "{} {env}: {why}\n  a part of the plan may be there; `tiers tf plan {env}` shows what is left to do\n",
            style.bad(&format!("{word}:"))
        ),
        Outcome::NotStarted { why } | Outcome::Unknown { why } => {
            format!("{} {env}: {why}; nothing was changed\n", style.bad(&format!("{word}:")))
        }
    }
}
