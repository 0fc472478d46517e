//! Unpacks an image into a new folder, for hosts that run its programs as plain processes.
//!
//! An image is outside data. What keeps it in its folder: no symbolic link exists on disk until everything else is written and
//! every link's way was walked in memory; files are only ever created, never opened; whatever can't be kept safely is an
//! error. The folder appears when all of it is there and every digest was right, or not at all.

mod entry;
mod tree;

use std::cell::Cell;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use serde::Serialize;
use tiers_core::id::Digest;

use crate::error::{OciError, io_error};
use crate::layout::Layout;
use crate::manifest::{Descriptor, ImageConfig, LayerForm, layer_form};
use entry::apply_layer;
use tree::Tree;

/// How much an image may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All layers unpacked, with what later layers replace and with the archives' own overhead.
    pub total_bytes: u64,
    /// Entries of all layers.
    pub entries: u64,
    /// One path, or one link's target.
    pub path_bytes: usize,
    /// Folders inside each other.
    pub depth: usize,
}

impl Default for Limits {
    /// 10 GiB is Lambda's own limit for an unpacked image; the others are far above what real images have.
    fn default() -> Limits {
        Limits { total_bytes: 10 << 30, entries: 1_000_000, path_bytes: 4096, depth: 128 }
    }
}

/// What was unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unpacked {
    pub config: ImageConfig,
    /// Files, folders and links that the folder now holds.
    pub entries: u64,
    /// Bytes written to files.
    pub bytes: u64,
    /// Files whose set-user-id, set-group-id or sticky bit was left out.
    pub bits_dropped: u64,
}

/// Why a layer was not unpacked. Paths are as the archive has them.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The path climbs with `..`.
    #[error("`{path}` leads out of the image by `..`")]
    Traversal { path: String },
    /// The path begins with `/`.
    #[error("`{path}` is an absolute path; layers hold paths relative to the image's root")]
    Absolute { path: String },
    /// A path with a NUL, or none at all.
    #[error("`{path}` is not a path: {why}")]
    BadPath { path: String, why: &'static str },
    /// A symbolic or hard link, or a path through one, ends outside the image.
    #[error("`{path}` links to `{target}`, which is outside the image")]
    LinkOutside { path: String, target: String },
    /// Following links did not end.
    #[error("`{path}` goes through more than {limit} links")]
    LinkMaze { path: String, limit: u32 },
    /// A hard link to something that is not there, or is a folder.
    #[error("`{path}` is a hard link to `{target}`, which is no file of this image")]
    BadHardLink { path: String, target: String },
    /// A device node or a named pipe.
    #[error("`{path}` is a {kind}, which a function's image has no use for")]
    Device { path: String, kind: &'static str },
    /// An entry of another type.
    #[error("`{path}` is an entry of type {kind}, which is not supported")]
    Unsupported { path: String, kind: String },
    /// The path goes through a file.
    #[error("`{path}` lies below something that is not a folder")]
    NotAFolder { path: String },
    /// A `.wh.` entry that names nothing.
    #[error("`{path}` is a whiteout that names no file")]
    BadWhiteout { path: String },
    /// More entries than allowed.
    #[error("the image has more than {limit} entries")]
    TooManyEntries { limit: u64 },
    /// More bytes than allowed; a small archive that unpacks to this is a decompression bomb.
    #[error("the image unpacks to more than {limit} bytes")]
    TooLarge { limit: u64 },
    /// A path or target that is too long, or too deep.
    #[error("`{path}` is {found} {what} long, more than the {limit} that are allowed")]
    PathTooLong { path: String, what: &'static str, found: usize, limit: usize },
    /// The archive or its compression can't be read.
    #[error("the archive is damaged: {why}")]
    Damaged { why: String },
    /// The file system said no.
    #[error("could not {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

/// Unpacks `image` into the new folder `into`, within the default [`Limits`]. The parents of `into` are made.
///
/// Layers are applied in order, with their whiteouts. Absolute links are rewritten to lead to the same place inside `into`;
/// owners are not kept; modes keep their permission bits, without write access for others.
///
/// Errors: [`OciError::Exists`] if `into` is there already, [`OciError::Unpack`] for layers that can't be unpacked safely, and
/// those of [`Layout::manifest`] and [`Layout::open_blob`]. After an error nothing is left at `into`.
pub fn unpack(layout: &Layout, image: &Digest, into: &Path) -> Result<Unpacked, OciError> {
    unpack_with(layout, image, into, &Limits::default())
}

/// As [`unpack`], within limits of the caller's choice.
///
/// Errors: as [`unpack`].
pub fn unpack_with(layout: &Layout, image: &Digest, into: &Path, limits: &Limits) -> Result<Unpacked, OciError> {
    let exists = || OciError::Exists { path: into.to_owned() };
    if into.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let manifest = layout.manifest(image)?;
    let config = layout.config_of(&manifest)?;
    let parent = match into.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    // Removed again when dropped, unless all went well.
    let work = tempfile::Builder::new()
        .prefix(".unpacking-")
        .tempdir_in(parent)
        .map_err(io_error("create a folder in", parent))?;
    let mut tree = Tree::new(work.path().to_owned(), *limits);
    let budget = Budget { left: Rc::new(Cell::new(limits.total_bytes)), spent: Rc::new(Cell::new(false)) };
    for (number, layer) in manifest.layers.iter().enumerate() {
        let at = |source| OciError::Unpack { digest: image.clone(), layer: layer.digest.clone(), source };
        unpack_layer(layout, layer, number, &mut tree, &budget, limits, &at)?;
    }
    let top = manifest.layers.last().map(|layer| layer.digest.clone()).unwrap_or_else(|| image.clone());
    let done = tree.finish().map_err(|source| OciError::Unpack { digest: image.clone(), layer: top, source })?;
    match std::fs::rename(work.path(), into) {
        Ok(()) => {
            // Its name is gone, so there is nothing left to remove.
            let _ = work.keep();
        }
        Err(e) if matches!(e.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty) => {
            return Err(exists());
        }
        Err(e) => return Err(io_error("create", into)(e)),
    }
    Ok(Unpacked { config, entries: done.entries, bytes: done.bytes, bits_dropped: done.bits_dropped })
}

fn unpack_layer(
    layout: &Layout,
    layer: &Descriptor,
    number: usize,
    tree: &mut Tree,
    budget: &Budget,
    limits: &Limits,
    at: &dyn Fn(UnpackError) -> OciError,
) -> Result<(), OciError> {
    let mut blob = layout.open_blob(layer)?;
    let applied = match layer_form(layer)? {
        LayerForm::Tar => budget.apply(&mut blob, number, tree, limits),
        LayerForm::Gzip => budget.apply(MultiGzDecoder::new(io::BufReader::new(&mut blob)), number, tree, limits),
    };
    match applied {
        // The digest is the better answer where the bytes are not those that were meant.
        Err(error @ UnpackError::Damaged { .. }) => blob.finish().and(Err(at(error))),
        Err(error) => Err(at(error)),
        Ok(()) => blob.finish(),
    }
}

/// Bytes that may still come out of the layers.
struct Budget {
    left: Rc<Cell<u64>>,
    spent: Rc<Cell<bool>>,
}

impl Budget {
    fn apply(&self, stream: impl Read, number: usize, tree: &mut Tree, limits: &Limits) -> Result<(), UnpackError> {
        let mut limited = Limited { inner: stream, left: self.left.clone(), spent: self.spent.clone() };
        let applied = apply_layer(&mut limited, number, tree, limits).and_then(|()| {
            // Whatever follows the archive's end belongs to the blob and to its checksum.
            io::copy(&mut limited, &mut io::sink()).map_err(|e| UnpackError::Damaged { why: e.to_string() })?;
            Ok(())
        });
        if self.spent.get() { Err(UnpackError::TooLarge { limit: limits.total_bytes }) } else { applied }
    }
}

struct Limited<R> {
    inner: R,
    left: Rc<Cell<u64>>,
    spent: Rc<Cell<bool>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.get().checked_sub(count as u64) {
            Some(left) => self.left.set(left),
            None => {
                self.spent.set(true);
                return Err(io::Error::other("more bytes than allowed"));
            }
        }
        Ok(count)
    }
}
