//! Where the reading stands: blanks, comments, names and quoted text.

use std::borrow::Cow;

use crate::hcl::expr::{Attr, Block, Expr, Node, Part, Span, Step};

/// Reads one file after another, and keeps the room that it needed for one for the next.
#[derive(Default)]
pub(crate) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) depth: u32,
    pub(super) operators: u32,
    // What belongs to lists that are not complete yet, one above the other: so each list is allocated once, as long as it is.
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) entries: Vec<(Node<'a>, Node<'a>)>,
    pub(super) steps: Vec<Step<'a>>,
    pub(super) attrs: Vec<Attr<'a>>,
    pub(super) blocks: Vec<Block<'a>>,
    parts: Vec<Part<'a>>,
}

const NAME_START: u8 = 1;
const NAME_GOES_ON: u8 = 2;
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = (byte as u8).is_ascii_alphabetic() || byte as u8 == b'_';
        if letter {
            classes[byte] = NAME_START | NAME_GOES_ON;
        } else if (byte as u8).is_ascii_digit() || byte as u8 == b'-' {
            classes[byte] = NAME_GOES_ON;
        }
        byte += 1;
    }
    classes
};

pub(super) fn starts_name(byte: u8) -> bool {
    CLASSES[byte as usize] & NAME_START != 0
}

pub(super) fn continues_name(byte: u8) -> bool {
    CLASSES[byte as usize] & NAME_GOES_ON != 0
}

impl<'a> Reader<'a> {
    /// Begins with a file.
    pub(super) fn begin(&mut self, text: &'a str) -> Option<()> {
        if text.contains('\r') || u32::try_from(text.len()).is_err() {
            return None;
        }
        (self.text, self.bytes) = (text, text.as_bytes());
        (self.at, self.depth, self.operators) = (0, 0, 0);
        // Something is left of a file that was given up.
        self.nodes.clear();
        self.entries.clear();
        self.steps.clear();
        self.attrs.clear();
        self.blocks.clear();
        self.parts.clear();
        Some(())
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn peek_second(&self) -> Option<u8> {
        self.bytes.get(self.at + 1).copied()
    }

    pub(super) fn begins(&self, word: &[u8]) -> bool {
        self.bytes[self.at..].starts_with(word)
    }

    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    pub(super) fn span_from(&self, start: usize) -> Span {
        // The text is shorter than that.
        Span { start: start as u32, end: self.at as u32 }
    }

    /// `sp`: blanks and comments between `/*` and `*/`.
    pub(super) fn blanks(&mut self) -> Option<()> {
        loop {
            let at = self.at;
            match self.bytes.get(at) {
                Some(b' ' | b'\t') => self.at = self.after_blanks(at + 1),
                Some(b'/') if self.peek_second() == Some(b'*') => self.inline_comment()?,
                _ => return Some(()),
            }
        }
    }

    /// Where the blanks end that reach to `at`: mostly there.
    fn after_blanks(&self, mut at: usize) -> usize {
        while matches!(self.bytes.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    }

    /// Goes past every byte that is one of these.
    fn skip(&mut self, is_one: impl Fn(u8) -> bool) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| !is_one(*byte)).unwrap_or(rest.len());
    }

    /// `ws`: the same and ends of lines and every comment.
    pub(super) fn space(&mut self) -> Option<()> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n') => self.at = self.after_blanks(self.at + 1),
                Some(b'#') => self.skip_line(),
                Some(b'/') => match self.peek_second() {
                    Some(b'*') => self.inline_comment()?,
                    Some(b'/') => self.skip_line(),
                    _ => return Some(()),
                },
                _ => return Some(()),
            }
        }
    }

    /// `ws_or_sp`.
    pub(super) fn between(&mut self, newlines: bool) -> Option<()> {
        if newlines { self.space() } else { self.blanks() }
    }

    /// `opt(line_comment)`, up to the end of the line.
    pub(super) fn line_comment(&mut self) {
        if self.peek() == Some(b'#') || self.begins(b"//") {
            self.skip_line();
        }
    }

    fn skip_line(&mut self) {
        self.skip(|byte| byte != b'\n');
    }

    fn inline_comment(&mut self) -> Option<()> {
        let inside = self.at + 2;
        self.at = inside + self.text[inside..].find("*/")? + 2;
        Some(())
    }

    pub(super) fn name(&mut self) -> Option<(&'a str, Span)> {
        let start = self.at;
        if !starts_name(self.peek()?) {
            return None;
        }
        self.skip(continues_name);
        Some((&self.text[start..self.at], self.span_from(start)))
    }

    /// A string or a template, at its first quote.
    pub(super) fn quoted(&mut self) -> Option<Expr<'a>> {
        self.take(b'"')?;
        let first = self.literal()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Some(Expr::Str(first));
        }
        let base = self.parts.len();
        if !first.is_empty() {
            self.parts.push(Part::Text(first));
        }
        loop {
            // `literal` stops at a quote or at an interpolation.
            if self.peek()? == b'"' {
                self.at += 1;
                return Some(Expr::Template(self.parts.drain(base..).collect()));
            }
            self.at += 2;
            self.space()?;
            let node = self.nested(true)?;
            self.space()?;
            self.take(b'}')?;
            self.parts.push(Part::Node(node));
            let literal = self.literal()?;
            if !literal.is_empty() {
                self.parts.push(Part::Text(literal));
            }
        }
    }

    /// The text of a label, at its first quote.
    pub(super) fn quoted_label(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let Cow::Borrowed(label) = self.literal()? else { return None };
        self.take(b'"')?;
        Some(label)
    }

    /// Text up to a quote or an interpolation. A slice of the file as long as there is nothing escaped in it.
    fn literal(&mut self) -> Option<Cow<'a, str>> {
        let mut start = self.at;
        let mut before = String::new();
        loop {
            self.skip(|byte| !matches!(byte, b'"' | b'$' | b'%' | b'\\'));
            match self.peek()? {
                b'"' => break,
                b'$' if self.peek_second() == Some(b'{') => break,
                b'%' if self.peek_second() == Some(b'{') => return None,
                // Maybe an escaped beginning of one of those.
                byte @ (b'$' | b'%') if self.peek_second() == Some(byte) => return None,
                b'\\' => {
                    let escaped = match self.peek_second()? {
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'\\' => '\\',
                        b'"' => '"',
                        _ => return None,
                    };
                    before.push_str(&self.text[start..self.at]);
                    before.push(escaped);
                    self.at += 2;
                    start = self.at;
                }
                _ => self.at += 1,
            }
        }
        let rest = &self.text[start..self.at];
        if before.is_empty() {
            return Some(Cow::Borrowed(rest));
        }
        before.push_str(rest);
        Some(Cow::Owned(before))
    }
}
