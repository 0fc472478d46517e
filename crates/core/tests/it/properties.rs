//! The properties of the fuzz targets, within bounds: with bytes at random, with good inputs that something happened to, and with
//! every seed, among which is whatever a fuzzer found.

use std::path::Path;

use proptest::prelude::*;
use tiers_core::properties::{Choices, alter, gate_answer, ledger_record, ref_pattern, tiers_toml};

const RECORD: &str = include_str!("golden/record-format-1.json");

#[expect(clippy::disallowed_methods, reason = "a test may read files")]
fn replay(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let seeds = std::fs::read_dir(&folder).expect("the seeds of the target");
    let seeds: Vec<Vec<u8>> =
        seeds.map(|seed| std::fs::read(seed.expect("listed").path()).expect("readable")).collect();
    assert!(!seeds.is_empty(), "{target} has seeds");
    seeds.iter().for_each(|seed| property(seed));
}

#[test]
fn every_seed_keeps_the_promises() {
    replay("tiers_toml", |bytes| tiers_toml(&String::from_utf8_lossy(bytes)));
    replay("ledger_record", ledger_record);
    replay("gate_answer", gate_answer);
    replay("ref_pattern", ref_pattern);
}

/// Names and patterns that meet: few characters, special ones among them.
fn tight() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &["a", "b", "/", "**", "*", "?", "[", "]", "!", "{", ",", "}", "\\", "-", ".", "ä"];
    prop::collection::vec(prop::sample::select(PIECES), 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_a_record_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        ledger_record(&bytes);
    }

    #[test]
    fn a_good_record_with_another_content_is_a_record_or_refused(choices in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut record = serde_json::from_str(RECORD).expect("JSON");
        let mut choices = Choices::new(&choices);
        while !choices.is_spent() {
            alter(&mut record, &mut choices);
        }
        ledger_record(record.to_string().as_bytes());
    }

    #[test]
    fn a_good_record_with_a_hole_or_a_splinter_is_a_record_or_refused(at in 0..RECORD.len(), len in 0..20usize, splinter in ".{0,3}") {
        let end = (at + len).min(RECORD.len());
        ledger_record([&RECORD.as_bytes()[..at], splinter.as_bytes(), &RECORD.as_bytes()[end..]].concat().as_slice());
    }

    #[test]
    fn patterns_mean_what_their_description_says(pattern in tight(), name in tight()) {
        ref_pattern(format!("{pattern}\n{name}").as_bytes());
    }

    #[test]
    fn answers_of_any_kind_are_judged_without_telling_secrets(
        status in prop::sample::select(vec!["", "{}", r#"{"status":[200]}"#, r#"{"json":{"/a/0":1},"headers":{"X":"y"}}"#]),
        secret in "[a-z0-9]{0,12}",
        failed in prop::sample::select(vec!["", "Unhandled"]),
        before in r#"(\{"statusCode":200,"body":"|\{"a":\[|[\PC\n]{0,20})"#,
        after in r#"("\}|\]\}|[\PC\n]{0,20})"#,
    ) {
        gate_answer(format!("{status}\n{{\"path\":\"/{after}?a=%4\"}}\n{secret}\n{failed}\n{before}{secret}{after}").as_bytes());
    }
}
