//! Integration tests of the binary: each drives the real program in a folder of its own, against a local host of its own.

mod bad_input;
mod checking;
mod crash;
mod json;
mod leaving;
mod live;
mod matrix;
mod settings;
mod tf;
mod world;
mod zombie;
