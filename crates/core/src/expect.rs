//! Holds an answer against what a gate expects, and says precisely what is different.
//!
//! Everything that is quoted of an answer went through the redactor first, has no control characters and is bounded: mismatches
//! are stored as evidence and shown in logs.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gate::Expect;
use crate::redact::Redactor;

/// Characters of a body, a header or a JSON value that a mismatch quotes.
pub const EXCERPT_CHARS: usize = 300;

/// What came back, from the network or from an invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status; `None` for an invocation whose result is no HTTP answer.
    pub status: Option<u16>,
    /// Names in any case, as often as they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body was longer than what was read of it.
    pub truncated: bool,
}

/// One difference between what was expected and what came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Mismatch {
    /// `expected` is never empty: the default is spelled out.
    Status { expected: String, got: Option<u16>, body: String },
    /// `got` holds every value of that header; empty when there was none.
    Header { name: String, expected: String, got: Vec<String> },
    /// `got` is `None` when nothing stands there; `near` then says what does stand on the way.
    Json { pointer: String, expected: String, got: Option<String>, near: String },
    /// The body can't be read as JSON, so no pointer leads anywhere.
    NotJson { why: String, body: String },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Status { expected, got: Some(got), body } => {
                write!(f, "status {got}, expected {expected}; {}", quoted_body(body))
            }
            Mismatch::Status { expected, got: None, body } => {
                write!(f, "the result has no HTTP status, expected {expected}; {}", quoted_body(body))
            }
            Mismatch::Header { name, expected, got } if got.is_empty() => {
                write!(f, "no header {name}, expected `{expected}`")
            }
            Mismatch::Header { name, expected, got } => {
                write!(f, "header {name} is `{}`, expected `{expected}`", got.join("`, `"))
            }
            Mismatch::Json { pointer, expected, got: Some(got), .. } => {
                write!(f, "{} is {got}, expected {expected}", place(pointer))
            }
            Mismatch::Json { pointer, expected, got: None, near } => {
                write!(f, "nothing at {}, expected {expected}; {near}", place(pointer))
            }
            Mismatch::NotJson { why, body } => write!(f, "the body is not JSON ({why}); {}", quoted_body(body)),
        }
    }
}

/// Compares an answer with an expectation; empty means that it passes. All differences are told, status first.
pub fn judge(expect: &Expect, answer: &Answer, redactor: &Redactor) -> Vec<Mismatch> {
    let quote = Quote { redactor };
    let mut found = Vec::new();
    found.extend(judge_status(expect, answer, quote));
    for (name, expected) in &expect.headers {
        found.extend(judge_header(name, expected, answer, quote));
    }
    if !expect.json.is_empty() {
        match read_json(answer) {
            Ok(body) => found.extend(expect.json.iter().filter_map(|(at, want)| judge_json(at, want, &body, quote))),
            Err(why) => found.push(Mismatch::NotJson { why, body: quote.bytes(&answer.body) }),
        }
    }
    found
}

/// The beginning of a text as it may be stored and shown: secrets replaced first, then control characters made visible, then
/// cut after [`EXCERPT_CHARS`].
pub fn excerpt(bytes: &[u8], redactor: &Redactor) -> String {
    Quote { redactor }.bytes(bytes)
}

#[derive(Clone, Copy)]
struct Quote<'a> {
    redactor: &'a Redactor,
}

impl Quote<'_> {
    fn bytes(self, bytes: &[u8]) -> String {
        self.text(&String::from_utf8_lossy(bytes))
    }

    fn text(self, text: &str) -> String {
        let clean = self.redactor.text(text);
        let mut short = String::new();
        for (count, c) in clean.trim().chars().enumerate() {
            if count == EXCERPT_CHARS {
                short.push('…');
                break;
            }
            if c.is_control() { short.extend(c.escape_default()) } else { short.push(c) }
        }
        short
    }

    fn value(self, value: &Value) -> String {
        self.text(&value.to_string())
    }
}

fn judge_status(expect: &Expect, answer: &Answer, quote: Quote<'_>) -> Option<Mismatch> {
    let good = match (answer.status, expect.status.as_slice()) {
        (Some(got), []) => (200..300).contains(&got),
        (Some(got), listed) => listed.contains(&got),
        (None, listed) => listed.is_empty(),
    };
    let expected = match expect.status.as_slice() {
        [] => "200 to 299".to_owned(),
        listed => listed.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "),
    };
    (!good).then(|| Mismatch::Status { expected, got: answer.status, body: quote.bytes(&answer.body) })
}

/// A header that came several times matches with any of its values, or with all of them joined as HTTP joins them.
fn judge_header(name: &str, expected: &str, answer: &Answer, quote: Quote<'_>) -> Option<Mismatch> {
    let got: Vec<&str> = answer
        .headers
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect();
    let want = expected.trim();
    let good = got.contains(&want) || (!got.is_empty() && got.join(", ") == want);
    (!good).then(|| Mismatch::Header {
        name: quote.text(name),
        expected: quote.text(want),
        got: got.into_iter().map(|value| quote.text(value)).collect(),
    })
}

fn read_json(answer: &Answer) -> Result<Value, String> {
    if answer.truncated {
        return Err(format!("it is longer than the {} bytes that were read", answer.body.len()));
    }
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".to_owned());
    }
    serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
}

fn judge_json(pointer: &str, want: &Value, body: &Value, quote: Quote<'_>) -> Option<Mismatch> {
    let (got, near) = follow(pointer, body, quote);
    match got {
        Some(got) if same(got, want) => None,
        got => Some(Mismatch::Json {
            pointer: quote.text(pointer),
            expected: quote.value(want),
            got: got.map(|value| quote.value(value)),
            near,
        }),
    }
}

/// Goes as far along an RFC 6901 pointer as there is something; where the way ends, says what is there instead.
fn follow<'a>(pointer: &str, body: &'a Value, quote: Quote<'_>) -> (Option<&'a Value>, String) {
    if pointer.is_empty() {
        return (Some(body), String::new());
    }
    if !pointer.starts_with('/') {
        return (None, "a JSON pointer is empty or begins with a slash".to_owned());
    }
    let mut here = body;
    let mut way = String::new();
    for token in pointer[1..].split('/') {
        let key = token.replace("~1", "/").replace("~0", "~");
        let next = match here {
            Value::Object(fields) => fields.get(&key),
            Value::Array(items) => array_index(&key).and_then(|index| items.get(index)),
            _ => None,
        };
        match next {
            Some(value) => {
                here = value;
                way.push('/');
                way.push_str(token);
            }
            None => return (None, format!("{} {}", place(&quote.text(&way)), describe(here, quote))),
        }
    }
    (Some(here), String::new())
}

/// RFC 6901: digits without a leading zero.
fn array_index(key: &str) -> Option<usize> {
    let plain = key == "0" || (!key.starts_with('0') && key.bytes().all(|b| b.is_ascii_digit()));
    plain.then(|| key.parse().ok()).flatten()
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() { "the body".to_owned() } else { format!("`{pointer}`") }
}

fn describe(value: &Value, quote: Quote<'_>) -> String {
    match value {
        Value::Object(fields) if fields.is_empty() => "is an empty object".to_owned(),
        Value::Object(fields) => {
            let names = fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("has {}", quote.text(&names))
        }
        Value::Array(items) => format!("is an array of {} items", items.len()),
        other => format!("is {}", quote.value(other)),
    }
}

/// Equality as people mean it in a gate: `1` and `1.0` are one number, the order of an object's fields says nothing.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(key, value)| y.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}

/// In front of a body's beginning, in what a mismatch says.
const BODY_BEGINS: &str = "the body begins";

fn quoted_body(body: &str) -> String {
    if body.is_empty() { "the body is empty".to_owned() } else { format!("{BODY_BEGINS} `{body}`") }
}

/// What a mismatch says, without the beginning of the body: for places where many reasons stand together.
pub fn without_body(text: &str) -> &str {
    let begins = text.find(BODY_BEGINS).and_then(|at| text[..at].strip_suffix("; "));
    begins.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_body_can_be_left_out_of_what_a_mismatch_says() {
        for (status, body, short) in [(503, "{}", "status 503"), (301, "", "status 301; the body is empty")] {
            let said = format!("status {status}; {}", quoted_body(body));
            assert_eq!(without_body(&said), short);
        }
        assert_eq!(without_body("held"), "held");
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status: Some(status), body: body.as_bytes().to_vec(), ..Answer::default() }
    }

    fn expect(value: Value) -> Expect {
        serde_json::from_value(value).expect("an expectation in a test")
    }

    /// The mismatches as people read them, one a line.
    fn check(expectation: Value, answer: &Answer, told: &str) {
        let found = judge(&expect(expectation), answer, &Redactor::new(["hunter2hunter2"]));
        let text = found.iter().map(Mismatch::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(text, told);
    }

    #[test]
    fn an_empty_expectation_accepts_any_answer_that_is_no_error() {
        check(json!({}), &answer(204, ""), "");
        check(json!({}), &Answer { body: b"null".to_vec(), ..Answer::default() }, "");
        check(json!({}), &answer(301, ""), "status 301, expected 200 to 299; the body is empty");
    }

    #[test]
    fn a_wrong_status_is_told_with_the_beginning_of_the_body() {
        check(
            json!({"status": [200, 204]}),
            &answer(503, "{\"status\":\"unhealthy\",\n\"reason\":\"data\"}"),
            "status 503, expected 200 or 204; the body begins `{\"status\":\"unhealthy\",\\n\"reason\":\"data\"}`",
        );
    }

    #[test]
    fn a_status_can_be_expected_only_of_an_http_answer() {
        let raw = Answer { body: b"[]".to_vec(), ..Answer::default() };
        check(json!({"status": [200]}), &raw, "the result has no HTTP status, expected 200; the body begins `[]`");
    }

    #[test]
    fn header_names_match_in_any_case_and_values_exactly() {
        let mut got = answer(200, "");
        got.headers =
            vec![("X-Release".into(), "r-1".into()), ("vary".into(), "a".into()), ("Vary".into(), "b".into())];
        check(json!({"headers": {"x-release": "r-1", "vary": "b", "VARY": "a, b"}}), &got, "");
        check(
            json!({"headers": {"x-release": "r-2", "via": "x"}}),
            &got,
            "no header via, expected `x`\nheader x-release is `r-1`, expected `r-2`",
        );
    }

    #[test]
    fn a_pointer_that_leads_nowhere_says_how_far_it_led() {
        let got = answer(200, r#"{"data":{"items":[1,2]},"a/b":{"m~n":1.0},"state":"up"}"#);
        check(json!({"json": {"/a~1b/m~0n": 1, "/data/items/1": 2, "": got_as_json(&got)}}), &got, "");
        check(
            json!({"json": {"/data/items/2": 3, "/data/total": 2, "/state": "down", "/state/x": 1, "data": 1}}),
            &got,
            "nothing at `/data/items/2`, expected 3; `/data/items` is an array of 2 items\n\
             nothing at `/data/total`, expected 2; `/data` has items\n\
             `/state` is \"up\", expected \"down\"\n\
             nothing at `/state/x`, expected 1; `/state` is \"up\"\n\
             nothing at `data`, expected 1; a JSON pointer is empty or begins with a slash",
        );
    }

    fn got_as_json(answer: &Answer) -> Value {
        serde_json::from_slice(&answer.body).expect("a body in a test")
    }

    #[test]
    fn a_body_that_is_not_json_is_told_once_for_all_pointers() {
        let wanted = json!({"json": {"/a": 1, "/b": 2}});
        check(
            wanted.clone(),
            &answer(200, "<html>"),
            "the body is not JSON (expected value at line 1 column 1); the body begins `<html>`",
        );
        check(wanted.clone(), &answer(200, " "), "the body is not JSON (it is empty); the body is empty");
        let cut = Answer { truncated: true, ..answer(200, "{\"a\":1") };
        check(
            wanted,
            &cut,
            "the body is not JSON (it is longer than the 6 bytes that were read); the body begins `{\"a\":1`",
        );
    }

    #[test]
    fn a_quoted_answer_shows_no_secret_not_even_half_of_one() {
        let body = format!("{}hunter2hunter2", "x".repeat(EXCERPT_CHARS - 5));
        let found = judge(&expect(json!({})), &answer(500, &body), &Redactor::new(["hunter2hunter2"]));
        let told = found[0].to_string();
        assert!(!told.contains("hunt") && told.contains("***"), "{told}");
    }

    proptest! {
        #[test]
        fn judging_never_panics_and_what_it_quotes_is_bounded(
            status in prop::option::of(any::<u16>()),
            body in prop_oneof![any::<Vec<u8>>(), "[{}\\[\\]\":,0-9a-z~/ ]{0,600}".prop_map(String::into_bytes)],
            pointer in "[/~0-9a-z]{0,12}",
            name in ".{0,10}", value in ".{0,700}", truncated: bool,
        ) {
            let answer = Answer { status, headers: vec![(name.clone(), value.clone())], body, truncated };
            let wanted = expect(json!({"status": [200], "headers": {name: "no"}, "json": {pointer: value}}));
            for mismatch in judge(&wanted, &answer, &Redactor::new(["0123"])) {
                let told = mismatch.to_string();
                prop_assert!(told.chars().count() < 20 * EXCERPT_CHARS && !told.contains(char::is_control), "{}", told);
            }
        }
    }
}
