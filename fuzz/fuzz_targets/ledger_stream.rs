//! A whole stream, and what somebody does to it afterwards.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tiers_engine::properties::ledger_stream(bytes));
