//! Shell that hopes: a fixed pause where the service has a waiter.

use super::effects;
use super::jobs::Pipeline;
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
    let mut last: Option<Place> = None;
    for (file, command) in commands {
        for word in &command.words {
            match word.text.as_ref() {
                "while" | "until" | "for" => loops += 1,
                "done" => loops = loops.saturating_sub(1),
                _ => {}
            }
        }
        let place = Place { file: *file, span: command.span() };
        if effects::moves_traffic(command) || is_asynchronous(command) {
            last = Some(place);
        } else if effects::waits(command) {
            last = None;
        } else if command.program() == "sleep" && loops == 0 {
            let Some(before) = last.take() else { continue };
            let seconds = command.args().first().map_or(String::new(), |word| word.text.to_string());
            let message = format!("a pause of {seconds} stands where the service could be asked whether it is ready");
            out.push(
                context
                    .finding("sleep-as-waiter", place, &seconds, message)
                    .severity(Severity::Warning)
                    .beside(context.related(before, "what it waits for")),
            );
        }
    }
}

fn is_asynchronous(command: &Command<'_>) -> bool {
    let mut words = command.subcommands();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    command.program() == "aws"
        && matches!(
            (first, second),
            ("lambda", "update-function-configuration" | "publish-version" | "create-function")
                | ("cloudfront", "create-invalidation")
                | ("rds", _)
                | ("cloudformation", "create-stack" | "update-stack")
        )
        && !second.starts_with("describe")
}
