//! Isolation: one environment's state, lock and backend against another's.

use std::collections::BTreeMap;

use crate::discover::names;
use crate::finding::{Finding, Severity, listed};
use crate::layout::Shape;
use crate::model::Place;
use crate::run::Context;
use crate::view::{Deployed, View};

/// Where one stack keeps its state in one environment.
pub(crate) struct State {
    identity: Vec<String>,
    environment: String,
    /// Of one region's share of an environment, that environment.
    within: Option<String>,
    stack: String,
    root: String,
    place: Place,
}

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in &view.deployed {
        lock_missing(view, deployed, out);
        unencrypted(view, deployed, out);
        names_other(view, deployed, out);
    }
    lock_differs(view, out);
    backend_unused(view, out);
    state_local(view, out);
}

/// The states of a stack that can be told from what is written down.
pub(super) fn states(view: &View<'_>) -> Vec<State> {
    if view.stack.shape == Shape::Workspaces {
        return Vec::new();
    }
    view.deployed
        .iter()
        .filter_map(|deployed| {
            let backend = deployed.backend?;
            let (identity, telling) = backend.state()?;
            Some(State {
                identity,
                environment: deployed.environment.to_string(),
                within: deployed.instance.within.clone(),
                stack: view.stack.name.clone(),
                root: deployed.module.dir.to_string(),
                place: backend.place(telling).unwrap_or(backend.block),
            })
        })
        .collect()
}

pub(super) fn shared_state(context: &Context<'_>, states: &[State], out: &mut Vec<Finding>) {
    let mut by_identity: BTreeMap<&[String], Vec<&State>> = BTreeMap::new();
    for state in states {
        by_identity.entry(&state.identity).or_default().push(state);
    }
    let mut of_stacks: BTreeMap<Vec<Place>, Vec<&Vec<&State>>> = BTreeMap::new();
    for sharing in by_identity.values().filter(|sharing| sharing.len() > 1) {
        // Two root modules with one key do so in every environment.
        if sharing.iter().all(|state| state.environment == sharing[0].environment && !state.environment.is_empty()) {
            of_stacks.entry(sharing.iter().map(|state| state.place).collect()).or_default().push(sharing);
            continue;
        }
        // The regions of one environment with one backend file: a script or one apply for all of them may be behind it.
        let first = sharing[0];
        let of_first =
            |state: &&State| state.within == first.within && state.place == first.place && state.stack == first.stack;
        if first.within.is_some() && sharing.iter().all(of_first) {
            continue;
        }
        let who = |state: &State| match (state.environment.as_str(), state.stack.as_str()) {
            ("", stack) => stack.to_string(),
            (environment, ".") => environment.to_string(),
            (environment, _) => format!("{environment} ({})", if state.root.is_empty() { "." } else { &state.root }),
        };
        let names: Vec<String> = sharing.iter().map(|state| who(state)).collect();
        let mut message =
            format!("{} keep one state: {}", listed(names.iter().map(|name| &**name)), describe(&first.identity));
        // One block in shared code may still be parted by workspaces that people choose by hand.
        let in_code = sharing.iter().all(|state| state.place == first.place);
        if in_code && context.written.workspace {
            continue;
        }
        if in_code {
            message.push_str(", unless somebody chooses a workspace by hand");
        }
        let finding = context
            .finding("state-shared", first.place, &first.identity.join("/"), message)
            .severity(if in_code { Severity::Warning } else { Severity::Error })
            .label(format!("the state of {}", names[0]))
            .environments(sharing.iter().map(|state| state.environment.as_str()));
        let others = sharing.iter().zip(&names).skip(1).filter(|(state, _)| state.place != first.place);
        let related: Vec<_> =
            others.map(|(state, name)| context.related(state.place, format!("the same state for {name}"))).collect();
        out.push(finding.besides(related));
    }
    for shared in of_stacks.values() {
        stacks_share(context, shared, out);
    }
}

/// Root modules that keep one state in each of these environments.
fn stacks_share(context: &Context<'_>, shared: &[&Vec<&State>], out: &mut Vec<Finding>) {
    let Some((first, rest)) = shared.first().and_then(|states| states.split_first()) else { return };
    let root = |state: &State| if state.root.is_empty() { ".".to_string() } else { state.root.clone() };
    let roots: Vec<String> = shared[0].iter().map(|state| root(state)).collect();
    let mut environments: Vec<&str> =
        shared.iter().filter_map(|states| Some(states.first()?.environment.as_str())).collect();
    environments.sort_by_key(|name| context.found.environments.iter().position(|known| known == name));
    let message = format!(
        "{} keep one state in {}: {}",
        listed(roots.iter().map(String::as_str)),
        listed(environments.iter().copied()),
        describe(&first.identity)
    );
    let related = rest.iter().filter(|state| state.place != first.place);
    let related: Vec<_> =
        related.map(|state| context.related(state.place, format!("the same state for {}", root(state)))).collect();
    out.push(
        context
            .finding("state-shared", first.place, &first.identity.join("/"), message)
            .label(format!("the state of {}", roots[0]))
            .fix("Give each root module a key of its own, and move the state before the next apply.")
            .environments(environments)
            .besides(related),
    );
}

fn describe(identity: &[String]) -> String {
    let (kind, parts) = identity.split_first().map_or(("", identity), |(kind, parts)| (kind.as_str(), parts));
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    format!("{kind} {}", parts.join("/"))
}

/// The file or block that a reader would put a missing setting into.
fn backend_place(view: &View<'_>, deployed: &Deployed<'_>) -> Option<Place> {
    let backend = deployed.backend?;
    let file = deployed.instance.backend_files.last();
    Some(file.map_or(backend.block, |file| view.context.top(*file)))
}

fn is_on(text: Option<&str>) -> bool {
    text == Some("true")
}

/// `lock_table` is what Terraform called it before 0.10.
const LOCK_TABLES: &[&str] = &["dynamodb_table", "lock_table"];

/// How a state in S3 is locked: `None` where it is not.
fn lock(deployed: &Deployed<'_>) -> Option<&'static str> {
    let backend = deployed.backend?;
    match (
        LOCK_TABLES.iter().any(|name| backend.text(name).is_some_and(|table| !table.is_empty())),
        is_on(backend.text("use_lockfile")),
    ) {
        (true, true) => Some("a DynamoDB table and a lock file"),
        (true, false) => Some("a DynamoDB table"),
        (false, true) => Some("a lock file"),
        (false, false) => None,
    }
}

fn lock_missing(view: &View<'_>, deployed: &Deployed<'_>, out: &mut Vec<Finding>) {
    let Some(backend) = deployed.backend.filter(|backend| backend.kind == "s3" && !backend.uncertain) else {
        return;
    };
    // A backend with no key yet gets the rest of its settings from somewhere that is not here.
    if backend.text("bucket").is_none() || backend.text("key").is_none() || lock(deployed).is_some() {
        return;
    }
    let Some(place) = backend_place(view, deployed) else { return };
    let locked = view.deployed.iter().find(|other| lock(other).is_some());
    let related = locked.and_then(|other| {
        let backend = other.backend.as_ref()?;
        let place = backend.place("use_lockfile").or_else(|| backend.place("dynamodb_table"))?;
        Some(view.context.related(place, format!("{} is locked", other.label())))
    });
    let message = match deployed.environment {
        "" => "nothing locks this state".to_string(),
        environment => format!("nothing locks the state of {environment}"),
    };
    out.push(
        view.context
            .finding("state-lock-missing", place, deployed.environment, message)
            .label("neither use_lockfile nor dynamodb_table")
            .environment(deployed.environment)
            .besides(related),
    );
}

fn lock_differs(view: &View<'_>, out: &mut Vec<Finding>) {
    let locked: Vec<(&Deployed<'_>, &'static str)> =
        view.deployed.iter().filter_map(|deployed| Some((deployed, lock(deployed)?))).collect();
    let Some((first, how)) = locked.first() else { return };
    let Some((other, other_how)) = locked.iter().find(|(_, other)| other != how) else { return };
    let place = |deployed: &Deployed<'_>| {
        let backend = deployed.backend?;
        backend.place("dynamodb_table").or_else(|| backend.place("use_lockfile"))
    };
    let (Some(here), Some(there)) = (place(first), place(other)) else { return };
    let message = format!("{} is locked with {how}, {} with {other_how}", first.label(), other.label());
    out.push(
        view.context
            .finding("state-lock-differs", here, first.environment, message)
            .label(format!("{how} in {}", first.label()))
            .beside(view.context.related(there, format!("{other_how} in {}", other.label())))
            .environments([first.environment, other.environment]),
    );
}

fn unencrypted(view: &View<'_>, deployed: &Deployed<'_>, out: &mut Vec<Finding>) {
    let Some(backend) = deployed.backend.filter(|backend| backend.kind == "s3" && !backend.uncertain) else {
        return;
    };
    if backend.text("bucket").is_none() || backend.text("key").is_none() {
        return;
    }
    let of = if deployed.environment.is_empty() { String::new() } else { format!(" of {}", deployed.environment) };
    match (backend.text("encrypt"), backend.place("encrypt")) {
        (Some("false"), Some(place)) => out.push(
            view.context
                .finding(
                    "state-unencrypted",
                    place,
                    deployed.environment,
                    format!("encryption of the state{of} is switched off"),
                )
                .environment(deployed.environment),
        ),
        (None, _) => {
            let Some(place) = backend_place(view, deployed) else { return };
            out.push(
                view.context
                    .finding(
                        "state-unencrypted",
                        place,
                        deployed.environment,
                        format!("the backend{of} does not say `encrypt = true`"),
                    )
                    .severity(Severity::Hint)
                    .environment(deployed.environment),
            );
        }
        _ => {}
    }
}

/// Settings that lead to a state or a lock, the most telling first.
const LEADING: &[&str] = &[
    "key",
    "prefix",
    "bucket",
    "container_name",
    "storage_account_name",
    "dynamodb_table",
    "path",
    "workspace_key_prefix",
    "profile",
    "role_arn",
];

fn names_other(view: &View<'_>, deployed: &Deployed<'_>, out: &mut Vec<Finding>) {
    let Some(backend) = deployed.backend.filter(|_| !deployed.environment.is_empty()) else { return };
    for name in LEADING {
        let Some(setting) = backend.settings.get(*name) else { continue };
        let Some(place) = setting.place else { continue };
        let Some((_, _, other)) = view.context.found.known.other_in(&setting.text, deployed.environment) else {
            continue;
        };
        // A setting that every environment shares names whoever it was made for, and is no slip of this one.
        let shared = view.deployed.len() > 1
            && view
                .deployed
                .iter()
                .all(|each| each.backend.and_then(|backend| backend.text(name)) == Some(&setting.text));
        if shared || place.file == backend.block.file && view.shares_root() {
            continue;
        }
        let theirs = view.deployed.iter().find(|each| names::same_environment(each.environment, other));
        let same = theirs.and_then(|each| each.backend).filter(|theirs| theirs.text(name) == Some(&setting.text));
        let related = same
            .and_then(|theirs| theirs.place(name))
            .map(|place| view.context.related(place, format!("as in {other}")));
        // In a stack whose other environments name themselves, this one is a copy that was not changed.
        let pattern = view.deployed.iter().any(|each| {
            each.environment != deployed.environment
                && each
                    .backend
                    .and_then(|backend| backend.text(name))
                    .is_some_and(|text| names::mentions(text, each.environment))
        });
        let severity = if pattern || related.is_some() { Severity::Error } else { Severity::Warning };
        out.push(
            view.context
                .finding(
                    "backend-names-other",
                    place,
                    &format!("{}/{name}", deployed.environment),
                    format!("the backend of {} names {other}: {name} is {:?}", deployed.environment, setting.text),
                )
                .severity(severity)
                .label(format!("this is the backend of {}", deployed.environment))
                .besides(related)
                .environments([deployed.environment, other]),
        );
        return;
    }
}

fn backend_unused(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in &view.deployed {
        let Some(file) = deployed.instance.backend_files.first() else { continue };
        if deployed.module.backend.is_some() || deployed.module.cloud.is_some() || deployed.module.incomplete {
            continue;
        }
        let root = if deployed.module.dir.is_empty() { "." } else { deployed.module.dir };
        if view.context.scripts_write_backend {
            continue;
        }
        out.push(
            view.context
                .finding(
                    "backend-unused",
                    view.context.top(*file),
                    root,
                    format!("{root} has no backend block, so this file is not used and the state stays on whatever machine ran last"),
                )
                .environment(deployed.environment),
        );
    }
}

/// Types that hold nothing outside the state.
fn is_harmless(kind: &str) -> bool {
    ["terraform_", "null_", "random_", "local_", "time_", "tls_"].iter().any(|prefix| kind.starts_with(prefix))
}

fn state_local(view: &View<'_>, out: &mut Vec<Finding>) {
    let mut seen = Vec::new();
    for deployed in &view.deployed {
        let module = deployed.module;
        let local = match &module.backend {
            Some(backend) => backend.kind == "local",
            None => module.cloud.is_none(),
        };
        let used = view.context.found.uses.iter().any(|used| {
            used.subcommand == "apply"
                && used.dir.as_deref().is_some_and(|dir| crate::discover::usage::ends_with_pattern(module.dir, dir))
        });
        let shared = !deployed.environment.is_empty() || used;
        let unused_file = module.backend.is_none() && !deployed.instance.backend_files.is_empty();
        if !local || !shared || unused_file || seen.contains(&module.dir) || module.incomplete {
            continue;
        }
        seen.push(module.dir);
        if deployed.placed().iter().all(|placed| is_harmless(placed.resource.kind))
            || view.context.scripts_write_backend
        {
            continue;
        }
        let Some(file) = module.files.first() else { continue };
        let place = module.backend.as_ref().map_or_else(|| view.context.top(*file), |backend| backend.place);
        let root = if module.dir.is_empty() { "." } else { module.dir };
        let message = if view.shares_root() && view.compares() {
            format!("{root} keeps its state in a local file, one for all of {}", list(view))
        } else {
            format!("{root} keeps its state in a local file")
        };
        out.push(
            view.context
                .finding("state-local", place, root, message)
                .environments(view.deployed.iter().map(|each| each.environment)),
        );
    }
}

fn list(view: &View<'_>) -> String {
    view.deployed.iter().map(|deployed| deployed.environment).collect::<Vec<_>>().join(", ")
}
