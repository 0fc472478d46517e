//! Pipelines: what workflows, and the scripts that they call, do to environments.
//!
//! General security of workflows (injection, unpinned actions, permissions) is zizmor's field and left to it.

mod artifacts;
mod condition;
mod delivery;
mod effects;
mod flags;
mod gates;
mod handed;
mod images;
mod inputs;
mod jobs;
mod newest;
mod outputs;
mod parallel;
mod recovery;
mod references;
mod registries;
mod scopes;
mod shell;
mod smoke;
mod soft_gates;
mod state_names;
mod switched;
mod telling;
mod terraform;
mod told;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::discover::names::{self, Stage};
use crate::finding::Finding;
use crate::run::Context;

pub(super) fn repository(context: &Context<'_>, out: &mut Vec<Finding>) {
    references::check(context, out);
    inputs::check(context, out);
    outputs::check(context, out);
    let pipeline = scopes::Pipeline::new(context);
    let first = out.len();
    artifacts::check(context, &pipeline, out);
    delivery::check(context, &pipeline, out);
    gates::check(context, &pipeline, out);
    terraform::check(context, &pipeline, out);
    parallel::check(context, &pipeline, out);
    state_names::check(context, out);
    shell::check(context, &pipeline, out);
    once(first, out);
}

/// Whether a name is one of production: `prod`, `prod-eu-west-1`.
fn is_production(name: &str) -> bool {
    names::find(name).is_some_and(|named| named.stage == Some(Stage::Prod))
}

fn is_of_production(finding: &Finding) -> bool {
    finding.environments.iter().any(|name| is_production(name))
}

/// A workflow or a script that several jobs call is looked at for each of them, and what is wrong in it is said once: for the worst of
/// them.
fn once(first: usize, out: &mut Vec<Finding>) {
    let mut known: BTreeMap<(&'static str, String, (usize, usize)), usize> = BTreeMap::new();
    for finding in out.split_off(first) {
        match known.entry((finding.rule, finding.at.path.clone(), finding.at.bytes)) {
            Entry::Vacant(entry) => {
                entry.insert(out.len());
                out.push(finding);
            }
            Entry::Occupied(entry) => {
                let before = &mut out[*entry.get()];
                let weight = |finding: &Finding| (finding.severity, is_of_production(finding));
                let (mut worse, other) = if weight(&finding) > weight(before) {
                    (finding, before.clone())
                } else {
                    (before.clone(), finding)
                };
                worse = worse.environments(other.environments.iter().map(String::as_str));
                *before = worse;
            }
        }
    }
}
