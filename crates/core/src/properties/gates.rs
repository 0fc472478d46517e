//! A gate's expectation against whatever a function, a proxy or an attacker answers: what is told of it is bounded, can't steer
//! a terminal, and holds no secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

use crate::apigw::{self, Caller, NoAnswer};
use crate::expect::{Answer, EXCERPT_CHARS, Mismatch, judge};
use crate::gate::{Expect, Request};
use crate::redact::{Redactor, SHORTEST_BYTES};

/// No field of a mismatch is longer: each character of an excerpt may have been spelled out, as `\u{…}`.
const FIELD_LIMIT_BYTES: usize = EXCERPT_CHARS * 10 + 200;

/// The bytes are four lines and a rest: an expectation as JSON, a request as JSON, a secret, how the function failed (empty: it
/// did not), and what it gave back. A line that is missing is empty.
pub fn gate_answer(bytes: &[u8]) {
    let mut parts = bytes.splitn(5, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let expect: Expect = serde_json::from_slice(part()).unwrap_or_default();
    let request: Request = serde_json::from_slice(part()).unwrap_or_default();
    let secret = String::from_utf8_lossy(part()).into_owned();
    let failure = String::from_utf8_lossy(part()).into_owned();
    let payload = part();
    let redactor = Redactor::new([&secret]);
    check_event(&request);
    check_stream(&redactor, payload);
    for as_http in [false, true] {
        let failed = (!failure.is_empty()).then_some(failure.as_str());
        match apigw::answer(payload, failed, as_http, &redactor) {
            Ok(answer) => check_answer(&expect, &answer, &redactor, &secret),
            Err(none) => check_no_answer(&none, &secret),
        }
    }
}

fn check_answer(expect: &Expect, answer: &Answer, redactor: &Redactor, secret: &str) {
    let found = judge(expect, answer, redactor);
    assert_eq!(judge(expect, answer, redactor), found, "the same answer is judged the same");
    for mismatch in &found {
        for field in fields(mismatch) {
            check_told(field, secret);
        }
        let text = serde_json::to_string(mismatch).expect("a mismatch is JSON");
        assert_eq!(&serde_json::from_str::<Mismatch>(&text).expect("it reads back"), mismatch);
        assert!(!mismatch.to_string().is_empty());
    }
    let any = Expect { status: answer.status.into_iter().collect(), ..Expect::default() };
    assert_eq!(judge(&any, answer, redactor), [], "an answer passes where just its own status is expected");
    let truncated = Answer { truncated: true, ..answer.clone() };
    let body: Result<Value, _> = serde_json::from_slice(&answer.body);
    if let (Ok(body), false) = (body, answer.truncated) {
        let itself = Expect { json: [(String::new(), body)].into(), ..any };
        assert_eq!(judge(&itself, answer, redactor), [], "a body is what it is");
        assert_ne!(judge(&itself, &truncated, redactor), [], "half of a body proves nothing about the whole");
    }
}

fn fields(mismatch: &Mismatch) -> Vec<&str> {
    match mismatch {
        Mismatch::Status { expected, got: _, body } => vec![expected, body],
        Mismatch::Header { name, expected, got } => {
            [name, expected].into_iter().chain(got).map(String::as_str).collect()
        }
        Mismatch::Json { pointer, expected, got, near } => {
            [pointer, expected].into_iter().chain(got).chain([near]).map(String::as_str).collect()
        }
        Mismatch::NotJson { why, body } => vec![why, body],
    }
}

fn check_no_answer(none: &NoAnswer, secret: &str) {
    let fields: Vec<&String> = match none {
        NoAnswer::FunctionError { handling: _, error_type, message, stack } => {
            [error_type, message].into_iter().chain(stack).collect()
        }
        NoAnswer::Malformed { why, result } => vec![why, result],
    };
    fields.into_iter().for_each(|field| check_told(field, secret));
    assert!(!none.to_string().is_empty());
}

fn check_told(field: &str, secret: &str) {
    assert!(field.len() <= FIELD_LIMIT_BYTES, "{} bytes are told: {field}", field.len());
    assert_eq!(field.chars().find(|c| c.is_control()), None, "what was answered could steer a terminal: {field:?}");
    // With other characters a secret may come about anew from a mask or a spelled-out character and what stands beside it. And
    // short ones may be a part of this program's own words.
    if secret.len() < SHORTEST_BYTES + 4 || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return;
    }
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for form in [secret.to_owned(), hex, STANDARD_NO_PAD.encode(secret)] {
        // The letter of a control character that was spelled out belongs to the sign before it.
        let told = field.match_indices(&form).any(|(at, _)| !field[..at].ends_with('\\'));
        assert!(!told, "a secret is told: {field}");
    }
}

/// In whatever pieces output comes, the same is left of it.
fn check_stream(redactor: &Redactor, output: &[u8]) {
    let redacted = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut stream, mut kept) = (redactor.stream(), Vec::new());
        pieces.for_each(|piece| stream.push(piece, &mut kept));
        stream.finish(&mut kept);
        kept
    };
    let whole = redacted(&mut std::iter::once(output));
    for size in [1, 3, 7] {
        assert_eq!(redacted(&mut output.chunks(size)), whole, "in pieces of {size}");
    }
}

fn check_event(request: &Request) {
    let caller = Caller {
        account: "000000000000",
        domain: "abc.execute-api.us-east-1.amazonaws.com",
        source_ip: "127.0.0.1",
        user_agent: "tiers",
        request_id: "1",
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let sent = apigw::payload(request, &caller);
    let sent: Value = serde_json::from_slice(&sent).expect("a payload is JSON");
    if request.path.is_some() {
        assert_eq!(sent["version"], "2.0");
        assert!(sent["rawPath"].is_string() && sent["headers"].is_object(), "{sent}");
    }
}
