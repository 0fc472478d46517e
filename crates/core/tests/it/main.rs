//! Tests of the core through its public interface.

mod config;
mod lease;
mod properties;
mod record;
mod terraform;
