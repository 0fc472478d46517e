//! The ledger: streams of records over a store of create-only objects. PROTOCOL.md holds the rules; rules 1 to 3 and 21 to 23
//! are kept here.

mod append;
mod error;
mod memory;
mod open;
mod read;

pub use append::{Append, Budget, Draft};
pub use error::LedgerError;
pub use memory::MemoryLog;
pub use open::Ledger;
pub use read::Head;
