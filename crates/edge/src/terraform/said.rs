//! What a program says, as it came for whoever judges it, and without secrets for whoever reads it. Its two streams come through
//! pipes of their own, so what is shown of both changes from one to the other at the end of a line only: words stay whole.

use std::io::{self, Write as _};

use tiers_core::redact::{RedactStream, Redactor};

/// Where output goes while the program runs. It is kept in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    Nothing,
    /// To our standard error, line by line as it comes.
    Live,
}

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// Everything that a program said.
#[derive(Clone, Default)]
pub(super) struct Said {
    /// As it came. May hold secrets.
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    /// For people, redacted.
    pub shown_out: String,
    pub shown_err: String,
    /// Both, in the order in which their lines came.
    pub shown: String,
}

/// Listens to a program.
pub(super) struct Listener {
    out: Voice,
    err: Voice,
    shown: Vec<u8>,
    show: Show,
}

struct Voice {
    raw: Vec<u8>,
    redact: RedactStream,
    /// All that was let through, and how much of it was shown.
    clean: Vec<u8>,
    told: usize,
}

impl Listener {
    pub(super) fn new(redactor: &Redactor, show: Show) -> Listener {
        let voice = || Voice { raw: Vec::new(), redact: redactor.stream(), clean: Vec::new(), told: 0 };
        Listener { out: voice(), err: voice(), shown: Vec::new(), show }
    }

    /// Takes a piece, and shows the lines that are whole by now.
    pub(super) fn push(&mut self, from: Stream, piece: &[u8]) {
        let voice = match from {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        voice.raw.extend_from_slice(piece);
        voice.redact.push(piece, &mut voice.clean);
        let untold = &voice.clean[voice.told..];
        let Some(end) = untold.iter().rposition(|byte| *byte == b'\n') else { return };
        tell(&untold[..=end], self.show, &mut self.shown);
        voice.told += end + 1;
    }

    /// The end of both streams.
    pub(super) fn finish(mut self) -> Said {
        for voice in [&mut self.out, &mut self.err] {
            voice.redact.finish(&mut voice.clean);
            if voice.told == voice.clean.len() {
                continue;
            }
            if self.shown.last().is_some_and(|byte| *byte != b'\n') {
                tell(b"\n", self.show, &mut self.shown);
            }
            tell(&voice.clean[voice.told..], self.show, &mut self.shown);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said {
            shown_out: text(&self.out.clean),
            shown_err: text(&self.err.clean),
            shown: text(&self.shown),
            out: self.out.raw,
            err: self.err.raw,
        }
    }
}

fn tell(bytes: &[u8], show: Show, shown: &mut Vec<u8>) {
    shown.extend_from_slice(bytes);
    if show == Show::Live {
        // What nobody can read is no reason to stop.
        let _ = io::stderr().write_all(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_come_in_pieces_are_shown_in_whole_lines_and_kept_as_they_came() {
        let mut listener = Listener::new(&Redactor::new(["deprecated-secret", "NoSuchBucket:x"]), Show::Nothing);
        listener.push(Stream::Out, b"Warning: use param");
        listener.push(Stream::Err, b"Error: NoSuchBucket: no such ");
        listener.push(Stream::Out, b"eter \"use_lockfile\" deprecated");
        listener.push(Stream::Out, b"-secret\nnext");
        listener.push(Stream::Err, b"bucket\n");
        listener.push(Stream::Out, b" and last");
        let said = listener.finish();
        let shown = "Warning: use parameter \"use_lockfile\" ***\nError: NoSuchBucket: no such bucket\nnext and last";
        assert_eq!(said.shown, shown);
        assert_eq!(said.shown_err, "Error: NoSuchBucket: no such bucket\n");
        assert!(said.out.ends_with(b"deprecated-secret\nnext and last"));
    }

    #[test]
    fn a_last_line_without_an_end_is_no_part_of_the_other_streams_line() {
        let mut listener = Listener::new(&Redactor::default(), Show::Nothing);
        listener.push(Stream::Err, b"Error: one");
        listener.push(Stream::Out, b"Plan: two");
        assert_eq!(listener.finish().shown, "Plan: two\nError: one");
    }
}
