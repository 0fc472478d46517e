//! The rules, by family, and the catalogue of what each is called and means.

mod catalogue;
mod collision;
mod isolation;
mod ownership;
mod parity;
mod pipelines;
mod repository;
mod tags;

use std::sync::LazyLock;

use crate::finding::Finding;
use crate::rule::Rule;
use crate::run::Context;
use crate::view::View;

pub(crate) static CATALOGUE: LazyLock<Vec<Rule>> = LazyLock::new(catalogue::all);

/// What one stack gives: its findings, and what has to be compared with other stacks.
pub(crate) struct StackResult {
    findings: Vec<Finding>,
    states: Vec<isolation::State>,
}

/// The rules that look at one stack at a time.
pub(crate) fn stack(view: &View<'_>) -> StackResult {
    let mut findings = Vec::new();
    isolation::check(view, &mut findings);
    parity::check(view, &mut findings);
    collision::check(view, &mut findings);
    tags::check(view, &mut findings);
    StackResult { findings, states: isolation::states(view) }
}

/// The rules that look at the repository as a whole, and everything the stacks gave.
pub(crate) fn repository(context: &Context<'_>, stacks: Vec<StackResult>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut states = Vec::new();
    for stack in stacks {
        findings.extend(stack.findings);
        states.extend(stack.states);
    }
    isolation::shared_state(context, &states, &mut findings);
    repository::check(context, &mut findings);
    parity::repository(context, &mut findings);
    collision::repository(context, &mut findings);
    ownership::repository(context, &mut findings);
    pipelines::repository(context, &mut findings);
    findings
}
