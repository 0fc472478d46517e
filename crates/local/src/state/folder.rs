//! Where things lie in a state folder, and who may use it.
//!
//! ```text
//! format           {"format":1}
//! lock             held (flock) by the host for as long as it runs
//! address.json     pid and port of the host that runs or ran last
//! token            what a caller of the control API must know; mode 0600
//! store/           the journal of functions, environments and settings
//! images/<hex>/    unpacked root file systems by digest
//! logs/            one folder per function and version
//! tmp/             one folder per process, removed with it
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::LocalError;

const FORMAT: u64 = 1;

/// The paths of one state folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

/// Where the host of a folder listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub pid: u32,
    pub port: u16,
}

impl Address {
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

#[derive(Serialize, Deserialize)]
struct Format {
    format: u64,
}

/// Keeps every other host out of the folder until it is dropped or its process ends, however it ends.
#[derive(Debug)]
pub(crate) struct FolderLock(#[allow(dead_code)] File);

impl Folder {
    pub fn at(root: &Path) -> Folder {
        Folder { root: root.to_owned() }
    }

    /// Makes what is missing, takes the lock and checks the format.
    ///
    /// Errors: [`LocalError::InUse`], [`LocalError::Damaged`], [`LocalError::TooNew`], [`LocalError::Io`].
    pub fn open(root: &Path) -> Result<(Folder, FolderLock), LocalError> {
        // 0700: logs and settings may hold what is nobody else's business.
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(root);
        made.map_err(LocalError::io("create the folder", root))?;
        // Paths are handed to processes that run elsewhere.
        let root = root.canonicalize().map_err(LocalError::io("look at", root))?;
        let folder = Folder { root };
        let lock = folder.lock()?;
        for dir in [folder.store(), folder.images(), folder.logs(), folder.tmp()] {
            fs::create_dir_all(&dir).map_err(LocalError::io("create the folder", &dir))?;
        }
        folder.check_format()?;
        Ok((folder, lock))
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    pub fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn lock(&self) -> Result<FolderLock, LocalError> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(LocalError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock(file)),
            Err(fs::TryLockError::WouldBlock) => {
                let pid = self.address().ok().flatten().map(|address| address.pid);
                Err(LocalError::InUse { dir: self.root.clone(), pid })
            }
            Err(fs::TryLockError::Error(e)) => Err(LocalError::io("lock", &path)(e)),
        }
    }

    fn check_format(&self) -> Result<(), LocalError> {
        let path = self.root.join("format");
        match read_small(&path)? {
            None => replace(&path, &to_json(&Format { format: FORMAT })),
            Some(bytes) => {
                let format: Format =
                    serde_json::from_slice(&bytes).map_err(|e| LocalError::damaged(&path, e.to_string()))?;
                if format.format > FORMAT {
                    return Err(LocalError::TooNew { path, found: format.format, known: FORMAT });
                }
                Ok(())
            }
        }
    }

    /// Where the host listens or last listened; `None` when none ever did.
    pub fn address(&self) -> Result<Option<Address>, LocalError> {
        let path = self.root.join("address.json");
        let Some(bytes) = read_small(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|e| LocalError::damaged(&path, e.to_string()))
    }

    pub fn write_address(&self, address: &Address) -> Result<(), LocalError> {
        replace(&self.root.join("address.json"), &to_json(address))
    }

    pub fn remove_address(&self) {
        // What stays behind says a port where nothing listens, which callers find out by themselves.
        let _ = fs::remove_file(self.root.join("address.json"));
    }

    pub fn read_token(&self) -> Result<Option<String>, LocalError> {
        let path = self.root.join("token");
        let Some(bytes) = read_small(&path)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        if text.len() < 32 {
            return Err(LocalError::damaged(&path, "the token is too short"));
        }
        Ok(Some(text))
    }

    /// The folder's token, made when there is none yet.
    pub fn token(&self) -> Result<String, LocalError> {
        if let Some(token) = self.read_token()? {
            return Ok(token);
        }
        let token = uuid::Uuid::new_v4().simple().to_string();
        replace(&self.root.join("token"), token.as_bytes())?;
        Ok(token)
    }
}

fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("numbers serialize")
}

/// A file of which no more than 64 KB are expected; `None` when it is not there.
fn read_small(path: &Path) -> Result<Option<Vec<u8>>, LocalError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(LocalError::io("open", path)(e)),
    };
    let mut bytes = Vec::new();
    file.take(64 * 1024).read_to_end(&mut bytes).map_err(LocalError::io("read", path))?;
    Ok(Some(bytes))
}

/// Replaces a file: complete and on disk, or not at all. Only its owner may read it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), LocalError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        sync_parent(path)
    };
    write().map_err(LocalError::io("write", path))
}

/// The name has to be on disk as well, or a power cut takes back what was promised.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_host_is_kept_out_and_told_who_is_in() {
        let dir = tempfile::tempdir().expect("a folder");
        let (folder, lock) = Folder::open(dir.path()).expect("open");
        folder.write_address(&Address { pid: 4711, port: 1 }).expect("write");
        let error = Folder::open(dir.path()).expect_err("locked").to_string();
        assert!(error.contains("in use by another local host (process 4711)"), "{error}");
        drop(lock);
        Folder::open(dir.path()).expect("free again");
    }

    #[test]
    fn a_folder_of_a_newer_program_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("format"), br#"{"format":2}"#).expect("write");
        let error = Folder::open(dir.path()).expect_err("too new").to_string();
        assert!(error.contains("use the newer program"), "{error}");
    }

    #[test]
    fn damaged_small_files_are_named() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("format"), b"{").expect("write");
        let error = Folder::open(dir.path()).expect_err("damaged").to_string();
        assert!(error.contains("format") && error.contains("move the folder aside"), "{error}");
        fs::remove_file(dir.path().join("format")).expect("remove");
        fs::write(dir.path().join("token"), b"short").expect("write");
        let (folder, _lock) = Folder::open(dir.path()).expect("open");
        assert!(folder.token().expect_err("damaged").to_string().contains("token"));
    }

    #[test]
    fn the_token_is_kept_and_only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        let (folder, _lock) = Folder::open(dir.path()).expect("open");
        let token = folder.token().expect("made");
        assert_eq!(folder.token().expect("kept"), token);
        let mode = fs::metadata(dir.path().join("token")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
