//! What stands between a commit and an environment, and whether it holds.

use github_actions_models::common::If;
use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::event::{BranchFilters, OptionalBody};
use github_actions_models::workflow::job::Step;
use github_actions_models::workflow::{Job as AnyJob, Workflow as Model};

use super::delivery::is_test_name;
use super::effects;
use super::jobs::{Job, Pipeline, Target};
use crate::finding::{Finding, Severity};
use crate::model::Place;
use crate::run::Context;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in pipeline.jobs.iter().filter(|job| job.deployment().is_some()) {
        prod_without_gate(context, pipeline, job, out);
        condition(context, job, out);
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
    if !job.target.is_production() || job.model.environment.is_some() || !starts_by_push(&job.workflow.model) {
        return;
    }
    // A job that only runs for a tag or by hand is a person's choice.
    if let Some(If::Expr(text)) = &job.model.r#if
        && (text.contains("refs/tags") || text.contains("workflow_dispatch") || text.contains("release"))
    {
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
    let reusable = job
        .model
        .needs
        .iter()
        .any(|needed| matches!(job.workflow.model.jobs.get(needed), Some(AnyJob::ReusableWorkflowCallJob(_))));
    if before || gated || reusable {
        return;
    }
    let message = format!(
        "{} deploys to production on every push, with no test, approval or earlier environment before it",
        job.id
    );
    out.push(
        context
            .finding("prod-without-gate", job.key(), job.id, message)
            .beside(context.related(job.place(call), "it deploys here"))
            .environments(job.target.name()),
    );
}

/// The deployment's own condition lets it run although what it needs failed or was skipped.
fn condition(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let Some(If::Expr(text)) = &job.model.r#if else { return };
    if job.model.needs.is_empty() {
        return;
    }
    let compact: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let checks_success = compact.contains("=='success'") || compact.contains("success()");
    let why = if (compact.contains("always()") || compact.contains("!cancelled()"))
        && !checks_success
        && !compact.contains("failure()")
    {
        "runs whether or not what it needs succeeded"
    } else if compact.contains("!='failure'") && !checks_success {
        "also runs when what it needs was skipped or cancelled"
    } else if compact.contains("=='skipped'") && compact.contains("||") {
        "also runs when what it needs was skipped"
    } else {
        return;
    };
    let mut route = job.route();
    route.push("if".into());
    let place = Place { file: job.file, span: job.workflow.span(&route) };
    let severity = if job.target.is_production() { Severity::Error } else { Severity::Warning };
    // A gate that is skipped on purpose is common enough: an input that leaves tests out.
    let severity = if why.ends_with("was skipped") { Severity::Warning } else { severity };
    let message = format!("{} {why}", job.id);
    out.push(
        context
            .finding("gate-accepts-failure", place, job.id, message)
            .severity(severity)
            .environments(job.target.name()),
    );
}

/// A workflow that waits for another one runs when that one has ended, however it ended.
fn after_failure(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let waits = !matches!(job.workflow.model.on.events.workflow_run, OptionalBody::Missing);
    if !waits || job.workflow.text.contains("workflow_run.conclusion") {
        return;
    }
    let place = Place { file: job.file, span: job.workflow.span(&["on".into(), "workflow_run".into()]) };
    let severity = if job.target.is_production() { Severity::Error } else { Severity::Warning };
    let message = format!("{} also runs when the workflow that it waits for failed", job.id);
    out.push(
        context
            .finding("gate-accepts-failure", place, job.id, message)
            .severity(severity)
            .label("nothing looks at how it ended")
            .fix("Add `if: github.event.workflow_run.conclusion == 'success'` to the job.")
            .environments(job.target.name()),
    );
}

/// What the deployment needs cannot fail.
fn soft_gates(context: &Context<'_>, pipeline: &Pipeline<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let upstream = pipeline.upstream(job);
    for gate in std::iter::once(job).chain(upstream) {
        let whole = gate.id != job.id && matches!(gate.model.continue_on_error, LoE::Literal(true));
        if whole && is_gate(gate) {
            let mut route = gate.route();
            route.push("continue-on-error".into());
            let place = Place { file: gate.file, span: gate.workflow.span(&route) };
            report(context, job, gate, place, "may fail and counts as passed", out);
        }
        let first_deployment = gate.calls.iter().find(|call| effects::deploys(call.command)).map(|call| call.step);
        for (index, step) in gate.model.steps.iter().enumerate() {
            let soft = match step {
                Step::Run(run) => matches!(run.shared.continue_on_error, LoE::Literal(true)),
                Step::Uses(uses) => matches!(uses.shared.continue_on_error, LoE::Literal(true)),
                _ => false,
            };
            let before = first_deployment.is_none_or(|step| index < step);
            let tests = is_test_name(&gate.step_name(index))
                || gate.calls.iter().any(|call| call.step == index && is_test_call(call.command));
            if soft && tests && before && !is_looked_at(gate, index) {
                let mut route = gate.route();
                route.extend(["steps".into(), index.into(), "continue-on-error".into()]);
                let place = Place { file: gate.file, span: gate.workflow.span(&route) };
                report(context, job, gate, place, "has a test that may fail and counts as passed", out);
            }
        }
        for call in gate.calls.iter().filter(|call| call.command.failure_ignored && is_test_call(call.command)) {
            if first_deployment.is_none_or(|step| call.step < step) {
                report(context, job, gate, gate.place(call), "has a test whose failure is thrown away", out);
            }
        }
    }
}

/// A test proper: fetching something with curl, though it may be a probe, often is not.
fn is_test_call(command: &crate::command::Command<'_>) -> bool {
    effects::tests(command)
        && !matches!(
            command.program(),
            "curl" | "wget" | "tiers" | "grep" | "mkdir" | "echo" | "cat" | "cp" | "ls" | "rm" | "docker"
        )
}

fn is_gate(job: &Job<'_>) -> bool {
    is_test_name(job.id) || job.calls.iter().any(|call| is_test_call(call.command))
}

/// A later step reads how it went.
fn is_looked_at(job: &Job<'_>, step: usize) -> bool {
    let id = match job.model.steps.get(step) {
        Some(Step::Run(run)) => run.shared.id.as_deref(),
        Some(Step::Uses(uses)) => uses.shared.id.as_deref(),
        _ => None,
    };
    id.is_some_and(|id| {
        job.workflow.text.contains(&format!("steps.{id}.outcome"))
            || job.workflow.text.contains(&format!("steps.{id}.conclusion"))
    })
}

/// One finding for a gate, whatever number of deployments stand behind it.
fn report(context: &Context<'_>, job: &Job<'_>, gate: &Job<'_>, place: Place, what: &str, out: &mut Vec<Finding>) {
    let behind = match (&job.target, gate.id == job.id) {
        (Target::Named { name, .. }, _) => name.clone(),
        (_, true) => "the deployment".to_string(),
        (_, false) => job.id.to_string(),
    };
    let subject = format!("{}/{what}", gate.id);
    let location = context.location(place);
    if let Some(known) = out.iter_mut().find(|known| known.rule == "gate-accepts-failure" && known.at == location) {
        if !known.environments.contains(&behind) {
            known.message.push_str(&format!(" and {behind}"));
        }
        *known = known.clone().environments(job.target.name());
        return;
    }
    let message = format!("{} {what}, before {behind}", gate.id);
    out.push(
        context
            .finding("gate-accepts-failure", place, &subject, message)
            .severity(Severity::Warning)
            .environments(job.target.name()),
    );
}
