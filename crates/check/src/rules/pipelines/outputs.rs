//! What called workflows and actions of the repository hand back, and jobs that wait for each other.

use github_actions_expressions::Expr;
use github_actions_models::action::Runs;
use github_actions_models::workflow::event::OptionalBody;
use github_actions_models::workflow::{Job, Workflow as Model};
use yamlpath::{Component, Document};

use super::references::needs;
use super::scopes::local_workflow;
use crate::action::Action;
use crate::finding::{Finding, Severity};
use crate::hcl::Span;
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::workflow::Workflow;

pub(super) fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (file, parsed) in context.parsed.iter().enumerate() {
        match parsed {
            Parsed::Workflow(workflow) => {
                circle(context, file, workflow, out);
                handed_back(context, file, workflow, out);
            }
            Parsed::Action(action) => composite(context, file, action, out),
            _ => {}
        }
    }
}

/// Jobs that need each other: GitHub refuses the workflow.
fn circle(context: &Context<'_>, file: FileId, workflow: &Workflow<'_>, out: &mut Vec<Finding>) {
    let Some(id) = workflow.model.jobs.keys().find(|id| leads_back(&workflow.model, id)) else { return };
    let span = workflow.span(&[Component::from("jobs"), id.clone().into(), "needs".into()]);
    let message = format!("{id} needs itself by way of the jobs that it needs, so GitHub refuses this workflow");
    out.push(
        context
            .finding("workflow-invalid", Place { file, span }, id, message)
            .fix("Let the jobs need each other in one direction only."),
    );
}

fn leads_back(model: &Model, id: &str) -> bool {
    let direct = |id: &str| model.jobs.get(id).map_or(&[][..], needs);
    let mut seen: Vec<&str> = Vec::new();
    let mut next: Vec<&str> = direct(id).iter().map(String::as_str).collect();
    while let Some(needed) = next.pop() {
        if needed == id {
            return true;
        }
        if !seen.contains(&needed) {
            seen.push(needed);
            next.extend(direct(needed).iter().map(String::as_str));
        }
    }
    false
}

/// The outputs of a called workflow, against those of its jobs.
fn handed_back(context: &Context<'_>, file: FileId, workflow: &Workflow<'_>, out: &mut Vec<Finding>) {
    let OptionalBody::Body(call) = &workflow.model.on.events.workflow_call else { return };
    for (name, output) in &call.outputs {
        for pattern in contexts(&output.value) {
            let parts: Vec<&str> = pattern.split('.').collect();
            let ["jobs", id, "outputs", wanted, ..] = parts[..] else { continue };
            let Some(missing) = missing(context, workflow, id, wanted) else { continue };
            let route = ["on", "workflow_call", "outputs"].map(Component::from);
            let route = [&route[..], &[name.clone().into(), "value".into()]].concat();
            let place = Place { file, span: workflow.span(&route) };
            let message = format!("the output {name} is always empty: {missing}");
            out.push(context.finding("workflow-dangling", place, &format!("outputs/{name}"), message));
        }
    }
}

fn missing(context: &Context<'_>, workflow: &Workflow<'_>, id: &str, wanted: &str) -> Option<String> {
    let Some((name, job)) = workflow.model.jobs.iter().find(|(name, _)| name.eq_ignore_ascii_case(id)) else {
        return Some(format!("this workflow has no job {id:?}"));
    };
    let has = match job {
        Job::NormalJob(job) => job.outputs.keys().any(|known| known.eq_ignore_ascii_case(wanted)),
        Job::ReusableWorkflowCallJob(call) => match &local_workflow(context, call)?.1.model.on.events.workflow_call {
            OptionalBody::Body(body) => body.outputs.keys().any(|known| known.eq_ignore_ascii_case(wanted)),
            OptionalBody::Default | OptionalBody::Missing => false,
        },
    };
    (!has && wanted != "*").then(|| format!("{name} has no output {wanted:?}"))
}

/// The contexts that the expressions in a text name, in lower case.
fn contexts(text: &str) -> Vec<String> {
    regions(text).into_iter().flat_map(|(_, expression)| named(expression)).map(|(pattern, _)| pattern).collect()
}

/// Each with its place in the expression.
fn named(expression: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let Ok(parsed) = Expr::parse(expression) else { return Vec::new() };
    let used = parsed.contexts();
    used.into_iter()
        .filter_map(|(context, origin)| {
            let start = origin.span.start;
            Some((context.as_pattern()?, start..start + origin.raw.len()))
        })
        .collect()
}

/// Everything in `${{ }}`, with where it begins.
fn regions(text: &str) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find("${{")) {
        let begin = at + open + 3;
        let Some(length) = text[begin..].find("}}") else { break };
        out.push((begin, &text[begin..begin + length]));
        at = begin + length + 2;
    }
    out
}

/// Steps and inputs that a composite action reads and does not have: they are empty.
fn composite(context: &Context<'_>, file: FileId, action: &Action<'_>, out: &mut Vec<Finding>) {
    let (Runs::Composite(composite), Some(text)) = (&action.model.runs, context.tree.files()[file].text()) else {
        return;
    };
    let regions = regions(text);
    let Some(document) = (!regions.is_empty()).then(|| Document::new(text).ok()).flatten() else { return };
    let has_step = |id: &str| {
        composite.steps.iter().any(|step| step.id.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(id)))
    };
    let has_input = |name: &str| action.model.inputs.keys().any(|known| known.eq_ignore_ascii_case(name));
    for (start, expression) in regions.into_iter().filter(|(start, _)| !document.offset_inside_comment(*start)) {
        for (pattern, range) in named(expression) {
            let parts: Vec<&str> = pattern.split('.').collect();
            let message = match parts[..] {
                ["steps", id, ..] if id != "*" && !has_step(id) => {
                    format!("this action reads steps.{id}, and no step of it has that id")
                }
                ["inputs", name, ..] if name != "*" && !has_input(name) => {
                    format!("this action reads inputs.{name}, which is empty: it takes no such input")
                }
                _ => continue,
            };
            let span = Span { start: to_u32(start + range.start), end: to_u32(start + range.end) };
            let finding = context.finding("workflow-dangling", Place { file, span }, &pattern, message);
            out.push(finding.severity(Severity::Warning));
        }
    }
}

fn to_u32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(0)
}
