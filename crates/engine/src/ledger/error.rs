//! What can go wrong with a ledger, each kind apart, because each needs another answer from the caller.

use tiers_core::record::{Stream, Unreadable, WRITER};

use crate::port::log::{LogError, Refusal};

/// Why a question to the ledger has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The place can be read and holds no ledger.
    #[error("no ledger at {place}")]
    Absent { place: String },
    /// The genesis can't be used, so nothing here can.
    #[error("the ledger at {place} can't be used: {key}: {why}")]
    Genesis { place: String, key: String, why: Unreadable },
    /// Reading works; appending does not.
    #[error(
        "the ledger at {place} demands writer version {needs}, and this program is {WRITER}: it may read and not append; use a newer tiers"
    )]
    NeedsNewerWriter { place: String, needs: u32 },
    /// The ledger could not be created.
    #[error("no ledger could be created at {place}: {why}")]
    NotCreated { place: String, why: Refusal },
    /// The stream is read-only until a person has looked: what can't be read may be a hold or a takeover.
    #[error("stream {stream} can't be trusted: {key}: {why}; nothing is appended to it, other streams go on working")]
    Unreadable { stream: Stream, key: String, why: String },
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] LogError),
}

impl LedgerError {
    /// True where the same question may have an answer a little later.
    pub fn may_pass(&self) -> bool {
        matches!(self, LedgerError::Store(LogError::Unavailable { .. }))
    }
}
