//! What this machine remembers of the heads that it saw: a head below one of them was cut off by somebody.

use tiers_core::id::Digest;
use tiers_core::record::Stream;

/// A head as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub seq: u64,
    pub hash: Digest,
}

/// A cache, kept outside the ledger. Losing it loses the comparison and nothing else, so neither call can fail.
pub trait Seen {
    /// The highest head of this stream that was noted.
    fn get(&self, ledger: &str, stream: &Stream) -> Option<Mark>;

    /// Notes a head. Lower ones than the one known are ignored.
    fn note(&self, ledger: &str, stream: &Stream, mark: &Mark);
}

/// Remembers for the life of the process only.
#[derive(Debug, Default)]
pub struct SeenInMemory(std::cell::RefCell<std::collections::BTreeMap<(String, Stream), Mark>>);

impl Seen for SeenInMemory {
    fn get(&self, ledger: &str, stream: &Stream) -> Option<Mark> {
        self.0.borrow().get(&(ledger.to_owned(), stream.clone())).cloned()
    }

    fn note(&self, ledger: &str, stream: &Stream, mark: &Mark) {
        let mut marks = self.0.borrow_mut();
        let known = marks.entry((ledger.to_owned(), stream.clone())).or_insert_with(|| mark.clone());
        if known.seq < mark.seq {
            *known = mark.clone();
        }
    }
}
