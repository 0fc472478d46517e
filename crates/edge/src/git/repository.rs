//! A repository: where it is, which commit a name means, which files a commit has.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tiers_core::id::Commit;
use tiers_core::source::{Mode, TreeEntry};

use super::command::{Answer, Git};
use super::error::GitError;

/// The most that a file read at a revision may have: a configuration, not data.
const FILE_LIMIT_BYTES: usize = 16 << 20;
/// The longest path that Linux takes.
const LINK_LIMIT_BYTES: usize = 4096;

/// A git repository with a working tree.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(super) git: Git,
    pub(super) root: PathBuf,
}

impl Repository {
    /// The repository that a folder is in, wherever inside it.
    ///
    /// Errors: [`GitError::NoGit`], [`GitError::NotARepository`], [`GitError::NoWorkTree`], [`GitError::NotOurs`].
    pub fn discover(from: &Path) -> Result<Repository, GitError> {
        Repository::discover_with("git", from)
    }

    /// As [`Repository::discover`], with another program than the `git` on PATH.
    ///
    /// Errors: as [`Repository::discover`].
    pub fn discover_with(program: impl Into<PathBuf>, from: &Path) -> Result<Repository, GitError> {
        let git = Git::new(program);
        if !from.is_dir() {
            return Err(GitError::NotARepository { path: from.to_owned() });
        }
        let args = ["rev-parse", "--show-toplevel"];
        let answer = git.ask(from, &args, Vec::new())?;
        if !answer.status.success() {
            return Err(not_found(&answer, from).unwrap_or_else(|| answer.failed(&args)));
        }
        let mut root = answer.output;
        if root.last() == Some(&b'\n') {
            root.pop();
        }
        if root.is_empty() {
            return Err(GitError::NoWorkTree { path: from.to_owned() });
        }
        Ok(Repository { git, root: PathBuf::from(OsString::from_vec(root)) })
    }

    /// Another bound than two minutes for each call of git.
    pub fn with_limit(mut self, limit: Duration) -> Repository {
        self.git.limit = limit;
        self
    }

    /// The same repository, asked with another program than the `git` on PATH.
    pub fn with_program(mut self, program: impl Into<PathBuf>) -> Repository {
        self.git.program = program.into();
        self
    }

    /// The folder at the top of the working tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The full id of the commit that a revision means: a branch, a tag, a remote branch, an id or the beginning of one.
    ///
    /// Errors: [`GitError::UnknownRevision`], with what may help.
    pub fn resolve(&self, revision: &str) -> Result<Commit, GitError> {
        match self.try_resolve(revision)? {
            Some(commit) => Ok(commit),
            None => Err(self.unknown(revision)),
        }
    }

    /// As [`Repository::resolve`], where "there is none" is an answer.
    ///
    /// Errors: [`GitError::UnknownRevision`] only for a name that means several commits, or is no name at all.
    pub(super) fn try_resolve(&self, revision: &str) -> Result<Option<Commit>, GitError> {
        let refused = |hint: &str| GitError::UnknownRevision { revision: revision.to_owned(), hint: hint.to_owned() };
        if revision.is_empty() || revision.starts_with('-') || revision.contains(['\0', '\n']) {
            return Err(refused(": that is not the form of a branch, a tag or a commit id"));
        }
        let args = ["rev-parse", "--verify", &format!("{revision}^{{commit}}")];
        let answer = self.git.ask(&self.root, &args, Vec::new())?;
        if answer.complaint.contains("is ambiguous") {
            return Err(refused(match answer.status.success() {
                // Git would take the tag and only warn.
                true => ": a branch and a tag have that name; write `refs/heads/…` or `refs/tags/…`",
                false => ": several ids begin like that; give more of it",
            }));
        }
        if answer.status.success() {
            return Ok(Some(Commit(self.line(&args, &answer.output)?)));
        }
        match not_found(&answer, &self.root) {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    fn unknown(&self, revision: &str) -> GitError {
        let remote = revision.split_once('/').filter(|(remote, _)| self.remotes().iter().any(|name| name == remote));
        let hint = match remote {
            Some((remote, branch)) => format!("; it may not have been fetched yet: `git fetch {remote} {branch}`"),
            None if self.is_shallow().unwrap_or(false) => {
                "; this is a shallow clone, so it may be older than what was fetched: `git fetch --unshallow --tags`"
                    .to_owned()
            }
            None => "; `git branch --all` and `git tag` list what there is, `git fetch --tags` brings what is new"
                .to_owned(),
        };
        GitError::UnknownRevision { revision: revision.to_owned(), hint }
    }

    /// All files of a commit, submodules as entries of their own.
    ///
    /// Errors: as for any call of git.
    pub fn tree(&self, commit: &Commit) -> Result<Vec<TreeEntry>, GitError> {
        let args = ["ls-tree", "-r", "-z", "--full-tree", commit.as_str()];
        let output = self.git.tell(&self.root, &args)?;
        let unexpected = |why: String| GitError::Unexpected { command: args.join(" "), why };
        records(&output).map(|record| tree_entry(record).ok_or_else(|| unexpected(lossy(record)))).collect()
    }

    /// One file as it is at a commit, or `None`. The path is from the repository's root.
    ///
    /// Errors: [`GitError::Unexpected`] where a folder, a link or a submodule stands in its place, or more than 16 MB.
    pub fn read_file(&self, commit: &Commit, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let args = ["ls-tree", "-z", "--full-tree", commit.as_str(), "--", path];
        let output = self.git.tell(&self.root, &args)?;
        let unexpected = |why: &str| GitError::Unexpected { command: args.join(" "), why: why.to_owned() };
        let Some(record) = records(&output).next() else { return Ok(None) };
        let Some(TreeEntry { mode: Mode::File | Mode::Executable, blob, .. }) = tree_entry(record) else {
            return Err(unexpected("a folder, a link or a submodule stands where a file is expected"));
        };
        let content = self.git.tell(&self.root, &["cat-file", "blob", &blob])?;
        if content.len() > FILE_LIMIT_BYTES {
            return Err(unexpected("the file is larger than 16 MB"));
        }
        Ok(Some(content))
    }

    /// What a symbolic link says, by its blob.
    ///
    /// Errors: as for any call of git; [`GitError::Unexpected`] where it is longer than any path.
    pub fn link(&self, blob: &str) -> Result<String, GitError> {
        let args = ["cat-file", "blob", blob];
        let content = self.git.tell(&self.root, &args)?;
        if content.len() > LINK_LIMIT_BYTES {
            return Err(GitError::Unexpected {
                command: args.join(" "),
                why: "the link is longer than any path".to_owned(),
            });
        }
        Ok(lossy(&content))
    }

    /// Whether the history was cut off when the clone was made.
    ///
    /// Errors: as for any call of git.
    pub fn is_shallow(&self) -> Result<bool, GitError> {
        let args = ["rev-parse", "--is-shallow-repository"];
        Ok(self.line(&args, &self.git.tell(&self.root, &args)?)? == "true")
    }

    /// The names of the remotes; none where that can't be told.
    pub(super) fn remotes(&self) -> Vec<String> {
        let output = self.git.tell(&self.root, &["remote"]).unwrap_or_default();
        String::from_utf8_lossy(&output).lines().map(str::to_owned).collect()
    }

    /// A file or folder of git's own, wherever this repository keeps it.
    pub(super) fn git_path(&self, name: &str) -> Result<PathBuf, GitError> {
        let mut path = self.git.tell(&self.root, &["rev-parse", "--git-path", name])?;
        if path.last() == Some(&b'\n') {
            path.pop();
        }
        Ok(self.root.join(std::ffi::OsStr::from_bytes(&path)))
    }

    /// The one line that git answered.
    pub(super) fn line(&self, args: &[&str], output: &[u8]) -> Result<String, GitError> {
        let text = String::from_utf8_lossy(output);
        match text.trim_end_matches('\n') {
            line if !line.is_empty() && !line.contains('\n') => Ok(line.to_owned()),
            other => Err(GitError::Unexpected { command: args.join(" "), why: format!("`{other}` is not one line") }),
        }
    }
}

/// The records of an answer that separates them with NUL.
pub(super) fn records(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.split(|byte| *byte == 0).filter(|record| !record.is_empty())
}

pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `MODE TYPE ID<tab>PATH`
fn tree_entry(record: &[u8]) -> Option<TreeEntry> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let mut fields = std::str::from_utf8(&record[..tab]).ok()?.split(' ');
    let mode = Mode::parse(fields.next()?)?;
    let blob = fields.nth(1)?.to_owned();
    Some(TreeEntry { path: record[tab + 1..].to_vec(), mode, blob })
}

/// What git's complaint says about the repository itself.
fn not_found(answer: &Answer, path: &Path) -> Option<GitError> {
    let path = path.to_owned();
    let says = |words: &str| answer.complaint.contains(words);
    if says("dubious ownership") {
        // Git names the folder that it means, which may lie above.
        let named = answer.complaint.split('\'').nth(1).map(PathBuf::from);
        Some(GitError::NotOurs { path: named.unwrap_or(path) })
    } else if says("not a git repository") {
        Some(GitError::NotARepository { path })
    } else if says("must be run in a work tree") {
        Some(GitError::NoWorkTree { path })
    } else {
        None
    }
}
