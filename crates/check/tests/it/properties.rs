//! The property of the fuzz target, within bounds: the trees of these tests with holes and splinters, and every seed.

use std::path::Path;

use proptest::prelude::*;
use tiers_check::properties::check_tree;

#[test]
fn every_seed_keeps_the_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/check_tree");
    let seeds: Vec<_> = std::fs::read_dir(folder).expect("seeds").map(|seed| seed.expect("listed").path()).collect();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| check_tree(&std::fs::read(seed).expect("readable")));
}

const TREES: &[&str] = &[
    include_str!("../trees/azure.txt"),
    include_str!("../trees/legacy.txt"),
    include_str!("../trees/pipelines.txt"),
    include_str!("../trees/workspaces.txt"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_repository_with_holes_and_splinters_is_checked_to_the_end(
        tree in prop::sample::select(TREES),
        wounds in prop::collection::vec((any::<prop::sample::Index>(), 0..30usize, "[\\PC\n\"{}$]{0,4}"), 1..4),
    ) {
        let mut text: Vec<char> = tree.chars().collect();
        for (at, len, splinter) in wounds {
            let at = at.index(text.len() + 1);
            let end = (at + len).min(text.len());
            text.splice(at..end, splinter.chars());
        }
        check_tree(text.into_iter().collect::<String>().as_bytes());
    }
}
