//! A fuzzer's bytes, read as decisions. Where they end every decision is the first one, so that a short input is a simple case
//! and a shortened one a simpler case.

/// Bytes that are used up from the front.
#[derive(Clone, Debug)]
pub struct Choices<'a> {
    left: &'a [u8],
}

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices { left: bytes }
    }

    /// True when there is nothing left to decide with.
    pub fn is_spent(&self) -> bool {
        self.left.is_empty()
    }

    /// The next byte, 0 at the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.left.split_first() else { return 0 };
        self.left = rest;
        *first
    }

    /// The next eight bytes as a number, of which those that are missing count as 0.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number below `count`, which is at least 1 and at most 65,536.
    pub fn below(&mut self, count: usize) -> usize {
        let high = if count > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (high | usize::from(self.byte())) % count
    }

    /// True once in so many cases, and never at the end.
    pub fn once_in(&mut self, cases: u8) -> bool {
        self.byte() % cases == cases - 1
    }

    /// One of these.
    pub fn pick<'b, T>(&mut self, all: &'b [T]) -> &'b T {
        &all[self.below(all.len())]
    }

    /// Up to `most` bytes; how many is decided by the next one.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let count = self.below(most + 1).min(self.left.len());
        let (taken, rest) = self.left.split_at(count);
        self.left = rest;
        taken
    }

    /// As [`Choices::bytes`], with what is no text replaced.
    pub fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.left
    }
}
