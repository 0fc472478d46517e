//! What can be wrong with a repository, and what to do about it.

use std::io;
use std::path::PathBuf;

use tiers_core::source::Problems;

/// Why git could not tell.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program is not there.
    #[error("the program `{program}` could not be started: {cause}; install git, or put it on PATH")]
    NoGit { program: String, cause: io::Error },
    /// Neither this folder nor one above it is a repository.
    #[error("{} is not inside a git repository; run this in the project's checkout, or begin one with `git init`", path.display())]
    NotARepository { path: PathBuf },
    /// A bare repository, or a folder inside `.git`.
    #[error("{} has no working tree: a bare repository holds no tiers.toml; run this in a checkout", path.display())]
    NoWorkTree { path: PathBuf },
    /// Somebody else owns the files, as happens in containers and with sudo.
    #[error(
        "git does not trust {}, because another user owns it; if that is meant so, run `git config --global --add \
         safe.directory {}`", path.display(), path.display()
    )]
    NotOurs { path: PathBuf },
    /// No commit is called that.
    #[error("`{revision}` names no commit here{hint}")]
    UnknownRevision { revision: String, hint: String },
    /// The history ends before the question is answered.
    #[error(
        "this is a shallow clone, whose history ends too early to say {question}; fetch the rest with `git fetch --unshallow` \
         (in GitHub Actions: `fetch-depth: 0` of actions/checkout)"
    )]
    Shallow { question: String },
    /// An object that a tree names is not in the repository.
    #[error(
        "the content of `{path}` ({blob}) is not in this clone, which was made with a filter; fetch all of it with `git fetch \
         --refetch --no-filter`, or clone without `--filter`"
    )]
    MissingObject { path: String, blob: String },
    /// Files that only point to their content.
    #[error(
        "Git LFS keeps the content of {}, and it is not here; fetch it with `git lfs fetch`, or exclude the files from `paths`",
        paths.join(", ")
    )]
    LfsContent { paths: Vec<String> },
    /// A merge is not finished.
    #[error("there are unresolved conflicts in {}; resolve them before building from the working tree", paths.join(", "))]
    Conflicts { paths: Vec<String> },
    /// A folder with a repository of its own, which git would record as a link to nothing.
    #[error("`{path}` is a git repository of its own inside this one; move it out, or exclude it with `!{path}**`")]
    NestedRepository { path: String },
    /// A link in the tree that leads out of it, or nowhere that can be written.
    #[error("the link `{path}` leads to `{target}`, outside the tree: it can't be a part of a build")]
    LinkOutside { path: String, target: String },
    /// The files can't have an identity.
    #[error(transparent)]
    Source(#[from] Problems),
    /// It took too long.
    #[error("`git {command}` did not end within {limit_s} s and was stopped")]
    TimedOut { command: String, limit_s: u64 },
    /// Git failed for another reason, which is in its own words.
    #[error("`git {command}` failed ({status}): {message}")]
    Failed { command: String, status: String, message: String },
    /// Git said something that this program does not understand.
    #[error("`git {command}` answered in a form that is not understood: {why}")]
    Unexpected { command: String, why: String },
    /// The file system said no.
    #[error("could not {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

/// For `map_err`: says what was being done, and to which file.
pub(super) fn io_error(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> GitError {
    let path = path.to_owned();
    move |source| GitError::Io { action, path, source }
}
