//! The backend of one environment that names another.

use std::cell::LazyCell;

use crate::backend::Backend;
use crate::discover::names::{self, Stage};
use crate::finding::{Finding, Related, Severity};
use crate::model::Place;
use crate::run::Context;
use crate::view::{Deployed, View};

/// What a setting is to a state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Says which state it is, among all that one store keeps.
    Address,
    /// The store that keeps it.
    Store,
    /// With whose rights it is reached.
    Access,
    /// Where its lock is, or the states of other workspaces than the default one: this state stays where it is.
    Beside,
}

/// Settings that lead to a state, the most telling first.
const LEADING: &[(&str, Role)] = &[
    ("key", Role::Address),
    ("prefix", Role::Address),
    ("path", Role::Address),
    ("address", Role::Address),
    ("schema_name", Role::Address),
    ("secret_suffix", Role::Address),
    ("workspaces.name", Role::Address),
    ("bucket", Role::Store),
    ("container_name", Role::Store),
    ("storage_account_name", Role::Store),
    ("namespace", Role::Store),
    ("organization", Role::Store),
    ("profile", Role::Access),
    ("role_arn", Role::Access),
    ("assume_role.role_arn", Role::Access),
    ("impersonate_service_account", Role::Access),
    ("dynamodb_table", Role::Beside),
    ("workspace_key_prefix", Role::Beside),
];

/// One setting that names another environment.
struct Misnamed<'v> {
    name: &'static str,
    role: Role,
    text: &'v str,
    place: Place,
    other: &'v str,
    severity: Severity,
    related: Option<Related>,
}

pub(super) fn check(view: &View<'_>, deployed: &Deployed<'_>, out: &mut Vec<Finding>) {
    let mut worst: Option<Misnamed<'_>> = None;
    for found in find(view, deployed) {
        if worst.as_ref().is_none_or(|worst| found.severity > worst.severity) {
            worst = Some(found);
        }
    }
    let Some(Misnamed { name, role, text, place, other, severity, related }) = worst else { return };
    let own = deployed.environment;
    let fix = match role {
        Role::Address | Role::Store => String::new(),
        Role::Access => format!("Name the {} of {own}; what {other} may reach is not for {own} to use.", words(name)),
        Role::Beside if name == "dynamodb_table" => {
            format!("Name the lock table of {own}, or give up tables: `use_lockfile = true` locks beside the state.")
        }
        Role::Beside => format!("Name {own} in it, or no environment: states of workspaces are kept below it."),
    };
    out.push(
        view.context
            .finding(
                "backend-names-other",
                place,
                &format!("{own}/{name}"),
                format!("the backend of {own} names {other}: {name} is {text:?}"),
            )
            .severity(severity)
            .label(format!("this is the backend of {own}"))
            .fix(fix)
            .besides(related)
            .environments([own, other]),
    );
}

fn words(name: &str) -> &'static str {
    match name {
        "profile" => "profile",
        "impersonate_service_account" => "service account",
        _ => "role",
    }
}

fn find<'v>(view: &'v View<'_>, deployed: &'v Deployed<'_>) -> Vec<Misnamed<'v>> {
    let mut out = Vec::new();
    let Some(backend) = deployed.backend.filter(|_| !deployed.environment.is_empty()) else { return out };
    let known = &view.context.found.known;
    let own = |text: &str| names::mentions(text, deployed.environment);
    // Its address says whose state it is, wherever the store stands and whoever may read it.
    let addressed = LazyCell::new(|| {
        let mut addresses = LEADING.iter().filter(|(_, role)| *role == Role::Address);
        addresses.any(|(name, _)| backend.text(name).is_some_and(own))
    });
    for (name, role) in LEADING {
        let Some(setting) = backend.settings.get(*name).filter(|setting| !setting.open) else { continue };
        let Some(place) = setting.place else { continue };
        let Some((_, _, other)) = known.other_in_address(&setting.text, deployed.environment) else { continue };
        // A setting that every environment shares names whoever it was made for, and is no slip of this one.
        let is_same = |each: &Deployed<'_>| each.backend.and_then(|theirs| theirs.text(name)) == Some(&setting.text);
        let shared = view.deployed.len() > 1 && view.deployed.iter().all(is_same);
        if shared || place.file == backend.block.file && view.shares_root() {
            continue;
        }
        let stages = (known.stage(deployed.environment), known.stage(other));
        // What stands before production often lies in production's account; the other way round nobody builds it.
        if *addressed && stages.1 > stages.0 {
            continue;
        }
        let theirs = view.deployed.iter().find(|each| names::same_environment(each.environment, other));
        let same = theirs.and_then(|each| each.backend).filter(|theirs| theirs.text(name) == Some(&setting.text));
        let related = same
            .and_then(|theirs| theirs.place(name))
            .map(|place| view.context.related(place, format!("as in {other}")));
        let others = || view.deployed.iter().filter(|each| each.environment != deployed.environment);
        let names_itself = |each: &Deployed<'_>| {
            let text = each.backend.and_then(|backend| backend.text(name));
            text.map(|text| names::mentions(text, each.environment))
        };
        // In a stack whose other environments name themselves, this one is a copy that was not changed.
        let pattern = || others().any(|each| names_itself(each) == Some(true));
        let sure = match role {
            Role::Address => pattern() || related.is_some(),
            Role::Store => !*addressed && (pattern() || related.is_some()),
            // Environments before production may share an account, and with it whoever reaches its states.
            Role::Access => {
                stages.0 == Some(Stage::Prod)
                    && others().filter_map(names_itself).count() > 1
                    && others().filter_map(names_itself).all(|itself| itself)
            }
            Role::Beside => false,
        };
        let severity = if sure { Severity::Error } else { Severity::Warning };
        out.push(Misnamed { name, role: *role, text: &setting.text, place, other, severity, related });
    }
    out
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
        text.is_some_and(|text| context.found.known.other_in_address(text, environment).is_some())
    };
    let place = |name: &str| backend.place(name).filter(|place| place.file != backend.block.file || !shares_root);
    backend.telling().iter().filter(wrong).find_map(|name| place(name))
}
