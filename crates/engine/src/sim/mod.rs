//! The seeded simulation: a world with virtual time, a store and a control plane that fail as the real ones do, several actors at
//! once, and the promises judged from outside after every step. One number decides all of it.
//!
//! The driver, the planner, the ledger, the gates and the Lambda adapter in it are the real ones; only what lies behind the
//! ports is not.

mod actor;
mod base;
mod cloud;
pub mod draw;
mod invariant;
pub(crate) mod memo;
pub mod net;
mod ports;
pub mod rng;
mod run;
mod shrink;
mod store;
mod terraform;
pub mod truth;
pub mod weather;
pub mod world;

pub use base::{beginning, wanted};
pub use run::{Outcome, Sim, plain, run};
pub use shrink::{Smaller, shrink};
