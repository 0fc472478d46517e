//! OCI images without a daemon: layouts, reproducible layers, safe unpacking.

mod copy;
mod error;
mod gzip;
mod index;
mod json;
mod layer;
mod layout;
mod manifest;
mod preflight;
#[cfg(feature = "properties")]
pub mod properties;
mod store;
mod unpack;
mod write;

pub use copy::extract_archive;
pub use error::OciError;
pub use index::{ImageEntry, REF_NAME};
pub use layer::{Content, NewFile};
pub use layout::{BlobWriter, Layout, VerifyingReader};
pub use manifest::{Architecture, Descriptor, ImageConfig, Manifest, NotAnArchitecture, media};
pub use preflight::{ImageFacts, facts, preflight};
pub use store::ImageStore;
pub use unpack::{Limits, UnpackError, Unpacked, unpack, unpack_with};
pub use write::{BaseImage, NewImage, write_image};
