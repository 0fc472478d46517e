//! A repository of Terraform, workflows and scripts.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tiers_check::properties::check_tree(bytes));
