//! What a deployer must know of an image before it names it to Lambda, and the reasons to refuse it.

use serde::Serialize;
use tiers_core::id::Digest;

use crate::error::OciError;
use crate::layout::Layout;
use crate::manifest::{Architecture, ImageConfig, Manifest};

/// An image that one function can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageFacts {
    pub digest: Digest,
    /// Of the image's configuration.
    pub config_digest: Digest,
    pub architecture: Architecture,
    /// Configuration and layers as stored.
    pub size_bytes: u64,
    pub layers: usize,
    pub config: ImageConfig,
}

/// Checks that `digest` is one image of this architecture, whole in the layout: manifest and configuration are read and
/// verified, of the layers presence and size ([`Layout::verify`] reads their bytes too).
///
/// Errors: [`OciError::Missing`], [`OciError::Index`], [`OciError::WrongArchitecture`], [`OciError::MediaType`],
/// [`OciError::WrongSize`], [`OciError::WrongDigest`], [`OciError::Malformed`].
pub fn preflight(layout: &Layout, digest: &Digest, architecture: Architecture) -> Result<ImageFacts, OciError> {
    let manifest = layout.manifest(digest)?;
    for layer in &manifest.layers {
        layout.check_size(layer)?;
    }
    let config = layout.config_of(&manifest)?;
    facts(digest, &manifest, config, architecture)
}

/// The part of [`preflight`] that needs no layout: for images whose manifest and configuration came from a registry.
///
/// Errors: [`OciError::WrongArchitecture`], [`OciError::Malformed`].
pub fn facts(
    digest: &Digest,
    manifest: &Manifest,
    config: ImageConfig,
    architecture: Architecture,
) -> Result<ImageFacts, OciError> {
    if config.os != "linux" || config.architecture != architecture.oci_name() {
        return Err(OciError::WrongArchitecture {
            digest: digest.clone(),
            wanted: architecture,
            found: format!("{}/{}", config.os, config.architecture),
        });
    }
    if config.diff_ids.len() != manifest.layers.len() {
        return Err(OciError::Malformed {
            what: format!("image {digest}"),
            why: format!(
                "its configuration lists {} layers, its manifest {}",
                config.diff_ids.len(),
                manifest.layers.len()
            ),
        });
    }
    Ok(ImageFacts {
        digest: digest.clone(),
        config_digest: manifest.config.digest.clone(),
        architecture,
        size_bytes: manifest.stored_size_bytes(),
        layers: manifest.layers.len(),
        config,
    })
}
