//! Terraform in pipelines: several environments at once, one environment's backend with another's values, applies that nobody saw.

use github_actions_models::common::expr::LoE;
use yamlpath::Component;

use super::effects;
use super::jobs::Job;
use super::scopes::Pipeline;
use crate::backend::Backend;
use crate::command::Command;
use crate::discover::names::{self, Stage};
use crate::discover::usage::{self, is_terraform};
use crate::finding::{Finding, Severity};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::written::is_placeholder;

pub(super) fn check(context: &Context<'_>, pipeline: &Pipeline<'_>, out: &mut Vec<Finding>) {
    for job in &pipeline.jobs {
        parallel(context, job, out);
        let own: Vec<(FileId, &Command<'_>)> = job.calls.iter().map(|call| (call.file, call.command)).collect();
        switched(context, &job.name, &own, out);
        let applies = job.calls.iter().filter(|call| effects::applies(call.command));
        for call in applies {
            let severity = if job.target.is_production() { Severity::Warning } else { Severity::Hint };
            unreviewed(context, &job.name, (call.file, call.command), severity, job.target.name(), out);
        }
    }
    for (file, parsed) in context.parsed.iter().enumerate() {
        if let Parsed::Script(commands) = parsed {
            for command in commands.iter().filter(|command| effects::applies(command)) {
                let environment = applied_to(command);
                let prod =
                    environment.as_deref().and_then(names::stage_of).map(|(stage, _)| stage) == Some(Stage::Prod);
                let severity = if prod { Severity::Warning } else { Severity::Hint };
                unreviewed(context, context.path(file), (file, command), severity, environment.as_deref(), out);
            }
        }
        match parsed {
            // A Makefile's recipes are not run one after the other.
            Parsed::Script(commands) if !is_recipes(context.path(file)) => {
                let commands: Vec<(FileId, &Command<'_>)> = commands.iter().map(|command| (file, command)).collect();
                switched(context, context.path(file), &commands, out);
                background(context, &commands, out);
                other_state(context, &commands, out);
            }
            Parsed::Script(commands) => {
                let commands: Vec<(FileId, &Command<'_>)> = commands.iter().map(|command| (file, command)).collect();
                other_state(context, &commands, out);
            }
            Parsed::Workflow(workflow) => {
                let commands: Vec<(FileId, &Command<'_>)> =
                    workflow.runs.iter().flat_map(|run| &run.commands).map(|command| (file, command)).collect();
                other_state(context, &commands, out);
            }
            _ => {}
        }
    }
}

fn is_recipes(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    name.contains("makefile") || name.contains("justfile") || name.ends_with(".mk") || name.ends_with(".just")
}

/// A matrix over environments that applies in all of them at once.
fn parallel(context: &Context<'_>, job: &Job<'_>, out: &mut Vec<Finding>) {
    let Some(strategy) = &job.model.strategy else { return };
    let Some(call) = job.calls.iter().find(|call| effects::applies(call.command)) else { return };
    if matches!(strategy.max_parallel, Some(LoE::Literal(1))) {
        return;
    }
    let Some(LoE::Literal(matrix)) = &strategy.matrix else { return };
    let LoE::Literal(dimensions) = &matrix.dimensions else { return };
    let over = dimensions.iter().find(|(_, values)| {
        let LoE::Literal(values) = values else { return false };
        let environments = values
            .iter()
            .filter(|value| value.as_str().is_some_and(|text| names::find(text).is_some_and(|named| named.strong)));
        environments.count() > 1
    });
    let Some((name, _)) = over else { return };
    let mut route = job.route();
    route.extend([Component::from("strategy"), "matrix".into(), name.clone().into()]);
    let place = Place { file: job.file, span: job.workflow.span(&route) };
    let message = format!("{} applies Terraform in several environments at the same time", job.name);
    out.push(
        context
            .finding("terraform-parallel", place, job.id, message)
            .label("no `max-parallel: 1`")
            .beside(context.related(job.place(call), "it applies here")),
    );
}

fn background(context: &Context<'_>, commands: &[(FileId, &Command<'_>)], out: &mut Vec<Finding>) {
    let in_background = commands.iter().filter(|(_, command)| effects::applies(command) && command.background);
    for (file, command) in in_background {
        let place = Place { file: *file, span: command.span() };
        let message = "this apply runs in the background, beside whatever comes next".to_string();
        out.push(context.finding(
            "terraform-parallel",
            place,
            &command.words.last().map_or(String::new(), |word| word.text.to_string()),
            message,
        ));
    }
}

/// The environment that an argument names.
fn named(text: &str) -> Option<String> {
    let found = names::find(text.rsplit_once('/').map_or(text, |(_, name)| name)).filter(|named| named.strong);
    let found = found.or_else(|| {
        text.split('/').rev().find_map(|part| names::find(part).filter(|named| named.strong && named.whole))
    });
    found.map(|named| named.name)
}

/// The environment whose values an apply takes.
fn applied_to(command: &Command<'_>) -> Option<String> {
    command.values("var-file").find_map(|(value, _)| named(value))
}

/// Commands of one shell, in order: the backend of one environment with the values of another, or a switch with no init between.
fn switched(context: &Context<'_>, who: &str, commands: &[(FileId, &Command<'_>)], out: &mut Vec<Finding>) {
    // By folder: the environment that init bound it to, or that the last values were of.
    let mut bound: Vec<(String, String, Place, bool)> = Vec::new();
    for (file, command) in commands {
        if effects::forgets_terraform(command) {
            bound.clear();
        }
        if !is_terraform(command.program()) {
            continue;
        }
        let dir = command.value("chdir").map(ToString::to_string).or_else(|| command.dir.clone()).unwrap_or_default();
        let place = Place { file: *file, span: command.span() };
        // With a data folder per environment nothing is switched.
        if command.assignments().any(|(name, _)| name == "TF_DATA_DIR") {
            continue;
        }
        let position = bound.iter().position(|(known, ..)| *known == dir);
        match command.subcommands().next().unwrap_or_default() {
            "init" => {
                let environment = command.values("backend-config").find_map(|(value, _)| named(value));
                let before = position.map(|index| bound.remove(index));
                let reconfigures =
                    ["-reconfigure", "--reconfigure", "-migrate-state"].iter().any(|flag| command.has_arg(flag));
                if let (Some(environment), Some((_, old, old_place, true))) = (&environment, &before)
                    && !names::same_environment(environment, old)
                    && !reconfigures
                {
                    let message =
                        format!("{who} switches this folder from {old} to {environment} without `-reconfigure`");
                    out.push(
                        context
                            .finding("terraform-switched", place, &format!("{who}/{environment}"), message)
                            .severity(Severity::Warning)
                            .label("this init fails, and the folder stays bound to the old environment")
                            .beside(context.related(*old_place, format!("bound to {old} here")))
                            .environments([old.as_str(), environment.as_str()]),
                    );
                }
                if let Some(environment) = environment {
                    bound.push((dir, environment, place, true));
                }
            }
            "workspace" => {
                if let Some(index) = position {
                    bound.remove(index);
                }
            }
            "plan" | "apply" | "destroy" | "import" => {
                let Some(environment) = command.values("var-file").find_map(|(value, _)| named(value)) else {
                    continue;
                };
                match position.map(|index| &bound[index]) {
                    Some((_, old, old_place, by_init)) if !names::same_environment(old, &environment) => {
                        let message = if *by_init {
                            format!("{who} plans the state of {old} with the values of {environment}")
                        } else {
                            format!(
                                "{who} goes from the values of {old} to those of {environment} in one folder, with no init between"
                            )
                        };
                        let says =
                            if *by_init { format!("bound to {old} here") } else { format!("the values of {old}") };
                        out.push(
                            context
                                .finding("terraform-switched", place, &format!("{who}/{environment}"), message)
                                .severity(if *by_init { Severity::Error } else { Severity::Warning })
                                .label(format!("the values of {environment}"))
                                .beside(context.related(*old_place, says))
                                .environments([old.as_str(), environment.as_str()]),
                        );
                    }
                    Some(_) => {}
                    None => bound.push((dir, environment, place, false)),
                }
            }
            _ => {}
        }
    }
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
    let place = Place { file, span: command.span() };
    // The job that calls a script says more than the script alone.
    let location = context.location(place);
    let known = out.iter().any(|known| known.rule == "apply-unreviewed" && known.at == location);
    if !automatic || has_plan_file(command) || known {
        return;
    }
    let values = command.values("var-file").next().is_some();
    let missing = if values { "a saved plan" } else { "a saved plan or a variable file" };
    let message = format!("{who} applies without {missing}, so nobody saw what it changes");
    let subject =
        format!("{who}/{}", command.words.iter().map(|word| word.text.as_ref()).collect::<Vec<_>>().join(" "));
    out.push(
        context.finding("apply-unreviewed", place, &subject, message).severity(severity).environments(environment),
    );
}

/// The plan is the argument that is no flag and no flag's value.
fn has_plan_file(command: &Command<'_>) -> bool {
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

/// State buckets and lock tables in commands, which no backend has.
fn other_state(context: &Context<'_>, commands: &[(FileId, &Command<'_>)], out: &mut Vec<Finding>) {
    let backends: Vec<&Backend<'_>> = context.backends.iter().flatten().flatten().collect();
    let known = |name: &str| -> Vec<&str> { backends.iter().filter_map(|backend| backend.text(name)).collect() };
    if backends.is_empty() || backends.iter().any(|backend| backend.uncertain) {
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
