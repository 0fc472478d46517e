//! Keeps secret values out of what is stored and shown: each value is replaced by `***` wherever it stands, raw or in one of
//! the encodings in which programs print it.
//!
//! Replaced are, for every value: the value itself; each of its lines of 8 bytes or more (a private key is printed line by
//! line); Base64, standard and URL-safe, at every alignment (so that `Authorization: Basic …` is caught too, where the value
//! is only a part of what was encoded); URL-encoding with upper-case or lower-case digits and with `+` for a blank; the
//! inside of a JSON string; hexadecimal digits, lower and upper case. NOT found: Base64 that is broken into lines, a value
//! that was cut, reversed, hashed or compressed, and values below [`SHORTEST_BYTES`], which can't be told from common text.
//!
//! Redaction has to come before anything is cut off, or the cut leaves half a secret that no longer looks like one: that is
//! why there is a form for streams.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// Values below this are not replaced: `1` or `dev` would take half of every text with them.
pub const SHORTEST_BYTES: usize = 4;

/// Lines of a value with several lines are replaced on their own from this length.
const SHORTEST_LINE_BYTES: usize = 8;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// A set of secret values, ready to be found. Cheap to clone; never prints what it hides.
#[derive(Clone, Default)]
pub struct Redactor {
    shared: Option<Arc<Patterns>>,
}

struct Patterns {
    /// Longest first, so that of two that begin alike the longer one is taken.
    by_length: Vec<Vec<u8>>,
    /// Which bytes begin a pattern: the test that nearly every byte of an output fails.
    begins: [bool; 256],
    values: usize,
}

impl Redactor {
    /// For these values; empty and short ones are passed over.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Redactor {
        let mut forms = BTreeSet::new();
        let mut values = 0;
        for secret in secrets {
            let secret = secret.as_ref();
            if secret.len() < SHORTEST_BYTES {
                continue;
            }
            values += 1;
            add_forms(secret, &mut forms);
            if secret.contains('\n') {
                for line in secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE_BYTES) {
                    add_forms(line, &mut forms);
                }
            }
        }
        if forms.is_empty() {
            return Redactor::default();
        }
        let mut by_length: Vec<Vec<u8>> = forms.into_iter().collect();
        by_length.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let mut begins = [false; 256];
        for form in &by_length {
            begins[usize::from(form[0])] = true;
        }
        Redactor { shared: Some(Arc::new(Patterns { by_length, begins, values })) }
    }

    /// The text with every secret replaced; borrowed when there was none.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(patterns) = &self.shared else { return Cow::Borrowed(text) };
        let bytes = text.as_bytes();
        if (0..bytes.len()).all(|at| patterns.found_at(&bytes[at..]).is_none()) {
            return Cow::Borrowed(text);
        }
        let mut stream = self.stream();
        let mut kept = Vec::with_capacity(bytes.len());
        stream.push(bytes, &mut kept);
        stream.finish(&mut kept);
        // Patterns are whole texts, so what is left between them is text as well, but for a pattern of another encoding that
        // begins in the middle of a character; lossy then costs one sign and nothing else.
        Cow::Owned(String::from_utf8_lossy(&kept).into_owned())
    }

    /// For output that comes in pieces: a secret that lies across two pieces is found too.
    pub fn stream(&self) -> RedactStream {
        RedactStream { redactor: self.clone(), held: Vec::new() }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} values)", self.shared.as_ref().map_or(0, |patterns| patterns.values))
    }
}

impl Patterns {
    fn found_at(&self, bytes: &[u8]) -> Option<usize> {
        let first = *bytes.first()?;
        if !self.begins[usize::from(first)] {
            return None;
        }
        self.by_length.iter().find(|form| bytes.starts_with(form)).map(Vec::len)
    }

    /// True when all of these bytes are the beginning of a longer pattern.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        let begins = bytes.first().is_some_and(|first| self.begins[usize::from(*first)]);
        begins && self.by_length.iter().take_while(|form| form.len() > bytes.len()).any(|form| form.starts_with(bytes))
    }
}

/// Redaction of a stream: holds back only what may be the beginning of a secret, and nothing of what can't be.
pub struct RedactStream {
    redactor: Redactor,
    held: Vec<u8>,
}

impl RedactStream {
    /// Takes a piece and appends what is certain by now.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let Some(patterns) = self.redactor.shared.clone() else {
            out.extend_from_slice(piece);
            return;
        };
        self.held.extend_from_slice(piece);
        let taken = replace(&patterns, &self.held, false, out);
        self.held.drain(..taken);
    }

    /// The end of the stream: appends what was held back.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(patterns) = self.redactor.shared.clone() {
            let held = std::mem::take(&mut self.held);
            replace(&patterns, &held, true, out);
        }
    }
}

/// Replaces every match up to where more bytes could still make one, or a longer one; answers how many bytes are done with.
fn replace(patterns: &Patterns, bytes: &[u8], is_end: bool, out: &mut Vec<u8>) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if !is_end && patterns.may_begin(rest) {
            break;
        }
        match patterns.found_at(rest) {
            Some(length) => {
                out.extend_from_slice(MASK.as_bytes());
                at += length;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    at
}

fn add_forms(value: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let mut add = |form: String| {
        if form.len() >= SHORTEST_BYTES {
            forms.insert(form.into_bytes());
        }
    };
    add(value.to_owned());
    if let Ok(json) = serde_json::to_string(value) {
        add(json[1..json.len() - 1].to_owned());
    }
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    add(hex.to_uppercase());
    add(hex);
    for blank in ["%20", "+"] {
        let url = url_encoded(value, blank);
        add(lower_case_digits(&url));
        add(url);
    }
    for alphabet in [&alphabet::STANDARD, &alphabet::URL_SAFE] {
        let engine = GeneralPurpose::new(alphabet, NO_PAD);
        for ahead in 0..3 {
            add(base64_inside(&engine, value, ahead));
        }
    }
}

/// The characters of a Base64 text that this value alone decides when `ahead` bytes (modulo 3) stand before it.
fn base64_inside(engine: &GeneralPurpose, value: &str, ahead: usize) -> String {
    let mut bytes = vec![0; ahead];
    bytes.extend_from_slice(value.as_bytes());
    let encoded = engine.encode(&bytes);
    // Six bits a character: those that share bits with the bytes before (or after) the value depend on these too.
    let from = (ahead * 8).div_ceil(6);
    let until = bytes.len() * 8 / 6;
    encoded.get(from..until).unwrap_or_default().to_owned()
}

/// Percent-encoding of all but the unreserved characters of RFC 3986, upper-case digits.
fn url_encoded(value: &str, blank: &str) -> String {
    let mut text = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            b' ' => text.push_str(blank),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// `%2F` as `%2f`, leaving everything else alone.
fn lower_case_digits(url: &str) -> String {
    let mut digits = 0;
    url.chars()
        .map(|c| match (c, digits) {
            ('%', _) => {
                digits = 2;
                c
            }
            (_, 0) => c,
            _ => {
                digits -= 1;
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "s3cr3t/Pass word+1";

    #[test]
    fn a_secret_is_found_in_every_encoding_that_is_listed() {
        let redactor = Redactor::new([SECRET]);
        let standard = GeneralPurpose::new(&alphabet::STANDARD, base64::engine::general_purpose::PAD);
        let url_safe = GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD);
        for text in [
            format!("raw {SECRET} end"),
            format!("basic {}", standard.encode(format!("u:{SECRET}"))),
            format!("basic {}", standard.encode(format!("me:{SECRET}:x"))),
            format!("basic {}", standard.encode(format!("you:{SECRET}"))),
            format!("token {}", url_safe.encode(SECRET)),
            "https://u:s3cr3t%2FPass%20word%2B1@h/".to_owned(),
            "q=s3cr3t%2fPass+word%2b1".to_owned(),
        ] {
            let shown = redactor.text(&text);
            assert!(shown.contains(MASK), "{text} -> {shown}");
            assert!(!shown.contains("s3cr3t") && !shown.contains("Pass"), "{shown}");
        }
    }

    #[test]
    fn quotes_and_newlines_in_a_secret_are_found_as_json_writes_them() {
        let redactor = Redactor::new(["two\nlines \"of\" it"]);
        assert_eq!(redactor.text(r#"{"a":"two\nlines \"of\" it"}"#), r#"{"a":"***"}"#);
        assert_eq!(redactor.text("lines \"of\" it"), "***");
    }

    #[test]
    fn short_values_and_text_without_secrets_stay_as_they_are() {
        assert_eq!(Redactor::new(["abc", ""]).text("abcabc"), "abcabc");
        assert!(matches!(Redactor::new(["hidden value"]).text("nothing here"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_redactor_does_not_print_what_it_hides() {
        assert_eq!(format!("{:?}", Redactor::new([SECRET])), "Redactor(1 values)");
    }

    #[test]
    fn of_two_secrets_that_begin_alike_the_longer_is_replaced() {
        assert_eq!(Redactor::new(["token", "token-of-mine"]).text("a token-of-mine b token"), "a *** b ***");
    }

    #[test]
    fn a_stream_holds_back_nothing_but_what_may_be_the_beginning_of_a_secret() {
        let long = format!("BEGIN{}", "k".repeat(4000));
        let mut stream = Redactor::new([&long]).stream();
        let mut told = |piece: &str| {
            let mut out = Vec::new();
            stream.push(piece.as_bytes(), &mut out);
            String::from_utf8(out).expect("text")
        };
        assert_eq!(told("Still creating... [10s elapsed]\n"), "Still creating... [10s elapsed]\n");
        assert_eq!(told("ends with BEG"), "ends with ");
        assert_eq!(told("ONE"), "BEGONE");
        assert_eq!((told("BEGIN"), told(&long[5..]), told("!")), (String::new(), MASK.to_owned(), "!".to_owned()));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_what_the_whole_gives(text in "[a-c]{0,80}", sizes in prop::collection::vec(1usize..9, 0..40)) {
            let redactor = Redactor::new(["abca", "bcab", "aaaaa"]);
            let mut stream = redactor.stream();
            let (mut out, mut rest) = (Vec::new(), text.as_bytes());
            for size in sizes {
                let (piece, later) = rest.split_at(size.min(rest.len()));
                stream.push(piece, &mut out);
                rest = later;
            }
            stream.push(rest, &mut out);
            stream.finish(&mut out);
            prop_assert_eq!(String::from_utf8_lossy(&out), redactor.text(&text));
        }

        #[test]
        fn no_secret_is_left_wherever_it_stands(before in ".{0,20}", secret in "[!-~]{6,30}", after in ".{0,20}") {
            let redactor = Redactor::new([&secret]);
            let shown = redactor.text(&format!("{before}{secret}{after}")).into_owned();
            // The mask itself and what surrounds it may spell the secret only if the surroundings did already.
            prop_assume!(!before.contains(&secret) && !after.contains(&secret) && !secret.contains('*'));
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }
}
