//! The images of this project, in an OCI layout folder on this machine.

use std::path::PathBuf;

use async_trait::async_trait;
use tiers_core::id::Digest;
use tiers_engine::port::images::{ImageError, Images};
use tiers_oci::{Architecture, Layout, OciError, preflight};

/// Images in a layout folder.
pub struct FolderImages {
    path: PathBuf,
}

impl FolderImages {
    pub fn new(path: PathBuf) -> FolderImages {
        FolderImages { path }
    }
}

#[async_trait(?Send)]
impl Images for FolderImages {
    async fn preflight(&self, _: &str, digest: &Digest, architecture: &str) -> Result<(), ImageError> {
        let place = || self.path.display().to_string();
        let architecture: Architecture = architecture.parse().map_err(|error: tiers_oci::NotAnArchitecture| {
            ImageError::Unfit { digest: digest.clone(), why: error.to_string() }
        })?;
        let layout = Layout::open(&self.path).map_err(|error| ImageError::Unreachable {
            digest: digest.clone(),
            place: place(),
            why: crate::fault::chain(&error),
        })?;
        match preflight(&layout, digest, architecture) {
            Ok(_) => Ok(()),
            Err(OciError::Missing { .. }) => Err(ImageError::Absent { digest: digest.clone(), place: place() }),
            Err(error) => Err(ImageError::Unfit { digest: digest.clone(), why: crate::fault::chain(&error) }),
        }
    }
}
