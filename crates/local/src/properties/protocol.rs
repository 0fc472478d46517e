//! A conversation with the host: every request gets an answer in the service's own form, a refusal changes nothing, what is
//! acknowledged is on disk, and the model's rules hold throughout.

use std::fmt::Write as _;

use serde_json::Value;

use super::host::InProcess;
use super::witness::{Witness, see};
use crate::model_store::now_ms;

/// Requests beyond these are not sent.
const MOST: usize = 24;
/// Whatever is under way has ended by then.
const A_DAY_MS: u64 = 24 * 3_600_000;
/// What the host may answer; 500 would be its own disk, and 502 is told apart.
const STATUSES: [u16; 14] = [200, 201, 202, 204, 400, 403, 404, 405, 409, 412, 413, 414, 429, 431];

/// The bytes are requests, separated by lines of `---`: a line with method and target, lines of further headers after `> `, and
/// the body. In them `$IMAGE`, `$HASH` and `$REVISION` stand for the host's one image, its code hash and the revision id that was
/// told last. Where the first line is `raw`, everything behind it is sent as it is.
pub fn lambda_protocol(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let state = tempfile::tempdir().expect("a folder");
    runtime.block_on(async {
        let host = InProcess::open(state.path());
        match bytes.strip_prefix(b"raw\n") {
            Some(raw) => {
                let answer = host.exchange(raw).await;
                if !answer.is_empty() {
                    check_form(&Answer::read(&answer), "raw");
                }
                Witness::default().look(&see(&host.model(), now_ms()));
            }
            None => converse(&host, &String::from_utf8_lossy(bytes)).await,
        }
        let later = now_ms() + A_DAY_MS;
        assert_eq!(see(&host.stored(), later), see(&host.model(), later), "what was acknowledged is what was stored");
    });
}

async fn converse(host: &InProcess, text: &str) {
    let mut witness = Witness::default();
    let mut revision = String::new();
    for request in text.split("\n---\n").take(MOST) {
        let request = request
            .replace("$IMAGE", &host.image_uri)
            .replace("$HASH", host.digest.hex())
            .replace("$REVISION", &revision);
        let Some(sent) = Request::read(&request) else { continue };
        let later = now_ms() + A_DAY_MS;
        let before = see(&host.model(), later);
        let answer = host.exchange(&sent.bytes()).await;
        if answer.is_empty() {
            assert!(!sent.headers.is_empty(), "no answer to a request that was complete: {request}");
            continue;
        }
        let answer = Answer::read(&answer);
        check_form(&answer, &request);
        let model = host.model();
        witness.look(&see(&model, now_ms()));
        if answer.status >= 400 || matches!(sent.method, "GET" | "HEAD") {
            assert_eq!(see(&model, later), before, "{} changed something: {request}", answer.status);
        }
        let told = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        let told = told.get("RevisionId").or_else(|| told.pointer("/Configuration/RevisionId"));
        revision = told.and_then(Value::as_str).map_or(revision, str::to_owned);
    }
}

struct Request<'a> {
    method: &'a str,
    target: &'a str,
    /// Further ones, each a whole line.
    headers: Vec<&'a str>,
    body: &'a str,
}

impl<'a> Request<'a> {
    fn read(text: &'a str) -> Option<Request<'a>> {
        let (first, mut body) = text.split_once('\n').unwrap_or((text, ""));
        let (method, target) = first.split_once(' ')?;
        let mut headers = Vec::new();
        while let Some(rest) = body.strip_prefix("> ") {
            let (header, after) = rest.split_once('\n').unwrap_or((rest, ""));
            headers.push(header);
            body = after;
        }
        Some(Request { method, target, headers, body })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", self.method, self.target);
        let own = self.headers.iter().any(|header| header.to_ascii_lowercase().starts_with("authorization:"));
        if !own {
            let scope = "AKIALOCAL000000000000/20261123/us-east-1/lambda/aws4_request";
            let _ = write!(
                text,
                "authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00\r\n"
            );
        }
        for header in &self.headers {
            let _ = write!(text, "{header}\r\n");
        }
        let _ = write!(text, "content-length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }
}

struct Answer {
    status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// The first answer that is more than a word in between.
    fn read(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("an answer has a head");
        let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")).and_then(|line| line.get(2..5));
        let status = status.and_then(|status| status.parse().ok()).expect("an answer begins with its status");
        if status < 200 {
            return Answer::read(&bytes[end + 4..]);
        }
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers: Vec<(String, String)> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let length =
            headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
        let body = bytes[end + 4..].iter().copied().take(length.unwrap_or(0)).collect();
        Answer { status, headers, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

fn check_form(answer: &Answer, request: &str) {
    let status = answer.status;
    let kind = answer.header("x-amzn-errortype");
    let declared = STATUSES.contains(&status) || (status == 502 && kind == Some("ResourceNotReadyException"));
    assert!(declared, "{status} {kind:?} {}: {request}", String::from_utf8_lossy(&answer.body));
    let Some(content_type) = answer.header("content-type") else {
        // What is no HTTP at all is answered below the API, by a status alone.
        assert!(
            matches!(status, 400 | 405 | 414 | 431) && answer.body.is_empty(),
            "{status} without a type: {request}"
        );
        return;
    };
    match content_type {
        // An answer to HEAD has a length and no body.
        "application/json" if answer.body.is_empty() => {}
        "application/json" => {
            let body: Value = serde_json::from_slice(&answer.body).expect("an answer is JSON");
            if status >= 400 {
                assert!(kind.is_some() && answer.header("x-amzn-requestid").is_some(), "{status}: {request}");
                let message = body.get("message").or_else(|| body.get("Message"));
                assert!(message.is_some_and(|text| text.as_str().is_some_and(|text| !text.is_empty())), "{body}");
            }
        }
        "text/xml" => assert!(answer.body.starts_with(b"<"), "{request}"),
        other => panic!("an answer of type {other}: {request}"),
    }
}
