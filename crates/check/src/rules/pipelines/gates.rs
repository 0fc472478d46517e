//! What stands between a commit and an environment, and whether it holds.

use github_actions_models::common::If;
use github_actions_models::workflow::event::{BranchFilters, OptionalBody};
use github_actions_models::workflow::{Job as AnyJob, Workflow as Model};

use super::condition::{self, Certainty};
use super::delivery::is_test_name;
use super::effects;
use super::jobs::Job;
use super::scopes::{Level, Pipeline};
use super::soft_gates::{is_gate, lost_deployment, soft_gates};
use crate::finding::{Finding, Severity};
use crate::model::Place;
use crate::run::Context;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in &pipeline.jobs {
        lost_deployment(context, job, out);
        if job.deployment().is_none() {
            continue;
        }
        prod_without_gate(context, pipeline, job, out);
        condition(context, pipeline, job, out);
        after_failure(context, job, out);
        soft_gates(context, pipeline, job, out);
    }
}

/// Whether every push of a branch starts the workflow: nobody chooses the moment.
fn starts_by_push(model: &Model) -> bool {
    match &model.on.events.push {
        OptionalBody::Missing => false,
        OptionalBody::Default => true,
        // A tag is chosen.
        OptionalBody::Body(push) => {
            push.tag_filters.is_none() || matches!(&push.branch_filters, Some(BranchFilters::Branches(_)))
        }
    }
}

fn prod_without_gate(context: &Context<'_>, pipeline: &Pipeline<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    if !job.target.is_production() || job.model.environment.is_some() || !starts_by_push(&job.root().workflow.model) {
        return;
    }
    // A job that only runs for a tag or by hand is a person's choice.
    let by_choice = |level: Level<'_>| {
        let written = level.model().and_then(condition::written);
        matches!(written, Some(If::Expr(text)) if ["refs/tags", "workflow_dispatch", "release"].iter().any(|sign| text.contains(sign)))
    };
    if job.levels().any(by_choice) {
        return;
    }
    let Some((index, call)) = job.calls.iter().enumerate().find(|(_, call)| effects::deploys(call.command)) else {
        return;
    };
    let before = job.calls[..index].iter().any(|call| effects::tests(call.command))
        || (0..call.step).any(|step| is_test_name(&job.step_name(step)));
    let upstream = pipeline.upstream(job);
    let gated = upstream.iter().any(|needed| {
        is_test_name(needed.id)
            || needed.model.environment.is_some()
            || needed.deployment().is_some()
            || needed.calls.iter().any(|call| effects::tests(call.command))
    });
    let is_call = |level: Level<'_>, id: &String| {
        matches!(level.workflow.model.jobs.get(id), Some(AnyJob::ReusableWorkflowCallJob(_)))
    };
    let reusable = job.levels().any(|level| level.needs().iter().any(|needed| is_call(level, needed)));
    if before || gated || reusable {
        return;
    }
    let message = format!(
        "{} deploys to production on every push, with no test, approval or earlier environment before it",
        job.name
    );
    out.push(
        context
            .finding("prod-without-gate", job.root().key(), job.root().id, message)
            .beside(context.related(job.place(call), "it deploys here"))
            .environments(job.target.name()),
    );
}

/// The deployment's own condition, or that of the call that it stands in, lets it run although what it needs failed, was skipped or
/// was cancelled.
fn condition(context: &Context<'_>, pipeline: &Pipeline<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    for level in job.levels() {
        let Some(found) = accepted(pipeline, job, level) else { continue };
        let mut route = level.route();
        route.push("if".into());
        let place = Place { file: level.file, span: level.workflow.span(&route) };
        let severity = if found.certain && job.target.is_production() { Severity::Error } else { Severity::Warning };
        let message = format!("{} {}", level.id, found.says);
        out.push(
            context
                .finding("gate-accepts-failure", place, level.id, message)
                .severity(severity)
                .fix(found.fix)
                .environments(job.target.name()),
        );
    }
}

/// What a condition lets pass.
struct Accepted {
    says: String,
    fix: String,
    /// A gate that is left out on purpose is common enough: by an input, or because nothing changed.
    certain: bool,
}

fn accepted(pipeline: &Pipeline<'_>, job: &Job<'_>, level: Level<'_>) -> Option<Accepted> {
    let written = condition::written(level.model()?)?;
    let is_text = condition::is_text(written);
    let Some(runs) = condition::runs(&level.workflow.model, level.id).filter(|runs| !runs.only_after_failure) else {
        return is_text.then(always_true);
    };
    let listed = |jobs: &[&str]| -> Option<String> {
        let weighty: Vec<&str> = jobs.iter().copied().filter(|id| weighs(pipeline, level, id)).collect();
        (!weighty.is_empty()).then(|| enumerated(&weighty))
    };
    let failed = |wanted: Certainty| -> Vec<&str> {
        runs.despite_failure.iter().filter(|(_, known)| *known == wanted).map(|(id, _)| *id).collect()
    };
    let always = failed(Certainty::Always);
    let is_direct = |id: &&str| level.needs().iter().any(|needed| needed == id);
    // Cleaning up first may fail, but for production nothing may.
    let matters = |id: &&str| job.target.is_production() || weighs(pipeline, level, id);
    if runs.stopped_by.is_empty() && always.iter().any(|id| is_direct(id) && matters(id)) {
        let says = "runs whether or not what it needs succeeded".to_string();
        return Some(if is_text { Accepted { says, ..always_true() } } else { ask_for(says, &always) });
    }
    if let Some(names) = listed(&always) {
        return Some(ask_for(format!("also runs when {names} failed"), &always));
    }
    if let Some(names) = listed(&runs.despite_cancel) {
        let says = format!("also runs when the run is cancelled before {names} ended");
        return Some(ask_for(says, &runs.despite_cancel));
    }
    let sometimes = failed(Certainty::Sometimes);
    if let Some(names) = listed(&sometimes) {
        let says = format!("can run although {names} failed");
        return Some(Accepted { certain: false, ..ask_for(says, &sometimes) });
    }
    // Infrastructure that did not change is left out on purpose; tests and an earlier environment are what is missed.
    let missed: Vec<&str> =
        runs.despite_skip.iter().copied().filter(|id| is_missed(pipeline, job, level, id)).collect();
    if !missed.is_empty() {
        let says = format!("also runs when {} was skipped", enumerated(&missed));
        return Some(Accepted { certain: false, ..ask_for(says, &missed) });
    }
    is_text.then(always_true)
}

fn ask_for(says: String, jobs: &[&str]) -> Accepted {
    let name = jobs.first().copied().unwrap_or("JOB");
    let fix = format!(
        "Ask for success: `needs.{name}.result == 'success'`, or leave the condition to GitHub's own `success()`."
    );
    Accepted { says, fix, certain: true }
}

fn always_true() -> Accepted {
    Accepted {
        says: "has a condition that is always true: text stands outside of `${{ }}`".to_string(),
        fix: "Put the whole condition into one `${{ }}`, or drop the braces.".to_string(),
        certain: true,
    }
}

fn enumerated(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    }
}

/// Whether this job tests, or deploys code to another environment.
fn is_missed(pipeline: &Pipeline<'_>, job: &Job<'_>, level: Level<'_>, id: &str) -> bool {
    let moves = |other: &Job<'_>| other.traffic().next().is_some() && other.target.name() != job.target.name();
    is_test_name(id) || pipeline.named(level.scope, id).into_iter().any(|other| is_gate(other) || moves(other))
}

/// Whether the deployment should wait for this job's success: it tests or checks, or it deploys elsewhere.
fn weighs(pipeline: &Pipeline<'_>, level: Level<'_>, id: &str) -> bool {
    const CHECKS: &[&str] = &["lint", "scan", "security", "audit", "approv", "quality", "build", "ci"];
    let lower = id.to_lowercase();
    is_test_name(id)
        || lower.split(['-', '_']).any(|word| CHECKS.iter().any(|check| word.starts_with(check)))
        || matches!(level.workflow.model.jobs.get(id), Some(AnyJob::ReusableWorkflowCallJob(_)))
        || pipeline.named(level.scope, id).into_iter().any(|other| is_gate(other) || other.deployment().is_some())
}

/// A workflow that waits for another one runs when that one has ended, however it ended.
fn after_failure(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let root = job.root();
    let waits = !matches!(root.workflow.model.on.events.workflow_run, OptionalBody::Missing);
    if !waits {
        return;
    }
    if job.levels().any(|level| level.workflow.text.contains("workflow_run.conclusion")) {
        return loose_conclusion(context, job, out);
    }
    let place = Place { file: root.file, span: root.workflow.span(&["on".into(), "workflow_run".into()]) };
    let severity = if job.target.is_production() { Severity::Error } else { Severity::Warning };
    let message = format!("{} also runs when the workflow that it waits for failed", job.name);
    let location = context.location(place);
    // The jobs of a chain have one cause: the workflow starts.
    if let Some(known) = out.iter_mut().find(|known| known.rule == "gate-accepts-failure" && known.at == location) {
        if severity > known.severity {
            known.severity = severity;
            known.message = message;
        }
        *known = known.clone().environments(job.target.name());
        return;
    }
    out.push(
        context
            .finding("gate-accepts-failure", place, job.id, message)
            .severity(severity)
            .label("nothing looks at how it ended")
            .fix("Add `if: github.event.workflow_run.conclusion == 'success'` to its first job.")
            .environments(job.target.name()),
    );
}

/// A condition that looks at how the other workflow ended, and lets more than success pass.
fn loose_conclusion(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let root = job.root();
    let Some(written) = root.model().and_then(condition::written) else { return };
    let passes = |ended: &&&str| condition::lets_pass(written, "github.event.workflow_run.conclusion", ended);
    let passed: Vec<&str> = ["failure", "cancelled", "timed_out"].iter().filter(passes).copied().collect();
    if passed.is_empty() {
        return;
    }
    let mut route = root.route();
    route.push("if".into());
    let place = Place { file: root.file, span: root.workflow.span(&route) };
    let message = format!("{} also runs when the workflow that it waits for ended as {}", root.id, enumerated(&passed));
    let severity =
        if passed.contains(&"failure") && job.target.is_production() { Severity::Error } else { Severity::Warning };
    out.push(
        context
            .finding("gate-accepts-failure", place, root.id, message)
            .severity(severity)
            .fix("Ask for `github.event.workflow_run.conclusion == 'success'`.")
            .environments(job.target.name()),
    );
}
