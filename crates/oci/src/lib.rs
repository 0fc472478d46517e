//! OCI images without a daemon: layouts, reproducible layers, safe unpacking.

mod error;
mod index;
mod json;
mod layout;
mod manifest;
mod preflight;
mod unpack;

pub use error::OciError;
pub use index::{ImageEntry, REF_NAME};
pub use layout::{BlobWriter, Layout, VerifyingReader};
pub use manifest::{Architecture, Descriptor, ImageConfig, Manifest, NotAnArchitecture, media};
pub use preflight::{ImageFacts, facts, preflight};
pub use unpack::{Limits, UnpackError, Unpacked, unpack, unpack_with};
