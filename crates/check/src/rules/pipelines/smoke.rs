//! What looks at a deployment after users meet it, and whether its failure counts.

use github_actions_models::workflow::Job as AnyJob;
use github_actions_models::workflow::job::Step;

use super::delivery::{is_only_called, is_test_name};
use super::effects;
use super::jobs::{Call, Job};
use super::scopes::{Level, Pipeline, local_workflow};
use super::soft_gates::{is_in_loop, is_lost, is_soft, is_unheard, may_fail, soft_span, thrown_away_by};
use crate::finding::{Finding, Severity};
use crate::model::Place;
use crate::run::Context;

/// What comes after the traffic has moved.
enum Look {
    Nothing,
    /// Something tests, and nobody hears of it when it fails.
    Lost(Place),
    Counts,
}

impl Look {
    fn or(self, other: impl FnOnce() -> Look) -> Look {
        match self {
            Look::Counts => Look::Counts,
            Look::Nothing => other(),
            Look::Lost(place) => match other() {
                Look::Counts => Look::Counts,
                Look::Nothing | Look::Lost(_) => Look::Lost(place),
            },
        }
    }
}

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let Some((index, shift)) = job.traffic().next_back() else { return };
    // What goes back was tested when it was deployed.
    let name = format!("{} {}", job.name, job.root().workflow.model.name.as_deref().unwrap_or_default());
    let goes_back = effects::names_way_back(&name);
    let later = || {
        let after = pipeline.downstream(job);
        after.into_iter().fold(Look::Nothing, |found, other| found.or(|| elsewhere(context, other)))
    };
    let called = || {
        let by_call = job.levels().any(|level| is_tested_by_call(context, &level));
        if by_call { Look::Counts } else { Look::Nothing }
    };
    let found = in_job(context, job, index + 1, Some(shift.step)).or(later).or(called);
    if !matches!(found, Look::Counts) {
        lost_wait(context, job, (index, shift), out);
    }
    match found {
        Look::Counts => {}
        Look::Lost(place) => {
            let message =
                format!("{} has a smoke test whose failure is thrown away, after users meet what it deploys", job.name);
            out.push(
                context
                    .finding("gate-accepts-failure", place, &format!("{}/smoke", job.id), message)
                    .severity(Severity::Warning)
                    .fix("Let it fail, so that the job does and what runs on failure goes back.")
                    .beside(context.related(job.place(shift), "from here on users meet it"))
                    .environments(job.target.name()),
            );
        }
        Look::Nothing if !job.target.is_production() && job.is_preview() => {}
        Look::Nothing if goes_back || is_only_called(&job.root().workflow.model) => {}
        Look::Nothing => {
            // The alias that a deployment moves may be tested before it moves; that is half of it.
            let severity = if job.target.is_production() { Severity::Warning } else { Severity::Hint };
            let message = format!("nothing tests what {} deploys after users meet it", job.name);
            out.push(
                context
                    .finding("no-smoke-test", job.place(shift), job.id, message)
                    .severity(severity)
                    .label("from here on users meet it")
                    .environments(job.target.name()),
            );
        }
    }
}

/// Where nothing else looks, a wait is all that tells whether it came up.
fn lost_wait(context: &Context<'_>, job: &Job<'_>, (index, shift): (usize, &Call<'_>), out: &mut Vec<Finding>) {
    let waits = |call: &&Call<'_>| effects::waits(call.command) && !job.on_failure(call.step);
    let waits: Vec<&Call<'_>> = job.calls[index + 1..].iter().filter(waits).collect();
    let Some(first) = waits.first().filter(|_| waits.iter().all(|call| is_lost(context, job, call))) else { return };
    let message = format!("{} waits for what it deploys and throws away whether that came up", job.name);
    out.push(
        context
            .finding("gate-accepts-failure", job.place(first), &format!("{}/wait", job.id), message)
            .severity(Severity::Warning)
            .fix("Let the wait fail, so that the job does.")
            .beside(context.related(job.place(shift), "from here on users meet it"))
            .environments(job.target.name()),
    );
}

/// What the commands from `first` on and the steps behind `after` look at; all steps where there is none.
fn in_job(context: &Context<'_>, job: &Job<'_>, first: usize, after: Option<usize>) -> Look {
    let is_behind = |step: usize| after.is_none_or(|after| step > after);
    let tests = |call: &Call<'_>| effects::tests(call.command) && !job.on_failure(call.step);
    // A script or a recipe tests as what is inside of it does.
    let stands_for_others = |index: usize| {
        let inner = job.calls.iter().skip(index + 1).take(job.calls[index].command.runs);
        inner.into_iter().any(tests)
    };
    let own = (first..job.calls.len()).filter(|index| tests(&job.calls[*index]) && !stands_for_others(*index));
    let by_command = own.map(|index| &job.calls[index]).fold(Look::Nothing, |found, call| {
        found.or(|| {
            let lost = is_unheard(context, job, call) && !is_in_loop(job, call);
            let may_fail = lost || (is_behind(call.step) && is_soft(job, call.step));
            if may_fail { Look::Lost(lost_at(context, job, call)) } else { Look::Counts }
        })
    });
    let by_name = || {
        let steps = (0..job.model.steps.len()).filter(|step| is_behind(*step) && !job.on_failure(*step));
        let steps = steps.filter(|step| tests_by_name(job, *step));
        steps.fold(Look::Nothing, |found, step| found.or(|| named_step(context, job, step)))
    };
    by_command.or(by_name).or(|| if looks_until(job, first) { Look::Counts } else { Look::Nothing })
}

/// A loop that looks at what the system does, and a failure when that has not come in time.
fn looks_until(job: &Job<'_>, first: usize) -> bool {
    let fails = |call: &Call<'_>| {
        call.command.program() == "exit" && call.command.args().first().is_some_and(|code| code.text != "0")
    };
    let looks = |call: &Call<'_>| call.command.paced && effects::observes(call.command) && !job.on_failure(call.step);
    job.calls.iter().enumerate().skip(first).any(|(index, call)| {
        looks(call) && job.calls[index..].iter().take_while(|next| next.step == call.step).any(fails)
    })
}

fn tests_by_name(job: &Job<'_>, step: usize) -> bool {
    let uses = matches!(&job.model.steps[step], Step::Uses(uses) if is_test_name(uses.uses.raw()));
    let name = job.step_name(step);
    let asks = ["does it work", "is it up", "is up", "answers", "still works", "is alive"];
    uses || is_test_name(&name) || asks.iter().any(|sign| name.contains(sign))
}

/// A step that tests, by what it is called.
fn named_step(context: &Context<'_>, job: &Job<'_>, step: usize) -> Look {
    if is_soft(job, step) {
        return Look::Lost(Place { file: job.file, span: soft_span(job, step) });
    }
    let does = |call: &&Call<'_>| {
        call.step == step
            && !effects::only_tells(call.command)
            && !matches!(call.command.program(), "sleep" | "true" | "set")
    };
    let mut calls = job.calls.iter().filter(does).peekable();
    match calls.peek().copied() {
        Some(call) if calls.all(|call| is_lost(context, job, call)) => Look::Lost(job.place(call)),
        _ => Look::Counts,
    }
}

fn lost_at(context: &Context<'_>, job: &Job<'_>, call: &Call<'_>) -> Place {
    if is_unheard(context, job, call) {
        job.place(thrown_away_by(job, call))
    } else {
        Place { file: job.file, span: soft_span(job, call.step) }
    }
}

/// What a job that needs the deployment looks at.
fn elsewhere(context: &Context<'_>, other: &Job<'_>) -> Look {
    if other.only_after_failure {
        return Look::Nothing;
    }
    let named = other.levels().any(|level| is_test_name(level.id));
    let found = match in_job(context, other, 0, None) {
        Look::Nothing if named => Look::Counts,
        found => found,
    };
    // Its failure is nobody's.
    if !matches!(found, Look::Nothing) && may_fail(other, &other.model.continue_on_error) {
        let mut route = other.route();
        route.push("continue-on-error".into());
        return Look::Lost(Place { file: other.file, span: other.workflow.span(&route) });
    }
    found
}

/// A call after it whose name says that it tests, of a workflow that is not here.
fn is_tested_by_call(context: &Context<'_>, level: &Level<'_>) -> bool {
    level.workflow.model.jobs.iter().any(|(id, other)| {
        matches!(other, AnyJob::ReusableWorkflowCallJob(call)
            if call.needs.iter().any(|needed| needed == level.id)
                && (is_test_name(id) || is_test_name(call.uses.raw()))
                && local_workflow(context, call).is_none())
    })
}
