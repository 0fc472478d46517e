//! The adapters against the real machine.

mod build;
mod git;
mod probe;
mod runner;
