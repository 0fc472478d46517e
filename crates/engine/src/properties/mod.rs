//! What must hold whatever lies in a ledger: for the fuzz targets in fuzz/ and, within bounds, for the tests of this crate. Panics
//! where a promise is broken.

mod stream;

pub use stream::{STORY, Told, kinds, ledger_stream};
