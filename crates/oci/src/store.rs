//! Where images are kept, whatever keeps them: a layout folder now, registries behind the same trait.

use async_trait::async_trait;
use tiers_core::id::Digest;

use crate::error::OciError;
use crate::layout::Layout;
use crate::manifest::{Architecture, ImageConfig};
use crate::preflight::{ImageFacts, preflight};

/// A place that holds images by digest. Implementations copy manifests as they are, so that digests hold.
///
/// "Not there" is an answer, never an error; everything that keeps the question from being answered (access denied, a broken
/// connection) is an error, never "not there".
#[async_trait(?Send)]
pub trait ImageStore {
    /// How a function's `ImageUri` names this image.
    fn reference(&self, image: &Digest) -> String;

    /// Whether the image's manifest is there.
    async fn has(&self, image: &Digest) -> Result<bool, OciError>;

    /// The digest that a tag points at now, or `None`.
    async fn tagged(&self, tag: &str) -> Result<Option<Digest>, OciError>;

    /// The bytes of the manifest, compared with the digest.
    async fn manifest(&self, image: &Digest) -> Result<Vec<u8>, OciError>;

    /// What the image says about how it is run.
    async fn config(&self, image: &Digest) -> Result<ImageConfig, OciError>;

    /// That this is one whole image for this architecture; see [`preflight`].
    async fn preflight(&self, image: &Digest, architecture: Architecture) -> Result<ImageFacts, OciError>;

    /// Copies an image from a layout to here, and tags it if a tag is given. Doing it again changes nothing.
    async fn push(&self, from: &Layout, image: &Digest, tag: Option<&str>) -> Result<(), OciError>;

    /// Copies an image from here to a layout.
    async fn pull(&self, image: &Digest, into: &Layout) -> Result<(), OciError>;
}

#[async_trait(?Send)]
impl ImageStore for Layout {
    fn reference(&self, image: &Digest) -> String {
        format!("oci:{}@{image}", self.path().display())
    }

    async fn has(&self, image: &Digest) -> Result<bool, OciError> {
        match self.manifest_bytes(image) {
            Ok(_) => Ok(true),
            Err(OciError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn tagged(&self, tag: &str) -> Result<Option<Digest>, OciError> {
        Layout::tagged(self, tag)
    }

    async fn manifest(&self, image: &Digest) -> Result<Vec<u8>, OciError> {
        self.manifest_bytes(image)
    }

    async fn config(&self, image: &Digest) -> Result<ImageConfig, OciError> {
        Layout::config(self, image)
    }

    async fn preflight(&self, image: &Digest, architecture: Architecture) -> Result<ImageFacts, OciError> {
        preflight(self, image, architecture)
    }

    async fn push(&self, from: &Layout, image: &Digest, tag: Option<&str>) -> Result<(), OciError> {
        self.copy_image(from, image)?;
        self.tag(image, tag)
    }

    async fn pull(&self, image: &Digest, into: &Layout) -> Result<(), OciError> {
        into.copy_image(self, image)?;
        into.tag(image, None)
    }
}
