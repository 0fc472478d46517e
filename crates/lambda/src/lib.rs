//! The Lambda control plane as a trait, what its answers mean, and a pure model of it.

pub mod api;
pub mod fingerprint;
pub mod memory;
pub mod model;
