//! The shared memory of a team, reduced to what every store can do: create once, read, list in order.

use async_trait::async_trait;
use bytes::Bytes;

/// What became of one attempt to create an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Create {
    /// It did not exist, and now it does, durably.
    Created,
    /// Something already lies under this key. It may be what an earlier attempt of our own wrote.
    Exists,
    /// The answer was lost, unclear, or durability could not be confirmed: it exists, or will, or never will.
    Unknown(String),
    /// Certainly not written, and trying again as things are will not help.
    Refused(Refusal),
}

/// Why a store refuses to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no right to write: {0}")]
    Denied(String),
    #[error("the place is read-only: {0}")]
    ReadOnly(String),
    #[error("no space is left: {0}")]
    Full(String),
    #[error("{0}")]
    Other(String),
}

/// Why a store could not answer a question. None of these ever means "absent".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    #[error("no right to read {key}: {why}")]
    Denied { key: String, why: String },
    /// Asking again may help.
    #[error("the ledger can't be reached: {why} ({key})")]
    Unavailable { key: String, why: String },
    /// The folder or bucket itself is gone, or never was: nothing can be said about what it holds.
    #[error("the ledger's place does not exist: {why} ({key})")]
    NoPlace { key: String, why: String },
    /// Something is there, and it is not what this store writes.
    #[error("{key} is damaged: {why}")]
    Damaged { key: String, why: String },
}

/// A store of objects that are created once and never changed. Keys are `/`-separated, lower case, without a leading slash.
///
/// `conformance.rs` of the ledger holds every implementation to what is said here.
#[async_trait(?Send)]
pub trait Log {
    /// Creates `key` if nothing lies there. ONE winner among all writers anywhere; an object is whole or absent.
    async fn create(&self, key: &str, bytes: Bytes) -> Create;

    /// The object, or `None` where the store knows that there is none.
    async fn read(&self, key: &str) -> Result<Option<Bytes>, LogError>;

    /// The lexicographically first key that begins with `prefix`, which ends with a slash. Cheap whatever lies behind it.
    async fn first(&self, prefix: &str) -> Result<Option<String>, LogError>;

    /// All keys that begin with `prefix` (empty, or with a slash at the end), in lexicographic order.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, LogError>;

    /// The names between `prefix` (empty, or with a slash at the end) and the next slash, in lexicographic order, without it.
    async fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError>;

    /// Where it lies, for messages: a URL or a path.
    fn describe(&self) -> String;
}
