//! Gate commands as real processes: bounded in time and output, ended as a whole, with no secret in what is kept.

mod capture;
mod environment;
pub(crate) mod family;
pub(crate) mod program;
mod system;

pub use environment::INHERITED;
pub use system::SystemRunner;
