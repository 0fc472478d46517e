//! A pattern, and the name of a branch, a tag or a file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tiers_core::properties::ref_pattern(bytes));
