//! What travels over the control API (`/_tiers/`), as JSON with these field names.

use serde::{Deserialize, Serialize};

/// A local environment: a door on loopback with its routes and its rate limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Lower-case letters, digits and hyphens, at most 40.
    pub name: String,
    /// 12 digits; the host's default account when absent.
    #[serde(default)]
    pub account: Option<String>,
    /// The host's default region when absent.
    #[serde(default)]
    pub region: Option<String>,
    /// Requests a second, on the average; `None` for no limit.
    #[serde(default)]
    pub rate_limit_per_s: Option<f64>,
    /// Requests at once before the rate holds; at least 1. Twice the rate when absent.
    #[serde(default)]
    pub burst: Option<u32>,
    /// The door's port on 127.0.0.1. 0 lets the system choose; the host then keeps the port it got, over restarts too.
    #[serde(default)]
    pub port: u16,
    /// The longest matching prefix wins. No match is API Gateway's 404.
    #[serde(default)]
    pub routes: Vec<Route>,
}

/// Requests below a path prefix go to a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// `/` for everything; `/api` matches `/api` and `/api/…`, not `/apis`.
    pub prefix: String,
    /// The function's name.
    pub function: String,
    /// The alias that is invoked; `live` when absent.
    #[serde(default = "live")]
    pub alias: String,
}

fn live() -> String {
    "live".to_owned()
}

/// How the host is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub pid: u32,
    /// Of the program that runs the host.
    pub version: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    pub uptime_s: u64,
    /// `http://127.0.0.1:<port>`, where Lambda's and STS's API answer.
    pub endpoint: String,
    pub environments: Vec<EnvironmentStatus>,
    pub functions: Vec<FunctionStatus>,
    pub processes: Vec<ProcessStatus>,
}

/// An environment as it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentStatus {
    pub environment: Environment,
    /// `http://127.0.0.1:<port>`; `None` while the door could not be opened, with the reason in `problem`.
    pub url: Option<String>,
    pub problem: Option<String>,
    /// Since the host started.
    pub requests: u64,
    /// Of them, those answered by 429.
    pub limited: u64,
}

/// A function that the host knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionStatus {
    pub account: String,
    pub region: String,
    pub name: String,
    /// Each alias with its version and, where it is weighted, the second version with its weight.
    pub aliases: Vec<AliasStatus>,
    pub reserved_concurrency: Option<u32>,
    /// Days.
    pub log_retention_days: u32,
}

/// Where an alias points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AliasStatus {
    pub name: String,
    pub version: String,
    /// The other version and its share, 0.0 to 1.0.
    pub also: Option<(String, f64)>,
}

/// A process of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    pub pid: u32,
    pub function: String,
    pub version: String,
    pub busy: bool,
    pub invocations: u64,
    /// Seconds since the process was started.
    pub age_s: u64,
}

/// Body of `PUT /_tiers/log-retention/{function}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRetention {
    /// 1 to 3653.
    pub days: u32,
}
