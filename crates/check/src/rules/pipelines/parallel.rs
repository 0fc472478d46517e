//! Terraform in several environments at once: a matrix, jobs that do not wait for each other, applies in the background.

use github_actions_models::common::Uses;
use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::Job as AnyJob;
use github_actions_models::workflow::job::Strategy;
use yamlpath::Component;

use super::effects;
use super::jobs::Job;
use super::scopes::Pipeline;
use crate::discover::names;
use crate::finding::Finding;
use crate::flow::Ran;
use crate::flow::matrix::combinations;
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::workflow::Workflow;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in &pipeline.jobs {
        let Some(call) = job.calls.iter().find(|call| effects::applies(call.command)) else { continue };
        if let Some(strategy) = &job.model.strategy {
            matrix(context, (job.file, job.workflow, job.id), strategy, job.place(call), out);
        }
    }
    for (file, parsed) in context.parsed.iter().enumerate() {
        let Parsed::Workflow(workflow) = parsed else { continue };
        callers(context, pipeline, file, workflow, out);
        side_by_side(context, pipeline, file, out);
    }
    let ran =
        context.flows.jobs().flat_map(|flow| &flow.ran).chain(context.flows.alone.iter().flat_map(|(_, ran)| ran));
    for ran in ran.filter(|ran| ran.command.background && effects::applies(&ran.command)) {
        background(context, ran, out);
    }
}

/// A matrix over environments, with no limit to one at a time.
fn matrix(
    context: &Context<'_>,
    (file, workflow, id): (FileId, &Workflow<'_>, &str),
    strategy: &Strategy,
    applies: Place,
    out: &mut Vec<Finding>,
) {
    if matches!(strategy.max_parallel, Some(LoE::Literal(1))) {
        return;
    }
    let Some(LoE::Literal(matrix)) = &strategy.matrix else { return };
    let jobs = combinations(matrix).unwrap_or_default();
    let names = jobs.iter().flatten().map(|(name, _)| name);
    let over = names.into_iter().find(|name| {
        let values = jobs.iter().flatten().filter(|(other, _)| other == *name);
        let mut environments: Vec<&str> = values
            .map(|(_, value)| value.as_str())
            .filter(|value| names::find(value).is_some_and(|named| named.strong))
            .collect();
        environments.sort_unstable();
        environments.dedup();
        environments.len() > 1
    });
    let Some(name) = over else { return };
    let route = [Component::from("jobs"), id.to_string().into(), "strategy".into(), "matrix".into()];
    let dimension = name.split('.').next().unwrap_or(name).to_string();
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

/// Jobs with a matrix that call a workflow of this repository which applies.
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
        let inner = pipeline.jobs.iter().filter(|job| job.file == called);
        let applies = inner
            .into_iter()
            .find_map(|job| job.calls.iter().find(|call| effects::applies(call.command)).map(|call| job.place(call)));
        if let Some(applies) = applies {
            matrix(context, (file, workflow, id), &strategy, applies, out);
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
        .filter(|job| job.calls.iter().any(|call| effects::applies(call.command) && call.command.guards.is_empty()))
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
