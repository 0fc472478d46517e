//! Several environments in one go: Terraform at the same time, by a matrix, jobs that do not wait for each other or applies in the
//! background; and a matrix that takes one after the other and does not stop at the first that fails.

use github_actions_models::common::Uses;
use github_actions_models::common::expr::{BoE, LoE};
use github_actions_models::workflow::Job as AnyJob;
use github_actions_models::workflow::job::Strategy;
use yamlpath::Component;

use super::effects;
use super::jobs::Job;
use super::scopes::Pipeline;
use crate::discover::names::{self, Stage};
use crate::finding::{Finding, Severity};
use crate::flow::matrix::combinations;
use crate::flow::{Ran, is_answered};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::workflow::Workflow;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in &pipeline.jobs {
        let (Some(strategy), Some(call)) = (&job.model.strategy, job.deployment()) else { continue };
        let may_fail = matches!(job.model.continue_on_error, LoE::Literal(true));
        in_turn(context, (job.file, job.workflow, job.id), strategy, (job.place(call), may_fail), out);
        if let Some(call) = job.calls.iter().find(|call| effects::applies(call.command)) {
            matrix(context, (job.file, job.workflow, job.id), strategy, job.place(call), out);
        }
    }
    for (file, parsed) in context.parsed.iter().enumerate() {
        let Parsed::Workflow(workflow) = parsed else { continue };
        callers(context, pipeline, file, workflow, out);
        side_by_side(context, pipeline, file, out);
    }
    let ran =
        context.flows.jobs().flat_map(|flow| &flow.ran).chain(context.flows.alone.iter().flat_map(|alone| &alone.ran));
    for ran in ran.filter(|ran| ran.command.background && effects::applies(&ran.command)) {
        background(context, ran, out);
    }
}

/// The dimension of a matrix that names several environments, and what stands there, in the order in which the jobs are made.
fn over_environments(context: &Context<'_>, strategy: &Strategy) -> Option<(String, Vec<String>)> {
    let Some(LoE::Literal(matrix)) = &strategy.matrix else { return None };
    let jobs = combinations(matrix).unwrap_or_default();
    let names = jobs.iter().flatten().map(|(name, _)| name);
    names.into_iter().find_map(|name| {
        let values = jobs.iter().flatten().filter(|(other, _)| other == name).map(|(_, value)| value);
        let mut environments: Vec<String> = Vec::new();
        let is_named =
            |value: &str| names::find(value).is_some_and(|named| named.strong) || context.found.known.is_name(value);
        for value in values.filter(|value| is_named(value)) {
            if !environments.contains(value) {
                environments.push(value.clone());
            }
        }
        (environments.len() > 1).then(|| (name.clone(), environments))
    })
}

fn is_in_turn(strategy: &Strategy) -> bool {
    matches!(strategy.max_parallel, Some(LoE::Literal(1)))
}

/// A matrix over environments, with no limit to one at a time.
fn matrix(
    context: &Context<'_>,
    (file, workflow, id): (FileId, &Workflow<'_>, &str),
    strategy: &Strategy,
    applies: Place,
    out: &mut Vec<Finding>,
) {
    let Some((name, _)) = over_environments(context, strategy).filter(|_| !is_in_turn(strategy)) else { return };
    let route = [Component::from("jobs"), id.to_string().into(), "strategy".into(), "matrix".into()];
    let dimension = name.split('.').next().unwrap_or(&name).to_string();
    let span = workflow
        .exact(&[&route[..], &[dimension.clone().into()]].concat())
        .map_or_else(|| workflow.span(&route), |_| workflow.span(&[&route[..], &[dimension.into()]].concat()));
    let message = format!("{id} applies Terraform in several environments at the same time");
    out.push(
        context
            .finding("terraform-parallel", Place { file, span }, id, message)
            .label("no `max-parallel: 1`")
            .beside(context.related(applies, "it applies here")),
    );
}

/// A matrix that takes environments in turn and goes on to production when one before it failed.
fn in_turn(
    context: &Context<'_>,
    (file, workflow, id): (FileId, &Workflow<'_>, &str),
    strategy: &Strategy,
    (deploys, may_fail): (Place, bool),
    out: &mut Vec<Finding>,
) {
    let never_stops = matches!(strategy.fail_fast, Some(BoE::Literal(false)));
    let listed = over_environments(context, strategy).filter(|_| is_in_turn(strategy) && (never_stops || may_fail));
    let Some((_, environments)) = listed else { return };
    let stage = |name: &String| names::find(name).and_then(|named| named.stage);
    let Some(at) = environments.iter().position(|name| stage(name) == Some(Stage::Prod)) else { return };
    let Some(before) = environments[..at].iter().rfind(|name| stage(name) < Some(Stage::Prod)) else { return };
    let job = [Component::from("jobs"), id.to_string().into()];
    let (route, written) = if never_stops {
        ([&job[..], &["strategy".into(), "fail-fast".into()]].concat(), "fail-fast: false")
    } else {
        ([&job[..], &["continue-on-error".into()]].concat(), "continue-on-error: true")
    };
    let place = Place { file, span: workflow.span(&route) };
    let message = format!("{id} goes on to {} although {before} failed", environments[at]);
    out.push(
        context
            .finding("gate-accepts-failure", place, &format!("{id}/in-turn"), message)
            .severity(Severity::Error)
            .label(format!("`{written}`: the order alone stops nothing"))
            .fix(format!("Drop `{written}`, so that what failed ends the row."))
            .beside(context.related(deploys, "it deploys here"))
            .environments([before.as_str(), environments[at].as_str()]),
    );
}

/// Jobs with a matrix that call a workflow of this repository which deploys.
fn callers(
    context: &Context<'_>,
    pipeline: &Pipeline<'_>,
    file: FileId,
    workflow: &Workflow<'_>,
    out: &mut Vec<Finding>,
) {
    for (id, job) in &workflow.model.jobs {
        let AnyJob::ReusableWorkflowCallJob(call) = job else { continue };
        let (Some(strategy), Uses::Local(_)) = (strategy_of(workflow, id), &call.uses) else { continue };
        let Some(called) = context.tree.index_of(call.uses.raw().trim_start_matches("./")) else { continue };
        let inner: Vec<&Job<'_>> = pipeline.jobs.iter().filter(|job| job.file == called).collect();
        let applies = inner
            .iter()
            .find_map(|job| job.calls.iter().find(|call| effects::applies(call.command)).map(|call| job.place(call)));
        if let Some(applies) = applies {
            matrix(context, (file, workflow, id), &strategy, applies, out);
        }
        if let Some(deploys) = inner.iter().find_map(|job| job.deployment().map(|call| job.place(call))) {
            in_turn(context, (file, workflow, id), &strategy, (deploys, false), out);
        }
    }
}

/// That of a job that calls a workflow, which the typed model leaves out.
fn strategy_of(workflow: &Workflow<'_>, id: &str) -> Option<Strategy> {
    workflow.exact(&["jobs".into(), id.to_string().into(), "strategy".into()])?;
    let all: yaml_serde::Value = yaml_serde::from_str(workflow.text).ok()?;
    yaml_serde::from_value(all.get("jobs")?.get(id)?.get("strategy")?.clone()).ok()
}

/// A job for production and one for an environment before it, of which neither waits for the other and nothing else tells them apart.
fn side_by_side(context: &Context<'_>, pipeline: &Pipeline<'_>, file: FileId, out: &mut Vec<Finding>) {
    let applying: Vec<&Job<'_>> = pipeline
        .jobs
        .iter()
        .filter(|job| job.file == file && job.model.r#if.is_none() && job.target.name().is_some())
        .filter(|job| {
            job.calls.iter().any(|call| effects::applies(call.command) && call.command.guards.iter().all(is_answered))
        })
        .collect();
    for production in applying.iter().filter(|job| job.target.is_production()) {
        let other = applying.iter().find(|other| {
            other.scope == production.scope
                && !other.target.is_production()
                && !waits(pipeline, production, other)
                && !waits(pipeline, other, production)
        });
        let Some(other) = other else { continue };
        let message =
            format!("{} and {} apply Terraform at the same time: neither needs the other", other.id, production.id);
        out.push(
            context
                .finding("terraform-parallel", production.key(), &format!("{}/{}", other.id, production.id), message)
                .label(format!("does not wait for {}", other.id))
                .beside(context.related(other.key(), "this one runs beside it"))
                .environments(other.target.name().into_iter().chain(production.target.name())),
        );
    }
}

fn waits(pipeline: &Pipeline<'_>, job: &Job<'_>, other: &Job<'_>) -> bool {
    pipeline.upstream(job).iter().any(|needed| needed.id == other.id && needed.scope == other.scope)
}

fn background(context: &Context<'_>, ran: &Ran<'_>, out: &mut Vec<Finding>) {
    let place = Place { file: ran.file, span: ran.command.span() };
    let message = "this apply runs in the background, beside whatever comes next".to_string();
    let subject = ran.command.words.last().map_or(String::new(), |word| word.text.to_string());
    let finding = context.finding("terraform-parallel", place, &subject, message);
    if !out.iter().any(|known| known.rule == finding.rule && known.at == finding.at) {
        out.push(finding);
    }
}
