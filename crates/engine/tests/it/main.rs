//! Integration tests of the engine.

mod crash;
mod driver;
mod lease;
mod ledger;
mod ports;
mod properties;
mod sim;
mod world;
