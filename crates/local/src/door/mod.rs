//! Doors: one port on loopback for each environment, where HTTP requests become events for the functions behind it.

mod bucket;
mod event;
mod registry;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use tiers_core::apigw;
use tiers_core::redact::Redactor;
use tiers_lambda::model::Place;

use bucket::Bucket;
use event::Facts;

use crate::http::{self, Answer};
use crate::invoker::Invoker;
use crate::run::Invocation;
use crate::{Environment, Route};

pub(crate) use registry::Doors;

/// A function takes no more in one event. Source: "Lambda quotas"; API Gateway itself would take 10 MB.
const BODY_LIMIT_BYTES: usize = 6 * 1024 * 1024 - 64 * 1024;

/// One environment's door.
pub(crate) struct Door {
    invoker: Arc<Invoker>,
    port: u16,
    timeout: Duration,
    setting: RwLock<Arc<Setting>>,
    requests: AtomicU64,
    limited: AtomicU64,
}

/// What of a door may change while it is open.
struct Setting {
    environment: Environment,
    place: Place,
    bucket: Option<Mutex<Bucket>>,
}

impl Setting {
    fn new(environment: Environment, place: Place) -> Setting {
        let bucket = environment.rate_limit_per_s.map(|rate| {
            // Twice the rate, as environments are usually given.
            let burst = environment.burst.unwrap_or_else(|| (rate * 2.0).ceil().min(f64::from(u32::MAX)) as u32);
            Mutex::new(Bucket::new(rate, burst, Instant::now()))
        });
        Setting { environment, place, bucket }
    }

    fn is_within_limit(&self) -> bool {
        let Some(bucket) = &self.bucket else { return true };
        bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
    }

    /// The route with the longest prefix that this path is below.
    fn route(&self, path: &str) -> Option<&Route> {
        let below = |prefix: &str| {
            let prefix = prefix.trim_end_matches('/');
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let routes = self.environment.routes.iter().filter(|route| below(&route.prefix));
        routes.max_by_key(|route| route.prefix.trim_end_matches('/').len())
    }
}

impl Door {
    fn setting(&self) -> Arc<Setting> {
        Arc::clone(&self.setting.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Requests that begin from now on meet this setting; the bucket starts full.
    fn change(&self, setting: Setting) {
        *self.setting.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(setting);
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let request_id = uuid::Uuid::new_v4().to_string();
        let mut answer = self.pass(request, peer, &request_id).await;
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            answer.headers_mut().insert("apigw-requestid", value);
        }
        answer
    }

    async fn pass(&self, request: Request<Incoming>, peer: SocketAddr, request_id: &str) -> Answer {
        let setting = self.setting();
        if !setting.is_within_limit() {
            self.limited.fetch_add(1, Ordering::Relaxed);
            return message(429, "Too Many Requests", None);
        }
        let (head, body) = request.into_parts();
        let Some(route) = setting.route(head.uri.path()) else { return message(404, "Not Found", None) };
        let body = match http::read_body(body, BODY_LIMIT_BYTES).await {
            Ok(body) => body,
            Err(http::BodyError::TooLarge) => return message(413, "Request Too Long", None),
            Err(http::BodyError::Broken) => return message(400, "Bad Request", None),
        };
        let facts = Facts {
            account: &setting.place.account,
            environment: &setting.environment.name,
            request_id,
            peer,
            port: self.port,
            now: Timestamp::now(),
        };
        let payload = Bytes::from(event::event(&head, &body, &facts));
        let admitted = match self.invoker.admit(&setting.place, &route.function, Some(&route.alias)) {
            Ok(admitted) => admitted,
            Err(e) if e.status() == 429 => return message(503, "Service Unavailable", Some(&e.message)),
            Err(e) => return message(500, "Internal Server Error", Some(&e.message)),
        };
        let invocation = Invocation { request_id: request_id.to_owned(), payload, client_context: None };
        // The invocation goes on behind a gateway that has stopped waiting.
        match tokio::time::timeout(self.timeout, self.invoker.run(admitted, invocation)).await {
            Err(_) => message(503, "Service Unavailable", Some("the function took longer than the door waits")),
            Ok(Err(e)) => message(503, "Service Unavailable", Some(&e.message)),
            Ok(Ok(outcome)) => from_result(&outcome.payload, outcome.failed),
        }
    }
}

/// A function's result as an HTTP answer.
fn from_result(payload: &[u8], failed: bool) -> Answer {
    let read = apigw::answer(payload, failed.then_some("Unhandled"), true, &Redactor::default());
    let result = match read {
        Ok(result) => result,
        Err(e) => return message(502, "Internal Server Error", Some(&e.to_string())),
    };
    let status = result.status.and_then(|status| StatusCode::from_u16(status).ok()).filter(|s| s.as_u16() >= 200);
    let Some(status) = status else {
        return message(502, "Internal Server Error", Some("the function's result has no final HTTP status"));
    };
    let mut answer = Response::new(Full::new(Bytes::from(result.body)));
    *answer.status_mut() = status;
    for (name, value) in result.headers {
        // The length and the form of transfer are the door's own affair.
        if matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes())) {
            answer.headers_mut().append(name, value);
        }
    }
    let content_type = HeaderValue::from_static("text/plain;charset=UTF-8");
    answer.headers_mut().entry("content-type").or_insert(content_type);
    answer
}

/// The gateway's own answers. Why it gives them is in a header, for the person at the door.
fn message(status: u16, text: &str, reason: Option<&str>) -> Answer {
    let mut answer = http::json(status, &json!({"message": text}));
    let reason = reason.map(|text| text.chars().filter(|c| !c.is_control()).take(300).collect::<String>());
    if let Some(value) = reason.and_then(|reason| HeaderValue::from_bytes(reason.as_bytes()).ok()) {
        answer.headers_mut().insert("x-tiers-reason", value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(prefixes: &[&str]) -> Setting {
        let routes = prefixes
            .iter()
            .map(|prefix| Route { prefix: (*prefix).into(), function: (*prefix).into(), alias: "live".into() })
            .collect();
        let environment = Environment {
            name: "dev".into(),
            account: None,
            region: None,
            rate_limit_per_s: None,
            burst: None,
            port: 0,
            routes,
        };
        Setting::new(environment, Place { account: "000000000000".into(), region: "eu-west-1".into() })
    }

    #[test]
    fn the_longest_prefix_that_ends_at_a_slash_wins() {
        let all = setting(&["/", "/api", "/api/v1/"]);
        let check = |path: &str, wanted: &str| {
            assert_eq!(all.route(path).map(|route| route.prefix.as_str()), Some(wanted), "{path}");
        };
        check("/", "/");
        check("/apis", "/");
        check("/api", "/api");
        check("/api/x", "/api");
        check("/api/v1", "/api/v1/");
        check("/api/v1/health", "/api/v1/");
        assert!(setting(&["/api"]).route("/other").is_none());
    }

    fn shown(payload: &str, failed: bool) -> (u16, Vec<(String, String)>) {
        let answer = from_result(payload.as_bytes(), failed);
        let headers = answer.headers().iter();
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        (answer.status().as_u16(), headers.map(|(n, v)| (n.to_string(), text(v))).collect())
    }

    #[test]
    fn results_become_answers_and_failures_become_502() {
        let (status, headers) = shown(
            r#"{"statusCode":201,"headers":{"X-A":"1","content-length":"99"},"cookies":["a=1","b=2"],"body":"x"}"#,
            false,
        );
        assert_eq!(status, 201);
        let values =
            |wanted: &str| headers.iter().filter(|(n, _)| n == wanted).map(|(_, v)| v.clone()).collect::<Vec<_>>();
        assert_eq!(values("set-cookie"), ["a=1", "b=2"]);
        assert_eq!((values("x-a"), values("content-length")), (vec!["1".to_owned()], vec![]));
        assert_eq!(shown(r#"{"ok":true}"#, false).0, 200);
        for (payload, failed) in
            [("{}", true), ("no JSON", false), (r#"{"statusCode":100}"#, false), (r#"{"statusCode":"?"}"#, false)]
        {
            assert_eq!(shown(payload, failed).0, 502, "{payload}");
        }
    }
}
