//! A pure model of the Lambda control plane: no I/O, no clock, no randomness, and all of its state serializes.
//!
//! Why it exists: public emulators lack what a deployer lives by (revision ids, states that take time, publish that returns
//! the old version, rules of weights, quotas). Tests and the simulation call it in process, the local host serves it over HTTP.
//!
//! Use: `model.at(&place, now_ms).update_function_code(UpdateFunctionCode { .. })`. Each call first lets time pass for what it
//! touches, so that asking more often never changes what is answered.

mod aliases;
mod error;
mod functions;
mod images;
mod invoke;
mod lifecycle;
mod names;
mod parts;
mod quota;
mod rules;
mod state;
mod versions;
mod view;
mod wire;

pub use error::{Exception, ModelError};
pub use images::ImageUri;
pub use names::FunctionRef;
pub use quota::{Quota, Quotas};
pub use state::{Model, Options, Place, Plane};
pub use wire::*;
