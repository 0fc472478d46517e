//! Keeps the beginning and the end of an output of any length, in memory that is bounded from the start.
//!
//! Secrets are replaced before anything is dropped: a cut through a secret would leave half of it unrecognised.

use std::collections::VecDeque;

use tiers_core::redact::{RedactStream, Redactor};
use tiers_engine::port::runner::Output;

pub(super) struct Capture {
    redact: RedactStream,
    /// What redaction let through last; emptied at once, kept for its allocation.
    clean: Vec<u8>,
    head: Vec<u8>,
    head_limit: usize,
    tail: VecDeque<u8>,
    tail_limit: usize,
    total: u64,
}

impl Capture {
    pub(super) fn new(limit_bytes: usize, redactor: &Redactor) -> Capture {
        let head_limit = limit_bytes / 2;
        Capture {
            redact: redactor.stream(),
            clean: Vec::new(),
            head: Vec::new(),
            head_limit,
            tail: VecDeque::new(),
            tail_limit: limit_bytes - head_limit,
            total: 0,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let mut clean = std::mem::take(&mut self.clean);
        self.redact.push(piece, &mut clean);
        self.keep(&clean);
        clean.clear();
        self.clean = clean;
    }

    pub(super) fn finish(mut self) -> Output {
        let mut rest = Vec::new();
        self.redact.finish(&mut rest);
        self.keep(&rest);
        let tail: Vec<u8> = self.tail.into();
        if self.total == (self.head.len() + tail.len()) as u64 {
            return Output { head: text(&[self.head, tail].concat()), ..Output::default() };
        }
        let (head, tail) = (without_half_end(&self.head), without_half_start(&tail));
        let dropped_bytes = self.total - (head.len() + tail.len()) as u64;
        Output { head: text(head), tail: text(tail), dropped_bytes }
    }

    fn keep(&mut self, clean: &[u8]) {
        self.total += clean.len() as u64;
        let room = self.head_limit - self.head.len();
        let (head, rest) = clean.split_at(room.min(clean.len()));
        self.head.extend_from_slice(head);
        // Of a piece longer than the tail only its end can stay, so the ring never holds more than its limit.
        let rest = &rest[rest.len().saturating_sub(self.tail_limit)..];
        let over = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..over);
        self.tail.extend(rest);
    }
}

/// Programs may print anything; NUL bytes go, since too much that stores or shows text stumbles over them.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

/// Without the beginning of a character whose rest was cut off.
fn without_half_end(bytes: &[u8]) -> &[u8] {
    let start = (1..=3.min(bytes.len())).find(|back| bytes[bytes.len() - back] & 0b1100_0000 != 0b1000_0000);
    match start {
        Some(back) if std::str::from_utf8(&bytes[bytes.len() - back..]).is_err() => &bytes[..bytes.len() - back],
        _ => bytes,
    }
}

/// Without the end of a character whose beginning was cut off.
fn without_half_start(bytes: &[u8]) -> &[u8] {
    let half = bytes.iter().take(3).take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000).count();
    &bytes[half..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: usize, pieces: &[&str], shown: &str) {
        let mut capture = Capture::new(limit, &Redactor::new(["hidden-value"]));
        for piece in pieces {
            capture.push(piece.as_bytes());
        }
        assert_eq!(capture.finish().to_string(), shown);
    }

    #[test]
    fn output_up_to_the_limit_is_kept_whole() {
        check(10, &["01234", "56789"], "0123456789");
        check(0, &[], "");
    }

    #[test]
    fn of_a_longer_output_both_ends_are_kept() {
        check(10, &["01234", "56789", "abcdef"], "01234\n[… 6 bytes dropped …]\nbcdef");
        check(0, &["abc"], "\n[… 3 bytes dropped …]\n");
        check(3, &["0123456789abcdef"], "0\n[… 13 bytes dropped …]\nef");
    }

    #[test]
    fn a_character_that_the_cut_went_through_is_left_out() {
        check(6, &["aกbbbbbกz"], "a\n[… 11 bytes dropped …]\nz");
    }

    #[test]
    fn a_secret_across_the_cut_or_across_pieces_is_replaced() {
        check(12, &["ab hidden-va", "lue cdefgh", "ijkl"], "ab ***\n[… 5 bytes dropped …]\nghijkl");
    }
}
