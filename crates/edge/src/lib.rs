//! Adapters to the machine around us: the git program, image builders, gate commands, HTTP probes.

pub mod build;
pub mod git;
pub mod probe;
pub mod runner;
