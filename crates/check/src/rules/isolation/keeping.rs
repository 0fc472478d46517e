//! How a state is kept: locked, encrypted, in a backend that its root module has.

use crate::finding::{Finding, Severity};
use crate::model::Place;
use crate::same_state::{Sameness, StateIdentity};
use crate::view::{Deployed, View};

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in &view.deployed {
        lock_missing(view, deployed, out);
        unencrypted(view, deployed, out);
    }
    lock_differs(view, out);
    backend_unused(view, out);
    state_local(view, out);
}

/// The file or block that a reader would put a missing setting into.
fn backend_place(view: &View<'_>, deployed: &Deployed<'_>) -> Option<Place> {
    let backend = deployed.backend?;
    let file = deployed.instance.backend_files.last();
    Some(file.map_or(backend.block, |layered| view.context.top(layered.file)))
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
    let Some(backend) = deployed.backend.filter(|backend| backend.kind == "s3") else { return };
    // Where something switches it off, that line; whatever else is not known of the backend.
    let no_table = LOCK_TABLES.iter().all(|name| backend.text(name).is_none());
    let switch = backend.settings.get("use_lockfile").filter(|switch| !switch.open && switch.text == "false");
    let off = switch.and_then(|switch| switch.place).filter(|_| no_table);
    // A backend with no key yet gets the rest of its settings from somewhere that is not here.
    let whole = !backend.uncertain() && backend.text("bucket").is_some() && backend.text("key").is_some();
    if !(whole || off.is_some()) || lock(deployed).is_some() {
        return;
    }
    let Some(place) = off.or_else(|| backend_place(view, deployed)) else { return };
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
            .label(if off.is_some() { "switched off here" } else { "neither use_lockfile nor dynamodb_table" })
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
    let Some(backend) = deployed.backend.filter(|backend| backend.kind == "s3" && !backend.uncertain()) else {
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

fn backend_unused(view: &View<'_>, out: &mut Vec<Finding>) {
    for deployed in &view.deployed {
        let Some(file) = deployed.instance.backend_files.first().map(|layered| layered.file) else { continue };
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
                    view.context.top(file),
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
        let message = if is_for_all(view) {
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

/// Whether all environments of a shared root keep their states in one file.
pub(super) fn is_for_all(view: &View<'_>) -> bool {
    if !view.compares() || !view.shares_root() {
        return false;
    }
    let state = |deployed: &Deployed<'_>| deployed.backend.map(|backend| backend.state(deployed.module.dir));
    let states: Vec<Option<StateIdentity>> = view.deployed.iter().map(state).collect();
    states.windows(2).all(|pair| match pair {
        [Some(one), Some(other)] => one.compare(other) == Sameness::Same,
        [one, other] => one.is_none() && other.is_none(),
        _ => false,
    })
}

fn list(view: &View<'_>) -> String {
    view.deployed.iter().map(|deployed| deployed.environment).collect::<Vec<_>>().join(", ")
}
