//! The pure core of tiers: project model, release machine, plans, gates as data, ledger records and fold.
//!
//! Nothing here does I/O, awaits, reads a clock or draws a random number: `now` and identities are passed in.

pub mod apigw;
pub mod config;
pub mod deployment;
pub mod event;
pub mod expect;
pub mod gate;
pub mod id;
pub mod invariant;
pub mod lease;
pub mod naming;
pub mod next;
pub mod plan;
pub mod problem;
#[cfg(feature = "properties")]
pub mod properties;
pub mod record;
pub mod redact;
pub mod release;
pub mod source;
pub mod state;
pub mod summary;
pub mod terraform;
pub mod window;
