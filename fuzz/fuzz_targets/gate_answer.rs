//! What a gate expects, and what comes back.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tiers_core::properties::gate_answer(bytes));
