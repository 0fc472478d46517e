//! Requests to the local host, as Lambda's and STS's clients send them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tiers_local::properties::lambda_protocol(bytes));
