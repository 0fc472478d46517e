//! The embedded host: serves the Lambda model over its own wire protocol and runs functions as processes.
//!
//! One host serves one state folder. It answers AWS's Lambda and STS protocols on one loopback port, so that the SDKs, boto3 and
//! the `aws` command work against it unchanged; it opens a door on a port of its own for each local environment; and it has a
//! small control API under `/_tiers/`, whose client is [`Client`].

mod api;
mod config;
mod control;
mod door;
mod error;
mod host;
mod http;
mod invoker;
mod logs;
mod model_store;
#[cfg(feature = "properties")]
pub mod properties;
mod run;
mod state;

pub use api::KEY_PREFIX;
pub use config::HostConfig;
pub use control::{
    AliasStatus, Client, Environment, EnvironmentStatus, FunctionStatus, LogRetention, ProcessStatus, Route, Status,
};
pub use error::LocalError;
pub use host::Host;
pub use logs::{LogFollower, LogLine, LogQuery, read_logs};
