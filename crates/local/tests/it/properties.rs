//! The property of the fuzz target, within bounds: conversations that are put together from good requests, and every seed.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tiers_local::properties::lambda_protocol;

fn seeds() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/lambda_protocol");
    std::fs::read_dir(folder).expect("seeds").map(|seed| seed.expect("listed").path()).collect()
}

#[test]
fn every_seed_keeps_the_promises() {
    let seeds = seeds();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| lambda_protocol(&std::fs::read(seed).expect("readable")));
}

/// The requests of all seeds, one by one.
fn requests() -> Vec<String> {
    let texts = seeds().into_iter().filter_map(|seed| std::fs::read_to_string(seed).ok());
    texts
        .filter(|text| !text.starts_with("raw\n"))
        .flat_map(|text| text.split("\n---\n").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn requests_in_any_order_are_answered_and_keep_the_models_rules(
        picks in prop::collection::vec(prop::sample::select(requests()), 1..16)
    ) {
        let create = requests().into_iter().find(|request| request.contains("\"Publish\":true")).expect("one that creates");
        lambda_protocol([vec![create], picks].concat().join("\n---\n").as_bytes());
    }

    #[test]
    fn a_request_with_a_hole_or_a_splinter_is_answered(
        request in prop::sample::select(requests()), at in 0..400usize, len in 0..12usize, splinter in "\\PC{0,4}"
    ) {
        let chars: Vec<char> = request.chars().collect();
        let (at, end) = (at.min(chars.len()), (at + len).min(chars.len()));
        let end = end.max(at);
        let broken: String = chars[..at].iter().copied().chain(splinter.chars()).chain(chars[end..].iter().copied()).collect();
        lambda_protocol(broken.as_bytes());
    }

    #[test]
    fn bytes_that_are_no_http_end_the_connection_and_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        lambda_protocol(&[b"raw\n", bytes.as_slice()].concat());
    }
}
