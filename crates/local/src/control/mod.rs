//! The control API under `/_tiers/`: what is not AWS's, for set-up and for people. Protected by a token in the state folder.

mod client;
mod routes;
mod types;

pub use client::Client;
pub use types::{
    AliasStatus, Environment, EnvironmentStatus, FunctionStatus, LogRetention, ProcessStatus, Route, Status,
};

pub(crate) use client::TOKEN_HEADER;
pub(crate) use routes::{Control, retention_days};
