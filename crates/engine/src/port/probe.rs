//! One HTTP call of a gate, as a port: the simulation answers it from a script, the edge from the network.
//!
//! A probe tries once. Retries belong to the gate (its `retries` and `retry_after_ms`), so that each try is seen, counted and
//! recorded by whoever drives it.

use async_trait::async_trait;
use tiers_core::gate::Request;

/// One request, complete: nothing is added to it but what HTTP itself needs (`Host`, `Content-Length`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute, `http://` or `https://`, without user name and password.
    pub url: String,
    /// In the order in which they are sent.
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// Of the answer's body no more than this is read; the rest is dropped and [`HttpAnswer::truncated`] says so.
    pub body_limit_bytes: usize,
}

impl HttpCall {
    /// The call of an `http` gate. `url` is absolute, or a path below `base_url`, which is the environment's `url` or its local
    /// door; the request's own path, if it has one, follows. A payload that is not a string is sent as JSON.
    pub fn of(
        url: &str,
        base_url: Option<&str>,
        request: &Request,
        body_limit_bytes: usize,
    ) -> Result<HttpCall, ProbeError> {
        let mut target = if url.starts_with("http://") || url.starts_with("https://") {
            url.to_owned()
        } else {
            let base = base_url.filter(|base| !base.is_empty()).ok_or_else(|| {
                ProbeError::Invalid(format!(
                    "`{url}` is a path and the environment has no `url` that it could stand below"
                ))
            })?;
            joined(base, url)
        };
        if let Some(path) = request.path.as_deref().filter(|path| !path.is_empty()) {
            target = joined(&target, path);
        }
        let mut headers: Vec<(String, String)> =
            request.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let body = request.payload.as_ref().map(|payload| match payload {
            serde_json::Value::String(text) => text.clone().into_bytes(),
            other => {
                if !request.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
                other.to_string().into_bytes()
            }
        });
        let method = if request.method.is_empty() { "GET".to_owned() } else { request.method.to_ascii_uppercase() };
        Ok(HttpCall { method, url: target, headers, body, body_limit_bytes })
    }
}

/// Exactly one slash between the two.
fn joined(base: &str, path: &str) -> String {
    match path.strip_prefix('/').unwrap_or(path) {
        "" => base.to_owned(),
        rest => format!("{}/{rest}", base.trim_end_matches('/')),
    }
}

/// What came back. Redirects are answers too: nobody follows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    /// Names in lower case, in the order in which they came; a name may stand more than once.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body was longer than the limit.
    pub truncated: bool,
    /// From the start of the call to the end of the body (or its limit).
    pub duration_ms: u64,
}

/// Why there is no answer. Whether that fails the gate or is tried again is the gate's business; all but [`Invalid`] may be
/// different a moment later.
///
/// [`Invalid`]: ProbeError::Invalid
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The call itself is wrong (URL, method, header name or value). Nothing was sent, and trying again can't help.
    #[error("the request can't be sent: {0}")]
    Invalid(String),
    /// The host's name has no address.
    #[error("the name of {host} can't be resolved: {cause}")]
    Dns { host: String, cause: String },
    /// Nobody listens there, or the network does not lead there.
    #[error("no connection to {host}: {cause}")]
    Refused { host: String, cause: String },
    /// The certificate is not trusted, has expired or belongs to another name, or the other side does not speak TLS.
    #[error("no TLS connection to {host}: {cause}")]
    Tls { host: String, cause: String },
    /// `doing` is what was waited for: `the connection`, `the answer` or `the rest of the body`.
    #[error("{host} took longer than {deadline_ms} ms, waiting for {doing}")]
    TimedOut { host: String, deadline_ms: u64, doing: String },
    /// The connection broke, or what came back is not HTTP.
    #[error("{host} broke off: {cause}")]
    Broken { host: String, cause: String },
}

impl ProbeError {
    /// True when another try may end differently.
    pub fn may_try_again(&self) -> bool {
        !matches!(self, ProbeError::Invalid(_))
    }
}

/// Makes HTTP calls.
#[async_trait(?Send)]
pub trait Probe {
    /// Sends one call and reads the answer, all of it within `deadline_ms` of the start.
    async fn http(&self, call: HttpCall, deadline_ms: u64) -> Result<HttpAnswer, ProbeError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(url: &str, base_url: Option<&str>, path: Option<&str>, target: &str) {
        let request = Request { path: path.map(str::to_owned), ..Request::default() };
        let told = match HttpCall::of(url, base_url, &request, 1) {
            Ok(call) => format!("{} {}", call.method, call.url),
            Err(error) => error.to_string(),
        };
        assert_eq!(told, target);
    }

    #[test]
    fn a_path_stands_below_the_environments_url() {
        check("/api/search?q=a", Some("http://127.0.0.1:9000/"), None, "GET http://127.0.0.1:9000/api/search?q=a");
        check("https://other.example", Some("http://x"), Some("/health"), "GET https://other.example/health");
        check("/", Some("http://x/base/"), Some("a"), "GET http://x/base/a");
        check(
            "/health",
            None,
            None,
            "the request can't be sent: `/health` is a path and the environment has no `url` that it could stand below",
        );
    }

    #[test]
    fn a_payload_is_sent_as_json_unless_it_is_text() {
        let mut request = Request { method: "post".into(), payload: Some(json!({"a": 1})), ..Request::default() };
        let call = HttpCall::of("http://x", None, &request, 1).expect("a call");
        assert_eq!((call.method.as_str(), call.body), ("POST", Some(b"{\"a\":1}".to_vec())));
        assert_eq!(call.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        request.payload = Some(json!("text"));
        let call = HttpCall::of("http://x", None, &request, 1).expect("a call");
        assert_eq!((call.headers.len(), call.body), (0, Some(b"text".to_vec())));
    }
}
