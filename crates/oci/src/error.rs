//! What can be wrong with an image or a layout folder. The kinds are those that a caller answers differently; the rest is text.

use std::io;
use std::path::{Path, PathBuf};

use tiers_core::id::Digest;

use crate::manifest::Architecture;
use crate::unpack::UnpackError;

/// Why an image could not be read, written or used.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// The folder is no OCI image layout.
    #[error("{} is not an OCI image layout: {why}", path.display())]
    NotALayout { path: PathBuf, why: String },
    /// No blob with this digest.
    #[error("{what} {digest} is not in the image layout {}", layout.display())]
    Missing { what: &'static str, digest: Digest, layout: PathBuf },
    /// A blob is longer or shorter than its descriptor says.
    #[error("blob {digest} has {found} bytes where its descriptor says {expected}")]
    WrongSize { digest: Digest, expected: u64, found: u64 },
    /// A blob's bytes are not those that its name promises: it was damaged or altered.
    #[error("blob {expected} holds other bytes: their digest is {found}")]
    WrongDigest { expected: Digest, found: Digest },
    /// A list of images where one image is needed.
    #[error(
        "{digest} is an image index ({media_type}), not one image: Lambda refuses it, and which image would run is open; \
         build with `--provenance=false --sbom=false --platform {platform}`"
    )]
    Index { digest: String, media_type: String, platform: &'static str },
    /// More than one image where exactly one was expected.
    #[error(
        "{} holds {count} images where one is expected: build one platform with `--platform {platform} --provenance=false \
         --sbom=false`", path.display()
    )]
    ManyImages { path: PathBuf, count: usize, platform: &'static str },
    /// A media type that this program does not know how to handle.
    #[error("{what} has the media type `{media_type}`, which is not supported: {hint}")]
    MediaType { what: String, media_type: String, hint: &'static str },
    /// The image was built for another processor.
    #[error(
        "image {digest} is built for {found}, the function needs {}: build with `--platform {}`",
        wanted.platform(), wanted.platform()
    )]
    WrongArchitecture { digest: Digest, wanted: Architecture, found: String },
    /// JSON that is not what the OCI image specification says.
    #[error("{what} is malformed: {why}")]
    Malformed { what: String, why: String },
    /// Larger than it may be.
    #[error("{what} has {found} bytes, more than the {limit} that are allowed")]
    TooLarge { what: String, found: u64, limit: u64 },
    /// A file to be packed that can't go into an image.
    #[error("`{path}` can't go into the image: {why}")]
    Entry { path: String, why: String },
    /// Another process kept the layout's index locked for too long.
    #[error("the index of {} was locked by another process for {waited_s} s", layout.display())]
    Locked { layout: PathBuf, waited_s: u64 },
    /// A layer that can't be unpacked safely.
    #[error("layer {layer} of image {digest}: {source}")]
    Unpack { digest: Digest, layer: Digest, source: UnpackError },
    /// The place to unpack to exists already.
    #[error("{} exists already; an image is unpacked only into a new folder", path.display())]
    Exists { path: PathBuf },
    /// The file system said no.
    #[error("could not {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

/// For `map_err`: says what was being done, and to which file.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OciError {
    let path = path.to_owned();
    move |source| OciError::Io { action, path, source }
}
