//! Why the host could not do something, in words for the person who runs it.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the host itself, as opposed to an answer in AWS's form or a function's own failure.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Another host holds the folder's lock.
    #[error("the state folder {} is in use by another local host{}", dir.display(), pid_text(*.pid))]
    InUse { dir: PathBuf, pid: Option<u32> },
    /// The address is bound by another program.
    #[error(
        "port {port} on 127.0.0.1 is taken by another program (for {what}); choose another port, or 0 for any free one"
    )]
    PortTaken { port: u16, what: String },
    /// A file of the state folder does not hold what this program wrote.
    #[error(
        "damaged state: {}: {why}. Nothing was changed. Restore this file from a copy, or move the folder aside and set \
         the local environments up again", path.display()
    )]
    Damaged { path: PathBuf, why: String },
    /// The folder was written by a newer program.
    #[error("{} has format {found}, and this program knows formats up to {known}: use the newer program", path.display())]
    TooNew { path: PathBuf, found: u64, known: u64 },
    /// The operating system refused something.
    #[error("could not {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// The store refuses writes since one failed and could not be taken back.
    #[error("{} could not be brought back to its last good state after a failed write; restart the host", path.display())]
    Poisoned { path: PathBuf },
    /// No host answers for this folder.
    #[error("no local host is running for {}: {why}", dir.display())]
    NotRunning { dir: PathBuf, why: String },
    /// The host answered a control call with a refusal.
    #[error("the local host refused: {message} (HTTP {status})")]
    Refused { status: u16, message: String },
    /// What was asked makes no sense: a bad name, a rate of nothing.
    #[error("{0}")]
    Invalid(String),
    /// The connection to the host broke.
    #[error("the local host did not answer: {0}")]
    Connection(String),
}

fn pid_text(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

impl LocalError {
    /// Wraps an operating-system error with what was being done, as a verb, and to which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LocalError {
        let path = path.to_owned();
        move |source| LocalError::Io { action, path, source }
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> LocalError {
        LocalError::Damaged { path: path.to_owned(), why: why.into() }
    }
}
