//! What order says of an apply: whether this code is recorded already, is older than what was applied last, or comes before it was
//! applied in the environments ahead.

use tiers_core::config::Environment;
use tiers_core::lease::LeaseState;

use super::Bench;
use super::apply::How;
use crate::render::plan::short;
use crate::source::Source;
use crate::terraform::planning::Planned;

/// True when an apply of this very code is recorded, so that there is nothing to say either.
pub fn is_recorded(state: &LeaseState, planned: &Planned) -> bool {
    let facts = &planned.request.facts;
    let (applied, last) = (state.applied.get(&facts.environment), state.last.get(&facts.environment));
    applied.is_some_and(|attempt| {
        let known = &attempt.facts;
        last == Some(attempt)
            // What was applied before anybody committed it is recorded again with its commit: older ones are told by that.
            && (!known.dirty || (known.commit == facts.commit && facts.dirty))
            && (&known.tree, &known.var_file, &known.backend) == (&facts.tree, &facts.var_file, &facts.backend)
    })
}

/// Why this code is older than what was applied last, if it is.
pub fn older(bench: &Bench, state: &LeaseState, planned: &Planned, how: &How) -> Option<String> {
    let facts = &planned.request.facts;
    let last = state.last.get(&facts.environment)?.facts.commit.as_ref()?;
    let ours = facts.commit.as_ref().filter(|ours| *ours != last && !how.allows_older())?;
    let source = Source::open(&bench.context.root).ok()?;
    // A commit that this clone does not have can't be compared; it is no older one of this history.
    let is_older = source.repository.is_ancestor(ours, last).unwrap_or(false);
    is_older.then(|| {
        format!(
            "commit {} is older than {}, which was applied in {} last",
            short(ours.as_str()),
            short(last.as_str()),
            facts.environment
        )
    })
}

/// Environments ahead of this one where other code was applied last, or none, in words. Root modules of their own have code of
/// their own, so nothing is compared there.
pub fn not_ahead(bench: &Bench, environment: &Environment, state: &LeaseState, planned: &Planned) -> Option<String> {
    let terraform = bench.context.project.terraform.as_ref()?;
    if terraform.root.contains("{environment}") {
        return None;
    }
    let tree = &planned.request.facts.tree;
    let other = environment.after.iter().filter_map(|ahead| match state.last.get(ahead) {
        None => Some(format!("{ahead} was never applied by tiers")),
        Some(last) if &last.facts.tree != tree => {
            Some(format!("{ahead} has other code (tree {})", last.facts.tree.short()))
        }
        Some(last) if state.applied.get(ahead) != Some(last) => {
            Some(format!("the last apply in {ahead} did not end well"))
        }
        Some(_) => None,
    });
    let other: Vec<String> = other.collect();
    (!other.is_empty()).then(|| format!("this code comes to {} first: {}", environment.name, other.join("; ")))
}
