//! A layer whose bytes depend on the files' names, contents and executable bits alone: not on the machine, the clock, the user or
//! the order in which the files were found.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};
use tiers_core::id::Digest;

use crate::error::{OciError, io_error};
use crate::gzip::StoredGzip;
use crate::layout::{Layout, digest_of};
use crate::manifest::{Descriptor, media};

/// One thing to be packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Where it goes in the image, from the image's root; a leading slash makes no difference.
    pub path: String,
    pub content: Content,
}

/// What is packed at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A file of this machine. Its executable bit is what the caller says; nothing else of its metadata counts.
    File { from: PathBuf, executable: bool },
    /// A file from memory.
    Bytes { bytes: Vec<u8>, executable: bool },
    /// A symbolic link. A relative target must stay inside the image; an absolute one means the image's root.
    Link { target: String },
    /// A folder, for those that would be empty; the others need not be named.
    Folder,
}

/// A layer that was written.
pub(crate) struct WrittenLayer {
    pub descriptor: Descriptor,
    pub diff_id: Digest,
}

/// Writes the layer into the layout. With `parents`, an entry is made for every folder; above a base image they are left out,
/// since there they would replace links and modes of the base, and unpackers make what is missing.
///
/// Errors: [`OciError::Entry`] for a path or link that can't go into an image, two files at one path, or a file that changed
/// while it was read; [`OciError::Io`].
pub(crate) fn write_layer(layout: &Layout, files: &[NewFile], parents: bool) -> Result<WrittenLayer, OciError> {
    let entries = arranged(files, parents)?;
    let place = layout.path().to_owned();
    let writing = || io_error("write a layer in", &place);
    let blob = layout.blob_writer()?;
    let hashing = Hashing { inner: StoredGzip::new(blob).map_err(writing())?, hash: Sha256::new() };
    let mut tar = Builder::new(hashing);
    for (path, content) in &entries {
        append(&mut tar, path, content)?;
    }
    let hashing = tar.into_inner().map_err(writing())?;
    let diff_id = digest_of(hashing.hash);
    let (digest, size) = hashing.inner.finish().map_err(writing())?.finish()?;
    let descriptor =
        Descriptor { media_type: media::OCI_LAYER_GZIP.to_owned(), digest, size, annotations: BTreeMap::new() };
    Ok(WrittenLayer { descriptor, diff_id })
}

/// Entries by path, sorted by their bytes, folders before what is in them.
fn arranged(files: &[NewFile], parents: bool) -> Result<BTreeMap<String, &Content>, OciError> {
    let mut entries: BTreeMap<String, &Content> = BTreeMap::new();
    for file in files {
        let path = clean(&file.path)?;
        if let Content::Link { target } = &file.content {
            check_target(&path, target)?;
        }
        let entry = |why: &str| OciError::Entry { path: file.path.clone(), why: why.to_owned() };
        if let Some(other) = entries.insert(path, &file.content)
            && *other != file.content
        {
            return Err(entry("two different files would go to this path"));
        }
    }
    let named: Vec<String> = entries.keys().cloned().collect();
    for path in &named {
        for (slash, _) in path.match_indices('/') {
            match entries.get(&path[..slash]) {
                Some(Content::Folder) => {}
                Some(_) => {
                    let why = format!("`{}` on the way to it is not a folder", &path[..slash]);
                    return Err(OciError::Entry { path: path.clone(), why });
                }
                None if parents => {
                    entries.insert(path[..slash].to_owned(), &Content::Folder);
                }
                None => {}
            }
        }
    }
    Ok(entries)
}

/// The path without slashes at its ends.
fn clean(path: &str) -> Result<String, OciError> {
    let entry = |why: &str| OciError::Entry { path: path.to_owned(), why: why.to_owned() };
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    if trimmed.is_empty() {
        return Err(entry("it names no file"));
    }
    if trimmed.contains('\0') {
        return Err(entry("it contains a NUL"));
    }
    for part in trimmed.split('/') {
        if matches!(part, "" | "." | "..") {
            return Err(entry("it has an empty part, `.` or `..`"));
        }
        if part.starts_with(".wh.") {
            return Err(entry("names that begin with `.wh.` delete files in images"));
        }
    }
    Ok(trimmed.to_owned())
}

fn check_target(path: &str, target: &str) -> Result<(), OciError> {
    let entry = |why: &str| Err(OciError::Entry { path: path.to_owned(), why: why.to_owned() });
    if target.is_empty() || target.contains('\0') {
        return entry("its link has no target, or one with a NUL");
    }
    let mut depth = if target.starts_with('/') { 0 } else { path.matches('/').count() };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return entry(&format!("it links to `{target}`, which is outside the image")),
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    Ok(())
}

fn append<W: Write>(tar: &mut Builder<W>, path: &str, content: &Content) -> Result<(), OciError> {
    let mut header = Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    let entry = |e: io::Error| OciError::Entry { path: path.to_owned(), why: e.to_string() };
    let mode = |executable: bool| if executable { 0o755 } else { 0o644 };
    match content {
        Content::Folder => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            tar.append_data(&mut header, format!("{path}/"), io::empty()).map_err(entry)
        }
        Content::Link { target } => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            tar.append_link(&mut header, path, target).map_err(entry)
        }
        Content::Bytes { bytes, executable } => {
            header.set_entry_type(EntryType::Regular);
            header.set_mode(mode(*executable));
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, path, bytes.as_slice()).map_err(entry)
        }
        Content::File { from, executable } => {
            let file = File::open(from).map_err(io_error("open", from))?;
            let meta = file.metadata().map_err(io_error("look at", from))?;
            if !meta.is_file() {
                let why = format!("{} is not a regular file", from.display());
                return Err(OciError::Entry { path: path.to_owned(), why });
            }
            header.set_entry_type(EntryType::Regular);
            header.set_mode(mode(*executable));
            header.set_size(meta.len());
            let mut exact = Exact { inner: file, left: meta.len() };
            tar.append_data(&mut header, path, &mut exact).map_err(entry)?;
            exact.end().map_err(entry)
        }
    }
}

/// Gives exactly as many bytes as the header promised: a file that shrinks or grows meanwhile is an error, not a broken layer.
struct Exact<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Exact<R> {
    fn end(&mut self) -> io::Result<()> {
        match self.inner.read(&mut [0; 1])? {
            0 => Ok(()),
            _ => Err(io::Error::other("it grew while it was read")),
        }
    }
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut buffer[..room])?;
        if count == 0 {
            return Err(io::Error::other("it shrank while it was read"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
