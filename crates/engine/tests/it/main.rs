//! Integration tests of the engine.

mod driver;
mod ledger;
mod world;
