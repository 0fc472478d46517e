//! What is newest, taken where this commit's is meant: runs, artifacts, images, and archives under a name that never changes.

use github_actions_models::workflow::job::Step;

use super::artifacts::input;
use super::effects;
use super::jobs::{Call, Job, Target};
use crate::command::Command;
use crate::finding::Finding;
use crate::model::Place;
use crate::run::Context;

pub(super) fn check(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    if job.deployment().is_none() && job.target == Target::Unknown {
        return;
    }
    for (index, step) in job.model.steps.iter().enumerate() {
        let Step::Uses(uses) = step else { continue };
        let raw = uses.uses.raw();
        let by_commit = ["commit", "run_id", "run-id", "pr"].iter().any(|name| input(uses, name).is_some());
        if raw.starts_with("dawidd6/action-download-artifact@") && !by_commit {
            let place = Place { file: job.file, span: job.step_span(index) };
            let message = format!("{} takes the newest artifact of a branch, whichever commit that is of", job.name);
            out.push(context.finding("artifact-newest", place, &format!("{}/{index}", job.id), message));
        }
    }
    // Looking for the newest and taking it are one cause, and so are several questions about it.
    let mut known: Vec<Newest> = Vec::new();
    for (index, call) in job.calls.iter().enumerate() {
        let Some(what) = taken(job, index, call) else { continue };
        let same = |other: &Newest| other.cause == what.cause;
        if !known.iter().any(same) {
            let message = format!("{} takes {}, whichever commit that is of", job.name, what.says);
            let subject = format!("{}/{}", job.id, what.says);
            out.push(context.finding("artifact-newest", job.place(call), &subject, message));
            known.push(what);
        }
    }
}

struct Newest {
    says: String,
    cause: &'static str,
}

fn taken(job: &Job<'_>, index: usize, call: &Call<'_>) -> Option<Newest> {
    let command = call.command;
    let mut words = command.subcommands();
    let (program, first, second) =
        (command.program(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let text = command.words.iter().map(|word| word.text.as_ref()).collect::<Vec<_>>().join(" ");
    let newest = |says: &str, cause| Some(Newest { says: says.to_string(), cause });
    match (program, first, second) {
        ("gh", "run", "list")
            if command.value("commit").is_none()
                && command.value("c").is_none()
                && (["limit", "L"].iter().any(|flag| command.value(flag) == Some("1")) || text.contains("[0]"))
                && names_a_run(command) =>
        {
            newest("the newest run of a workflow", "run")
        }
        ("gh", "run", "download") if !names_run(command) => newest("the artifact of the newest run", "run"),
        ("aws", "ecr", "describe-images")
            if text.contains("sort_by") && !text.contains("imageTag=") && !text.contains("[:") =>
        {
            newest("the newest image of the repository", "image")
        }
        ("az", "acr", "repository")
            if text.contains("show-tags") && text.contains("time_desc") && text.contains("--top 1") =>
        {
            newest("the newest image of the repository", "image")
        }
        ("aws", "lambda", "list-versions-by-function") if text.contains("[-1]") && !effects::rolls_back(command) => {
            newest("the newest version of the function", "version")
        }
        ("aws", "lambda", "update-function-code") => {
            let key = command.value("s3-key").filter(|_| command.value("s3-object-version").is_none())?;
            let written_here = job.calls[..index].iter().any(|before| uploads(before.command, key));
            (is_of_any_commit(key) && !written_here).then(|| Newest { says: whatever(key), cause: "archive" })
        }
        ("aws", "s3", "cp" | "sync" | "mv") => {
            let from = command.subcommands().nth(2).filter(|from| from.starts_with("s3://"))?;
            let name = from.rsplit('/').next().unwrap_or(from);
            let to = command.subcommands().nth(3).unwrap_or_default().trim_end_matches('/');
            let held = if is_archive(to) { to.rsplit('/').next().unwrap_or(to) } else { name };
            let written_here = job.calls[..index].iter().any(|before| uploads(before.command, from));
            let meant = is_archive(name)
                && is_of_any_commit(from)
                && match use_of(&job.calls[index + 1..], held) {
                    Use::Deployed => true,
                    Use::Unpacked => false,
                    Use::Unseen => is_latest(name),
                };
            (meant && !written_here).then(|| Newest { says: whatever(from), cause: "archive" })
        }
        _ => None,
    }
}

fn whatever(key: &str) -> String {
    format!("whatever lies at {key}")
}

/// Whether a list of runs tells one from another, and not only how they went.
fn names_a_run(command: &Command<'_>) -> bool {
    command.value("json").is_none_or(|fields| {
        fields.split(',').any(|field| matches!(field.trim(), "databaseId" | "headSha" | "number" | "url"))
    })
}

/// Whether `gh run download` is told of which run.
fn names_run(command: &Command<'_>) -> bool {
    const WITH_VALUE: &[&str] = &["-n", "--name", "-D", "--dir", "-p", "--pattern", "-R", "--repo"];
    let mut args = command.args().iter().map(|word| word.text.as_ref()).skip(2);
    while let Some(arg) = args.next() {
        if WITH_VALUE.contains(&arg) {
            args.next();
        } else if arg.starts_with(|first: char| first == '$' || first.is_ascii_digit()) {
            return true;
        }
    }
    false
}

fn is_archive(name: &str) -> bool {
    [".zip", ".jar", ".war", ".tgz", ".tar.gz"].iter().any(|end| name.ends_with(end))
}

fn is_latest(name: &str) -> bool {
    name.to_ascii_lowercase().split(|character: char| !character.is_ascii_alphanumeric()).any(|word| word == "latest")
}

/// A name that is the same for every commit: `latest`, or an archive with neither a variable nor a number in its name.
fn is_of_any_commit(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    let fixed = !key.contains(['$', '{']) && !name.bytes().any(|byte| byte.is_ascii_digit());
    is_latest(name) || (fixed && is_archive(name))
}

/// Puts an archive where `key` says, so that what lies there is of the same run.
fn uploads(command: &Command<'_>, key: &str) -> bool {
    let mut words = command.subcommands();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (command.program(), first, second) {
        ("aws", "s3", "cp" | "mv") => {
            let to = words.nth(1).unwrap_or_default();
            to.starts_with("s3://") && (to.ends_with(key) || to.ends_with('/'))
        }
        ("aws", "s3", "sync") => words.nth(1).unwrap_or_default().starts_with("s3://"),
        ("aws", "s3api", "put-object") => command.value("key").is_some_and(|put| key.ends_with(put)),
        _ => false,
    }
}

/// What becomes of an archive, as far as it can be seen.
#[derive(PartialEq)]
enum Use {
    Unseen,
    /// Tools are unpacked and run.
    Unpacked,
    /// Itself, or what is unpacked from it.
    Deployed,
}

fn use_of(after: &[Call<'_>], name: &str) -> Use {
    let mut found = Use::Unseen;
    for call in after {
        let command = call.command;
        let names_it = command.words.iter().any(|word| word.text.rsplit('/').next() == Some(name));
        if names_it && matches!(command.program(), "unzip" | "tar") {
            found = Use::Unpacked;
        }
        if effects::moves_traffic(command) && (names_it || (found == Use::Unpacked && takes_folder(command))) {
            return Use::Deployed;
        }
    }
    found
}

/// Deploys what lies in a folder.
fn takes_folder(command: &Command<'_>) -> bool {
    match command.program() {
        "aws" => matches!(command.subcommands().next(), Some("s3" | "cloudformation")),
        "kubectl" | "helm" | "az" => false,
        "gcloud" => command.value("image").is_none() && command.subcommands().nth(1) == Some("deploy"),
        _ => true,
    }
}
