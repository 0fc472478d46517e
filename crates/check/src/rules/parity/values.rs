//! What is set and declared nowhere, required and missing, given twice.

use rayon::prelude::*;

use crate::discover::names::{self, Stage};
use crate::eval::literal;
use crate::finding::{Finding, Severity};
use crate::model::{FileId, Module, Place, Variable};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::view::{Deployed, View};

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    missing(view, out);
    disagree(view, out);
}

/// Values in variable files for which no module that reads the file has a variable.
pub(super) fn undeclared(context: &Context<'_>, out: &mut Vec<Finding>) {
    let instances = context.found.stacks.iter().flat_map(|stack| &stack.instances);
    let mut readers: Vec<(FileId, usize)> =
        instances.flat_map(|instance| instance.var_files.iter().map(|file| (*file, instance.module))).collect();
    readers.sort_unstable();
    readers.dedup();
    let by_file: Vec<&[(FileId, usize)]> = readers.chunk_by(|a, b| a.0 == b.0).collect();
    out.par_extend(by_file.into_par_iter().with_min_len(64).flat_map_iter(|readers| {
        let mut out = Vec::new();
        undeclared_in(context, readers, &mut out);
        out
    }));
}

/// One file with all of its readers.
fn undeclared_in(context: &Context<'_>, readers: &[(FileId, usize)], out: &mut Vec<Finding>) {
    let Some((file, _)) = readers.first().copied() else { return };
    let Parsed::Values(body) = &context.parsed[file] else { return };
    let modules: Vec<_> = readers.iter().map(|(_, index)| &context.world.modules[*index]).collect();
    // A file that several roots share may be meant for one that was not found; one that Terraform reads by itself is not.
    let (dir, name) = (context.tree.files()[file].dir(), context.tree.files()[file].name());
    let read_by_itself = |module: &Module<'_>| {
        module.dir == dir && (name.starts_with("terraform.tfvars") || name.contains(".auto.tfvars"))
    };
    if modules.iter().any(|module| module.incomplete || (module.variables.is_empty() && !read_by_itself(module))) {
        return;
    }
    for attr in &body.attrs {
        if modules.iter().any(|module| module.variable(attr.name).is_some()) {
            continue;
        }
        let declared = modules.iter().flat_map(|module| &module.variables).map(|variable| variable.name);
        let free = declared.filter(|name| body.attr(name).is_none());
        let near = nearest(attr.name, free);
        let place = Place { file, span: attr.name_span };
        let message = format!("{:?} is set here and declared nowhere", attr.name);
        let mut finding =
            context.finding("value-undeclared", place, attr.name, message).label("Terraform ignores this value");
        if let Some(near) = near {
            finding = finding.fix(format!("Did you mean {near:?}, which this file does not set?"));
            let variable = modules.iter().find_map(|module| module.variable(near));
            finding =
                finding.besides(variable.map(|variable| context.related(variable.place, "declared under this name")));
        }
        out.push(finding);
    }
}

/// The name that differs by a slip of the finger, if one does.
pub(super) fn nearest<'n>(name: &str, among: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let limit = match name.len() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    among
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance > 0 && *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// Whether a value may come from somewhere that the repository does not hold.
fn may_come_from_elsewhere(view: &View<'_>, variable: &Variable<'_>) -> bool {
    let context = view.context;
    let given = context.found.uses.iter().any(|used| used.variables.iter().any(|name| name == variable.name));
    let secret = variable.sensitive || ends_like_secret(variable.name);
    // Terraform's names are case-sensitive, and a secrets provider writes upper case.
    let upper = variable.name.chars().all(|character| !character.is_ascii_lowercase());
    given || secret || upper || context.options.supplied_variables.iter().any(|name| name == variable.name)
}

/// Whether a name ends with the word for a secret: `db_password`, and not `token_ttl`.
fn ends_like_secret(name: &str) -> bool {
    const ENDS: &[&str] = &[
        "auth",
        "cert",
        "certificate",
        "conn",
        "credential",
        "credentials",
        "creds",
        "dsn",
        "hash",
        "key",
        "keys",
        "license",
        "pass",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pat",
        "pem",
        "pin",
        "pw",
        "pwd",
        "salt",
        "secret",
        "secrets",
        "token",
        "tokens",
        "webhook",
    ];
    let lower = name.to_ascii_lowercase();
    let last = lower.trim_end_matches(|character: char| character.is_ascii_digit() || character == '_');
    let last = last.rsplit(['_', '-']).next().unwrap_or(last);
    let two = ["webhook_url", "connection_string", "connection_url", "database_url", "secret_value", "auth_header"];
    // `githubToken` and `apikey` are words of one piece.
    let glued = ["password", "secret", "token", "apikey", "passphrase"].iter().any(|end| last.ends_with(end));
    ENDS.contains(&last) || glued || two.iter().any(|end| lower.ends_with(end))
}

/// Whether this environment's values may be kept out of git, or a file that is not understood may hold them.
fn has_hidden_values(view: &View<'_>, deployed: &Deployed<'_>) -> bool {
    let instance = deployed.instance;
    let loose = !instance.loose_files.is_empty();
    let dir = deployed.module.dir;
    let path = |name: &str| if dir.is_empty() { name.to_string() } else { format!("{dir}/{name}") };
    let ignored = crate::rules::repository::ignored(view.context, &path("terraform.tfvars"))
        || crate::rules::repository::ignored(view.context, &path(&format!("{}.tfvars", deployed.environment)));
    // HCP Terraform and what speaks its protocol hold variables beside the state.
    let hosted = deployed.module.backend.as_ref().is_some_and(|backend| matches!(backend.kind, "cloud" | "remote"));
    let written = view.context.written.holds_values_of(deployed.environment);
    loose || ignored || written || hosted || deployed.module.incomplete || serves_workspaces(view, deployed)
}

/// A backend with no values of its own that keeps the workspaces of several environments: an account, and no environment.
fn serves_workspaces(view: &View<'_>, deployed: &Deployed<'_>) -> bool {
    let prefixed = deployed.backend.is_some_and(|backend| backend.text("workspace_key_prefix").is_some());
    let chosen = || view.context.found.uses.iter().any(|used| used.subcommand == "workspace");
    deployed.instance.var_files.is_empty() && !deployed.instance.backend_files.is_empty() && (prefixed || chosen())
}

fn missing(view: &View<'_>, out: &mut Vec<Finding>) {
    if view.deployed.iter().all(|deployed| deployed.values.is_empty()) {
        return;
    }
    for deployed in view.deployed.iter().filter(|deployed| !deployed.environment.is_empty()) {
        for variable in &deployed.module.variables {
            if variable.default.is_some() || deployed.sets(variable.name) || may_come_from_elsewhere(view, variable) {
                continue;
            }
            let setting = || view.deployed.iter().filter_map(|other| Some((other, other.given(variable.name)?)));
            // Where no environment sets it, something outside the repository does.
            let Some((other, (file, attr))) = setting().next() else { continue };
            // So it is where nothing but a developer's own file sets it.
            if setting().all(|(other, _)| stage(view, other) == Some(Stage::Local)) {
                continue;
            }
            if has_hidden_values(view, deployed) {
                break;
            }
            // An environment with no values at all gets them from somewhere else too.
            // So it may from a service that holds variables for its pipelines.
            let doubtful = deployed.values.is_empty() || view.context.written.foreign_pipeline;
            let severity = if doubtful { Severity::Warning } else { Severity::Error };
            let place = deployed.values.last().map_or(variable.place, |(file, _)| view.context.top(*file));
            let subject = format!("{}/{}", deployed.environment, variable.name);
            let message =
                format!("{} has no value for {:?}, which has no default", deployed.environment, variable.name);
            out.push(
                view.context
                    .finding("value-missing", place, &subject, message)
                    .severity(severity)
                    .label(format!("the values of {} do not set it", deployed.environment))
                    .beside(
                        view.context
                            .related(Place { file, span: attr.span() }, format!("{} sets it", other.environment)),
                    )
                    .beside(view.context.related(variable.place, "declared here, with no default"))
                    .environment(deployed.environment),
            );
        }
    }
}

fn stage(view: &View<'_>, deployed: &Deployed<'_>) -> Option<Stage> {
    view.context.found.known.stage(deployed.environment)
}

/// Two files that both claim to hold an environment's values, each by its name, and give one variable two values.
fn disagree(view: &View<'_>, out: &mut Vec<Finding>) {
    let several = view
        .deployed
        .iter()
        .filter(|deployed| deployed.instance.var_files.len() > 1 && !deployed.instance.in_told_order);
    for deployed in several.filter(|deployed| !deployed.environment.is_empty()) {
        let claims =
            |file: FileId| claims_environment(view.context.path(file), deployed.module.dir, deployed.environment);
        for (index, (file, attr)) in deployed.values.iter().enumerate() {
            if !claims(*file) {
                continue;
            }
            let value = literal(&attr.value);
            let later = deployed.values[index + 1..].iter().find(|(other, second)| {
                other != file && second.name == attr.name && claims(*other) && literal(&second.value) != value
            });
            let Some((other, second)) = later else { continue };
            // Files of one folder are read together, and the later wins on purpose.
            if folder(view.context.path(*file)) == folder(view.context.path(*other))
                && both_named_alike(view, *file, *other)
            {
                continue;
            }
            let message = format!(
                "two files claim to hold the values of {} and disagree about {:?}",
                deployed.environment, attr.name
            );
            out.push(
                view.context
                    .finding(
                        "values-disagree",
                        Place { file: *file, span: attr.span() },
                        &format!("{}/{}", deployed.environment, attr.name),
                        message,
                    )
                    .label(format!("{} here", literal(&attr.value)))
                    .beside(view.context.related(
                        Place { file: *other, span: second.span() },
                        format!("{} there", literal(&second.value)),
                    ))
                    .environment(deployed.environment),
            );
        }
    }
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// `dev/network.tfvars` beside `dev/app.tfvars`: parts of one environment, of which none claims to be all of it.
fn both_named_alike(view: &View<'_>, a: FileId, b: FileId) -> bool {
    let named = |file: FileId| names::find(view.context.tree.files()[file].name()).is_some_and(|named| named.whole);
    !named(a) || !named(b)
}

/// Whether the file's name or folder below the root module is the environment's name and nothing more.
fn claims_environment(path: &str, root: &str, environment: &str) -> bool {
    let below = path.strip_prefix(root).unwrap_or(path);
    let (dir, name) = below.rsplit_once('/').unwrap_or(("", below));
    let stem = name.split('.').next().unwrap_or(name);
    let own = names::same_environment(stem, environment);
    let folder = dir.rsplit('/').next().is_some_and(|last| names::same_environment(last, environment));
    own || (folder && name.starts_with("terraform.tfvars"))
}

#[cfg(test)]
mod tests {
    use super::ends_like_secret;

    #[test]
    fn a_secret_is_told_by_the_end_of_its_name() {
        for name in [
            "db_password",
            "github_token",
            "api_key",
            "apikey",
            "client_secret",
            "slack_webhook_url",
            "ssh_key_2",
            "githubToken",
            "CONNECTION_STRING",
        ] {
            assert!(ends_like_secret(name), "{name}");
        }
        for name in
            ["token_ttl", "password_length", "secret_name", "auth_domain", "tokenizer", "webhook_timeout", "keyspace"]
        {
            assert!(!ends_like_secret(name), "{name}");
        }
    }
}
