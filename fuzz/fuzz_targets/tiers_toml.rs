//! A tiers.toml that anybody may have written.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| tiers_core::properties::tiers_toml(text));
