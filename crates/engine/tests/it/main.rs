//! Integration tests of the engine.

mod crash;
mod driver;
mod ledger;
mod world;
