//! Pipelines: what workflows, and the scripts that they call, do to environments.
//!
//! General security of workflows (injection, unpinned actions, permissions) is zizmor's field and left to it.

mod artifacts;
mod condition;
mod delivery;
mod effects;
mod gates;
mod inputs;
mod jobs;
mod recovery;
mod references;
mod shell;
mod terraform;

use crate::finding::Finding;
use crate::run::Context;

pub(super) fn repository(context: &Context<'_>, out: &mut Vec<Finding>) {
    references::check(context, out);
    inputs::check(context, out);
    let pipeline = jobs::Pipeline::new(context);
    artifacts::check(context, &pipeline, out);
    delivery::check(context, &pipeline, out);
    gates::check(context, &pipeline, out);
    terraform::check(context, &pipeline, out);
    shell::check(context, &pipeline, out);
}
