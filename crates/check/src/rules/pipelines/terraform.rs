//! Terraform in pipelines: one environment's backend with another's values, applies that nobody saw or that are cut off.

use github_actions_models::common::expr::BoE;
use github_actions_models::workflow::Concurrency;
use yamlpath::Component;

use super::jobs::{Call, Job};
use super::scopes::Pipeline;
use super::switched;
use super::{effects, is_production};
use crate::command::Command;
use crate::discover::names::{self, Stage};
use crate::finding::{Finding, Severity};
use crate::flow::{Alone, Ran};
use crate::model::{FileId, Place};
use crate::run::Context;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in &pipeline.jobs {
        let flow = context.flows.job(job.file, job.id);
        let variants = flow.map_or(&[][..], |flow| &flow.variants);
        // Steps that no caller of the workflow asks for are not among the job's calls.
        let runs = |ran: &&Ran<'_>| job.calls.iter().any(|call| call.step == ran.step);
        for variant in variants {
            let own: Vec<(FileId, &Command<'_>)> =
                variant.iter().filter(runs).map(|ran| (ran.file, &ran.command)).collect();
            switched::check(context, &job.name, &own, out);
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
        let changes = |call: &&Call<'_>| effects::applies(call.command) || effects::destroys(call.command);
        for call in job.calls.iter().filter(changes) {
            let own = applied_to(context, call.command);
            let elsewhere = is_for_others(call.command);
            let production = match job.target.stage() {
                Some(Stage::Prod) => true,
                _ => own.as_deref().map_or(job.target.is_production() && !elsewhere, is_production),
            };
            let environment = own.as_deref().or(job.target.name());
            if !production && job.is_preview() {
                continue;
            }
            let may_go = environment.is_some() || elsewhere || is_passing(job);
            let what =
                Applied { who: &job.name, file: call.file, command: call.command, environment, production, may_go };
            unreviewed(context, &what, out);
        }
    }
    for Alone { file, goal, ran } in &context.flows.alone {
        switched::check(context, context.path(*file), &commands(ran), out);
        for ran in ran.iter().filter(|ran| ran.file == *file) {
            let own = applied_to(context, &ran.command);
            let environment =
                own.or_else(|| names::find(goal.as_deref()?).filter(|named| named.strong).map(|it| it.name));
            let production = environment.as_deref().is_some_and(is_production);
            let (command, environment) = (&ran.command, environment.as_deref());
            let what =
                Applied { who: context.path(*file), file: ran.file, command, environment, production, may_go: true };
            unreviewed(context, &what, out);
        }
    }
}

/// An environment for a pull request, or for one night: it is made to be destroyed.
fn is_passing(job: &Job<'_>) -> bool {
    const PASSING: &[&str] = &[
        "preview",
        "review",
        "ephemeral",
        "cleanup",
        "clean-up",
        "nightly",
        "test",
        "e2e",
        "temporary",
        "pull_request",
        "pr-",
    ];
    let text = job.root().workflow.text.to_ascii_lowercase();
    PASSING.iter().any(|sign| text.contains(sign))
}

/// The arms for all environments but production.
fn is_for_others(command: &Command<'_>) -> bool {
    command.guards.iter().any(|guard| !guard.holds && guard.asked.contains('$') && is_production(&guard.with))
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

/// A command that may apply, and what is known of where.
struct Applied<'c, 'a> {
    who: &'c str,
    file: FileId,
    command: &'c Command<'a>,
    environment: Option<&'c str>,
    production: bool,
    /// What it destroys may be destroyed without a look, as far as anybody can tell.
    may_go: bool,
}

/// `apply -auto-approve` with neither a saved plan nor a variable file.
fn unreviewed(context: &Context<'_>, applied: &Applied<'_, '_>, out: &mut Vec<Finding>) {
    let Applied { who, file, command, environment, production, may_go } = *applied;
    let automatic =
        ["-auto-approve", "--auto-approve", "-auto-approve=true", "-force"].iter().any(|flag| command.has_arg(flag));
    let destroys = effects::destroys(command) && (production || !may_go);
    if !automatic || !(effects::applies(command) || destroys) || has_plan_file(command) {
        return;
    }
    let place = Place { file, span: command.span() };
    // The job that calls a script says more than the script alone.
    let location = context.location(place);
    let known = out.iter().position(|known| known.rule == "apply-unreviewed" && known.at == location);
    let values = command.values("var-file").next().is_some();
    let missing = if values { "a saved plan" } else { "a saved plan or a variable file" };
    let what = if destroys { "destroys" } else { "applies" };
    let message = format!("{who} {what} without {missing}, so nobody saw what it changes");
    let subject =
        format!("{who}/{}", command.words.iter().map(|word| word.text.as_ref()).collect::<Vec<_>>().join(" "));
    let severity = if production { Severity::Warning } else { Severity::Hint };
    let finding =
        context.finding("apply-unreviewed", place, &subject, message).severity(severity).environments(environment);
    match known {
        Some(index) if out[index].severity < severity => out[index] = finding,
        Some(_) => {}
        None => out.push(finding),
    }
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

/// The environment whose values an apply takes, or whose folder it stands in, or the one that it only runs for.
fn applied_to(context: &Context<'_>, command: &Command<'_>) -> Option<String> {
    let named = |text: &str| switched::named(context, text);
    let by_values = command.values("var-file").find_map(|(value, _)| named(value));
    let by_workspace = || command.assignments().find(|(name, _)| *name == "TF_WORKSPACE").and_then(|(_, it)| named(it));
    let by_folder = || command.value("chdir").or(command.dir.as_deref()).and_then(named);
    let strong = |text: &str| names::find(text).filter(|named| named.strong).map(|named| named.name);
    let by_guard = || command.guards.iter().rev().filter(|guard| guard.holds).find_map(|guard| strong(&guard.with));
    by_values.or_else(by_workspace).or_else(by_folder).or_else(by_guard)
}
