//! Rule 22: what was altered, dropped, moved or put in is found and named; nothing that lies there makes it panic.

use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tiers_core::id::Digest;
use tiers_core::record::{Record, Stream};
use tiers_engine::ledger::{Anchor, Fault, Finding, Ledger, MemoryLog, Verified};

use super::{fill, fold, run, stream, writer};

const RECORDS: u64 = 8;

/// A ledger with one stream of [`RECORDS`] records, and another with two.
fn rig() -> Rc<MemoryLog> {
    let log = Rc::new(MemoryLog::new());
    let one = run(writer(log.clone(), "one"));
    run(fill(&one.ledger, &stream(), RECORDS as i64));
    run(fill(&one.ledger, &other(), 2));
    log
}

fn other() -> Stream {
    "dev/app".parse().expect("well formed")
}

/// A reader that has seen nothing before.
fn reader(log: &Rc<MemoryLog>) -> Ledger {
    run(writer(log.clone(), "reader")).ledger
}

fn verify(log: &Rc<MemoryLog>, anchors: &[Anchor]) -> Verified {
    run(reader(log).verify(None, anchors, &fold)).expect("a log in memory answers")
}

fn record(log: &MemoryLog, seq: u64) -> Record {
    Record::parse(&log.objects()[&stream().key(seq)]).expect("a record")
}

fn put(log: &MemoryLog, seq: u64, bytes: impl Into<Bytes>) {
    log.objects().insert(stream().key(seq), bytes.into());
}

fn places(findings: &[Finding]) -> Vec<(Fault, Option<u64>)> {
    findings.iter().map(|found| (found.fault, found.seq)).collect()
}

#[track_caller]
fn check(tamper: impl Fn(&MemoryLog), expected: &[(Fault, Option<u64>)]) -> Verified {
    let log = rig();
    tamper(&log);
    let verified = verify(&log, &[]);
    assert_eq!(places(&verified.findings), expected, "{:#?}", verified.findings);
    verified
}

#[test]
fn a_sound_ledger_has_no_findings_and_tells_its_heads() {
    let verified = check(|_| {}, &[]);
    assert_eq!(verified.records, RECORDS + 2);
    let heads: Vec<(&str, u64)> = verified.heads.iter().map(|head| (head.stream.as_str(), head.seq)).collect();
    assert_eq!(heads, [("dev/app", 2), ("prod/app", RECORDS)]);
}

#[test]
fn an_altered_record_is_named_even_when_its_checksum_was_made_anew() {
    let verified = check(
        |log| {
            let mut altered = record(log, 3);
            altered.actor.who = "nobody".to_owned();
            put(log, 3, altered.to_bytes());
        },
        &[(Fault::Altered, Some(3))],
    );
    assert_eq!(verified.findings[0].key, "prod/app/9999999/996.json");
    assert!(verified.findings[0].what.contains("record 4 names"), "{}", verified.findings[0].what);
}

#[test]
fn a_cut_record_is_named() {
    check(
        |log| {
            let bytes = record(log, 3).to_bytes();
            put(log, 3, bytes[..40].to_vec());
        },
        &[(Fault::Damaged, Some(3))],
    );
}

#[test]
fn a_dropped_record_is_missed() {
    check(|log| drop(log.objects().remove(&stream().key(1))), &[(Fault::Missing, Some(1))]);
    check(|log| drop(log.objects().remove(&stream().key(5))), &[(Fault::Missing, Some(5))]);
    let verified = check(
        |log| [4, 5, 6].iter().for_each(|seq| drop(log.objects().remove(&stream().key(*seq)))),
        &[(Fault::Missing, Some(4))],
    );
    assert_eq!(verified.findings[0].what, "3 records are missing, 4 to 6");
}

#[test]
fn exchanged_records_are_named() {
    check(
        |log| {
            let (third, fifth) = (record(log, 3).to_bytes(), record(log, 5).to_bytes());
            put(log, 3, fifth);
            put(log, 5, third);
        },
        &[(Fault::Misplaced, Some(3)), (Fault::Misplaced, Some(5))],
    );
}

#[test]
fn exchanged_records_that_were_renumbered_break_the_chain() {
    check(
        |log| {
            let (third, fourth) = (record(log, 3), record(log, 4));
            put(log, 3, Record { seq: 3, ..fourth }.to_bytes());
            put(log, 4, Record { seq: 4, ..third }.to_bytes());
        },
        &[
            (Fault::Altered, Some(2)),
            (Fault::Summary, Some(3)),
            (Fault::Altered, Some(3)),
            (Fault::Summary, Some(4)),
            (Fault::Altered, Some(4)),
            (Fault::Summary, Some(5)),
        ],
    );
}

#[test]
fn a_record_of_another_stream_is_named() {
    check(
        |log| {
            let foreign = log.objects()[&other().key(2)].clone();
            put(log, 2, foreign);
        },
        &[(Fault::Misplaced, Some(2))],
    );
}

#[test]
fn a_record_behind_a_hole_is_named_with_the_hole() {
    check(
        |log| put(log, RECORDS + 2, record(log, 3).to_bytes()),
        &[(Fault::Missing, Some(RECORDS + 1)), (Fault::Misplaced, Some(RECORDS + 2))],
    );
}

#[test]
fn a_summary_that_does_not_follow_from_the_event_is_named() {
    check(
        |log| {
            let mut last = record(log, RECORDS);
            last.state = json!({ "sum": 1_000_000 });
            put(log, RECORDS, last.to_bytes());
        },
        &[(Fault::Summary, Some(RECORDS))],
    );
    let verified = check(
        |log| {
            let mut last = record(log, RECORDS);
            last.event = json!({});
            put(log, RECORDS, last.to_bytes());
        },
        &[(Fault::Summary, Some(RECORDS))],
    );
    assert!(verified.findings[0].what.contains("the event adds nothing"), "{}", verified.findings[0].what);
}

#[test]
fn what_is_no_record_beside_the_records_is_named() {
    let strays = ["notes.txt", "prod/notes.txt", "prod/app/9999999/1.json", "Prod/app/9999999/998.json", "prod/app/x"];
    check(
        |log| {
            for key in strays {
                log.objects().insert(key.to_owned(), Bytes::from_static(b"x"));
            }
        },
        &[(Fault::Stray, None); 5],
    );
}

#[test]
fn a_newer_record_is_named_as_such() {
    check(
        |log| {
            let newer = Record { format: 2, ..record(log, RECORDS) };
            put(log, RECORDS, newer.to_bytes());
        },
        &[(Fault::Newer, Some(RECORDS))],
    );
}

#[test]
fn an_anchor_finds_a_tail_that_was_cut_off_or_written_anew() {
    let log = rig();
    let anchor = verify(&log, &[]).heads.remove(1);
    assert_eq!(verify(&log, std::slice::from_ref(&anchor)).findings, []);

    log.objects().remove(&stream().key(RECORDS));
    assert_eq!(verify(&log, &[]).findings, [], "without an anchor a tail that was cut off can't be seen");
    let found = verify(&log, std::slice::from_ref(&anchor)).findings;
    assert_eq!(places(&found), [(Fault::Missing, Some(RECORDS))]);

    let log = rig();
    rewrite_from(&log, 2);
    assert_eq!(verify(&log, &[]).findings, [], "nor can a tail that was written anew with all its hashes");
    let found = verify(&log, std::slice::from_ref(&anchor)).findings;
    assert_eq!(places(&found), [(Fault::Altered, Some(RECORDS))]);

    let log = rig();
    let keys: Vec<String> = (1..=RECORDS).map(|seq| stream().key(seq)).collect();
    keys.iter().for_each(|key| drop(log.objects().remove(key)));
    let found = verify(&log, &[anchor]).findings;
    assert_eq!(places(&found), [(Fault::Missing, Some(RECORDS))], "a stream that is gone altogether is missed");
}

#[test]
fn what_this_machine_saw_counts_as_an_anchor() {
    let log = rig();
    let one = run(writer(log.clone(), "reader"));
    run(one.ledger.head(&stream())).expect("sound");
    log.objects().remove(&stream().key(RECORDS));
    let found = run(one.ledger.verify(Some(&stream()), &[], &fold)).expect("readable").findings;
    assert_eq!(places(&found), [(Fault::Missing, Some(RECORDS))]);
}

/// Alters record `first` and writes everything after it anew, hashes and summaries included.
fn rewrite_from(log: &MemoryLog, first: u64) {
    let mut prev = None;
    for seq in first..=RECORDS {
        let mut forged = record(log, seq);
        forged.actor.who = "nobody".to_owned();
        if prev.is_some() {
            forged.prev = prev;
        }
        let bytes = forged.to_bytes();
        prev = Some(Digest::of(&bytes));
        put(log, seq, bytes);
    }
}

#[test]
fn anchors_are_read_as_they_are_printed() {
    let hash = Digest::of(b"x");
    for text in [format!("7:{hash}"), format!("7:{}", hash.hex())] {
        let anchor = Anchor::parse(&stream(), &text).expect("an anchor");
        assert_eq!(anchor.to_string(), format!("7:{hash}"));
        assert_eq!((anchor.seq, &anchor.hash), (7, &hash));
    }
    for text in ["", "7", "7:", ":", "x:y", "-1:sha256:00", "7:sha256:XYZ"] {
        assert!(Anchor::parse(&stream(), text).is_err(), "{text}");
    }
}

#[test]
fn an_export_has_every_record_as_stored_and_names_what_is_damaged() {
    let log = rig();
    put(&log, 3, "{");
    log.objects().remove(&stream().key(5));
    let mut out = Vec::new();
    let found = run(reader(&log).export(None, &mut out)).expect("a vector takes everything");
    assert_eq!(places(&found), [(Fault::Damaged, Some(3)), (Fault::Missing, Some(5))]);

    let text = String::from_utf8(out).expect("JSON lines are text");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let shape: Vec<String> = lines
        .iter()
        .map(|line| match (&line["ledger"], &line["damaged"]) {
            (Value::String(_), _) => "genesis".to_owned(),
            (_, Value::Object(found)) => format!("{} {}", found["fault"].as_str().expect("text"), found["seq"]),
            _ => format!("{} {}", line["stream"].as_str().expect("text"), line["seq"]),
        })
        .collect();
    assert_eq!(
        shape,
        [
            "genesis",
            "dev/app 1",
            "dev/app 2",
            "prod/app 1",
            "prod/app 2",
            "damaged 3",
            "prod/app 4",
            "missing 5",
            "prod/app 6",
            "prod/app 7",
            "prod/app 8"
        ]
    );
    let line = text.lines().find(|line| line.contains("\"seq\":4,")).expect("it was exported");
    assert_eq!(format!("{line}\n").as_bytes(), log.objects()[&stream().key(4)]);
}

#[test]
fn an_export_that_can_not_be_written_says_so() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = run(reader(&rig()).export(Some(&stream()), &mut Full)).expect_err("nothing can be written");
    assert!(error.to_string().starts_with("the export can't be written"), "{error}");
}

/// One way to tamper with the stream.
#[derive(Clone, Debug)]
enum Tamper {
    /// Flips one bit of one record.
    Flip { seq: u64, at: usize, bit: u8 },
    /// Alters one record's text and makes its checksum anew.
    Forge { seq: u64, who: String },
    /// Removes one record.
    Drop { seq: u64 },
    /// Exchanges two records, with their numbers or without.
    Swap { a: u64, b: u64, renumber: bool },
    /// Puts a record in before the head and moves the others up, with their numbers or without.
    Insert { seq: u64, renumber: bool },
}

fn tamper() -> impl Strategy<Value = Tamper> {
    // The head itself has no successor to vouch for it; a flip there is found by its checksum, the rest needs an anchor.
    let seq = 1..RECORDS;
    prop_oneof![
        (1..=RECORDS, any::<usize>(), 0..8_u8).prop_map(|(seq, at, bit)| Tamper::Flip { seq, at, bit }),
        (seq.clone(), "[a-z]{1,8}").prop_map(|(seq, who)| Tamper::Forge { seq, who }),
        seq.clone().prop_map(|seq| Tamper::Drop { seq }),
        (seq.clone(), seq.clone(), any::<bool>())
            .prop_filter("two records", |(a, b, _)| a != b)
            .prop_map(|(a, b, renumber)| Tamper::Swap { a, b, renumber }),
        (seq, any::<bool>()).prop_map(|(seq, renumber)| Tamper::Insert { seq, renumber }),
    ]
}

/// Tampers, and tells which records must be named for it: one of these.
fn apply(tamper: &Tamper, log: &MemoryLog) -> Vec<u64> {
    let place = |record: Record, seq: u64, renumber: bool| {
        put(log, seq, if renumber { Record { seq, ..record } } else { record }.to_bytes());
    };
    match tamper {
        Tamper::Flip { seq, at, bit } => {
            let mut bytes = log.objects()[&stream().key(*seq)].to_vec();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            put(log, *seq, bytes);
            vec![*seq]
        }
        Tamper::Forge { seq, who } => {
            let mut forged = record(log, *seq);
            forged.actor.who = format!("{}{who}", forged.actor.who);
            put(log, *seq, forged.to_bytes());
            vec![*seq]
        }
        Tamper::Drop { seq } => {
            log.objects().remove(&stream().key(*seq));
            vec![*seq]
        }
        Tamper::Swap { a, b, renumber } => {
            let (first, second) = (record(log, *a), record(log, *b));
            place(second, *a, *renumber && *a != 1);
            place(first, *b, *renumber && *a != 1);
            vec![*a, a.saturating_sub(1)]
        }
        Tamper::Insert { seq, renumber } => {
            let moved: Vec<Record> = (*seq..=RECORDS).map(|seq| record(log, seq)).collect();
            let mut forged = moved[0].clone();
            forged.actor.who = "nobody".to_owned();
            put(log, *seq, forged.to_bytes());
            for record in moved {
                let up = record.seq + 1;
                place(record, up, *renumber && *seq != 1);
            }
            vec![*seq, seq + 1]
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tampering_before_the_head_is_found_and_named(tamper in tamper()) {
        let log = rig();
        let before: BTreeMap<String, Bytes> = log.objects().clone();
        let named = apply(&tamper, &log);
        prop_assert!(*log.objects() != before, "the tampering changed something");
        let verified = verify(&log, &[]);
        let found = verified.findings.iter().any(|found| {
            found.stream == Some(stream()) && found.seq.is_some_and(|seq| named.contains(&seq))
        });
        prop_assert!(found, "{tamper:?} must name one of {named:?}: {:#?}", verified.findings);
        prop_assert!(verified.findings.iter().all(|found| found.stream != Some(other())), "the other stream is sound");
    }

    #[test]
    fn no_bytes_whatever_make_reading_panic(seq in 1..=RECORDS, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let log = rig();
        put(&log, seq, bytes);
        let reader = reader(&log);
        prop_assert!(run(reader.verify(None, &[], &fold)).is_ok_and(|verified| !verified.findings.is_empty()));
        prop_assert!(run(reader.export(None, &mut Vec::new())).is_ok_and(|found| found.len() == 1));
        prop_assert!(run(reader.read_all(&stream())).is_err());
    }

    #[test]
    fn no_record_with_another_shape_and_a_good_checksum_makes_reading_panic(
        seq in 1..=RECORDS,
        from in 0..500_usize,
        len in 0..40_usize,
        text in "[\\[\\]{}\",:0-9a-z]{0,20}",
    ) {
        let log = rig();
        let whole = record(&log, seq).to_bytes();
        let body = &whole[..whole.len() - 27];
        let from = from.min(body.len());
        let until = (from + len).min(body.len());
        let cut = [&body[..from], text.as_bytes(), &body[until..]].concat();
        let sum = Digest::of(&cut).hex()[..16].to_owned();
        put(&log, seq, [cut.as_slice(), b",\"sum\":\"", sum.as_bytes(), b"\"}\n"].concat());
        let reader = reader(&log);
        prop_assert!(run(reader.verify(None, &[], &fold)).is_ok());
        let _ = run(reader.head(&stream()));
    }
}
