//! Shell that hopes: a fixed pause where the service has a waiter.

use super::delivery::is_test_name;
use super::effects;
use super::scopes::Pipeline;
use crate::command::Command;
use crate::finding::{Finding, Severity};
use crate::flow;
use crate::model::{FileId, Place};
use crate::run::Context;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    let first = out.len();
    for job in &pipeline.jobs {
        if is_test_name(job.id) && job.deployment().is_none() {
            continue;
        }
        let commands: Vec<(FileId, &Command<'_>)> = job.calls.iter().map(|call| (call.file, call.command)).collect();
        sleeps(context, &commands, first, out);
    }
    for alone in &context.flows.alone {
        let commands: Vec<(FileId, &Command<'_>)> = alone.ran.iter().map(|ran| (ran.file, &ran.command)).collect();
        sleeps(context, &commands, first, out);
    }
}

/// `sleep` after a command that the service needs time for. In a loop that looks, after a failure and before a proper wait it is how
/// waiting is done.
fn sleeps(context: &Context<'_>, commands: &[(FileId, &Command<'_>)], first: usize, out: &mut Vec<Finding>) {
    let mut last: Option<(FileId, &Command<'_>, &str)> = None;
    for (index, (file, command)) in commands.iter().enumerate() {
        if let Some(waiter) = waiter(command) {
            last = Some((*file, command, waiter));
        } else if effects::waits(command) || effects::moves_traffic(command) {
            // What has moved has moved when the call returns: a pause after it is for looking, not for waiting.
            last = None;
        } else if command.program() == "sleep" && !command.paced && !is_of_tests(context.path(*file)) {
            let Some((began, before, waiter)) = last else { continue };
            if flow::exclusive(&before.guards, &command.guards) || looks_next(&commands[index + 1..]) {
                continue;
            }
            last = None;
            let seconds = command.args().first().map_or(String::new(), |word| word.text.to_string());
            let message = format!("a pause of {seconds} stands where the service could be asked whether it is ready");
            let place = Place { file: *file, span: command.span() };
            let before = Place { file: began, span: before.span() };
            let finding = context
                .finding("sleep-as-waiter", place, &seconds, message)
                .severity(Severity::Warning)
                .fix(format!("Use `{waiter}`, or ask in a loop with a bound."))
                .beside(context.related(before, "what it waits for"));
            // A script is read for everybody who calls it, and by itself.
            if !out[first..].iter().any(|known| known.at == finding.at) {
                out.push(finding);
            }
        }
    }
}

/// Whether what comes next waits itself: the pause is only a head start.
fn looks_next(commands: &[(FileId, &Command<'_>)]) -> bool {
    // What calls a function or a script, assigns or says something leads to the next that acts.
    const ACTS: &[&str] = &["aws", "az", "curl", "docker", "gcloud", "helm", "kubectl", "terraform", "tofu", "wget"];
    let acts = |command: &&&Command<'_>| command.paced || ACTS.contains(&command.program());
    let next = commands.iter().take(12).map(|(_, command)| command).find(acts);
    next.is_some_and(|next| next.paced || effects::waits(next))
}

/// Scripts that try something out may wait as they like.
fn is_of_tests(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or(name);
    parts.iter().any(|part| matches!(*part, "test" | "tests" | "e2e" | "spec" | "integration-tests"))
        || name.ends_with(".bats")
        || ["test-", "test_"].iter().any(|start| stem.starts_with(start))
        || ["-test", "_test"].iter().any(|end| stem.ends_with(end) && !stem.contains("smoke"))
}

/// What waits for the end of a command that returns before its work is done.
fn waiter(command: &Command<'_>) -> Option<&'static str> {
    if effects::is_rehearsed(command) {
        return None;
    }
    let mut words = command.subcommands();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (command.program(), first, second) {
        ("aws", "lambda", "update-function-code" | "update-function-configuration") => {
            Some("aws lambda wait function-updated-v2")
        }
        ("aws", "lambda", "create-function") => Some("aws lambda wait function-active-v2"),
        ("aws", "lambda", "publish-version") => Some("aws lambda wait published-version-active"),
        ("aws", "ecs", "update-service" | "create-service") => Some("aws ecs wait services-stable"),
        ("aws", "ecs", "run-task") => Some("aws ecs wait tasks-stopped"),
        ("aws", "cloudfront", "create-invalidation") => Some("aws cloudfront wait invalidation-completed"),
        ("aws", "deploy", "create-deployment") => Some("aws deploy wait deployment-successful"),
        ("aws", "cloudformation", "create-stack") => Some("aws cloudformation wait stack-create-complete"),
        ("aws", "cloudformation", "update-stack") => Some("aws cloudformation wait stack-update-complete"),
        ("aws", "rds", second) if !second.starts_with("describe") && second != "wait" => {
            Some("aws rds wait db-instance-available")
        }
        ("kubectl", "apply" | "replace", _) | ("kubectl", "set", "image") => Some("kubectl rollout status"),
        ("helm", "upgrade" | "install", _) if !command.has_arg("--wait") && !command.has_arg("--atomic") => {
            Some("helm upgrade --wait")
        }
        _ => None,
    }
}
