//! The layers of an image that is unpacked.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tiers_oci::properties::oci_layers(bytes));
