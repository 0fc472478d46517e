//! The git program as this tool needs it: which files a commit has, which commit a name means, and the files themselves, from
//! git's objects and never from the working copy, where filters, line endings and ignored files would leak in.
//!
//! Nothing here talks to the network, asks anybody, takes a lock or changes the repository.

mod command;
mod error;
mod history;
mod materialise;
mod repository;
mod survey;
mod working;

pub use error::GitError;
pub use history::{BranchTip, CommitInfo};
pub(crate) use materialise::FILE_TIME_S;
pub use materialise::Materialised;
pub use repository::Repository;
pub use working::{Change, WorkingTree};
