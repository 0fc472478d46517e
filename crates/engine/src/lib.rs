//! The loop of tiers: load, decide, append the intent, do the effect, append the outcome.

pub mod driver;
pub mod gates;
pub mod lambda_target;
pub mod lease;
pub mod ledger;
pub mod mutation;
pub mod planner;
pub mod port;
#[cfg(feature = "properties")]
pub mod properties;
#[cfg(feature = "sim")]
pub mod sim;
