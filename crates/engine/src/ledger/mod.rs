//! The ledger: streams of records over a store of create-only objects. PROTOCOL.md holds the rules; rules 1 to 3 and 21 to 23
//! are kept here.

#[cfg(feature = "store")]
mod answer;
mod append;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod export;
#[cfg(feature = "store")]
mod file_system;
#[cfg(feature = "store")]
mod folder;
mod memory;
#[cfg(feature = "store")]
mod object;
mod open;
pub(crate) mod read;
#[cfg(feature = "s3")]
mod s3;
mod scan;
#[cfg(feature = "store")]
mod seen_file;
mod verify;

pub use append::{Append, Budget, Draft};
pub use error::LedgerError;
pub use export::ExportError;
#[cfg(feature = "store")]
pub use folder::FolderError;
pub use memory::MemoryLog;
#[cfg(feature = "store")]
pub use object::ObjectLog;
pub use open::Ledger;
pub use read::Head;
#[cfg(feature = "s3")]
pub use s3::{S3Credential, S3CredentialSource, S3Credentials, S3Error, S3Place, S3StaticCredentials, s3_log};
pub use scan::{Fault, Finding};
#[cfg(feature = "store")]
pub use seen_file::SeenInFolder;
pub use verify::{Anchor, Fold, NotAnAnchor, Verified};
