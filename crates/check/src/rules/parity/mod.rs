//! Parity: the same code with different values, and which of the differences nobody meant.

mod bounds;
mod calls;
mod code;
mod copies;
mod differences;
mod fitness;
mod linked;
mod values;

use crate::finding::Finding;
use crate::run::Context;
use crate::view::View;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    values::check(view, out);
    differences::check(view, out);
    copies::check(view, out);
    fitness::check(view, out);
    bounds::check(view, out);
}

/// What has to be seen across stacks: files that several of them read, modules that several call.
pub(super) fn repository(context: &Context<'_>, out: &mut Vec<Finding>) {
    values::undeclared(context, out);
    calls::check(context, out);
    code::check(context, out);
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
