//! The loop of tiers: load, decide, append the intent, do the effect, append the outcome.

pub mod ledger;
pub mod port;
