//! Reads the entries of one layer. Extended headers are read here, not by the `tar` crate, which would put a name of any length
//! into memory.

use std::io::Read;

use tar::{Archive, Entry, EntryType, PaxExtensions};

use super::tree::Tree;
use super::{Limits, UnpackError};

/// The most that an extended header may have; names are limited further.
const EXTENSION_LIMIT_BYTES: u64 = 256 * 1024;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Other bookkeeping of the file system that whiteouts come from.
const AUFS: &[u8] = b".wh..wh.";

/// What extended headers say about the entry that follows them.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Applies one layer to the tree. `layer` is its place in the image: whiteouts only hide what lower layers brought.
pub(super) fn apply_layer(
    stream: &mut impl Read,
    layer: usize,
    tree: &mut Tree,
    limits: &Limits,
) -> Result<(), UnpackError> {
    let mut archive = Archive::new(stream);
    let mut extended = Extended::default();
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        tree.count_entry()?;
        match entry.header().entry_type() {
            EntryType::GNULongName => extended.path = Some(trimmed(extension(&mut entry)?)),
            EntryType::GNULongLink => extended.link = Some(trimmed(extension(&mut entry)?)),
            EntryType::XHeader => read_pax(&extension(&mut entry)?, &mut extended)?,
            EntryType::XGlobalHeader => {
                let mut global = Extended::default();
                read_pax(&extension(&mut entry)?, &mut global)?;
                if global.path.is_some() || global.link.is_some() || global.size.is_some() {
                    let why = "a global header names a path or a size".to_owned();
                    return Err(UnpackError::Damaged { why });
                }
            }
            _ => apply_entry(&mut entry, std::mem::take(&mut extended), layer, tree, limits)?,
        }
    }
    Ok(())
}

fn apply_entry<R: Read>(
    entry: &mut Entry<'_, R>,
    extended: Extended,
    layer: usize,
    tree: &mut Tree,
    limits: &Limits,
) -> Result<(), UnpackError> {
    let raw = extended.path.unwrap_or_else(|| entry.path_bytes().into_owned());
    let name = text(&raw);
    let size = entry.header().entry_size().map_err(damaged)?;
    if extended.size.is_some_and(|said| said != size) {
        return Err(UnpackError::Damaged {
            why: format!("`{name}` has two sizes, {size} and another in its extended header"),
        });
    }
    let path = components(&raw, limits)?;
    let Some((last, folder)) = path.split_last() else {
        // The root itself, which is there.
        return match entry.header().entry_type() {
            EntryType::Directory => Ok(()),
            _ => Err(UnpackError::BadPath { path: name, why: "it names the root, which is a folder" }),
        };
    };
    if path.iter().any(|part| part.starts_with(WHITEOUT)) {
        return apply_whiteout(folder, last, &name, layer, tree);
    }
    let mode = entry.header().mode().map_err(damaged)?;
    let target = |entry: &Entry<'_, R>| -> Result<Vec<u8>, UnpackError> {
        let target = match extended.link {
            Some(target) => target,
            None => entry.link_name_bytes().map(|bytes| bytes.into_owned()).unwrap_or_default(),
        };
        check_length(&target, &name, limits)?;
        if target.is_empty() || target.contains(&0) {
            return Err(UnpackError::BadPath { path: name.clone(), why: "its link has no target, or one with a NUL" });
        }
        Ok(target)
    };
    match entry.header().entry_type() {
        EntryType::Directory => tree.folder(&path, layer),
        // Archives from before 1988 mark a folder by a slash alone.
        EntryType::Regular if raw.ends_with(b"/") => tree.folder(&path, layer),
        EntryType::Regular | EntryType::Continuous => tree.file(&path, layer, mode, size, entry),
        EntryType::Symlink => tree.symlink(&path, layer, target(entry)?),
        EntryType::Link => {
            let target = target(entry)?;
            let outside = || UnpackError::LinkOutside { path: name.clone(), target: text(&target) };
            // A hard link's target is a path of the archive, under the same rules.
            let to = match components(&target, limits) {
                Err(UnpackError::Traversal { .. } | UnpackError::Absolute { .. }) => return Err(outside()),
                other => other?,
            };
            tree.hard_link(&path, layer, &to)
        }
        EntryType::Char => Err(UnpackError::Device { path: name, kind: "character device" }),
        EntryType::Block => Err(UnpackError::Device { path: name, kind: "block device" }),
        EntryType::Fifo => Err(UnpackError::Device { path: name, kind: "named pipe" }),
        other => {
            let kind = format!("`{}`", char::from(other.as_byte()).escape_default());
            Err(UnpackError::Unsupported { path: name, kind })
        }
    }
}

/// An entry whose name is an order: hide this file of the lower layers, or all that is in this folder.
fn apply_whiteout(folder: &[&[u8]], last: &[u8], name: &str, layer: usize, tree: &mut Tree) -> Result<(), UnpackError> {
    let bad = || Err(UnpackError::BadWhiteout { path: name.to_owned() });
    let is_bookkeeping = |part: &[u8]| part.starts_with(AUFS) && part != OPAQUE;
    if is_bookkeeping(last) || folder.iter().any(|part| is_bookkeeping(part)) {
        return Ok(());
    }
    if folder.iter().any(|part| part.starts_with(WHITEOUT)) {
        return bad();
    }
    match last.strip_prefix(WHITEOUT) {
        _ if last == OPAQUE => tree.opaque(folder, layer),
        Some(b"" | b"." | b"..") | None => bad(),
        Some(hidden) => tree.whiteout(folder, hidden, layer),
    }
}

/// The parts of an archive's path, without `.` and empty ones; none for the root.
fn components<'a>(raw: &'a [u8], limits: &Limits) -> Result<Vec<&'a [u8]>, UnpackError> {
    check_length(raw, &text(raw), limits)?;
    if raw.is_empty() {
        return Err(UnpackError::BadPath { path: String::new(), why: "it is empty" });
    }
    if raw.contains(&0) {
        return Err(UnpackError::BadPath { path: text(raw), why: "it contains a NUL" });
    }
    if raw.starts_with(b"/") {
        return Err(UnpackError::Absolute { path: text(raw) });
    }
    let mut parts = Vec::new();
    for part in raw.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(UnpackError::Traversal { path: text(raw) }),
            _ => parts.push(part),
        }
    }
    if parts.len() > limits.depth {
        let path = shortened(raw);
        return Err(UnpackError::PathTooLong { path, what: "folders", found: parts.len(), limit: limits.depth });
    }
    Ok(parts)
}

fn check_length(bytes: &[u8], path: &str, limits: &Limits) -> Result<(), UnpackError> {
    if bytes.len() <= limits.path_bytes {
        return Ok(());
    }
    let path = shortened(path.as_bytes());
    Err(UnpackError::PathTooLong { path, what: "bytes", found: bytes.len(), limit: limits.path_bytes })
}

fn extension<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>, UnpackError> {
    let size = entry.header().entry_size().map_err(damaged)?;
    if size > EXTENSION_LIMIT_BYTES {
        let why = format!("an extended header has {size} bytes, more than {EXTENSION_LIMIT_BYTES}");
        return Err(UnpackError::Damaged { why });
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 != size {
        return Err(UnpackError::Damaged { why: "it ends inside an extended header".to_owned() });
    }
    Ok(bytes)
}

fn read_pax(bytes: &[u8], extended: &mut Extended) -> Result<(), UnpackError> {
    for record in PaxExtensions::new(bytes) {
        let record = record.map_err(damaged)?;
        let value = record.value_bytes();
        match record.key_bytes() {
            b"path" => extended.path = Some(value.to_owned()),
            b"linkpath" => extended.link = Some(value.to_owned()),
            b"size" => {
                let size = record.value().ok().and_then(|text| text.parse().ok());
                let why = || UnpackError::Damaged { why: "an extended header's size is no number".to_owned() };
                extended.size = Some(size.ok_or_else(why)?);
            }
            key if key.starts_with(b"GNU.sparse.") => {
                let path = extended.path.as_deref().map(text).unwrap_or_default();
                return Err(UnpackError::Unsupported { path, kind: "sparse file".to_owned() });
            }
            // Times, owners and extended attributes are not kept.
            _ => {}
        }
    }
    Ok(())
}

/// A long name ends with a NUL that does not belong to it.
fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

fn damaged(error: std::io::Error) -> UnpackError {
    UnpackError::Damaged { why: error.to_string() }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shortened(bytes: &[u8]) -> String {
    let cut = text(&bytes[..bytes.len().min(80)]);
    format!("{cut}…")
}
