//! Images on their way between layouts: copied as they are, byte for byte, so that digests hold.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use tar::{Archive, EntryType};
use tiers_core::id::Digest;

use crate::error::{OciError, io_error};
use crate::layout::Layout;
use crate::manifest::{Descriptor, JSON_LIMIT_BYTES, Manifest};

impl Layout {
    /// Copies one blob, verified on the way. A blob that is there with the right size is left alone.
    ///
    /// Errors: [`OciError::Missing`], [`OciError::WrongSize`], [`OciError::WrongDigest`], [`OciError::Io`].
    pub fn copy_blob(&self, from: &Layout, blob: &Descriptor) -> Result<(), OciError> {
        if self.check_size(blob).is_ok() {
            return Ok(());
        }
        let mut reader = from.open_blob(blob)?;
        let mut writer = self.blob_writer()?;
        io::copy(&mut reader, &mut writer).map_err(io_error("copy", &from.blob_path(&blob.digest)))?;
        reader.finish()?;
        writer.finish_as(&blob.digest, blob.size)
    }

    /// Copies an image, under no tag. The manifest comes last: where it is, everything is.
    ///
    /// Errors: as [`Layout::manifest`] and [`Layout::copy_blob`].
    pub fn copy_image(&self, from: &Layout, image: &Digest) -> Result<Manifest, OciError> {
        let bytes = from.manifest_bytes(image)?;
        let manifest = Manifest::parse(&bytes, image)?;
        for blob in manifest.layers.iter().chain([&manifest.config]) {
            self.copy_blob(from, blob)?;
        }
        self.put(&bytes)?;
        Ok(manifest)
    }
}

/// Reads a tar archive of a layout, as builders write it (`type=oci,dest=…`), into a new folder. Only the files that belong to
/// a layout are taken; each blob must have the digest that it is named by.
///
/// Errors: [`OciError::Malformed`] for an archive that is damaged or no layout, [`OciError::WrongDigest`], [`OciError::Io`].
pub fn extract_archive(archive: impl Read, into: &Path) -> Result<Layout, OciError> {
    let malformed = |why: String| OciError::Malformed { what: "the image archive".to_owned(), why };
    let damaged = |e: io::Error| malformed(e.to_string());
    let layout = Layout::open_or_create(into)?;
    let mut index = None;
    let mut archive = Archive::new(archive);
    // Raw: a layout's names are short, so extended headers have nothing to say and are passed over.
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        if entry.header().entry_type() != EntryType::Regular {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./");
        if name == "index.json" {
            let mut bytes = Vec::new();
            (&mut entry).take(JSON_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(damaged)?;
            index = Some(bytes);
        } else if let Some(hex) = name.strip_prefix("blobs/sha256/") {
            let digest: Digest =
                format!("sha256:{hex}").parse().map_err(|e: tiers_core::id::NotADigest| malformed(e.to_string()))?;
            let size = entry.header().entry_size().map_err(damaged)?;
            let mut writer = layout.blob_writer()?;
            io::copy(&mut entry, &mut writer).map_err(damaged)?;
            writer.finish_as(&digest, size)?;
        }
    }
    let index = index.ok_or_else(|| malformed("it has no index.json, so it is no OCI layout".to_owned()))?;
    let path = layout.index_path();
    fs::write(&path, index).map_err(io_error("write", &path))?;
    Ok(layout)
}
