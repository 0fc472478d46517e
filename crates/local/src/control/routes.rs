//! The control API's answers.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::json;
use tiers_lambda::model::{Place, Plane};
use tokio::sync::watch;

use super::TOKEN_HEADER;
use super::types::{AliasStatus, Environment, FunctionStatus, LogRetention, Status};
use crate::LocalError;
use crate::door::Doors;
use crate::http::{self, Answer};
use crate::invoker::Invoker;
use crate::model_store::{every_page, now_ms};

/// Where retention stands among the host's settings.
pub(crate) const RETENTION_PREFIX: &str = "log-retention/";

const BODY_LIMIT_BYTES: usize = 1024 * 1024;
/// Lambda's own names have 64 at most.
const NAME_LIMIT: usize = 64;
const MOST_DAYS: u32 = 3653;

/// Answers `/_tiers/`.
pub(crate) struct Control {
    pub invoker: Arc<Invoker>,
    pub doors: Arc<Doors>,
    pub token: String,
    pub endpoint: String,
    pub started: Instant,
    pub started_at: Timestamp,
    pub log_retention_days: u32,
    pub shutdown: watch::Sender<bool>,
}

impl Control {
    pub async fn answer(&self, request: Request<Incoming>) -> Answer {
        let token = request.headers().get(TOKEN_HEADER).map(|value| value.as_bytes());
        if !token.is_some_and(|given| is_equal(given, self.token.as_bytes())) {
            let text = format!("the header {TOKEN_HEADER} does not hold the token of this host's state folder");
            return refusal(403, &text);
        }
        let (head, body) = request.into_parts();
        let Ok(body) = http::read_body(body, BODY_LIMIT_BYTES).await else {
            return refusal(413, "the body is too large");
        };
        let path: Vec<String> = head.uri.path().split('/').skip(2).map(http::decode).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (&head.method, path.as_slice()) {
            (&Method::GET, ["status"]) => http::json(200, &self.status().await),
            (&Method::PUT, ["environments", name]) => self.put_environment(name, &body).await,
            (&Method::DELETE, ["environments", name]) => match self.doors.remove(name).await {
                Ok(true) => http::json(200, &json!({})),
                Ok(false) => refusal(404, &format!("there is no environment `{name}`")),
                Err(e) => failure(&e),
            },
            (&Method::PUT, ["log-retention", function]) => self.put_retention(function, &body).await,
            (&Method::POST, ["shutdown"]) => {
                let _ = self.shutdown.send(true);
                http::json(202, &json!({}))
            }
            (method, _) => refusal(404, &format!("{method} {} is no part of the control API", head.uri.path())),
        }
    }

    async fn put_environment(&self, name: &str, body: &Bytes) -> Answer {
        let environment: Environment = match parse(body) {
            Ok(environment) => environment,
            Err(e) => return failure(&e),
        };
        if environment.name != name {
            return refusal(400, &format!("the path names `{name}` and the body `{}`", environment.name));
        }
        match self.doors.put(environment).await {
            Ok(status) => http::json(200, &status),
            Err(e) => failure(&e),
        }
    }

    async fn put_retention(&self, function: &str, body: &Bytes) -> Answer {
        let LogRetention { days } = match parse(body) {
            Ok(retention) => retention,
            Err(e) => return failure(&e),
        };
        if !(1..=MOST_DAYS).contains(&days) {
            return refusal(400, &format!("{days} days: expected 1 to {MOST_DAYS}"));
        }
        if function.is_empty() || function.len() > NAME_LIMIT {
            return refusal(400, &format!("`{function}` is not a function's name"));
        }
        let models = Arc::clone(&self.invoker.models);
        let name = format!("{RETENTION_PREFIX}{function}");
        let stored = tokio::task::spawn_blocking(move || models.put_setting(&name, Some(json!(days)))).await;
        match stored {
            Ok(Ok(())) => http::json(200, &json!({"days": days})),
            Ok(Err(e)) => failure(&e),
            Err(e) => refusal(500, &e.to_string()),
        }
    }

    async fn status(&self) -> Status {
        let mut model = self.invoker.models.snapshot();
        let mut functions = Vec::new();
        for place in model.places() {
            let mut plane = model.at(&place, now_ms());
            for function in every_page("", |list| plane.list_functions(list)) {
                functions.push(self.function(&place, &mut plane, &function.function_name));
            }
        }
        Status {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at.to_string(),
            uptime_s: self.started.elapsed().as_secs(),
            endpoint: self.endpoint.clone(),
            environments: self.doors.status().await,
            functions,
            processes: self.invoker.runner.processes(),
        }
    }

    fn function(&self, place: &Place, plane: &mut Plane<'_>, name: &str) -> FunctionStatus {
        let aliases = every_page(name, |list| plane.list_aliases(list)).into_iter().map(|alias| AliasStatus {
            name: alias.name,
            version: alias.function_version,
            also: alias.routing_config.and_then(|routing| routing.additional_version_weights.into_iter().next()),
        });
        let aliases = aliases.collect();
        let reserved = plane.get_function_concurrency(name).ok().flatten();
        FunctionStatus {
            account: place.account.clone(),
            region: place.region.clone(),
            name: name.to_owned(),
            aliases,
            reserved_concurrency: reserved.map(|concurrency| concurrency.reserved_concurrent_executions),
            log_retention_days: retention_days(&self.invoker, name, self.log_retention_days),
        }
    }
}

/// How many days a function's logs are kept.
pub(crate) fn retention_days(invoker: &Invoker, function: &str, default: u32) -> u32 {
    let stored = invoker.models.setting(&format!("{RETENTION_PREFIX}{function}"));
    stored.and_then(|days| u32::try_from(days.as_u64()?).ok()).unwrap_or(default)
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, LocalError> {
    serde_json::from_slice(body).map_err(|e| LocalError::Invalid(format!("the body is not understood: {e}")))
}

fn refusal(status: u16, message: &str) -> Answer {
    http::json(status, &json!({"message": message}))
}

fn failure(error: &LocalError) -> Answer {
    let status = match error {
        LocalError::Invalid(_) => 400,
        LocalError::PortTaken { .. } => 409,
        _ => 500,
    };
    refusal(status, &error.to_string())
}

/// Takes the same time wherever the texts differ.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
