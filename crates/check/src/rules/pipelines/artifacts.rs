//! What is deployed: this commit's artifact or whatever is newest, a digest or a tag, one build or one per environment.

use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::job::{Step, UsesStep};
use yamlpath::Component;

use super::effects;
use super::jobs::{Call, Job, Pipeline, Target};
use crate::finding::{Finding, Severity};
use crate::hcl::Span;
use crate::model::Place;
use crate::run::Context;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in &pipeline.jobs {
        newest(context, job, out);
        tags(context, job, out);
    }
    rebuilds(context, pipeline, out);
}

/// An input of an action, with expressions as they are written.
pub(super) fn input(step: &UsesStep, name: &str) -> Option<String> {
    match &step.with {
        LoE::Literal(inputs) => inputs.get(name).map(ToString::to_string),
        LoE::Expr(_) => None,
    }
}

/// The latest artifact of a branch, where this commit's is meant.
fn newest(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    if job.deployment().is_none() && job.target == Target::Unknown {
        return;
    }
    for (index, step) in job.model.steps.iter().enumerate() {
        let Step::Uses(uses) = step else { continue };
        let raw = uses.uses.raw();
        let by_commit = ["commit", "run_id", "run-id", "pr"].iter().any(|name| input(uses, name).is_some());
        if raw.starts_with("dawidd6/action-download-artifact@") && !by_commit {
            let place = Place { file: job.file, span: job.step_span(index) };
            let message = format!("{} takes the newest artifact of a branch, whichever commit that is of", job.id);
            out.push(context.finding("artifact-newest", place, &format!("{}/{index}", job.id), message));
        }
    }
    for call in &job.calls {
        let command = call.command;
        let mut words = command.subcommands();
        let (program, first, second) =
            (command.program(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let text = command.words.iter().map(|word| word.text.as_ref()).collect::<Vec<_>>().join(" ");
        let what = match (program, first, second) {
            ("gh", "run", "list")
                if command.value("commit").is_none() && (command.value("limit").is_some() || text.contains("[0]")) =>
            {
                "the newest run of a workflow"
            }
            ("gh", "run", "download")
                if !command
                    .subcommands()
                    .nth(2)
                    .is_some_and(|id| id.starts_with('$') || id.starts_with(|c: char| c.is_ascii_digit())) =>
            {
                "the artifact of the newest run"
            }
            ("aws", "ecr", "describe-images") if text.contains("sort_by") && !text.contains("imageTag=") => {
                "the newest image of the repository"
            }
            ("aws", "lambda", "list-versions-by-function")
                if text.contains("[-1]") && !effects::rolls_back(command) =>
            {
                "the newest version of the function"
            }
            _ => continue,
        };
        let message = format!("{} takes {what}, whichever commit that is of", job.id);
        out.push(context.finding("artifact-newest", job.place(call), &format!("{}/{what}", job.id), message));
    }
}

/// Images deployed by tag.
fn tags(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    for call in &job.calls {
        let command = call.command;
        let reference = match command.program() {
            "aws" if command.subcommands().nth(1) == Some("update-function-code") => {
                command.value("image-uri").map(ToString::to_string)
            }
            "kubectl" if command.subcommands().next() == Some("set") => command
                .args()
                .iter()
                .filter_map(|word| word.text.split_once('='))
                .map(|(_, image)| image.to_string())
                .next(),
            _ => None,
        };
        let Some(reference) = reference else { continue };
        let resolved = resolve(job, call, &reference);
        let last = resolved.rsplit('/').next().unwrap_or(&resolved);
        if resolved.contains('@') || resolved.to_ascii_lowercase().contains("digest") || !last.contains(':') {
            continue;
        }
        let message = format!("{} deploys an image by its tag: {resolved}", job.id);
        out.push(
            context
                .finding("deploys-tag", job.place(call), &format!("{}/{resolved}", job.id), message)
                .environments(job.target.name()),
        );
    }
}

/// A variable's value where the same job assigns it before, once over.
fn resolve(job: &Job<'_>, call: &Call<'_>, reference: &str) -> String {
    let name = reference.trim_start_matches('$').trim_matches(['{', '}']);
    let is_variable =
        reference.starts_with('$') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_variable {
        return reference.to_string();
    }
    let mut value = None;
    for other in &job.calls {
        if other.file == call.file && other.command.span().start >= call.command.span().start {
            break;
        }
        for word in &other.command.words {
            if let Some((known, text)) = word.text.split_once('=')
                && known == name
            {
                value = Some(text.to_string());
            }
        }
    }
    value.unwrap_or_else(|| reference.to_string())
}

/// The environment whose deployment a build belongs to: the job's own, or that of the only one that its workflow deploys to.
fn built_for<'p, 'a>(pipeline: &'p Pipeline<'a>, job: &'p Job<'a>) -> Option<&'p Target> {
    if job.deployment().is_some() && job.target.name().is_some() {
        return Some(&job.target);
    }
    let mut targets: Vec<&Target> = Vec::new();
    for other in pipeline.downstream(job).into_iter().filter(|other| other.deployment().is_some()) {
        if !targets.contains(&&other.target) {
            targets.push(&other.target);
        }
    }
    match targets[..] {
        [only] if only.name().is_some() => Some(only),
        _ => None,
    }
}

/// The image is built again for a later environment.
fn rebuilds(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    let mut builds: Vec<(&Job<'_>, Place, &Target)> = Vec::new();
    for job in &pipeline.jobs {
        let by_command = job.calls.iter().find(|call| effects::builds_image(call.command)).map(|call| job.place(call));
        let by_action = job.model.steps.iter().position(|step| {
            matches!(step, Step::Uses(uses) if uses.uses.raw().starts_with("docker/build-push-action@") || uses.uses.raw().starts_with("docker/bake-action@"))
        });
        let place = by_command.or_else(|| by_action.map(|index| Place { file: job.file, span: uses_span(job, index) }));
        if let (Some(place), Some(target)) = (place, built_for(pipeline, job)) {
            builds.push((job, place, target));
        }
    }
    builds.sort_by_key(|(_, _, target)| match target {
        Target::Named { stage, .. } => *stage,
        Target::Unknown | Target::Chosen => None,
    });
    let Some((first_job, first_place, first)) = builds.first() else { return };
    for (job, place, target) in builds.iter().filter(|(_, _, target)| target != first) {
        let (Some(name), Some(before)) = (target.name(), first.name()) else { continue };
        let message = format!(
            "{} builds the image again for {name}, so what was tested in {before} is not what is deployed",
            job.id
        );
        let severity = if target.is_production() { Severity::Warning } else { Severity::Hint };
        out.push(
            context
                .finding("rebuilds", *place, job.id, message)
                .severity(severity)
                .beside(context.related(*first_place, format!("{} builds it for {before}", first_job.id)))
                .environment(name),
        );
    }
}

fn uses_span(job: &Job<'_>, step: usize) -> Span {
    let mut route = job.route();
    route.extend([Component::from("steps"), step.into(), "uses".into()]);
    job.workflow.span(&route)
}
