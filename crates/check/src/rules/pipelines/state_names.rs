//! State buckets, keys and lock tables in commands, against those that the backends name.

use super::jobs::OF_A_PULL_REQUEST;
use crate::backend::Backend;
use crate::command::Command;
use crate::discover::names;
use crate::discover::usage::{self, is_terraform};
use crate::finding::Finding;
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::written::is_placeholder;

pub(super) fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (file, parsed) in context.parsed.iter().enumerate() {
        let commands: Vec<(FileId, &Command<'_>)> = match parsed {
            Parsed::Script(commands) => commands.iter().map(|command| (file, command)).collect(),
            Parsed::Workflow(workflow) => {
                workflow.runs.iter().flat_map(|run| &run.commands).map(|command| (file, command)).collect()
            }
            _ => continue,
        };
        other_state(context, &commands, out);
    }
}

/// State buckets and lock tables in commands, which no backend has.
fn other_state(context: &Context<'_>, commands: &[(FileId, &Command<'_>)], out: &mut Vec<Finding>) {
    let backends: Vec<&Backend<'_>> = context.backends.iter().flatten().flatten().collect();
    let known = |name: &str| -> Vec<&str> { backends.iter().filter_map(|backend| backend.text(name)).collect() };
    if backends.is_empty() || backends.iter().any(|backend| backend.uncertain()) {
        return;
    }
    for (file, command) in commands {
        let place = Place { file: *file, span: command.span() };
        let told: Option<(&str, String, Vec<&str>)> =
            match (command.program(), command.subcommands().next().unwrap_or_default()) {
                ("aws", "dynamodb") => {
                    let table =
                        command.value("table-name").filter(|table| table.contains("lock") || table.contains("tfstate"));
                    table.map(|table| ("lock table", table.to_string(), known("dynamodb_table")))
                }
                ("aws", "s3" | "s3api") => {
                    state_bucket(command, &known("key")).map(|bucket| ("state bucket", bucket, known("bucket")))
                }
                _ => None,
            };
        let told = told.or_else(|| inline(context, command));
        let Some((what, text, known)) = told else { continue };
        let pattern = usage::pattern(&text);
        let same = |known: &&str| usage::matches(known, &pattern) || is_placeholder(known);
        if known.is_empty() || pattern == "*" || known.iter().any(same) {
            continue;
        }
        let message = format!("the {what} {text:?} is none of those that the backends name: {}", list(&known));
        out.push(context.finding("pipeline-state-differs", place, &format!("{what}/{text}"), message));
    }
}

/// The bucket that a command takes a state from, or looks into. Where a copy goes to, a new bucket and a backup are meant to be others.
fn state_bucket(command: &Command<'_>, keys: &[&str]) -> Option<String> {
    let action = command.subcommands().nth(1).unwrap_or_default();
    if matches!(action, "mb" | "create-bucket") {
        return None;
    }
    let places: Vec<&str> = command.subcommands().skip(2).collect();
    let copies = matches!(action, "cp" | "mv" | "sync");
    let path = match places.iter().position(|place| place.starts_with("s3://")) {
        // Onto a backend's own key it is a state that is put back.
        Some(1..) if copies && !keys.iter().any(|key| places[1].ends_with(&format!("/{key}"))) => return None,
        Some(index) => places[index].strip_prefix("s3://"),
        None => None,
    };
    let bucket = path.and_then(|path| path.split('/').next()).or_else(|| command.value("bucket"))?;
    let named = bucket.contains("tfstate") || bucket.contains("terraform-state");
    let object = path.and_then(|path| path.split_once('/')).map_or("", |(_, object)| object);
    let state = object.contains("tfstate") || (named && !(copies && object.contains('.')));
    (state && !bucket.contains("backup")).then(|| bucket.to_string())
}

/// `-backend-config=key=value` beside a backend that says otherwise in every environment.
fn inline<'c>(context: &'c Context<'_>, command: &Command<'_>) -> Option<(&'static str, String, Vec<&'c str>)> {
    if !is_terraform(command.program()) {
        return None;
    }
    let dir = command.value("chdir").map(ToString::to_string).or_else(|| command.dir.clone());
    let dir = dir.map(|dir| usage::pattern(&dir)).filter(|dir| dir.contains(|character| !"./*".contains(character)));
    let is_there = |module: &str| dir.as_deref().is_none_or(|dir| usage::ends_with_pattern(module, dir));
    let stacks = context.found.stacks.iter().zip(context.backends);
    let instances = stacks.flat_map(|(stack, backends)| stack.instances.iter().zip(backends));
    let backends: Vec<&Backend<'_>> = instances
        .filter(|(instance, _)| is_there(context.world.modules[instance.module].dir))
        .filter_map(|(_, backend)| backend.as_ref())
        .collect();
    if command.values("backend-config").any(|(config, _)| is_of_a_pull_request(config)) {
        return None;
    }
    let with_file = command.values("backend-config").any(|(config, _)| !config.contains('='));
    for (config, _) in command.values("backend-config") {
        let Some((name, value)) = config.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        let what = match name {
            "bucket" => "state bucket",
            "dynamodb_table" => "lock table",
            "region" => "region of the state",
            // A key that names no environment of this repository may be for a preview.
            "key" | "prefix" if !with_file && names_environment(context, value) => "key of the state",
            _ => continue,
        };
        // Settings with no place came from such a command themselves.
        let written: Vec<&str> = backends
            .iter()
            .filter_map(|backend| backend.settings.get(name))
            .filter(|setting| setting.place.is_some())
            .map(|setting| &*setting.text)
            .collect();
        if !written.is_empty()
            && written.len() == backends.len()
            && !written.iter().any(|known| usage::matches(known, &usage::pattern(value)))
        {
            return Some((what, value.to_string(), written));
        }
    }
    None
}

/// `key=pr-12.tfstate`: a state that one pull request has for itself, wherever it lies.
fn is_of_a_pull_request(config: &str) -> bool {
    let Some(("key" | "prefix", value)) = config.split_once('=') else { return false };
    OF_A_PULL_REQUEST.iter().any(|sign| value.contains(sign))
        || names::words(value).iter().any(|(start, end)| matches!(&value[*start..*end], "pr" | "preview" | "sandbox"))
}

/// Whether a text that holds no variable names one of the environments that were found.
fn names_environment(context: &Context<'_>, text: &str) -> bool {
    !text.contains('$') && context.found.environments.iter().any(|environment| names::mentions(text, environment))
}

fn list(names: &[&str]) -> String {
    let mut names: Vec<&str> = names.to_vec();
    names.sort_unstable();
    names.dedup();
    if names.len() > 3 { format!("{}, {} and {} more", names[0], names[1], names.len() - 2) } else { names.join(", ") }
}
