//! A manifest with what it names, an index, and an archive of a layout.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tiers_oci::properties::oci_image(bytes));
