//! Parity: the same code with different values, and which of the differences nobody meant.

mod bounds;
mod calls;
mod code;
mod comparisons;
mod copies;
mod differences;
mod fitness;
mod keys;
mod linked;
mod neighbours;
mod values;

use crate::discover::names::Stage;
use crate::finding::{Finding, Severity};
use crate::run::Context;
use crate::view::{Deployed, View};

pub(crate) use bounds::has_bounds;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    values::check(view, out);
    differences::check(view, out);
    copies::check(view, out);
    fitness::check(view, out);
    bounds::check(view, out);
    keys::check(view, out);
    comparisons::check(view, out);
}

/// What has to be seen across stacks: files that several of them read, modules that several call.
pub(super) fn repository(context: &Context<'_>, out: &mut Vec<Finding>) {
    values::undeclared(context, out);
    calls::check(context, out);
    code::check(context, out);
}

/// Places whose environment variable may name another environment on purpose: a developer's own, a copy of production elsewhere.
pub(super) fn severity_of_wrong_name(view: &View<'_>, deployed: &Deployed<'_>) -> Severity {
    match view.context.found.known.stage(deployed.environment) {
        Some(Stage::Local | Stage::Recovery) => Severity::Hint,
        _ => Severity::Error,
    }
}

/// Names that usually hold the environment itself.
pub(super) fn is_environment_name(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "environment",
        "env",
        "stage",
        "environment_name",
        "env_name",
        "deploy_env",
        "deployment_environment",
        "tier",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}
