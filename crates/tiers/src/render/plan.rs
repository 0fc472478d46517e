//! A plan as people read it before it is carried out: exactly what will be done.

use std::fmt::Write as _;

use tiers_core::gate::{At, Effect};
use tiers_core::plan::{Kind, OnFailure, Plan};

use super::style::Style;
use super::wrap;

/// Columns in front of what a line of a plan says.
const LEAD: usize = 11;

/// The plan, one line a phase.
pub fn plan(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    let release = &plan.release;
    let what = match plan.kind {
        Kind::Deploy => format!("deploy {} to {}", release.id, plan.environment),
        Kind::ConfigOnly => format!("publish the settings of {} again in {}", release.id, plan.environment),
        Kind::Rollback => format!("roll {} back to {}", plan.environment, release.id),
    };
    let dirty = if release.dirty { ", dirty" } else { "" };
    let _ = writeln!(out, "{}", style.strong(&format!("Plan: {what}")));
    let width = wrap::width();
    let mut line = |word: &str, text: String| {
        let lead = format!("  {} ", style.dim(&format!("{word:<8}")));
        let _ = writeln!(out, "{}", wrap::paragraph(&lead, LEAD, LEAD, &text, width));
    };
    line("release", format!("digest {}, commit {}{dirty}", release.digest.short(), short(release.commit.as_str())));
    line("place", place(plan));
    let needed = plan.upstream.iter().filter(|env| !plan.is_waived(&format!("upstream:{env}")));
    let names: Vec<&str> = needed.map(|env| env.as_str()).collect();
    if !names.is_empty() && plan.kind != Kind::Rollback {
        line("needs", format!("good evidence in {}", names.join(" and ")));
    }
    if let Some(needed) = &plan.infrastructure {
        line("needs", format!("the Terraform code of commit {} applied", needed.commit.short()));
    }
    for waiver in &plan.waivers {
        line("waived", format!("{} by {}: {}", waiver.what, waiver.by, waiver.reason));
    }
    if plan.has_gates_at(At::Before) && plan.kind != Kind::Rollback {
        line("before", gates(plan, At::Before));
    }
    let functions: Vec<&str> = plan.components.iter().map(|part| part.function.as_str()).collect();
    if plan.kind != Kind::Rollback {
        line("stage", format!("{}{}", functions.join(", "), then(plan, At::Staged)));
        line("publish", format!("a version of each, proved by digest and settings{}", then(plan, At::Published)));
    }
    for (at, shift) in plan.shift.iter().enumerate() {
        if at + 1 < plan.shift.len() {
            let names: Vec<&str> = plan.weighted.iter().map(|name| name.as_str()).collect();
            line("canary", format!("{}% of the calls of {} for {} s", shift.percent, names.join(", "), shift.bake_s));
        } else {
            let moves = plan.components.iter().map(|part| match &part.target_version {
                None => format!("{} from version {}", part.component, part.before.version),
                Some(to) => format!("{} from version {} to {to}", part.component, part.before.version),
            });
            let moves = moves.collect::<Vec<_>>().join(", ");
            line("shift", format!("`{}` of {moves}{}", plan.alias, then(plan, At::Live)));
        }
    }
    let way_back = match (plan.kind, plan.has_way_back, plan.on_failure) {
        (Kind::Rollback, _, _) => "there is no rollback of a rollback",
        (_, false, _) => "the first deployment here: back to what was found, no release is recorded",
        (_, true, OnFailure::Automatic) => "back to those versions by itself",
        (_, true, OnFailure::Manual) => "after the shift it waits for a person",
    };
    line("failure", way_back.to_owned());
    out
}

fn then(plan: &Plan, at: At) -> String {
    if plan.has_gates_at(at) { format!("; gates {}", gates(plan, at)) } else { String::new() }
}

/// The gates at one point: by name, with their effect where it is not to block.
fn gates(plan: &Plan, at: At) -> String {
    let names = plan.gates_at(at).map(|gate| match (plan.is_waived(&gate.name), gate.effect) {
        (true, _) => format!("{} (waived)", gate.name),
        (false, Effect::Block) => gate.name.clone(),
        (false, Effect::Withhold) => format!("{} (withholds)", gate.name),
        (false, Effect::Advise) => format!("{} (advises)", gate.name),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The beginning of a long text, on one line: the whole of it stands in the ledger.
pub fn brief(text: &str, width: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= width {
        return line;
    }
    let start: String = line.chars().take(width).collect();
    format!("{}…", start.trim_end())
}

/// A reason where many stand together: without the body of an answer.
pub fn headline(text: &str, width: usize) -> String {
    brief(tiers_core::expect::without_body(text), width)
}

fn place(plan: &Plan) -> String {
    match &plan.place.account {
        Some(account) => format!("{} account {account}, {}", plan.place.target, plan.place.region),
        None => plan.place.target.clone(),
    }
}

/// The first 12 characters: enough of a commit for people.
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
