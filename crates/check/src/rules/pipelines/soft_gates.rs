//! Tests that cannot stop anything: they may fail, or their exit code is lost, before the deployment or after it.

use github_actions_models::common::expr::LoE;
use github_actions_models::workflow::job::{RunStep, Step};

use super::condition;
use super::delivery::is_test_name;
use super::effects;
use super::jobs::{Call, Job, Target, shared};
use super::scopes::Pipeline;
use super::terraform::has_plan_file;
use crate::finding::{Finding, Severity};
use crate::hcl::Span;
use crate::model::Place;
use crate::run::Context;

/// What the deployment needs cannot fail.
pub(super) fn soft_gates(context: &Context<'_>, pipeline: &Pipeline<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let upstream = pipeline.upstream(job);
    for gate in std::iter::once(job).chain(upstream) {
        let whole = !std::ptr::eq(gate, job) && may_fail(gate, &gate.model.continue_on_error);
        let stands_before = is_gate(gate) || approves(gate.id) || gate.deployment().is_some();
        if whole && stands_before {
            let mut route = gate.route();
            route.push("continue-on-error".into());
            let place = Place { file: gate.file, span: gate.workflow.span(&route) };
            report(context, job, gate, place, "may fail and counts as passed", out);
        }
        let first = gate.calls.iter().position(|call| effects::deploys(call.command));
        let first_step = first.map(|index| gate.calls[index].step);
        for index in 0..gate.model.steps.len() {
            let before = first_step.is_none_or(|step| index < step);
            let thrown_away = gate.calls.iter().any(|call| call.step == index && is_thrown_away(context, gate, call));
            if before && is_soft_test(gate, index) && !thrown_away {
                let place = Place { file: gate.file, span: soft_span(gate, index) };
                report(context, job, gate, place, "has a test that may fail and counts as passed", out);
            }
        }
        for call in &gate.calls[..first.unwrap_or(gate.calls.len())] {
            if is_thrown_away(context, gate, call) {
                let place = gate.place(thrown_away_by(gate, call));
                report(context, job, gate, place, "has a test whose failure is thrown away", out);
            }
        }
        if let Some(place) = soft_plan(context, gate, job) {
            report(context, job, gate, place, "has a plan that may fail and counts as made", out);
        }
    }
    deploys_in_any_case(context, job, out);
}

/// A plan that may fail before an apply which makes one of its own: a saved plan would be missing.
fn soft_plan(context: &Context<'_>, gate: &Job<'_>, job: &Job<'_>) -> Option<Place> {
    let applies = job.calls.iter().position(|call| effects::applies(call.command) && !has_plan_file(call.command))?;
    let before = if std::ptr::eq(gate, job) { &gate.calls[..applies] } else { &gate.calls[..] };
    let plan = before.iter().find(|call| effects::plans(call.command))?;
    if is_soft(gate, plan.step) {
        return Some(Place { file: gate.file, span: soft_span(gate, plan.step) });
    }
    is_lost(context, gate, plan).then(|| gate.place(plan))
}

/// Nothing that deploys can fail, or nothing of a job that goes back: it is green although users still meet what was there before.
pub(super) fn lost_deployment(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let moves = job.traffic().map(|(_, call)| call);
    let applies = job.calls.iter().filter(|call| effects::applies(call.command) && !job.on_failure(call.step));
    let deploys: Vec<&Call<'_>> = moves.chain(applies).collect();
    let goes_back = |call: &&Call<'_>| {
        effects::is_way_back(call.command) || (job.only_after_failure && effects::moves_traffic(call.command))
    };
    let (what, calls) = match deploys.is_empty() {
        false => ("deployment", deploys),
        true => ("way back", job.calls.iter().filter(goes_back).collect()),
    };
    let lost = |call: &&Call<'_>| is_lost(context, job, call) || is_soft(job, call.step);
    let moves_alias = |call: &&&Call<'_>| call.command.subcommands().nth(1) == Some("update-alias");
    let alias = calls.last().filter(moves_alias).filter(|call| lost(call));
    let Some(first) = calls.first().filter(|_| calls.iter().all(lost)).or(alias) else { return };
    let place = if is_lost(context, job, first) {
        job.place(first)
    } else {
        Place { file: job.file, span: soft_span(job, first.step) }
    };
    let message = format!("{} has a {what} whose failure is thrown away, so that it looks done", job.name);
    out.push(
        context
            .finding("gate-accepts-failure", place, &format!("{}/{what}", job.id), message)
            .severity(Severity::Warning)
            .fix("Let it fail, so that the job does and somebody looks.")
            .environments(job.target.name()),
    );
}

fn approves(id: &str) -> bool {
    id.to_lowercase().split(['-', '_']).any(|word| word.starts_with("approv"))
}

/// A step that deploys although a test before it in the same job failed.
fn deploys_in_any_case(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let Some((_, call)) = job.traffic().next() else { return };
    let Some(written) = job.model.steps.get(call.step).and_then(shared).and_then(|shared| shared.r#if.as_ref()) else {
        return;
    };
    let tested = job.calls.iter().any(|before| before.step < call.step && effects::is_test(before.command));
    let takes_back = effects::names_way_back(&job.step_name(call.step)) || effects::rolls_back(call.command);
    if !tested || takes_back || !condition::runs_after_failure(written) {
        return;
    }
    let mut route = job.route();
    route.extend(["steps".into(), call.step.into(), "if".into()]);
    let place = Place { file: job.file, span: job.workflow.span(&route) };
    let severity = if job.target.is_production() { Severity::Error } else { Severity::Warning };
    let message = format!("{} has a step that deploys whether or not the tests before it passed", job.name);
    out.push(
        context
            .finding("gate-accepts-failure", place, &format!("{}/steps", job.id), message)
            .severity(severity)
            .fix("Drop the condition, or ask for `success()` in it.")
            .environments(job.target.name()),
    );
}

pub(super) fn is_gate(job: &Job<'_>) -> bool {
    is_test_name(job.id) || job.calls.iter().any(|call| effects::is_test(call.command))
}

/// A step that tests and may fail, with nobody who reads how it went.
fn is_soft_test(job: &Job<'_>, step: usize) -> bool {
    let by_action = match &job.model.steps[step] {
        Step::Uses(uses) => ["cypress", "playwright", "k6-action", "newman", "postman", "manual-approval"]
            .iter()
            .any(|name| uses.uses.raw().contains(name)),
        _ => false,
    };
    let tests = by_action
        || is_test_name(&job.step_name(step))
        || job.calls.iter().any(|call| call.step == step && effects::is_test(call.command));
    tests && is_soft(job, step)
}

pub(super) fn is_soft(job: &Job<'_>, step: usize) -> bool {
    let shared = job.model.steps.get(step).and_then(shared);
    let lets_fail = shared.is_some_and(|shared| may_fail(job, &shared.continue_on_error));
    // `conclusion` is `success` for a step that may fail; only `outcome` tells.
    let read = shared.and_then(|shared| shared.id.as_deref());
    lets_fail && !read.is_some_and(|id| job.workflow.text.contains(&format!("steps.{id}.outcome")))
}

/// Whether `continue-on-error` holds, with the inputs that the job's callers give.
pub(super) fn may_fail(job: &Job<'_>, written: &LoE<bool>) -> bool {
    let expression = match written {
        LoE::Literal(value) => return *value,
        LoE::Expr(expression) => expression.as_bare().trim(),
    };
    let (asked, negated) = expression.strip_prefix('!').map_or((expression, false), |asked| (asked, true));
    let told = job.inputs.put_into(&format!("${{{{ {} }}}}", asked.trim()));
    told == if negated { "false" } else { "true" }
}

pub(super) fn soft_span(job: &Job<'_>, step: usize) -> Span {
    let mut route = job.route();
    route.extend(["steps".into(), step.into(), "continue-on-error".into()]);
    job.workflow.span(&route)
}

/// The outermost call around a command that throws its failure away: the line that has the `|| true`.
pub(super) fn thrown_away_by<'j, 'a>(job: &'j Job<'a>, call: &'j Call<'a>) -> &'j Call<'a> {
    let at = job.calls.iter().position(|known| std::ptr::eq(known, call)).unwrap_or_default();
    let mut around = job.calls[..at].iter().enumerate();
    let outer = around.find(|(index, outer)| outer.command.failure_ignored && index + outer.command.runs >= at);
    outer.map_or(call, |(_, outer)| outer)
}

fn is_thrown_away(context: &Context<'_>, job: &Job<'_>, call: &Call<'_>) -> bool {
    effects::is_test(call.command) && is_unheard(context, job, call)
}

/// The exit code of a test counts for nothing, or the script that it stands in goes on and ends well whatever it came to.
pub(super) fn is_unheard(context: &Context<'_>, job: &Job<'_>, call: &Call<'_>) -> bool {
    is_lost(context, job, call) || (call.file != job.file && script_goes_on(context, job, call))
}

/// A script of its own without `-e` that says something last, and nowhere asks how its commands ended.
fn script_goes_on(context: &Context<'_>, job: &Job<'_>, call: &Call<'_>) -> bool {
    const ASKS: &[&str] = &["exit", "return", "$?", "&&", "||", "trap", "PIPESTATUS", "if ", "while ", "until "];
    let text = context.tree.files()[call.file].text().unwrap_or_default();
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let last = text.lines().rev().map(str::trim).find(is_code).unwrap_or_default();
    if !text.starts_with("#!") || !(last.starts_with("echo ") || last.starts_with("printf ")) {
        return false;
    }
    let stops = |line: &str| {
        let sets = line.trim().starts_with("set ") || line.starts_with("#!");
        sets && line.split_whitespace().any(|flags| flags.starts_with('-') && flags.contains('e'))
    };
    if ASKS.iter().any(|sign| text.contains(sign)) || text.contains("errexit") || text.lines().any(stops) {
        return false;
    }
    // The shell that reads it may stop for it.
    let Some(at) = job.calls.iter().position(|known| std::ptr::eq(known, call)) else { return false };
    let caller = job.calls[..at].iter().enumerate().rev();
    let mut caller = caller.filter(|(index, outer)| outer.file != call.file && index + outer.command.runs >= at);
    caller.next().is_some_and(|(_, outer)| {
        let words = &outer.command.words;
        let starts = words.first().is_some_and(|word| word.text.contains('/'));
        let by_shell = matches!(outer.command.program(), "bash" | "sh")
            && !outer.command.args().iter().any(|word| word.text.starts_with('-'));
        starts || by_shell
    })
}

/// The exit code of a command counts for nothing.
pub(super) fn is_lost(context: &Context<'_>, job: &Job<'_>, call: &Call<'_>) -> bool {
    let command = call.command;
    if command.failure_ignored {
        return true;
    }
    let text = context.tree.files()[call.file].text().unwrap_or_default();
    let span = command.span();
    let (Some(before), Some(rest)) = (text.get(..span.start as usize), text.get(span.end as usize..)) else {
        return false;
    };
    let line = rest.trim_start_matches(['"', '\'', ' ']).lines().next().unwrap_or_default();
    let piped = line.strip_prefix('|').is_some_and(|next| next.trim_start().starts_with("tee "));
    let own_shell = call.file == job.file && shell_has_pipefail(job, call.step);
    piped && !own_shell && !before.contains("pipefail") && !text.contains("pipefail")
}

/// With `shell: bash` GitHub sets pipefail; without any shell named it does not.
fn shell_has_pipefail(job: &Job<'_>, step: usize) -> bool {
    let of_step = matches!(job.model.steps.get(step), Some(Step::Run(RunStep { shell: Some(_), .. })));
    let of = |defaults: &Option<github_actions_models::workflow::Defaults>| {
        defaults.as_ref().and_then(|defaults| defaults.run.as_ref()).is_some_and(|run| run.shell.is_some())
    };
    of_step || of(&job.model.defaults) || of(&job.workflow.model.defaults)
}

/// Its step also has a loop, a question or an `exit` that may act on what it came to.
pub(super) fn is_in_loop(job: &Job<'_>, call: &Call<'_>) -> bool {
    job.calls.iter().filter(|other| other.step == call.step && other.file == call.file).any(|other| {
        other
            .command
            .words
            .iter()
            .any(|word| matches!(word.text.as_ref(), "for" | "while" | "until" | "[" | "[[" | "case" | "exit"))
    })
}

/// One finding for a gate, whatever number of deployments stand behind it.
fn report(context: &Context<'_>, job: &Job<'_>, gate: &Job<'_>, place: Place, what: &str, out: &mut Vec<Finding>) {
    let behind = match (&job.target, std::ptr::eq(gate, job)) {
        (Target::Named { name, .. }, _) => name.clone(),
        (_, true) => "the deployment".to_string(),
        (_, false) => job.name.clone(),
    };
    let subject = format!("{}/{what}", gate.id);
    let location = context.location(place);
    let same = out.iter_mut().find(|known| known.rule == "gate-accepts-failure" && known.at == location);
    let message = format!("{} {what}, before {behind}", gate.name);
    if let Some(known) = same {
        // As the smoke test of what stands before, it was told of in other words.
        if !known.message.contains(", before ") {
            let environments = std::mem::take(&mut known.environments);
            *known = context
                .finding("gate-accepts-failure", place, &subject, message)
                .severity(known.severity)
                .environments(environments.iter().map(String::as_str));
        } else if !known.environments.contains(&behind) {
            known.message.push_str(&format!(" and {behind}"));
        }
        *known = known.clone().environments(job.target.name());
        return;
    }
    out.push(
        context
            .finding("gate-accepts-failure", place, &subject, message)
            .severity(Severity::Warning)
            .environments(job.target.name()),
    );
}
