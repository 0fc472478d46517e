//! What must hold whatever is sent to the host: for the fuzz target in fuzz/ and, within bounds, for the tests of this crate.
//! Panics where a promise is broken.

mod host;
mod protocol;
mod witness;

pub use protocol::lambda_protocol;
