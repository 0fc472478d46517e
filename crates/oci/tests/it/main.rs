//! Image layouts, the writer and the unpacker, from outside.

mod escape;
mod layout;
mod unpack;
mod write;

use tiers_oci::properties::craft;
