//! Heads seen, remembered in small files beside the project: `<folder>/<ledger>/<root>.<leaf>.json`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tiers_core::id::Digest;
use tiers_core::record::Stream;

use crate::port::seen::{Mark, Seen};

/// A cache folder. What can't be read or written there is as if never seen.
#[derive(Clone, Debug)]
pub struct SeenInFolder {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    seq: u64,
    hash: Digest,
}

impl SeenInFolder {
    /// The folder is made when the first head is noted.
    pub fn new(folder: impl Into<PathBuf>) -> SeenInFolder {
        SeenInFolder { folder: folder.into() }
    }

    /// A ledger names itself, so its name is not trusted to be a file name.
    fn file(&self, ledger: &str, stream: &Stream) -> Option<PathBuf> {
        let plain = !ledger.is_empty() && ledger.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain.then(|| self.folder.join(ledger).join(format!("{}.{}.json", stream.root(), stream.leaf())))
    }
}

impl Seen for SeenInFolder {
    fn get(&self, ledger: &str, stream: &Stream) -> Option<Mark> {
        let bytes = fs::read(self.file(ledger, stream)?).ok()?;
        let stored: Stored = serde_json::from_slice(&bytes).ok()?;
        Some(Mark { seq: stored.seq, hash: stored.hash })
    }

    fn note(&self, ledger: &str, stream: &Stream, mark: &Mark) {
        if self.get(ledger, stream).is_some_and(|known| known.seq >= mark.seq) {
            return;
        }
        if let Some(file) = self.file(ledger, stream) {
            // A cache that can't be written costs the comparison of the next run, and must not fail this one.
            let _ = replace(&file, &Stored { seq: mark.seq, hash: mark.hash.clone() });
        }
    }
}

fn replace(file: &Path, stored: &Stored) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let staged = file.with_extension(format!("json.{}", std::process::id()));
    fs::write(&staged, serde_json::to_vec(stored)?)?;
    fs::rename(&staged, file)
}
