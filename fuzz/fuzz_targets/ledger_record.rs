//! The bytes that lie under a record's key.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tiers_core::properties::ledger_record(bytes));
