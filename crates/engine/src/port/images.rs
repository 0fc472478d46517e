//! The place that images lie in, as far as a deployment asks: does this digest exist, and can it run there?

use async_trait::async_trait;
use tiers_core::id::Digest;

/// Why an image can't be deployed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("image {digest} does not exist in {place}")]
    Absent { digest: Digest, place: String },
    #[error("image {digest} can't be deployed: {why}")]
    Unfit { digest: Digest, why: String },
    #[error("{place} can't be asked for image {digest}: {why}")]
    Unreachable { digest: Digest, place: String, why: String },
}

/// Where images are kept.
#[async_trait(?Send)]
pub trait Images {
    /// The image is there, is one image and no index, and is of this architecture (`x86_64` or `arm64`).
    async fn preflight(&self, image_uri: &str, digest: &Digest, architecture: &str) -> Result<(), ImageError>;
}
