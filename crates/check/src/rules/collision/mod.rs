//! Collision and hard-coding: names that two environments both want, and constants in code that all of them share.

mod aliases;
mod elsewhere;
mod literals;
mod names;
mod one_account;
mod regional;
mod sharing;
mod vendors;
mod wildcards;

pub(crate) use regional::{Regional, compare, regional};

use crate::finding::Finding;
use crate::run::Context;
use crate::view::View;

pub(super) fn check(view: &View<'_>, out: &mut Vec<Finding>) {
    names::check(view, out);
    aliases::check(view, out);
    wildcards::check(view, out);
}

pub(super) fn repository(context: &Context<'_>, out: &mut Vec<Finding>) {
    literals::check(context, out);
}
