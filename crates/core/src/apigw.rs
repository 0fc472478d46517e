//! The two shapes between API Gateway and a function: the event of an HTTP API (payload format 2.0) that an `invoke` gate
//! sends in the gateway's place, and the result that the function gives back.
//!
//! Source: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway", payload format version 2.0 and "Lambda function
//! response for format 2.0".

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::expect::{Answer, excerpt};
use crate::gate::Request;
use crate::id::Digest;
use crate::redact::Redactor;

/// What the gateway would know of a call and a gate's request does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller<'a> {
    /// 12 digits.
    pub account: &'a str,
    /// Host name under which the gateway is reached; its first label stands for the API's id.
    pub domain: &'a str,
    /// An IP address.
    pub source_ip: &'a str,
    /// Also the default of the `User-Agent` header.
    pub user_agent: &'a str,
    /// Unique for every call; the trace id is made from it.
    pub request_id: &'a str,
    pub now: Timestamp,
}

/// The payload of an `invoke` gate: an event where the request has a path, and otherwise its payload as it is (`{}` if none).
pub fn payload(request: &Request, caller: &Caller<'_>) -> Vec<u8> {
    let value = match &request.path {
        Some(path) => event(request, path, caller),
        None => request.payload.clone().unwrap_or_else(|| json!({})),
    };
    value.to_string().into_bytes()
}

/// The event that API Gateway's `$default` route sends for this request.
pub fn event(request: &Request, path: &str, caller: &Caller<'_>) -> Value {
    let (raw_path, raw_query) = path.split_once('?').unwrap_or((path, ""));
    let method = if request.method.is_empty() { "GET".to_owned() } else { request.method.to_ascii_uppercase() };
    let body = request.payload.as_ref().map(body_text);
    let (headers, cookies) = headers(request, body.as_deref(), caller);
    let stamp = caller.now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
    let mut event = Map::new();
    event.insert("version".into(), json!("2.0"));
    event.insert("routeKey".into(), json!("$default"));
    event.insert("rawPath".into(), json!(raw_path));
    event.insert("rawQueryString".into(), json!(raw_query));
    if !cookies.is_empty() {
        event.insert("cookies".into(), json!(cookies));
    }
    event.insert("headers".into(), json!(headers));
    if !raw_query.is_empty() {
        event.insert("queryStringParameters".into(), json!(query_parameters(raw_query)));
    }
    let context = json!({
        "accountId": caller.account,
        "apiId": caller.domain.split('.').next().unwrap_or_default(),
        "domainName": caller.domain,
        "domainPrefix": caller.domain.split('.').next().unwrap_or_default(),
        "http": {
            "method": method,
            "path": raw_path,
            "protocol": "HTTP/1.1",
            "sourceIp": caller.source_ip,
            "userAgent": headers.get("user-agent"),
        },
        "requestId": caller.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": stamp,
        "timeEpoch": caller.now.as_millisecond(),
    });
    event.insert("requestContext".into(), context);
    if let Some(body) = body {
        event.insert("body".into(), json!(body));
    }
    event.insert("isBase64Encoded".into(), json!(false));
    Value::Object(event)
}

/// A string is sent as it is, everything else as JSON.
fn body_text(payload: &Value) -> String {
    match payload {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Names in lower case with the gateway's own added, and the cookies, which payload 2.0 keeps apart.
fn headers(request: &Request, body: Option<&str>, caller: &Caller<'_>) -> (BTreeMap<String, String>, Vec<String>) {
    let trace = Digest::of(caller.request_id.as_bytes());
    let mut headers = BTreeMap::from([
        ("accept".to_owned(), "*/*".to_owned()),
        ("content-length".to_owned(), body.unwrap_or_default().len().to_string()),
        ("host".to_owned(), caller.domain.to_owned()),
        ("user-agent".to_owned(), caller.user_agent.to_owned()),
        ("x-amzn-trace-id".to_owned(), format!("Root=1-{:08x}-{}", caller.now.as_second(), &trace.hex()[..24])),
        ("x-forwarded-for".to_owned(), caller.source_ip.to_owned()),
        ("x-forwarded-port".to_owned(), "443".to_owned()),
        ("x-forwarded-proto".to_owned(), "https".to_owned()),
    ]);
    if request.payload.as_ref().is_some_and(|payload| !payload.is_string()) {
        headers.insert("content-type".to_owned(), "application/json".to_owned());
    }
    for (name, value) in &request.headers {
        headers.insert(name.to_ascii_lowercase(), value.clone());
    }
    let cookies = headers.remove("cookie").unwrap_or_default();
    let cookies = cookies.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()).map(str::to_owned).collect();
    (headers, cookies)
}

/// Decoded; the values of a name that stands more than once are joined with commas, as the gateway does.
fn query_parameters(raw: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = url_decoded(value);
        parameters
            .entry(url_decoded(name))
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

/// `+` is a blank; a percent sign that begins no code stays what it is.
fn url_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', _, _) => decoded.push(b' '),
            (byte, _, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Why an invocation's result is no answer that a gate could look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum NoAnswer {
    /// The function failed: an error it returned, a crash, a timeout, a lack of memory.
    #[error("the function failed ({handling}): {error}{message}{stack}",
        error = if error_type.is_empty() { String::new() } else { format!("{error_type}: ") },
        stack = if stack.is_empty() { String::new() } else { format!("; at {}", stack.join(" < ")) })]
    FunctionError {
        /// `Handled` or `Unhandled`, as the service says it.
        handling: String,
        /// `errorType`; empty where there is none.
        error_type: String,
        message: String,
        /// The first lines of `stackTrace`.
        stack: Vec<String>,
    },
    /// API Gateway would answer 500 or 502 to a result like this.
    #[error("the function's result is no HTTP answer: {why}; it begins `{result}`")]
    Malformed { why: String, result: String },
}

/// Lines of a stack trace that are kept.
const STACK_LINES: usize = 5;

/// Reads what an invocation gave back. `as_http` is true for a gate whose request has a path: then a result without
/// `statusCode` is an answer 200 with the result as its body, as API Gateway infers it. Otherwise the whole result is the body,
/// and there is a status only if the result has one.
pub fn answer(
    payload: &[u8],
    function_error: Option<&str>,
    as_http: bool,
    redactor: &Redactor,
) -> Result<Answer, NoAnswer> {
    if let Some(handling) = function_error {
        return Err(function_failure(handling, payload, redactor));
    }
    let malformed = |why: String| NoAnswer::Malformed { why, result: excerpt(payload, redactor) };
    let result: Option<Value> = serde_json::from_slice(payload).ok();
    let fields = result.as_ref().and_then(Value::as_object).filter(|fields| fields.contains_key("statusCode"));
    match (fields, as_http) {
        (Some(fields), true) => proxy_answer(fields).map_err(malformed),
        (Some(fields), false) => Ok(Answer { status: status(&fields["statusCode"]), ..whole(payload) }),
        (None, false) => Ok(whole(payload)),
        (None, true) if result.is_none() => Err(malformed("it is not JSON".to_owned())),
        (None, true) => Ok(Answer {
            status: Some(200),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            ..whole(payload)
        }),
    }
}

fn whole(payload: &[u8]) -> Answer {
    Answer { body: payload.to_vec(), ..Answer::default() }
}

fn proxy_answer(fields: &Map<String, Value>) -> Result<Answer, String> {
    let status = status(&fields["statusCode"]).ok_or("`statusCode` is no number from 100 to 599")?;
    let mut headers = Vec::new();
    match fields.get("headers") {
        None | Some(Value::Null) => {}
        Some(Value::Object(given)) => {
            for (name, value) in given {
                let value = scalar(value).ok_or_else(|| format!("header `{name}` is no string"))?;
                headers.push((name.to_ascii_lowercase(), value));
            }
        }
        Some(_) => return Err("`headers` is no object".to_owned()),
    }
    match fields.get("cookies") {
        None | Some(Value::Null) => {}
        Some(Value::Array(cookies)) => {
            headers.extend(cookies.iter().filter_map(scalar).map(|cookie| ("set-cookie".to_owned(), cookie)));
        }
        Some(_) => return Err("`cookies` is no array".to_owned()),
    }
    let encoded = fields.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    let body = match fields.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) if encoded => {
            STANDARD.decode(text).map_err(|error| format!("`body` is no Base64: {error}"))?
        }
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(_) => return Err("`body` is no string (JSON has to be written into one)".to_owned()),
    };
    Ok(Answer { status: Some(status), headers, body, truncated: false })
}

fn status(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))?;
    u16::try_from(number).ok().filter(|status| (100..600).contains(status))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn function_failure(handling: &str, payload: &[u8], redactor: &Redactor) -> NoAnswer {
    let told: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
    let text = |value: &Value| match value {
        Value::String(text) => excerpt(text.as_bytes(), redactor),
        other => excerpt(other.to_string().as_bytes(), redactor),
    };
    let stack = told.get("stackTrace").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    NoAnswer::FunctionError {
        handling: excerpt(handling.as_bytes(), redactor),
        error_type: told.get("errorType").map(text).unwrap_or_default(),
        message: told.get("errorMessage").map_or_else(|| excerpt(payload, redactor), text),
        stack: stack.iter().take(STACK_LINES).map(text).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn caller() -> Caller<'static> {
        Caller {
            account: "123456789012",
            domain: "gate.example",
            source_ip: "127.0.0.1",
            user_agent: "tiers",
            request_id: "q-1",
            now: "2026-11-23T15:29:00.250Z".parse().expect("a time in a test"),
        }
    }

    fn request(path: &str) -> Request {
        Request { path: Some(path.to_owned()), ..Request::default() }
    }

    #[test]
    fn a_request_with_a_path_becomes_the_event_that_the_gateway_sends() {
        let mut asked = request("/api/v1/search?q=PTT+%E0%B8%9B&tag=a&tag=b&flag");
        asked.headers.insert("X-Smoke".into(), "1".into());
        asked.headers.insert("Cookie".into(), "a=1; b=2".into());
        let got: Value = serde_json::from_slice(&payload(&asked, &caller())).expect("JSON");
        let trace = got["headers"]["x-amzn-trace-id"].clone();
        assert_eq!(
            got,
            json!({
                "version": "2.0", "routeKey": "$default", "rawPath": "/api/v1/search",
                "rawQueryString": "q=PTT+%E0%B8%9B&tag=a&tag=b&flag", "cookies": ["a=1", "b=2"],
                "headers": {
                    "accept": "*/*", "content-length": "0", "host": "gate.example", "user-agent": "tiers",
                    "x-amzn-trace-id": trace, "x-forwarded-for": "127.0.0.1", "x-forwarded-port": "443",
                    "x-forwarded-proto": "https", "x-smoke": "1",
                },
                "queryStringParameters": {"q": "PTT ป", "tag": "a,b", "flag": ""},
                "requestContext": {
                    "accountId": "123456789012", "apiId": "gate", "domainName": "gate.example", "domainPrefix": "gate",
                    "http": {"method": "GET", "path": "/api/v1/search", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                             "userAgent": "tiers"},
                    "requestId": "q-1", "routeKey": "$default", "stage": "$default",
                    "time": "23/Nov/2026:15:29:00 +0000", "timeEpoch": 1_795_447_740_250_i64,
                },
                "isBase64Encoded": false,
            })
        );
        assert!(trace.as_str().is_some_and(|text| text.starts_with("Root=1-") && text.len() == 40), "{trace}");
    }

    #[test]
    fn a_payload_becomes_the_body_and_a_string_stays_a_string() {
        let mut asked = request("/x");
        asked.method = "post".into();
        asked.payload = Some(json!({"a": 1}));
        let got = event(&asked, "/x", &caller());
        assert_eq!(got["body"], json!("{\"a\":1}"));
        assert_eq!(got["headers"]["content-type"], json!("application/json"));
        assert_eq!(got["requestContext"]["http"]["method"], json!("POST"));
        asked.payload = Some(json!("plain"));
        let got = event(&asked, "/x", &caller());
        assert_eq!((&got["body"], &got["headers"]["content-length"]), (&json!("plain"), &json!("5")));
    }

    #[test]
    fn a_request_without_a_path_sends_its_payload_as_it_is() {
        let asked = Request { payload: Some(json!({"date": "2026-11-20"})), ..Request::default() };
        assert_eq!(payload(&asked, &caller()), br#"{"date":"2026-11-20"}"#);
        assert_eq!(payload(&Request::default(), &caller()), b"{}");
    }

    fn read(result: Value, as_http: bool) -> Result<Answer, String> {
        answer(result.to_string().as_bytes(), None, as_http, &Redactor::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_proxy_result_is_an_http_answer() {
        let got = read(
            json!({"statusCode": 201, "headers": {"X-A": "1", "n": 2}, "cookies": ["c=1"], "body": "aGk=",
                   "isBase64Encoded": true}),
            true,
        )
        .expect("an answer");
        assert_eq!((got.status, got.body.as_slice()), (Some(201), b"hi".as_slice()));
        let headers = [("n", "2"), ("x-a", "1"), ("set-cookie", "c=1")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let mut sorted = got.headers;
        sorted.sort();
        let mut wanted = headers.to_vec();
        wanted.sort();
        assert_eq!(sorted, wanted);
    }

    #[test]
    fn a_result_without_a_status_is_inferred_as_the_gateway_does() {
        let got = read(json!({"ok": true}), true).expect("an answer");
        assert_eq!((got.status, got.body.as_slice()), (Some(200), br#"{"ok":true}"#.as_slice()));
        let got = read(json!({"ok": true}), false).expect("an answer");
        assert_eq!(got.status, None);
        let got = read(json!({"statusCode": 500, "body": "x"}), false).expect("an answer");
        assert_eq!(got.status, Some(500));
    }

    #[test]
    fn a_result_that_the_gateway_would_refuse_says_what_is_wrong_with_it() {
        for (result, why) in [
            (json!({"statusCode": "x"}), "`statusCode` is no number"),
            (json!({"statusCode": 200, "body": {"a": 1}}), "`body` is no string"),
            (json!({"statusCode": 200, "body": "?", "isBase64Encoded": true}), "`body` is no Base64"),
            (json!({"statusCode": 200, "headers": []}), "`headers` is no object"),
            (json!({"statusCode": 200, "headers": {"a": {}}}), "header `a` is no string"),
        ] {
            let told = read(result.clone(), true).expect_err("malformed");
            assert!(told.contains(why), "{result}: {told}");
        }
        let told = answer(b"oops", None, true, &Redactor::default()).expect_err("malformed").to_string();
        assert_eq!(told, "the function's result is no HTTP answer: it is not JSON; it begins `oops`");
    }

    #[test]
    fn a_function_error_tells_type_message_and_stack_without_secrets() {
        let payload = json!({"errorType": "Runtime.ExitError", "errorMessage": "no key hunter2hunter2",
                             "stackTrace": ["a:1", "b:2"]});
        let failed =
            answer(payload.to_string().as_bytes(), Some("Unhandled"), true, &Redactor::new(["hunter2hunter2"]))
                .expect_err("a failure");
        assert_eq!(failed.to_string(), "the function failed (Unhandled): Runtime.ExitError: no key ***; at a:1 < b:2");
        let bare = answer(b"gone", Some("Unhandled"), true, &Redactor::default()).expect_err("a failure");
        assert_eq!(bare.to_string(), "the function failed (Unhandled): gone");
    }

    proptest! {
        #[test]
        fn events_and_results_of_any_content_never_panic(
            path in ".{0,60}", method in ".{0,8}", name in ".{0,12}", value in ".{0,40}",
            result in prop_oneof![any::<Vec<u8>>(), "\\{\"statusCode\":[0-9\"a]{0,6},\"body\":[a-z\"0-9=]{0,9}\\}".prop_map(String::into_bytes)],
            failed in prop::option::of(".{0,10}"), as_http: bool,
        ) {
            let asked = Request { method, path: Some(path), headers: [(name, value.clone())].into(), payload: Some(json!(value)) };
            let sent = payload(&asked, &caller());
            prop_assert!(serde_json::from_slice::<Value>(&sent).is_ok());
            match answer(&result, failed.as_deref(), as_http, &Redactor::default()) {
                Ok(answer) => prop_assert!(failed.is_none() && answer.status.is_none_or(|status| (100..600).contains(&status))),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}
