//! The Lambda control plane as a trait, what its answers mean, and a pure model of it.

pub mod api;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod fingerprint;
pub mod memory;
pub mod model;
