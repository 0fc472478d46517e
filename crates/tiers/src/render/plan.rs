//! A plan as people read it before it is carried out: exactly what will be done.

use std::fmt::Write as _;

use tiers_core::gate::{At, Check, Effect, Gate};
use tiers_core::plan::{Kind, OnFailure, Plan};

use super::style::Style;

/// The plan, in lines of at most 80 columns where names allow it.
pub fn plan(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    let release = &plan.release;
    let what = match plan.kind {
        Kind::Deploy => format!("deploy {} to {}", release.id, plan.environment),
        Kind::ConfigOnly => format!("publish the settings of {} again in {}", release.id, plan.environment),
        Kind::Rollback => format!("roll {} back to {}", plan.environment, release.id),
    };
    let dirty = if release.dirty { " (from a dirty tree)" } else { "" };
    let _ = writeln!(out, "{}", style.strong(&format!("Plan: {what}")));
    let _ = writeln!(out, "  app      {}", plan.app);
    let _ = writeln!(out, "  digest   {}{dirty}", release.digest.short());
    let _ = writeln!(out, "  commit   {}", short(release.commit.as_str()));
    let _ = writeln!(out, "  place    {}", place(plan));
    if !plan.upstream.is_empty() && plan.kind != Kind::Rollback {
        let names: Vec<&str> = plan.upstream.iter().map(|env| env.as_str()).collect();
        let _ = writeln!(out, "  needs    good evidence in {}", names.join(" and "));
    }
    for waiver in &plan.waivers {
        let _ = writeln!(out, "  {} {} by {}: {}", style.careful("waived "), waiver.what, waiver.by, waiver.reason);
    }
    let mut number = 1;
    let mut step = |out: &mut String, text: String| {
        let _ = writeln!(out, "  {number}. {text}");
        number += 1;
    };
    let functions: Vec<&str> = plan.components.iter().map(|part| part.function.as_str()).collect();
    if plan.kind != Kind::Rollback {
        step(&mut out, format!("update the code of {} and wait", functions.join(", ")));
        gates(&mut out, plan, At::Staged, &mut step);
        step(&mut out, "publish a version of each and prove it".to_owned());
        gates(&mut out, plan, At::Published, &mut step);
    }
    for (at, shift) in plan.shift.iter().enumerate() {
        if at + 1 < plan.shift.len() {
            let names: Vec<&str> = plan.weighted.iter().map(|name| name.as_str()).collect();
            step(&mut out, format!("{}% of the calls of {} for {} s", shift.percent, names.join(", "), shift.bake_s));
        } else {
            let moves = plan.components.iter().map(|part| match &part.target_version {
                None => format!("{} from version {}", part.component, part.before.version),
                Some(to) => format!("{} from version {} to {to}", part.component, part.before.version),
            });
            step(&mut out, format!("move `{}`: {}", plan.alias, moves.collect::<Vec<_>>().join(", ")));
        }
    }
    gates(&mut out, plan, At::Live, &mut step);
    let way_back = match (plan.kind, plan.has_way_back, plan.on_failure) {
        (Kind::Rollback, _, _) => "there is no rollback of a rollback",
        (_, false, _) => "the first deployment here: no release to go back to, only what was found",
        (_, true, OnFailure::Automatic) => "a failure goes back to those versions by itself",
        (_, true, OnFailure::Manual) => "a failure after the move waits for a person",
    };
    let _ = writeln!(out, "  {}", style.dim(way_back));
    out
}

fn gates(out: &mut String, plan: &Plan, at: At, step: &mut impl FnMut(&mut String, String)) {
    for gate in plan.gates_at(at) {
        let waived = if plan.is_waived(&gate.name) { " (waived)" } else { "" };
        step(out, format!("gate `{}`: {}, {}{waived}", gate.name, check(gate), effect(gate.effect)));
    }
}

/// What a gate does, in a few words.
pub fn check(gate: &Gate) -> String {
    match &gate.check {
        Check::Invoke { component, request, .. } => match &request.path {
            Some(path) => format!("invoke {component} {path}"),
            None => format!("invoke {component}"),
        },
        Check::Http { url, .. } => format!("call {url}"),
        Check::Command { program, .. } => format!("run {}", program.join(" ")),
        Check::Approval { count: 1 } => "one approval".to_owned(),
        Check::Approval { count } => format!("{count} approvals"),
        Check::Window { .. } => "outside of freezes".to_owned(),
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Block => "blocks",
        Effect::Withhold => "withholds",
        Effect::Advise => "advises",
    }
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
