//! What is deployed: this commit's artifact or whatever is newest, a digest or a tag, one build or one per environment.

use github_actions_models::workflow::event::{OptionalBody, PathFilters};
use github_actions_models::workflow::job::{Step, UsesStep};
use yamlpath::Component;

use super::jobs::{Call, Job, Target};
use super::registries::Registries;
use super::scopes::Pipeline;
use super::{effects, images, newest};
use crate::finding::{Finding, Severity};
use crate::hcl::Span;
use crate::model::Place;
use crate::run::Context;
use crate::workflow;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    let registries = Registries::find(context, pipeline);
    for job in &pipeline.jobs {
        newest::check(context, job, out);
        images::tags(context, &registries, job, out);
    }
    rebuilds(context, pipeline, out);
}

pub(super) fn input(step: &UsesStep, name: &str) -> Option<String> {
    workflow::given(&step.with, name)
}

/// A place that builds an image, and the environments that get it.
struct Build<'p, 'a> {
    job: &'p Job<'a>,
    place: Place,
    targets: Vec<&'p Target>,
    /// The image's name, where it is written and not computed.
    image: Option<String>,
}

/// The environments whose deployment a build belongs to: the job's own, or those that its workflow deploys to afterwards.
fn built_for<'p, 'a>(pipeline: &'p Pipeline<'a>, job: &'p Job<'a>) -> Vec<&'p Target> {
    if job.deployment().is_some() && job.target.name().is_some() {
        return vec![&job.target];
    }
    let mut targets: Vec<&Target> = Vec::new();
    for other in pipeline.downstream(job).into_iter().filter(|other| other.deployment().is_some()) {
        if !targets.contains(&&other.target) {
            targets.push(&other.target);
        }
    }
    // One that is chosen when it runs may be any of them.
    if targets.iter().any(|target| target.name().is_none()) { Vec::new() } else { targets }
}

fn builds<'p, 'a>(pipeline: &'p Pipeline<'a>) -> Vec<Build<'p, 'a>> {
    let mut builds = Vec::new();
    for job in &pipeline.jobs {
        let by_command =
            job.calls.iter().find(|call| effects::builds_image(call.command) && !is_only_run_here(job, call));
        let by_action = job.model.steps.iter().enumerate().find_map(|(index, step)| match step {
            Step::Uses(uses) if uses.uses.raw().starts_with("docker/build-push-action@") => Some((index, uses)),
            Step::Uses(uses) if uses.uses.raw().starts_with("docker/bake-action@") => Some((index, uses)),
            _ => None,
        });
        let (place, reference) = match (by_command, by_action) {
            (Some(call), _) => {
                let tag = call.command.value("tag").or_else(|| call.command.value("t"));
                (job.place(call), tag.map(ToString::to_string))
            }
            (None, Some((index, uses))) => (Place { file: job.file, span: uses_span(job, index) }, input(uses, "tags")),
            (None, None) => continue,
        };
        let targets = built_for(pipeline, job);
        if !targets.is_empty() {
            let image = reference.as_deref().and_then(image_name);
            builds.push(Build { job, place, targets, image });
        }
    }
    builds
}

/// An image that is built and run on this machine and goes nowhere else, as one of tests.
fn is_only_run_here(job: &Job<'_>, build: &Call<'_>) -> bool {
    let Some(tag) = build.command.value("tag").or_else(|| build.command.value("t")) else { return false };
    let does = |call: &Call<'_>, verbs: &[&str]| {
        let verb = call.command.subcommands().find(|word| !matches!(*word, "image" | "container"));
        matches!(call.command.program(), "docker" | "podman" | "buildah")
            && verb.is_some_and(|verb| verbs.contains(&verb))
            && call.command.words.iter().any(|word| word.text == tag)
    };
    !build.command.has_arg("--push")
        && job.calls.iter().any(|call| does(call, &["run"]))
        && !job.calls.iter().any(|call| does(call, &["push", "tag"]))
        && !job.calls.iter().any(|call| effects::moves_traffic(call.command) && mentions(call, tag))
}

fn mentions(call: &Call<'_>, tag: &str) -> bool {
    call.command.words.iter().any(|word| word.text.contains(tag))
}

/// The last part of an image's name, without tag and without the words that name environments.
fn image_name(reference: &str) -> Option<String> {
    let first = reference.lines().next()?.split(',').next()?.trim();
    let last = first.rsplit('/').next()?.split(':').next()?;
    if last.is_empty() || last.contains(['$', '{']) {
        return None;
    }
    let words = crate::discover::names::words(last);
    let plain = words.iter().map(|(start, end)| &last[*start..*end]);
    Some(plain.filter(|word| crate::discover::names::stage_of(word).is_none()).collect::<Vec<_>>().join("-"))
}

/// The image is built again for a later environment.
fn rebuilds(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    anew(context, pipeline, out);
    let builds = builds(pipeline);
    for (index, later) in builds.iter().enumerate() {
        let [target] = later.targets[..] else { continue };
        let Some(name) = target.name() else { continue };
        // The build of the earliest environment is the one that was tested.
        let earlier = builds
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .flat_map(|(_, build)| build.targets.iter().map(move |target| (build, *target)));
        let before = earlier
            .filter(|(build, first)| {
                first.stage().is_some() && first.stage() < target.stage() && may_be_same(build, later)
            })
            .min_by_key(|(_, first)| first.stage());
        let Some((first, Some(before))) = before.map(|(build, first)| (build, first.name())) else { continue };
        let message = format!(
            "{} builds the image again for {name}, so what was tested in {before} is not what is deployed",
            later.job.name
        );
        let severity = if target.is_production() { Severity::Warning } else { Severity::Hint };
        out.push(
            context
                .finding("rebuilds", later.place, later.job.id, message)
                .severity(severity)
                .beside(context.related(first.place, format!("{} builds it for {before}", first.job.name)))
                .environment(name),
        );
    }
}

/// A job that deploys to an environment that is chosen when it runs, and builds in the same run: one build for each.
fn anew(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in pipeline.jobs.iter().filter(|job| matches!(job.target, Target::Chosen { .. })) {
        let (Some(deployment), Some(build)) = (
            job.deployment(),
            job.calls.iter().find(|call| effects::builds_image(call.command) && !is_only_run_here(job, call)),
        ) else {
            continue;
        };
        // An environment for each pull request has nothing before it.
        let text = job.workflow.text.to_ascii_lowercase();
        if ["preview", "review", "ephemeral", "github.event.number"].iter().any(|sign| text.contains(sign)) {
            continue;
        }
        let message = format!(
            "{} builds the image anew for each environment, so what was tested is not what is deployed",
            job.name
        );
        out.push(
            context
                .finding("rebuilds", job.place(build), job.id, message)
                .beside(context.related(job.place(deployment), "it deploys here, to an environment that is chosen")),
        );
    }
}

/// Two apps of one repository have images of their own.
fn may_be_same(a: &Build<'_, '_>, b: &Build<'_, '_>) -> bool {
    match (&a.image, &b.image) {
        (Some(a), Some(b)) => a == b,
        _ => a.job.file == b.job.file || paths(a.job) == paths(b.job),
    }
}

/// The `paths` that a push must touch to start a workflow.
fn paths(job: &Job<'_>) -> Option<Vec<String>> {
    match &job.workflow.model.on.events.push {
        OptionalBody::Body(push) => match &push.path_filters {
            Some(PathFilters::Paths(paths)) => Some(paths.clone()),
            Some(PathFilters::PathsIgnore(_)) | None => None,
        },
        OptionalBody::Default | OptionalBody::Missing => None,
    }
}

fn uses_span(job: &Job<'_>, step: usize) -> Span {
    let mut route = job.route();
    route.extend([Component::from("steps"), step.into(), "uses".into()]);
    job.workflow.span(&route)
}
