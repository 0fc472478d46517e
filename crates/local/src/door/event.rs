//! An HTTP request as the event that API Gateway sends to a function, payload format 2.0.
//!
//! Source: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway". The path stays encoded as it came.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::http::request::Parts;
use jiff::Timestamp;
use serde::Serialize;

use crate::http;

/// What the request itself does not say.
pub(crate) struct Facts<'a> {
    pub account: &'a str,
    /// The environment's name stands for the API's id.
    pub environment: &'a str,
    pub request_id: &'a str,
    pub peer: SocketAddr,
    pub port: u16,
    pub now: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'static str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    request_context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    domain_name: String,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'static str,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: String,
    user_agent: String,
}

const ROUTE: &str = "$default";

/// The event, as JSON.
pub(crate) fn event(head: &Parts, body: &[u8], facts: &Facts<'_>) -> Vec<u8> {
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let (mut headers, cookies) = headers(head);
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let domain_name = headers.get("host").cloned().unwrap_or_else(|| format!("127.0.0.1:{}", facts.port));
    let gateway = [
        ("x-amzn-trace-id", format!("Root=1-{:08x}-{}", facts.now.as_second(), &trace[..24])),
        ("x-forwarded-for", facts.peer.ip().to_string()),
        ("x-forwarded-port", facts.port.to_string()),
        ("x-forwarded-proto", "http".to_owned()),
    ];
    for (name, value) in gateway {
        headers.entry(name.to_owned()).or_insert(value);
    }
    let (body, is_base64_encoded) = body_text(headers.get("content-type").map(String::as_str), body);
    let event = Event {
        version: "2.0",
        route_key: ROUTE,
        raw_path: path,
        raw_query_string: query,
        cookies,
        query_string_parameters: parameters(query),
        request_context: Context {
            account_id: facts.account,
            api_id: facts.environment,
            domain_name,
            domain_prefix: facts.environment,
            http: Http {
                method: head.method.as_str(),
                path,
                protocol: if head.version == hyper::Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
                source_ip: facts.peer.ip().to_string(),
                user_agent: headers.get("user-agent").cloned().unwrap_or_default(),
            },
            request_id: facts.request_id,
            route_key: ROUTE,
            stage: ROUTE,
            time: facts.now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            time_epoch: facts.now.as_millisecond(),
        },
        headers,
        body,
        is_base64_encoded,
    };
    serde_json::to_vec(&event).unwrap_or_default()
}

/// Names are in lower case already; values of a name that stands more than once are joined with commas, and cookies stand
/// apart. Headers about the connection end at the gateway.
fn headers(head: &Parts) -> (BTreeMap<String, String>, Vec<String>) {
    const OF_THE_CONNECTION: [&str; 4] = ["connection", "keep-alive", "transfer-encoding", "upgrade"];
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let mut cookies = Vec::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if name == "cookie" {
            cookies.extend(value.split(';').map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned));
        } else if !OF_THE_CONNECTION.contains(&name.as_str()) {
            let all = headers.entry(name.as_str().to_owned());
            all.and_modify(|all| *all = format!("{all},{value}")).or_insert_with(|| value.into_owned());
        }
    }
    (headers, cookies)
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in http::query_pairs(query) {
        let all = parameters.entry(name);
        all.and_modify(|all| *all = format!("{all},{value}")).or_insert(value);
    }
    parameters
}

/// Text goes as it is, everything else as Base64; no body, no field. What counts as text is said by the content type, and where
/// that says nothing, by the bytes.
fn body_text(content_type: Option<&str>, body: &[u8]) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let kind = content_type.unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_text = kind.is_empty()
        || kind.starts_with("text/")
        || matches!(kind, "application/json" | "application/javascript" | "application/xml");
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(body)), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event_of(request: hyper::http::request::Builder, body: &[u8]) -> Value {
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let facts = Facts {
            account: "000000000000",
            environment: "dev",
            request_id: "q-1",
            peer: "127.0.0.1:50000".parse().expect("an address"),
            port: 8080,
            now: "2026-11-23T15:29:00.250Z".parse().expect("a time"),
        };
        serde_json::from_slice(&event(&head, body, &facts)).expect("JSON")
    }

    #[test]
    fn a_request_becomes_a_payload_2_0_event() {
        let request = hyper::Request::post("/api/v1/a%20b?q=x+y&tag=1&tag=2")
            .header("Host", "127.0.0.1:8080")
            .header("Cookie", "a=1; b=2")
            .header("X-Two", "1")
            .header("X-Two", "2")
            .header("Connection", "keep-alive")
            .header("User-Agent", "test")
            .header("Content-Type", "application/json; charset=utf-8");
        let got = event_of(request, b"{}");
        let trace = got["headers"]["x-amzn-trace-id"].clone();
        assert_eq!(
            got,
            json!({
                "version": "2.0", "routeKey": "$default", "rawPath": "/api/v1/a%20b", "rawQueryString": "q=x+y&tag=1&tag=2",
                "cookies": ["a=1", "b=2"],
                "headers": {"host": "127.0.0.1:8080", "x-two": "1,2", "user-agent": "test",
                            "content-type": "application/json; charset=utf-8", "x-amzn-trace-id": trace,
                            "x-forwarded-for": "127.0.0.1", "x-forwarded-port": "8080", "x-forwarded-proto": "http"},
                "queryStringParameters": {"q": "x y", "tag": "1,2"},
                "requestContext": {
                    "accountId": "000000000000", "apiId": "dev", "domainName": "127.0.0.1:8080", "domainPrefix": "dev",
                    "http": {"method": "POST", "path": "/api/v1/a%20b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                             "userAgent": "test"},
                    "requestId": "q-1", "routeKey": "$default", "stage": "$default",
                    "time": "23/Nov/2026:15:29:00 +0000", "timeEpoch": 1_795_447_740_250_i64,
                },
                "body": "{}", "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn bodies_are_text_or_base64_by_their_type_and_bytes() {
        let check = |kind: Option<&str>, body: &[u8], wanted: (Option<&str>, bool)| {
            let (text, encoded) = body_text(kind, body);
            assert_eq!((text.as_deref(), encoded), wanted, "{kind:?}");
        };
        check(None, b"", (None, false));
        check(None, b"hi", (Some("hi"), false));
        check(None, &[0xff], (Some("/w=="), true));
        check(Some("text/plain; charset=utf-8"), b"hi", (Some("hi"), false));
        check(Some("application/json"), &[0xff], (Some("/w=="), true));
        check(Some("image/png"), b"hi", (Some("aGk="), true));
        check(Some("application/x-www-form-urlencoded"), b"a=1", (Some("YT0x"), true));
    }
}
