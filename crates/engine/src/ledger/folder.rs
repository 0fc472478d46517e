//! What a folder needs beyond what `object_store` gives: rule 23 of PROTOCOL.md, cheap listings, and clear refusals.

use std::cell::OnceCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::answer;
use super::file_system;
use crate::port::log::{Create, LogError, Refusal};

/// Why a folder can't hold a ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    #[error("no ledger at {}: there is no such folder", path.display())]
    Absent { path: PathBuf },
    #[error("{} is on {kind}, a network file system: creating a file there has not always one winner; keep the ledger on a local disk or in a bucket", path.display())]
    Network { path: PathBuf, kind: String },
    #[error("no right to use {}: {why}", path.display())]
    Denied { path: PathBuf, why: String },
    #[error("{} can't be used: {why}", path.display())]
    Unusable { path: PathBuf, why: String },
}

/// A folder that was found fit to be read.
pub(super) struct Folder {
    path: PathBuf,
    links: OnceCell<Result<(), Refusal>>,
}

/// No key of a ledger has more parts than this. A deeper folder is listed as if it were a key, so that it is noticed.
const MAX_DEPTH: u32 = 8;

impl Folder {
    pub(super) fn open(path: &Path, create: bool) -> Result<Folder, FolderError> {
        let failed = |error: io::Error| {
            let (path, why) = (path.to_owned(), error.to_string());
            match error.kind() {
                ErrorKind::NotFound => FolderError::Absent { path },
                ErrorKind::PermissionDenied => FolderError::Denied { path, why },
                _ => FolderError::Unusable { path, why },
            }
        };
        if create {
            create_folder(path).map_err(failed)?;
        }
        let path = fs::canonicalize(path).map_err(failed)?;
        if !fs::metadata(&path).map_err(failed)?.is_dir() {
            return Err(FolderError::Unusable { path, why: "it is not a folder".to_owned() });
        }
        match file_system::network_kind(&path).map_err(failed)? {
            Some(kind) => Err(FolderError::Network { path, kind }),
            None => Ok(Folder { path, links: OnceCell::new() }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Tries once in the life of a process whether files can be linked here, before the first record is written: a create
    /// that has one winner is a hard link. Reading needs no such trial, so a reader leaves nothing behind.
    pub(super) fn check_links(&self) -> Result<(), Refusal> {
        self.links.get_or_init(|| probe_links(&self.path)).clone()
    }

    /// A key that exists: makes sure that what lies there is durable before anybody relies on it, since its writer may
    /// have died between link and fsync.
    pub(super) fn confirm(&self, key: &str) -> Create {
        let path = self.path.join(key);
        let parent = path.parent().unwrap_or(&self.path);
        match File::open(parent).and_then(|folder| folder.sync_all()) {
            Ok(()) => Create::Exists,
            Err(error) => Create::Unknown(format!("{} could not be brought to disk: {error}", parent.display())),
        }
    }

    /// A create that failed. The attempt is over, so where nothing lies there now, nothing will.
    pub(super) fn judge(&self, key: &str, error: &object_store::Error) -> Create {
        let why = answer::text(error);
        match fs::symlink_metadata(self.path.join(key)) {
            Err(absent)
                if matches!(
                    absent.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
                ) => {}
            // Linked, and the fsync of its folder failed.
            _ => return Create::Unknown(why),
        }
        Create::Refused(refusal(answer::io_error(error).map(io::Error::kind), why))
    }

    /// An error where something lies under a key that `object_store` calls absent: a folder, or a link to nowhere.
    pub(super) fn check_absent(&self, key: &str) -> Result<(), LogError> {
        match fs::symlink_metadata(self.path.join(key)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(read_error(key, &error)),
            Ok(found) if found.is_file() => {
                // It came between the two looks.
                Err(LogError::Unavailable { key: key.to_owned(), why: "it appeared just now".to_owned() })
            }
            Ok(_) => Err(LogError::Damaged { key: key.to_owned(), why: "what lies there is not a file".to_owned() }),
        }
    }

    /// The lexicographically first key below `prefix`; reads one directory per part of the key and no more, unless a folder
    /// is empty.
    pub(super) fn first(&self, prefix: &str) -> Result<Option<String>, LogError> {
        self.first_below(prefix, 0)
    }

    fn first_below(&self, prefix: &str, depth: u32) -> Result<Option<String>, LogError> {
        for name in self.entries(prefix)? {
            let key = format!("{prefix}{name}");
            if !name.ends_with('/') {
                return Ok(Some(key));
            }
            if depth < MAX_DEPTH
                && let Some(first) = self.first_below(&key, depth + 1)?
            {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let mut keys = Vec::new();
        let mut folders = vec![(prefix.to_owned(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for name in self.entries(&folder)? {
                let key = format!("{folder}{name}");
                if name.ends_with('/') && depth < MAX_DEPTH {
                    folders.push((key, depth + 1));
                } else {
                    keys.push(key);
                }
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    pub(super) fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let names = self.entries(prefix)?;
        Ok(names.iter().filter_map(|name| name.strip_suffix('/')).map(str::to_owned).collect())
    }

    /// What lies directly below `prefix`, in the order of keys, folders with a slash. Without what no writer calls a key:
    /// hidden files, and files that a writer was still writing, or was killed over.
    fn entries(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let failed = |error: io::Error| read_error(prefix, &error);
        let entries = match fs::read_dir(self.path.join(prefix)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || is_staged(&name) {
                continue;
            }
            let is_folder = entry.file_type().map_err(failed)?.is_dir();
            names.push(if is_folder { format!("{name}/") } else { name });
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Makes a folder and what is missing above it, durably: a record that is on disk in a folder that is not would be lost.
fn create_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(path)?;
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// `object_store` writes to `<name>#<number>` and links it to its name when it is whole.
fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn read_error(key: &str, error: &io::Error) -> LogError {
    let (key, why) = (key.to_owned(), error.to_string());
    match error.kind() {
        ErrorKind::PermissionDenied => LogError::Denied { key, why },
        ErrorKind::NotADirectory => LogError::Damaged { key, why },
        _ => LogError::Unavailable { key, why },
    }
}

fn refusal(kind: Option<ErrorKind>, why: String) -> Refusal {
    match kind {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) => Refusal::Full(why),
        Some(ErrorKind::ReadOnlyFilesystem) => Refusal::ReadOnly(why),
        Some(ErrorKind::PermissionDenied) => Refusal::Denied(why),
        _ => Refusal::Other(why),
    }
}

fn probe_links(folder: &Path) -> Result<(), Refusal> {
    let own = folder.join(format!(".probe-{}", std::process::id()));
    let link = folder.join(format!(".probe-{}-link", std::process::id()));
    // Left behind by a process that had this number and was killed here.
    let remove = || {
        let _ = fs::remove_file(&own);
        let _ = fs::remove_file(&link);
    };
    remove();
    let made = OpenOptions::new().write(true).create_new(true).open(&own);
    let result = match made {
        Err(error) => Err(refusal(Some(error.kind()), format!("{}: {error}", folder.display()))),
        Ok(_) => match fs::hard_link(&own, &link) {
            Ok(()) => Ok(()),
            Err(error) => Err(Refusal::Other(format!(
                "the file system of {} makes no hard links ({error}), without which two writers could both win; keep the \
                 ledger on another disk or in a bucket",
                folder.display()
            ))),
        },
    };
    remove();
    result
}
