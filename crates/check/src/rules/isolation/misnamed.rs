//! The backend of one environment that names another.

use crate::backend::Backend;
use crate::discover::names;
use crate::finding::{Finding, Related, Severity};
use crate::model::Place;
use crate::run::Context;
use crate::view::{Deployed, View};

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

/// Those that say which state it is, among all that one store keeps.
const ADDRESSES: &[&str] = &["key", "prefix", "path", "workspace_key_prefix"];

/// One setting that names another environment.
pub(super) struct Misnamed<'v> {
    name: &'static str,
    text: &'v str,
    place: Place,
    other: &'v str,
    severity: Severity,
    related: Option<Related>,
}

pub(super) fn check(view: &View<'_>, deployed: &Deployed<'_>, out: &mut Vec<Finding>) {
    let Some(Misnamed { name, text, place, other, severity, related }) = find(view, deployed) else { return };
    out.push(
        view.context
            .finding(
                "backend-names-other",
                place,
                &format!("{}/{name}", deployed.environment),
                format!("the backend of {} names {other}: {name} is {text:?}", deployed.environment),
            )
            .severity(severity)
            .label(format!("this is the backend of {}", deployed.environment))
            .besides(related)
            .environments([deployed.environment, other]),
    );
}

pub(super) fn find<'v>(view: &'v View<'_>, deployed: &'v Deployed<'_>) -> Option<Misnamed<'v>> {
    let backend = deployed.backend.filter(|_| !deployed.environment.is_empty())?;
    let known = &view.context.found.known;
    let own = |text: &str| names::mentions(text, deployed.environment);
    // Its address says whose state it is, wherever the store stands and whoever may read it.
    let addressed = || ADDRESSES.iter().any(|name| backend.text(name).is_some_and(own));
    for name in LEADING {
        let Some(setting) = backend.settings.get(*name) else { continue };
        let Some(place) = setting.place else { continue };
        let Some((_, _, other)) = known.other_in(&setting.text, deployed.environment) else { continue };
        // A setting that every environment shares names whoever it was made for, and is no slip of this one.
        let is_same = |each: &Deployed<'_>| each.backend.and_then(|theirs| theirs.text(name)) == Some(&setting.text);
        let shared = view.deployed.len() > 1 && view.deployed.iter().all(is_same);
        if shared || place.file == backend.block.file && view.shares_root() {
            continue;
        }
        // What stands before production often lies in production's account; the other way round nobody builds it.
        let addressed = addressed();
        if addressed && known.stage(other) > known.stage(deployed.environment) {
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
        let sure = !addressed && (pattern || related.is_some());
        let severity = if sure { Severity::Error } else { Severity::Warning };
        return Some(Misnamed { name, text: &setting.text, place, other, severity, related });
    }
    None
}

/// Where a backend that shares its state with another one's names that other: the line to be mended, though all may say the same.
pub(super) fn line(
    context: &Context<'_>,
    backend: &Backend<'_>,
    environment: &str,
    shares_root: bool,
) -> Option<Place> {
    if environment.is_empty() {
        return None;
    }
    let wrong = |name: &&&str| {
        let text = backend.text(name);
        text.is_some_and(|text| context.found.known.other_in(text, environment).is_some())
    };
    let place = |name: &str| backend.place(name).filter(|place| place.file != backend.block.file || !shares_root);
    backend.telling().iter().filter(wrong).find_map(|name| place(name))
}
