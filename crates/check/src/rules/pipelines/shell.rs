//! Shell that hopes: a fixed pause where the service has a waiter.

use super::effects;
use super::scopes::Pipeline;
use crate::command::Command;
use crate::finding::{Finding, Severity};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for (file, parsed) in context.parsed.iter().enumerate() {
        if let Parsed::Script(commands) = parsed {
            let commands: Vec<(FileId, &Command<'_>)> = commands.iter().map(|command| (file, command)).collect();
            sleeps(context, &commands, out);
        }
    }
    for job in &pipeline.jobs {
        let commands: Vec<(FileId, &Command<'_>)> =
            job.calls.iter().filter(|call| call.file == job.file).map(|call| (call.file, call.command)).collect();
        sleeps(context, &commands, out);
    }
}

/// `sleep` after a command that the service needs time for. Inside a loop that looks it is how waiting is done.
fn sleeps(context: &Context<'_>, commands: &[(FileId, &Command<'_>)], out: &mut Vec<Finding>) {
    let mut loops = 0usize;
    let mut last: Option<(Place, &str)> = None;
    for (file, command) in commands {
        for word in &command.words {
            match word.text.as_ref() {
                "while" | "until" | "for" => loops += 1,
                "done" => loops = loops.saturating_sub(1),
                _ => {}
            }
        }
        let place = Place { file: *file, span: command.span() };
        if let Some(waiter) = waiter(command) {
            last = Some((place, waiter));
        } else if effects::waits(command) || effects::moves_traffic(command) {
            // What has moved has moved when the call returns: a pause after it is for looking, not for waiting.
            last = None;
        } else if command.program() == "sleep" && loops == 0 {
            let Some((before, waiter)) = last.take() else { continue };
            let seconds = command.args().first().map_or(String::new(), |word| word.text.to_string());
            let message = format!("a pause of {seconds} stands where the service could be asked whether it is ready");
            out.push(
                context
                    .finding("sleep-as-waiter", place, &seconds, message)
                    .severity(Severity::Warning)
                    .fix(format!("Use `{waiter}`, or ask in a loop with a bound."))
                    .beside(context.related(before, "what it waits for")),
            );
        }
    }
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
