//! Rule 3: a stream that can't be trusted is read-only and named, and the others go on working.

use std::rc::Rc;

use bytes::Bytes;
use tiers_core::record::{Record, Stream};
use tiers_engine::ledger::{Append, Head, LedgerError};
use tiers_engine::port::log::LogError;

use super::{FaultyLog, Writer, draft, fill, run, stream, writer};

fn rig(count: i64) -> (Rc<FaultyLog>, Writer, Vec<Head>) {
    let log = Rc::new(FaultyLog::default());
    let one = run(writer(log.clone(), "one"));
    let heads = run(fill(&one.ledger, &stream(), count));
    (log, one, heads)
}

/// After this damage the head must be unusable, with this in the reason, and another stream must not care.
#[track_caller]
fn check_read_only(damage: impl Fn(&FaultyLog, &[Head]), reason: &str) {
    let (log, one, heads) = rig(3);
    let other: Stream = "dev/app".parse().expect("well formed");
    run(fill(&one.ledger, &other, 2));
    damage(&log, &heads);
    let answer = run(one.ledger.head(&stream()));
    let Err(LedgerError::Unreadable { stream: named, why, .. }) = &answer else { panic!("{answer:?}") };
    assert_eq!(*named, stream());
    assert!(why.contains(reason), "`{why}` says `{reason}`");
    let head = run(one.ledger.head(&other)).expect("the other stream is sound");
    let ended = run(one.ledger.append(&other, head.as_ref(), draft(head.as_ref(), 1)));
    assert!(matches!(ended, Ok(Append::Created(head)) if head.seq == 3));
    assert_eq!(run(one.ledger.streams()), Ok(vec![other, stream()]));
}

fn overwrite(log: &FaultyLog, key: String, bytes: impl Into<Bytes>) {
    log.inner.objects().insert(key, bytes.into());
}

#[test]
fn a_head_that_can_not_be_read_makes_its_stream_read_only() {
    check_read_only(|log, _| overwrite(log, stream().key(3), "not a record"), "damaged");
    check_read_only(|log, _| overwrite(log, stream().key(3), ""), "damaged");
    check_read_only(
        |log, heads| {
            let bytes = heads[2].record.to_bytes();
            overwrite(log, stream().key(3), bytes[..bytes.len() / 2].to_vec());
        },
        "its end is missing",
    );
    check_read_only(|log, _| overwrite(log, stream().key(4), "not a record"), "damaged");
    check_read_only(|log, _| overwrite(log, "prod/app/0000000/notes.txt".to_owned(), "x"), "no record has such a key");
    check_read_only(
        |log, heads| overwrite(log, stream().key(9), heads[2].record.to_bytes()),
        "what lies there is record 3",
    );
}

#[test]
fn a_head_of_a_newer_format_asks_for_a_newer_program() {
    let newer = |heads: &[Head]| {
        let mut record: Record = (*heads[2].record).clone();
        record.seq = 4;
        record.prev = Some(heads[2].hash.clone());
        record.format = 2;
        record.to_bytes()
    };
    check_read_only(|log, heads| overwrite(log, stream().key(4), newer(heads)), "use a newer tiers");
}

#[test]
fn a_head_below_one_seen_before_was_cut_off() {
    check_read_only(
        |log, _| {
            log.inner.objects().remove(&stream().key(3));
        },
        "records were removed",
    );
}

#[test]
fn a_stream_that_lost_all_its_records_is_not_a_new_one() {
    let (log, one, _) = rig(2);
    for seq in 1..=2 {
        log.inner.objects().remove(&stream().key(seq));
    }
    let answer = run(one.ledger.head(&stream()));
    assert!(
        matches!(&answer, Err(LedgerError::Unreadable { why, .. }) if why.contains("the stream is empty")),
        "{answer:?}"
    );
    let ended = run(one.ledger.append(&stream(), None, draft(None, 1)));
    assert!(matches!(ended, Err(LedgerError::Unreadable { .. })), "{ended:?}");
}

#[test]
fn a_head_with_other_content_than_was_seen_was_altered() {
    check_read_only(
        |log, heads| {
            let mut record = (*heads[2].record).clone();
            record.epoch = 7;
            overwrite(log, stream().key(3), record.to_bytes());
        },
        "with other content",
    );
}

#[test]
fn a_place_that_vanished_is_not_an_empty_stream() {
    let (log, one, _) = rig(0);
    assert_eq!(run(one.ledger.head(&stream())), Ok(None));
    log.inner.objects().clear();
    assert!(matches!(run(one.ledger.head(&stream())), Err(LedgerError::Absent { .. })));
}

#[test]
fn reading_the_head_takes_two_requests_whatever_the_history() {
    let (log, one, _) = rig(40);
    log.reads.set(0);
    log.firsts.set(0);
    let head = run(one.ledger.head(&stream())).expect("readable").expect("not empty");
    assert_eq!((head.seq, log.firsts.get(), log.reads.get()), (40, 1, 1));
}

#[test]
fn a_store_that_is_away_for_a_moment_is_asked_again_within_bounds() {
    let (log, one, heads) = rig(1);
    let away = || LogError::Unavailable { key: "k".to_owned(), why: "status 503".to_owned() };
    log.fail_reads((0..3).map(|_| away()));
    assert_eq!(run(one.ledger.head(&stream())), Ok(Some(heads[0].clone())));
    log.fail_reads((0..100).map(|_| away()));
    log.reads.set(0);
    let answer = run(one.ledger.head(&stream()));
    assert_eq!(answer, Err(LedgerError::Store(away())));
    assert!(answer.is_err_and(|error| error.may_pass()));
    assert_eq!(log.reads.get(), 8);
}

#[test]
fn walking_back_checks_every_link_and_names_a_gap() {
    let (log, one, heads) = rig(5);
    let back = run(one.ledger.walk_back(&heads[4], 3)).expect("a sound chain");
    assert_eq!(back.iter().map(|head| head.seq).collect::<Vec<_>>(), [4, 3, 2]);
    assert_eq!(run(one.ledger.walk_back(&heads[0], 3)), Ok(vec![]));
    assert_eq!(run(one.ledger.read_all(&stream())).expect("a sound chain"), heads);
    assert_eq!(run(one.ledger.read(&stream(), 2)), Ok(Some(heads[1].clone())));
    assert_eq!(run(one.ledger.read(&stream(), 6)), Ok(None));

    log.inner.objects().remove(&stream().key(2));
    let answer = run(one.ledger.read_all(&stream()));
    let Err(LedgerError::Unreadable { key, why, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!((key, why.as_str()), (stream().key(2), "record 2 is missing, and record 3 follows it"));

    let (log, one, heads) = rig(5);
    let mut altered = (*heads[1].record).clone();
    altered.actor.who = "somebody else".to_owned();
    overwrite(&log, stream().key(2), altered.to_bytes());
    let answer = run(one.ledger.read_all(&stream()));
    assert!(
        matches!(&answer, Err(LedgerError::Unreadable { why, .. }) if why.contains("altered or replaced")),
        "{answer:?}"
    );
}

#[test]
fn a_stream_without_records_has_no_head_and_no_history() {
    let (_, one, _) = rig(0);
    assert_eq!(run(one.ledger.head(&stream())), Ok(None));
    assert_eq!(run(one.ledger.read_all(&stream())), Ok(vec![]));
    assert_eq!(run(one.ledger.streams()), Ok(vec![]));
}
