//! A file of configuration, read the quick way and by hcl-edit.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    tiers_check::properties::check_quick(bytes);
});
