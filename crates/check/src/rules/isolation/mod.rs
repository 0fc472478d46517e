//! Isolation: one environment's state, lock and backend against another's.

mod keeping;
mod misnamed;
mod shared;
mod together;

use crate::finding::Finding;
use crate::view::View;

pub(super) use shared::{State, check as shared_state, states};

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    keeping::check(view, out);
    together::check(view, out);
    for deployed in &view.deployed {
        misnamed::check(view, deployed, out);
    }
}
