//! One environment's backend with another's values, followed command by command and folder by folder.

use super::effects;
use super::is_production;
use crate::command::{Command, Guard};
use crate::discover::names;
use crate::discover::usage::is_terraform;
use crate::finding::{Finding, Severity};
use crate::flow;
use crate::model::{FileId, Place};
use crate::run::Context;

/// What a folder is bound to from here on, where these conditions hold.
struct Bound<'c> {
    /// `None` for every folder.
    dir: Option<String>,
    /// `None` where it cannot be told.
    environment: Option<String>,
    place: Place,
    by: By,
    guards: &'c [Guard],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Init,
    Workspace,
    /// Only the values that were used last.
    Values,
}

impl Bound<'_> {
    fn is_of(&self, environment: &str) -> bool {
        self.environment.as_deref().is_some_and(|own| !differ(own, environment))
    }
}

/// The values of `prod` may be those of `prod-eu`, too, but not those of `prod-us`.
fn differ(a: &str, b: &str) -> bool {
    let within =
        |whole: &str, part: &str| whole.strip_prefix(part).is_some_and(|rest| rest.starts_with(['-', '_', '.']));
    !names::same_environment(a, b) && !within(a, b) && !within(b, a)
}

/// The environment that an argument names.
pub(super) fn named(context: &Context<'_>, text: &str) -> Option<String> {
    // Of `key=dev/x.tfstate` the value.
    let path = text.rsplit_once('=').map_or(text, |(_, value)| value);
    let found = names::find(path.rsplit_once('/').map_or(path, |(_, name)| name)).filter(|named| named.strong);
    let found = found.or_else(|| {
        path.split('/').rev().find_map(|part| names::find(part).filter(|named| named.strong && named.whole))
    });
    let known = || context.found.known.in_path(path).map(ToString::to_string);
    found.map(|named| named.name).or_else(known)
}

/// What certainly holds of a folder where a command runs: nothing where a branch before it may have changed that.
fn last<'b, 'c>(bound: &'b [Bound<'c>], dir: &str, guards: &[Guard]) -> Option<Option<&'b Bound<'c>>> {
    let here = bound.iter().rev().filter(|each| each.dir.as_deref().is_none_or(|known| known == dir));
    let latest = here.into_iter().find(|each| !flow::exclusive(each.guards, guards))?;
    Some((latest.environment.is_some() && flow::certain(latest.guards, guards)).then_some(latest))
}

/// Commands of one shell, in order: the backend of one environment with the values of another, or a switch with no init between.
pub(super) fn check(context: &Context<'_>, who: &str, commands: &[(FileId, &Command<'_>)], out: &mut Vec<Finding>) {
    let mut bound: Vec<Bound<'_>> = Vec::new();
    for (file, command) in commands {
        let place = Place { file: *file, span: command.span() };
        let guards = command.guards.as_slice();
        if effects::forgets_terraform(command) || sets_data_folder(command) {
            bound.push(Bound { dir: None, environment: None, place, by: By::Values, guards });
        }
        // With a data folder per environment nothing is switched.
        let own_folder = command.assignments().any(|(name, _)| name == "TF_DATA_DIR");
        if !is_terraform(command.program()) || own_folder {
            continue;
        }
        let dir = command.value("chdir").map(ToString::to_string).or_else(|| command.dir.clone()).unwrap_or_default();
        let before = last(&bound, &dir, guards);
        let (environment, by) = match command.subcommands().next().unwrap_or_default() {
            "init" => {
                let environment = command.values("backend-config").find_map(|(value, _)| named(context, value));
                if let (Some(environment), Some(Some(old))) = (&environment, before)
                    && old.by == By::Init
                {
                    initialised(context, who, (place, command), old, environment, out);
                }
                (environment, By::Init)
            }
            "workspace" => {
                let environment = selected(context, command);
                if let (Some(environment), Some(Some(old))) = (&environment, before)
                    && old.by == By::Init
                    && command.subcommands().nth(1) == Some("select")
                {
                    chosen(context, who, place, old, environment, out);
                }
                (environment, By::Workspace)
            }
            "plan" | "apply" | "destroy" | "import" => {
                let values: Vec<String> =
                    command.values("var-file").filter_map(|(value, _)| named(context, value)).collect();
                let workspace = command.assignments().find(|(name, _)| *name == "TF_WORKSPACE");
                if let Some(environment) = workspace.and_then(|(_, workspace)| named(context, workspace)) {
                    let bound = Bound { dir: None, environment: Some(environment), place, by: By::Workspace, guards };
                    match values.last() {
                        Some(last) if !values.iter().any(|each| bound.is_of(each)) => {
                            planned(context, who, place, &bound, last, out);
                        }
                        _ => {}
                    }
                    continue;
                }
                match (values.last().cloned(), before) {
                    (Some(environment), None) => (Some(environment), By::Values),
                    // Values of another environment may lie under its own.
                    (Some(_), Some(Some(old))) if values.iter().any(|environment| old.is_of(environment)) => continue,
                    (Some(environment), Some(Some(old))) => {
                        planned(context, who, place, old, &environment, out);
                        continue;
                    }
                    _ => continue,
                }
            }
            _ => continue,
        };
        bound.push(Bound { dir: Some(dir), environment, place, by, guards });
    }
}

/// The environment whose workspace a command makes the current one.
fn selected(context: &Context<'_>, command: &Command<'_>) -> Option<String> {
    let mut words = command.subcommands().skip(1);
    matches!(words.next(), Some("select" | "new")).then(|| words.next().and_then(|name| named(context, name))).flatten()
}

/// The workspace of production in the state of what comes before it, or the other way round. Environments before production may share
/// a state and part it by workspaces.
fn chosen(
    context: &Context<'_>,
    who: &str,
    place: Place,
    bound: &Bound<'_>,
    environment: &str,
    out: &mut Vec<Finding>,
) {
    let Some(old) = bound.environment.as_deref().filter(|old| is_production(old) != is_production(environment)) else {
        return;
    };
    let message = format!("{who} takes the workspace of {environment} in the state of {old}");
    let finding = context
        .finding("terraform-switched", place, &format!("{who}/{environment}"), message)
        .severity(Severity::Warning)
        .label(format!("the workspace of {environment}"))
        .beside(context.related(bound.place, format!("bound to {old} here")))
        .environments([old, environment]);
    once(finding, out);
}

/// `export TF_DATA_DIR=…`: what was bound lies in another folder.
fn sets_data_folder(command: &Command<'_>) -> bool {
    !is_terraform(command.program()) && command.words.iter().any(|word| word.text.starts_with("TF_DATA_DIR="))
}

/// An init for an environment in a folder that is bound to one.
fn initialised(
    context: &Context<'_>,
    who: &str,
    (place, command): (Place, &Command<'_>),
    bound: &Bound<'_>,
    environment: &str,
    out: &mut Vec<Finding>,
) {
    let Some(old) = bound.environment.as_deref().filter(|old| !names::same_environment(environment, old)) else {
        return;
    };
    let has = |flag: &str| {
        command.args().iter().any(|word| word.text.trim_start_matches('-') == flag && word.text.starts_with('-'))
    };
    let subject = format!("{who}/{environment}");
    let finding = if has("migrate-state") && has("force-copy") {
        let message = format!("{who} copies the state of {old} over that of {environment}, without a question");
        let finding = context.finding("terraform-switched", place, &subject, message).severity(Severity::Error);
        finding.label(format!("the next plan of {environment} starts from what {old} has"))
    } else if has("reconfigure") || has("migrate-state") {
        return;
    } else {
        let message = format!("{who} switches this folder from {old} to {environment} without `-reconfigure`");
        let finding = context.finding("terraform-switched", place, &subject, message).severity(Severity::Warning);
        finding.label("this init fails, and the folder stays bound to the old environment")
    };
    let related = context.related(bound.place, format!("bound to {old} here"));
    once(finding.beside(related).environments([old, environment]), out);
}

/// A plan or apply with the values of an environment in a folder that is bound to one.
fn planned(
    context: &Context<'_>,
    who: &str,
    place: Place,
    bound: &Bound<'_>,
    environment: &str,
    out: &mut Vec<Finding>,
) {
    let Some(old) = bound.environment.as_deref().filter(|old| differ(old, environment)) else { return };
    let (severity, message, says) = match bound.by {
        By::Init => {
            let message = format!("{who} plans the state of {old} with the values of {environment}");
            (Severity::Error, message, format!("bound to {old} here"))
        }
        By::Workspace => {
            let message = format!("{who} plans the workspace of {old} with the values of {environment}");
            (Severity::Error, message, format!("takes the workspace of {old} here"))
        }
        By::Values => {
            let message = format!(
                "{who} goes from the values of {old} to those of {environment} in one folder, with no init between"
            );
            (Severity::Warning, message, format!("the values of {old}"))
        }
    };
    let fix = match bound.by {
        By::Init => format!(
            "Give this plan the values of {old}, or run init with the backend of {environment} right before it."
        ),
        By::Workspace => {
            format!("Give this plan the values of {old}, or take the workspace of {environment} right before it.")
        }
        By::Values => String::new(),
    };
    let finding = context
        .finding("terraform-switched", place, &format!("{who}/{environment}"), message)
        .severity(severity)
        .fix(fix)
        .label(format!("the values of {environment}"))
        .beside(context.related(bound.place, says))
        .environments([old, environment]);
    once(finding, out);
}

/// A script that several call is looked at for each of them, and by itself.
fn once(finding: Finding, out: &mut Vec<Finding>) {
    if !out.iter().any(|known| known.rule == finding.rule && known.at == finding.at) {
        out.push(finding);
    }
}
