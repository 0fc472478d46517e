//! What the engine asks of the world, as traits: the adapters and the simulation implement them.

pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod ids;
pub mod images;
pub mod lease;
pub mod log;
pub mod probe;
pub mod runner;
pub mod seen;
pub mod target;
