//! The working tree as git would commit it now, for builds of what is not committed yet.
//!
//! Files get the identity that a commit would give them, filters and line endings included, so that committing them changes
//! nothing; ignored files stay out. It is done with an index and a folder of objects of its own: the repository, its index and
//! whatever is staged there are left alone.

use std::ffi::OsString;
use std::path::Path;

use tempfile::TempDir;
use tiers_core::id::Commit;
use tiers_core::source::{Globs, Mode, TreeEntry};

use super::error::{GitError, io_error};
use super::materialise::Materialised;
use super::repository::{Repository, lossy, records};

/// A file of the working tree that is not as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From the repository's root.
    pub path: String,
    /// Git's two letters: the index against the commit, the file against the index; `??` for a new file.
    pub status: String,
}

/// The working tree at one moment.
#[derive(Debug)]
pub struct WorkingTree {
    /// Sees the objects of the files that are not committed.
    repository: Repository,
    /// The commit that is checked out; `None` before the first.
    pub base: Option<Commit>,
    /// All files, those that did not change too.
    pub entries: Vec<TreeEntry>,
    /// What differs from the commit, among the files of the globs.
    pub changes: Vec<Change>,
    _objects: TempDir,
}

impl Repository {
    /// The files of these globs that are not as in the commit that is checked out: changed, staged, new or deleted. Ignored
    /// files are not among them.
    ///
    /// Errors: as for any call of git.
    pub fn changes(&self, globs: &Globs) -> Result<Vec<Change>, GitError> {
        let changes = self.raw_changes()?.into_iter().filter(|(_, path)| selects(globs, path));
        Ok(changes.map(|(status, path)| Change { path: lossy(&path), status }).collect())
    }

    fn raw_changes(&self) -> Result<Vec<(String, Vec<u8>)>, GitError> {
        let args = ["status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=none", "--no-renames"];
        let output = self.git.tell(&self.root, &args)?;
        let change = |record: &[u8]| {
            let (status, path) = (record.get(..2)?, record.get(3..)?);
            Some((lossy(status), path.to_vec()))
        };
        let unexpected = |record: &[u8]| GitError::Unexpected { command: args.join(" "), why: lossy(record) };
        records(&output).map(|record| change(record).ok_or_else(|| unexpected(record))).collect()
    }

    /// The working tree with what changed among the files of these globs; other files are as committed.
    ///
    /// Errors: [`GitError::Conflicts`], [`GitError::NestedRepository`], [`GitError::Failed`] where a filter fails.
    pub fn working_tree(&self, globs: &Globs) -> Result<WorkingTree, GitError> {
        let temporary = std::env::temp_dir();
        let objects = tempfile::Builder::new()
            .prefix("tiers-objects-")
            .tempdir_in(&temporary)
            .map_err(io_error("create a folder in", &temporary))?;
        let changes: Vec<(String, Vec<u8>)> =
            self.raw_changes()?.into_iter().filter(|(_, path)| selects(globs, path)).collect();
        let conflicts: Vec<String> =
            changes.iter().filter(|(status, _)| is_conflict(status)).map(|(_, path)| lossy(path)).collect();
        if !conflicts.is_empty() {
            return Err(GitError::Conflicts { paths: conflicts });
        }
        if let Some((_, path)) = changes.iter().find(|(_, path)| path.ends_with(b"/")) {
            return Err(GitError::NestedRepository { path: lossy(path) });
        }
        let repository = self.with_own_index(objects.path())?;
        let base = self.try_resolve("HEAD")?;
        let start = base.as_ref().map_or("--empty", Commit::as_str);
        repository.git.tell(&self.root, &["read-tree", start])?;
        let paths: Vec<u8> = changes.iter().flat_map(|(_, path)| [path.as_slice(), b"\0"].concat()).collect();
        if !paths.is_empty() {
            let args = ["update-index", "-z", "--add", "--remove", "--replace", "--stdin"];
            repository.git.tell_with(&self.root, &args, paths)?;
        }
        let entries = repository.index_entries()?;
        let changes = changes.into_iter().map(|(status, path)| Change { path: lossy(&path), status }).collect();
        Ok(WorkingTree { repository, base, entries, changes, _objects: objects })
    }

    /// The same repository, with an index and new objects in a folder of their own.
    fn with_own_index(&self, folder: &Path) -> Result<Repository, GitError> {
        let objects = folder.join("objects");
        std::fs::create_dir(&objects).map_err(io_error("create", &objects))?;
        let mut repository = self.clone();
        let alternates = quoted(&self.git_path("objects")?);
        repository.git.env = vec![
            ("GIT_INDEX_FILE".into(), folder.join("index").into()),
            ("GIT_OBJECT_DIRECTORY".into(), objects.into()),
            ("GIT_ALTERNATE_OBJECT_DIRECTORIES".into(), alternates),
        ];
        Ok(repository)
    }

    fn index_entries(&self) -> Result<Vec<TreeEntry>, GitError> {
        let args = ["ls-files", "--stage", "--full-name", "-z"];
        let output = self.git.tell(&self.root, &args)?;
        let entry = |record: &[u8]| {
            let tab = record.iter().position(|byte| *byte == b'\t')?;
            let mut fields = std::str::from_utf8(&record[..tab]).ok()?.split(' ');
            let mode = Mode::parse(fields.next()?)?;
            Some(TreeEntry { path: record[tab + 1..].to_vec(), mode, blob: fields.next()?.to_owned() })
        };
        let unexpected = |record: &[u8]| GitError::Unexpected { command: args.join(" "), why: lossy(record) };
        records(&output).map(|record| entry(record).ok_or_else(|| unexpected(record))).collect()
    }
}

impl WorkingTree {
    /// As [`Repository::materialise`], for files of this working tree.
    ///
    /// Errors: as there.
    pub fn materialise(&self, entries: &[TreeEntry], into: &Path) -> Result<Materialised, GitError> {
        self.repository.materialise(entries, into)
    }
}

/// A nested repository is listed as a folder, with a slash at its end: it concerns an app if files in it would.
fn selects(globs: &Globs, path: &[u8]) -> bool {
    match path.strip_suffix(b"/") {
        Some(folder) => globs.matches(folder) || globs.matches(&[folder, b"/file"].concat()),
        None => globs.matches(path),
    }
}

fn is_conflict(status: &str) -> bool {
    status.contains('U') || matches!(status, "AA" | "DD")
}

/// The variable is a list with colons; git reads an entry that begins with a quote as a C string.
fn quoted(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let mut text = vec![b'"'];
    for byte in path.as_os_str().as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text.push(b'"');
    OsString::from_vec(text)
}
