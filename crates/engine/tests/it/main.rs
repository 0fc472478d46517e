//! Integration tests of the engine.

mod driver;
mod world;
