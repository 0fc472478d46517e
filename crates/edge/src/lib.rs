//! Adapters to the machine around us: the git program, image builders, gate commands, HTTP probes, Terraform.

pub mod build;
pub mod git;
pub mod probe;
pub mod runner;
pub mod terraform;
