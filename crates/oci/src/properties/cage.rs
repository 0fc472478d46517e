//! A place to unpack to, with things around it that nobody may touch.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use tempfile::TempDir;
use tiers_core::id::Digest;

use super::craft;
use crate::{Layout, Limits, OciError, Unpacked, unpack_with};

/// Small enough to be reached by images of a few hundred bytes.
pub const LIMITS: Limits = Limits { total_bytes: 1 << 20, entries: 500, path_bytes: 300, depth: 20 };

/// A layout beside a folder that holds a file and an empty folder; images are unpacked next to those.
pub struct Cage {
    folder: TempDir,
    pub layout: Layout,
}

impl Cage {
    pub fn new() -> Cage {
        let (folder, layout) = craft::layout();
        let cage = Cage { folder, layout };
        fs::create_dir_all(cage.path().join("outside")).expect("a folder");
        fs::write(cage.path().join("sentinel"), "untouched").expect("a file");
        cage
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("x/y")
    }

    /// Unpacks an image and looks at everything around and inside: nothing was written outside of its folder, nothing inside
    /// leads out, and the limits hold; after an error there is no folder.
    pub fn unpack(&self, image: &Digest) -> Result<Unpacked, OciError> {
        let into = self.path().join("into");
        let result = unpack_with(&self.layout, image, &into, &LIMITS);
        let mut around: Vec<_> =
            fs::read_dir(self.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        around.sort();
        match &result {
            Ok(unpacked) => {
                assert_eq!(around, ["into", "outside", "sentinel"]);
                let root = into.canonicalize().expect("a folder");
                let found = assert_contained(&root, &root);
                assert_eq!(found, unpacked.entries, "as many entries as were told");
                assert!(found <= LIMITS.entries * LIMITS.depth as u64, "{found} entries");
                assert!(unpacked.bytes <= LIMITS.total_bytes, "{} bytes", unpacked.bytes);
                fs::remove_dir_all(&into).expect("removed");
            }
            Err(_) => assert_eq!(around, ["outside", "sentinel"]),
        }
        assert_eq!(fs::read_to_string(self.path().join("sentinel")).expect("a file"), "untouched");
        assert_eq!(fs::read_dir(self.path().join("outside")).expect("a folder").count(), 0);
        result
    }
}

impl Default for Cage {
    fn default() -> Cage {
        Cage::new()
    }
}

/// Every entry below `folder` is a plain file, a folder or a link that ends inside `root`, whatever it goes through. Gives how
/// many there are.
fn assert_contained(root: &Path, folder: &Path) -> u64 {
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        count += 1;
        let path = entry.path();
        let meta = path.symlink_metadata().expect("an entry");
        let kind = meta.file_type();
        assert!(!kind.is_block_device() && !kind.is_char_device() && !kind.is_fifo() && !kind.is_socket(), "{path:?}");
        if kind.is_symlink() {
            assert!(!fs::read_link(&path).expect("a link").is_absolute(), "{path:?}");
            if let Ok(end) = path.canonicalize() {
                assert!(end.starts_with(root), "{path:?} leads to {end:?}");
            }
            // A link that dangles must not make a file outside when somebody writes through it.
            if !path.exists() && fs::write(&path, "probe").is_ok() {
                let end = path.canonicalize().expect("a file now");
                assert!(end.starts_with(root), "{path:?} leads to {end:?}");
                fs::remove_file(end).expect("removed");
            }
        } else {
            assert_eq!(meta.permissions().mode() & 0o7000, 0, "{path:?}");
            assert!(!kind.is_file() || meta.size() <= LIMITS.total_bytes, "{path:?}");
        }
        if kind.is_dir() {
            count += assert_contained(root, &path);
        }
    }
    count
}
