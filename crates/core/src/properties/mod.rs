//! What must hold whatever a stranger writes: one function for each kind of input, called with the bytes of a fuzzer (the targets
//! in fuzz/) and, within bounds, by the tests of this crate. Each panics where its promise is broken.

mod choices;
mod gates;
mod json;
mod patterns;
mod records;
mod toml_file;

pub use choices::Choices;
pub use gates::gate_answer;
pub use json::alter;
pub use patterns::ref_pattern;
pub use records::ledger_record;
pub use toml_file::tiers_toml;
