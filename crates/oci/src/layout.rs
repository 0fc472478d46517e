//! An image layout folder: blobs by digest, which are verified whenever they are read, and an index of the images in it.
//!
//! Writers may race, on one machine or on a shared disk: a blob appears under its digest by a rename, complete or not at all,
//! and the index is replaced under a lock. Source: the OCI image specification 1.1, "Image Layout".

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tiers_core::id::Digest;

use crate::error::{OciError, io_error};
use crate::manifest::{Descriptor, ImageConfig, JSON_LIMIT_BYTES, Manifest};

/// The folder that holds an image layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

#[derive(Deserialize)]
struct Marker {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// How the names of files begin that are being written.
const UNFINISHED: &str = ".writing-";

/// A writer that has not touched its file for so long is gone.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) const EMPTY_INDEX: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

impl Layout {
    /// Opens a folder that is a layout already.
    ///
    /// Errors: [`OciError::NotALayout`], [`OciError::Io`].
    pub fn open(root: impl Into<PathBuf>) -> Result<Layout, OciError> {
        let layout = Layout { root: root.into() };
        let bad = |why: String| OciError::NotALayout { path: layout.root.clone(), why };
        let path = layout.root.join("oci-layout");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(bad("it has no file `oci-layout`".to_owned())),
            Err(e) => return Err(io_error("read", &path)(e)),
        };
        let marker: Marker = serde_json::from_slice(&bytes).map_err(|e| bad(format!("`oci-layout`: {e}")))?;
        if !marker.version.starts_with("1.") {
            return Err(bad(format!("its version is {}, expected 1.0.0", marker.version)));
        }
        Ok(layout)
    }

    /// Opens a layout, or makes an empty one where there is none. Two processes may do this at once.
    ///
    /// Errors: [`OciError::NotALayout`] where other files stand in the folder's place, [`OciError::Io`], [`OciError::Locked`].
    pub fn open_or_create(root: impl Into<PathBuf>) -> Result<Layout, OciError> {
        let layout = Layout { root: root.into() };
        let blobs = layout.blobs();
        fs::create_dir_all(&blobs).map_err(io_error("create", &blobs))?;
        let _lock = layout.lock_index()?;
        let marker = layout.root.join("oci-layout");
        if !marker.exists() {
            layout.replace(&layout.index_path(), EMPTY_INDEX)?;
            // The marker comes last: a folder that has one has an index too.
            layout.replace(&marker, MARKER)?;
        }
        layout.sweep();
        Layout::open(layout.root)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs").join("sha256")
    }

    pub(crate) fn index_path(&self) -> PathBuf {
        self.root.join("index.json")
    }

    /// Where a blob lies, whether it is there or not.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// The bytes of an image's manifest, verified.
    ///
    /// Errors: [`OciError::Missing`], [`OciError::WrongDigest`], [`OciError::TooLarge`], [`OciError::Io`].
    pub fn manifest_bytes(&self, image: &Digest) -> Result<Vec<u8>, OciError> {
        let path = self.blob_path(image);
        let file = self.open_file("image", image)?;
        let mut bytes = Vec::new();
        file.take(JSON_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(io_error("read", &path))?;
        if bytes.len() as u64 > JSON_LIMIT_BYTES {
            let found = bytes.len() as u64;
            return Err(OciError::TooLarge { what: format!("manifest {image}"), found, limit: JSON_LIMIT_BYTES });
        }
        let found = Digest::of(&bytes);
        if found != *image {
            return Err(OciError::WrongDigest { expected: image.clone(), found });
        }
        Ok(bytes)
    }

    /// An image's manifest.
    ///
    /// Errors: those of [`Layout::manifest_bytes`] and [`Manifest::parse`].
    pub fn manifest(&self, image: &Digest) -> Result<Manifest, OciError> {
        Manifest::parse(&self.manifest_bytes(image)?, image)
    }

    /// What an image says about how it is run.
    ///
    /// Errors: those of [`Layout::manifest`] and of [`Layout::config_of`].
    pub fn config(&self, image: &Digest) -> Result<ImageConfig, OciError> {
        self.config_of(&self.manifest(image)?)
    }

    /// The configuration that a manifest names.
    ///
    /// Errors: [`OciError::Missing`], [`OciError::WrongSize`], [`OciError::WrongDigest`], [`OciError::TooLarge`],
    /// [`OciError::Malformed`], [`OciError::Io`].
    pub fn config_of(&self, manifest: &Manifest) -> Result<ImageConfig, OciError> {
        ImageConfig::parse(&self.read(&manifest.config, JSON_LIMIT_BYTES)?, &manifest.config.digest)
    }

    /// A whole blob, verified; only for those known to be small.
    ///
    /// Errors: [`OciError::Missing`], [`OciError::WrongSize`], [`OciError::WrongDigest`], [`OciError::TooLarge`], [`OciError::Io`].
    pub fn read(&self, blob: &Descriptor, limit_bytes: u64) -> Result<Vec<u8>, OciError> {
        if blob.size > limit_bytes {
            let what = format!("blob {}", blob.digest);
            return Err(OciError::TooLarge { what, found: blob.size, limit: limit_bytes });
        }
        let mut reader = self.open_blob(blob)?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(io_error("read", &self.blob_path(&blob.digest)))?;
        reader.finish()?;
        Ok(bytes)
    }

    /// A blob as a stream. What was read counts only after [`VerifyingReader::finish`] said so.
    ///
    /// Errors: [`OciError::Missing`], [`OciError::WrongSize`], [`OciError::Io`].
    pub fn open_blob(&self, blob: &Descriptor) -> Result<VerifyingReader, OciError> {
        self.check_size(blob)?;
        let file = self.open_file("blob", &blob.digest)?;
        let path = self.blob_path(&blob.digest);
        Ok(VerifyingReader { file, path, expected: blob.digest.clone(), size: blob.size, hash: Sha256::new(), read: 0 })
    }

    /// That a blob is there with the size its descriptor gives, without reading it.
    ///
    /// Errors: [`OciError::Missing`], [`OciError::WrongSize`], [`OciError::Io`].
    pub fn check_size(&self, blob: &Descriptor) -> Result<(), OciError> {
        let path = self.blob_path(&blob.digest);
        let found = match fs::metadata(&path) {
            Ok(meta) => meta.len(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(self.missing("blob", &blob.digest)),
            Err(e) => return Err(io_error("look at", &path)(e)),
        };
        if found == blob.size {
            return Ok(());
        }
        Err(OciError::WrongSize { digest: blob.digest.clone(), expected: blob.size, found })
    }

    /// Reads every byte of an image and compares all digests.
    ///
    /// Errors: as [`Layout::manifest`] and [`Layout::read`].
    pub fn verify(&self, image: &Digest) -> Result<Manifest, OciError> {
        let manifest = self.manifest(image)?;
        self.config_of(&manifest)?;
        for layer in &manifest.layers {
            self.open_blob(layer)?.finish()?;
        }
        Ok(manifest)
    }

    /// Writes a blob and gives its digest. Writing it again is harmless, and heals a damaged one.
    ///
    /// Errors: [`OciError::Io`].
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, OciError> {
        let mut writer = self.blob_writer()?;
        let path = self.blobs();
        writer.write_all(bytes).map_err(io_error("write a blob in", &path))?;
        Ok(writer.finish()?.0)
    }

    /// A blob written as a stream, which appears under its digest when it is finished.
    ///
    /// Errors: [`OciError::Io`].
    pub fn blob_writer(&self) -> Result<BlobWriter<'_>, OciError> {
        Ok(BlobWriter { layout: self, file: self.temporary()?, hash: Sha256::new(), size: 0 })
    }

    fn missing(&self, what: &'static str, digest: &Digest) -> OciError {
        OciError::Missing { what, digest: digest.clone(), layout: self.root.clone() }
    }

    fn open_file(&self, what: &'static str, digest: &Digest) -> Result<File, OciError> {
        let path = self.blob_path(digest);
        match File::open(&path) {
            Ok(file) => Ok(file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(self.missing(what, digest)),
            Err(e) => Err(io_error("open", &path)(e)),
        }
    }

    /// Removes what writers left that were killed while they wrote. It only costs space, so nothing hangs on it.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.blobs()) else { return };
        for entry in entries.flatten() {
            let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
            let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
            if unfinished && age.is_some_and(|age| age > ABANDONED_AFTER) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// A new file beside the blobs, so that the rename stays on one file system.
    fn temporary(&self) -> Result<NamedTempFile, OciError> {
        let blobs = self.blobs();
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        builder.tempfile_in(&blobs).map_err(io_error("create a file in", &blobs))
    }

    /// Replaces a file of the layout: complete and on disk, or not at all.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), OciError> {
        let mut file = self.temporary()?;
        file.write_all(bytes).map_err(io_error("write", path))?;
        self.publish(file, path)
    }

    fn publish(&self, file: NamedTempFile, path: &Path) -> Result<(), OciError> {
        file.as_file().sync_all().map_err(io_error("write", path))?;
        file.persist(path).map_err(|e| io_error("write", path)(e.error))?;
        // The name has to be on disk as well, or a power cut takes back what was promised.
        let folder = path.parent().unwrap_or(&self.root);
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error("write", folder))
    }
}

/// A blob being written; nothing is seen of it until [`BlobWriter::finish`].
pub struct BlobWriter<'a> {
    layout: &'a Layout,
    file: NamedTempFile,
    hash: Sha256,
    size: u64,
}

impl BlobWriter<'_> {
    /// The digest and the size in bytes of what was written, which is now in the layout and on disk.
    ///
    /// Errors: [`OciError::Io`].
    pub fn finish(self) -> Result<(Digest, u64), OciError> {
        let digest = digest_of(self.hash);
        self.layout.publish(self.file, &self.layout.blob_path(&digest))?;
        Ok((digest, self.size))
    }

    /// As [`BlobWriter::finish`], for bytes that came with a promise.
    ///
    /// Errors: [`OciError::WrongDigest`], [`OciError::WrongSize`] with nothing written, [`OciError::Io`].
    pub fn finish_as(self, digest: &Digest, size: u64) -> Result<(), OciError> {
        let found = digest_of(self.hash.clone());
        check_promise(digest, size, found, self.size)?;
        self.finish().map(|_| ())
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Reads a blob and hashes it on the way. It never gives more bytes than the descriptor promised.
#[derive(Debug)]
pub struct VerifyingReader {
    file: File,
    path: PathBuf,
    expected: Digest,
    size: u64,
    hash: Sha256,
    read: u64,
}

impl VerifyingReader {
    /// Reads what is left, then compares size and digest with the descriptor.
    ///
    /// Errors: [`OciError::WrongSize`], [`OciError::WrongDigest`], [`OciError::Io`].
    pub fn finish(mut self) -> Result<(), OciError> {
        let path = self.path.clone();
        io::copy(&mut self, &mut io::sink()).map_err(io_error("read", &path))?;
        // One byte more than promised tells a blob that grew after its size was looked at.
        let extra = self.file.read(&mut [0; 1]).map_err(io_error("read", &path))? as u64;
        check_promise(&self.expected, self.size, digest_of(self.hash), self.read + extra)
    }
}

impl Read for VerifyingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.read).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        let count = self.file.read(&mut buffer[..room])?;
        self.hash.update(&buffer[..count]);
        self.read += count as u64;
        Ok(count)
    }
}

fn check_promise(expected: &Digest, size: u64, found: Digest, found_size: u64) -> Result<(), OciError> {
    if found_size != size {
        return Err(OciError::WrongSize { digest: expected.clone(), expected: size, found: found_size });
    }
    if found != *expected {
        return Err(OciError::WrongDigest { expected: expected.clone(), found });
    }
    Ok(())
}

pub(crate) fn digest_of(hash: Sha256) -> Digest {
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in hash.finalize() {
        text.push_str(&format!("{byte:02x}"));
    }
    text.parse().expect("a SHA-256 in lower-case hexadecimal digits")
}
