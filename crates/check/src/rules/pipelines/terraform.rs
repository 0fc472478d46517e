//! Terraform in pipelines: one environment's backend with another's values, applies that nobody saw or that are cut off.

use github_actions_models::common::expr::BoE;
use github_actions_models::workflow::Concurrency;
use yamlpath::Component;

use super::effects;
use super::jobs::Job;
use super::scopes::Pipeline;
use super::switched;
use crate::command::Command;
use crate::discover::names::{self, Stage};
use crate::finding::{Finding, Severity};
use crate::flow::Ran;
use crate::model::{FileId, Place};
use crate::run::Context;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in &pipeline.jobs {
        let flow = context.flows.job(job.file, job.id);
        let variants = flow.map_or(&[][..], |flow| &flow.variants);
        for variant in variants {
            switched::check(context, &job.name, &commands(variant), out);
        }
        if variants.is_empty() {
            let own: Vec<(FileId, &Command<'_>)> = job.calls.iter().map(|call| (call.file, call.command)).collect();
            switched::check(context, &job.name, &own, out);
        }
        cut_off(context, job, out);
    }
    // Of several jobs that call one script the one for production says what it means.
    let (production, others): (Vec<_>, Vec<_>) = pipeline.jobs.iter().partition(|job| job.target.is_production());
    for job in production.into_iter().chain(others) {
        for call in &job.calls {
            let severity = if job.target.is_production() { Severity::Warning } else { Severity::Hint };
            unreviewed(context, &job.name, (call.file, call.command), severity, job.target.name(), out);
        }
    }
    for (file, ran) in &context.flows.alone {
        switched::check(context, context.path(*file), &commands(ran), out);
        for ran in ran.iter().filter(|ran| ran.file == *file) {
            let environment = applied_to(context, &ran.command);
            let prod = environment.as_deref().and_then(names::stage_of).map(|(stage, _)| stage) == Some(Stage::Prod);
            let severity = if prod { Severity::Warning } else { Severity::Hint };
            let what = (ran.file, &ran.command);
            unreviewed(context, context.path(*file), what, severity, environment.as_deref(), out);
        }
    }
}

fn commands<'r, 'a>(ran: &'r [Ran<'a>]) -> Vec<(FileId, &'r Command<'a>)> {
    ran.iter().map(|ran| (ran.file, &ran.command)).collect()
}

/// An apply in a job that the next run cancels.
fn cut_off(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let Some(call) = job.calls.iter().find(|call| effects::applies(call.command)) else { return };
    let cancels = |concurrency: &Option<Concurrency>| {
        matches!(concurrency, Some(Concurrency::Rich { cancel_in_progress: BoE::Literal(true), .. }))
    };
    let route = if cancels(&job.model.concurrency) {
        job.route()
    } else if cancels(&job.workflow.model.concurrency) {
        Vec::new()
    } else {
        return;
    };
    let span = job.workflow.span(&[&route[..], &[Component::from("concurrency")]].concat());
    let message = format!("a newer run stops {} in the middle of an apply", job.name);
    out.push(
        context
            .finding("no-concurrency", Place { file: job.file, span }, &format!("{}/cancelled", job.id), message)
            .label("cancel-in-progress: true")
            .fix("Set `cancel-in-progress: false`: what is applied half stays locked, and half there.")
            .beside(context.related(job.place(call), "it applies here"))
            .environments(job.target.name()),
    );
}

/// `apply -auto-approve` with neither a saved plan nor a variable file.
fn unreviewed(
    context: &Context<'_>,
    who: &str,
    (file, command): (FileId, &Command<'_>),
    severity: Severity,
    environment: Option<&str>,
    out: &mut Vec<Finding>,
) {
    let automatic = ["-auto-approve", "--auto-approve", "-auto-approve=true"].iter().any(|flag| command.has_arg(flag));
    let destroys = severity == Severity::Warning && effects::destroys(command);
    if !automatic || !(effects::applies(command) || destroys) || has_plan_file(command) {
        return;
    }
    let place = Place { file, span: command.span() };
    // The job that calls a script says more than the script alone.
    let location = context.location(place);
    if out.iter().any(|known| known.rule == "apply-unreviewed" && known.at == location) {
        return;
    }
    let values = command.values("var-file").next().is_some();
    let missing = if values { "a saved plan" } else { "a saved plan or a variable file" };
    let what = if destroys { "destroys" } else { "applies" };
    let message = format!("{who} {what} without {missing}, so nobody saw what it changes");
    let subject =
        format!("{who}/{}", command.words.iter().map(|word| word.text.as_ref()).collect::<Vec<_>>().join(" "));
    out.push(
        context.finding("apply-unreviewed", place, &subject, message).severity(severity).environments(environment),
    );
}

/// The plan is the argument that is no flag and no flag's value.
pub(super) fn has_plan_file(command: &Command<'_>) -> bool {
    const WITH_VALUE: &[&str] =
        &["-var", "-var-file", "-target", "-lock-timeout", "-parallelism", "-state", "-backup", "-replace", "-chdir"];
    let mut words = command.args().iter().skip_while(|word| word.text != "apply").skip(1);
    while let Some(word) = words.next() {
        if word.text.starts_with('-') {
            if WITH_VALUE.contains(&word.text.replacen("--", "-", 1).as_str()) {
                words.next();
            }
        } else if !matches!(word.text.as_ref(), ">" | ">>" | "2>&1" | "<") {
            return true;
        }
    }
    false
}

/// The environment whose values an apply takes.
fn applied_to(context: &Context<'_>, command: &Command<'_>) -> Option<String> {
    command.values("var-file").find_map(|(value, _)| switched::named(context, value))
}
