//! The adapters against the real machine.

mod probe;
mod runner;
