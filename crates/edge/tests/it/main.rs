//! The adapters against the real machine.

mod git;
mod probe;
mod runner;
