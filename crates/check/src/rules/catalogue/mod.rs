//! What each rule is called, what it costs to ignore it, and how to put it right, with a bad tree and a good one.
//!
//! The trees are the rules' first tests: each rule must speak on its bad tree and be quiet on its good one.

mod code;
mod collision;
mod isolation;
mod ownership;
mod parity;
mod pipelines;
mod tags;
mod terraform_runs;
mod values;

use crate::rule::Rule;

pub(super) fn all() -> Vec<Rule> {
    [
        isolation::RULES,
        values::RULES,
        parity::RULES,
        code::RULES,
        collision::RULES,
        tags::RULES,
        ownership::RULES,
        pipelines::RULES,
        terraform_runs::RULES,
    ]
    .concat()
}
