//! Attributes and blocks, as hcl-edit's parser/structure.rs has them.

use super::reader::{Reader, starts_name};
use super::{DEPTH_MAX, NAMES_MAX};
use crate::hcl::expr::{Attr, Block, Body, Span};

impl<'a> Reader<'a> {
    pub(super) fn file(&mut self, text: &'a str) -> Option<Body<'a>> {
        self.begin(text)?;
        let body = self.body()?;
        (self.at == self.bytes.len()).then_some(body)
    }

    /// `body`: structures, each with an end of line behind it, or the end of the file.
    fn body(&mut self) -> Option<Body<'a>> {
        let (attrs, blocks) = (self.attrs.len(), self.blocks.len());
        loop {
            self.space()?;
            if !self.peek().is_some_and(starts_name) {
                break;
            }
            self.structure(attrs)?;
            self.blanks()?;
            self.line_comment();
            match self.peek() {
                None => {}
                Some(b'\n') => self.at += 1,
                Some(_) => return None,
            }
        }
        Some(Body { attrs: self.attrs.drain(attrs..).collect(), blocks: self.blocks.drain(blocks..).collect() })
    }

    /// `structure`; the attributes of this body begin at `siblings`.
    fn structure(&mut self, siblings: usize) -> Option<()> {
        let (name, name_span) = self.name()?;
        self.blanks()?;
        if self.peek()? == b'=' {
            let before = &self.attrs[siblings..];
            // Nothing may be set twice.
            if before.len() > NAMES_MAX || before.iter().any(|attr| attr.name == name) {
                return None;
            }
            let attr = self.attribute(name, name_span)?;
            self.attrs.push(attr);
        } else {
            let block = self.block(name, name_span)?;
            self.blocks.push(block);
        }
        Some(())
    }

    /// `attribute_expr`, at its `=`.
    fn attribute(&mut self, name: &'a str, name_span: Span) -> Option<Attr<'a>> {
        self.take(b'=')?;
        self.blanks()?;
        self.operators = 0;
        Some(Attr { name, name_span, value: self.expression(false)? })
    }

    fn block(&mut self, kind: &'a str, mut header: Span) -> Option<Block<'a>> {
        let mut labels = Vec::new();
        loop {
            let label = match self.peek()? {
                b'"' => self.quoted_label()?,
                byte if starts_name(byte) => self.name()?.0,
                _ => break,
            };
            header.end = self.at as u32;
            if labels.is_empty() {
                // Most have two.
                labels.reserve_exact(2);
            }
            labels.push(label);
            self.blanks()?;
        }
        if self.depth >= DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let body = self.block_body()?;
        self.depth -= 1;
        Some(Block { kind, labels, header, body })
    }

    /// `block_body`: on lines of its own, or with one attribute at most on the line where it begins.
    fn block_body(&mut self) -> Option<Body<'a>> {
        self.take(b'{')?;
        let inside = self.at;
        self.blanks()?;
        self.line_comment();
        let body = if self.peek()? == b'\n' {
            self.at += 1;
            self.body()?
        } else {
            self.at = inside;
            self.blanks()?;
            let mut body = Body::default();
            if starts_name(self.peek()?) {
                let (name, name_span) = self.name()?;
                self.blanks()?;
                body.attrs.push(self.attribute(name, name_span)?);
                self.blanks()?;
            }
            body
        };
        self.take(b'}')?;
        Some(body)
    }
}
