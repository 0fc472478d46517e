//! Rule 2: the same bytes to the same key, until they or others are known to lie there.

use std::rc::Rc;

use bytes::Bytes;
use tiers_core::record::Record;
use tiers_engine::ledger::{Append, Budget, LedgerError, MemoryLog};
use tiers_engine::port::log::{LogError, Refusal};

use super::{FaultyLog, OnCreate, Writer, draft, fill, fold, run, stream, writer};

fn rig() -> (Rc<FaultyLog>, Writer) {
    let log = Rc::new(FaultyLog::default());
    let one = run(writer(log.clone(), "one"));
    log.sent.borrow_mut().clear();
    (log, one)
}

/// One append under these faults must end with the record there, once, as its only content.
fn check_created(faults: &[OnCreate], sends: usize) {
    let (log, one) = rig();
    log.script(faults.iter().cloned());
    let ended = run(one.ledger.append(&stream(), None, draft(None, 5)));
    let Ok(Append::Created(head)) = ended else { panic!("{faults:?} ended as {ended:?}") };
    assert_eq!((head.seq, head.record.nonce.as_str()), (1, "one-2"), "{faults:?}");
    assert_eq!(run(one.ledger.head(&stream())), Ok(Some(head)), "{faults:?}");
    let sent = log.sent.borrow();
    assert_eq!(sent.len(), sends, "{faults:?}");
    assert!(sent.iter().all(|one| *one == sent[0]), "{faults:?}: the same bytes went to the same key");
    let keys: Vec<String> = log.inner.objects().keys().cloned().collect();
    assert_eq!(keys, ["genesis.json", "prod/app/9999999/998.json"], "{faults:?}");
}

#[test]
fn a_lost_answer_is_settled_by_looking_and_by_sending_the_same_bytes() {
    use OnCreate::{Conflict, Late, LostAfter, LostBefore, Pass};
    check_created(&[Pass], 1);
    check_created(&[LostAfter], 1);
    check_created(&[LostBefore], 2);
    check_created(&[LostBefore, LostBefore, LostAfter], 3);
    // The read after the put says "absent", the second put meets the first one.
    check_created(&[Late(2)], 2);
    check_created(&[Late(3), LostBefore], 2);
    check_created(&[Conflict, Conflict], 3);
    check_created(&[LostBefore, Conflict, LostAfter], 3);
}

#[test]
fn records_follow_each_other_by_hash_and_carry_their_place() {
    let (_, one) = rig();
    let heads = run(fill(&one.ledger, &stream(), 3));
    assert_eq!(heads.iter().map(|head| head.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(heads[0].record.prev, None);
    assert_eq!(heads[1].record.prev.as_ref(), Some(&heads[0].hash));
    assert_eq!(heads[2].record.prev.as_ref(), Some(&heads[1].hash));
    assert!(heads.iter().all(|head| head.record.stream == stream()));
}

#[test]
fn whoever_loses_the_race_learns_who_won_and_has_written_nothing() {
    let log = Rc::new(MemoryLog::new());
    let one = run(writer(log.clone(), "one"));
    let two = run(writer(log.clone(), "two"));
    let first = run(fill(&one.ledger, &stream(), 1)).remove(0);
    let won = run(one.ledger.append(&stream(), Some(&first), draft(Some(&first), 2)));
    let lost = run(two.ledger.append(&stream(), Some(&first), draft(Some(&first), 3)));
    let (Ok(Append::Created(won)), Ok(Append::Lost(winner))) = (won, lost) else { panic!("one wins, two loses") };
    assert_eq!(*winner, won);
    assert_eq!(run(two.ledger.head(&stream())), Ok(Some(won)));
    assert_eq!(log.objects().len(), 3);
}

#[test]
fn a_rival_that_lands_while_an_answer_is_lost_is_no_success_of_ours() {
    let (log, one) = rig();
    let other = Rc::new(MemoryLog::new());
    let rival = run(writer(other.clone(), "rival"));
    run(fill(&rival.ledger, &stream(), 1));
    let bytes = other.objects()[&stream().key(1)].clone();
    log.script([OnCreate::LostBefore, OnCreate::Rival(bytes)]);
    let ended = run(one.ledger.append(&stream(), None, draft(None, 1)));
    let Ok(Append::Lost(winner)) = ended else { panic!("{ended:?}") };
    assert_eq!(winner.record.nonce, "rival-2");
}

#[test]
fn equal_content_of_another_writer_is_not_taken_for_ours() {
    let log = Rc::new(MemoryLog::new());
    let one = run(writer(log.clone(), "one"));
    let two = run(writer(log, "two"));
    assert!(matches!(run(one.ledger.append(&stream(), None, draft(None, 1))), Ok(Append::Created(_))));
    assert!(matches!(run(two.ledger.append(&stream(), None, draft(None, 1))), Ok(Append::Lost(_))));
}

#[test]
fn when_the_budget_is_spent_the_outcome_is_unknown_and_the_next_append_settles_it_first() {
    for lands_later in [false, true] {
        let (log, one) = rig();
        let last = if lands_later { OnCreate::Late(4) } else { OnCreate::LostBefore };
        log.script((0..7).map(|_| OnCreate::LostBefore).chain([last]));
        let ended = run(one.ledger.append(&stream(), None, draft(None, 1)));
        let Ok(Append::Unknown { key, why }) = ended else { panic!("{ended:?}") };
        assert_eq!(key, stream().key(1));
        assert!(why.contains("no answer came"), "{why}");
        assert_eq!(log.sent.borrow().len(), 8, "the budget is 8 sends");
        let slept: u64 = one.clock.slept_ms.borrow().iter().sum();
        assert!((1000..=10_000).contains(&slept), "slept {slept} ms");

        // The caller goes on with something else; the old bytes are settled before, and what it wants now has lost.
        let ended = run(one.ledger.append(&stream(), None, draft(None, 70)));
        let Ok(Append::Lost(own)) = ended else { panic!("{ended:?}") };
        assert_eq!(own.record.event["add"], 1);
        let sent = log.sent.borrow();
        assert!(sent.iter().all(|one| *one == sent[0]), "no other bytes went to the key");
        drop(sent);
        let ended = run(one.ledger.append(&stream(), Some(&own), draft(Some(&own), 70)));
        assert!(matches!(ended, Ok(Append::Created(head)) if head.seq == 2));
    }
}

#[test]
fn an_append_that_was_dropped_in_the_middle_is_settled_by_the_next_one() {
    use futures::FutureExt;
    struct Never;
    #[async_trait::async_trait(?Send)]
    impl tiers_engine::port::clock::Clock for Never {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }
        async fn sleep_ms(&self, _ms: u64) {
            futures::future::pending::<()>().await;
        }
    }
    let log = Rc::new(FaultyLog::default());
    let ids = || Rc::new(super::TestIds { writer: "one", drawn: 0.into() });
    let seen = Rc::new(tiers_engine::port::seen::SeenInMemory::default());
    let opened = tiers_engine::ledger::Ledger::init(log.clone(), Rc::new(Never), ids(), seen, super::actor("one"));
    let ledger = run(opened).expect("nothing failed yet");
    log.sent.borrow_mut().clear();
    log.script([OnCreate::Late(3)]);
    assert!(ledger.append(&stream(), None, draft(None, 1)).now_or_never().is_none(), "it waits to send again");
    let Ok(Append::Lost(own)) = run(ledger.append(&stream(), None, draft(None, 2))) else { panic!("settled") };
    assert_eq!(own.record.event["add"], 1);
    let sent = log.sent.borrow();
    assert!(sent.iter().all(|one| *one == sent[0]), "no other bytes went to the key");
}

#[test]
fn a_refusal_is_believed_only_while_nothing_may_have_landed() {
    let full = || OnCreate::Refuse(Refusal::Full("no space".to_owned()));
    let (log, one) = rig();
    log.script([full()]);
    assert_eq!(
        run(one.ledger.append(&stream(), None, draft(None, 1))),
        Ok(Append::Refused(Refusal::Full("no space".to_owned())))
    );
    assert_eq!(log.sent.borrow().len(), 1);
    // Refused for certain, so the next append may hold something else.
    let Ok(Append::Created(head)) = run(one.ledger.append(&stream(), None, draft(None, 2))) else { panic!() };
    assert_eq!(head.record.event["add"], 2);

    let (log, one) = rig();
    log.script([OnCreate::Late(4), full()]);
    let ended = run(one.ledger.append(&stream(), None, draft(None, 1)));
    assert!(matches!(ended, Ok(Append::Created(_))), "the first send landed after the refusal: {ended:?}");

    let (log, one) = rig();
    log.script([OnCreate::LostBefore].into_iter().chain((0..7).map(|_| full())));
    let ended = run(one.ledger.append(&stream(), None, draft(None, 1)));
    assert!(matches!(ended, Ok(Append::Unknown { .. })), "{ended:?}");
}

#[test]
fn no_right_to_read_never_means_that_nothing_is_there() {
    let (log, one) = rig();
    let denied = || LogError::Denied { key: "k".to_owned(), why: "status 403".to_owned() };
    log.script((0..8).map(|_| OnCreate::LostBefore));
    log.fail_reads((0..8).map(|_| denied()));
    let ended = run(one.ledger.append(&stream(), None, draft(None, 1)));
    let Ok(Append::Unknown { why, .. }) = ended else { panic!("{ended:?}") };
    assert!(why.contains("no right to read"), "{why}");
    log.fail_reads([denied()]);
    assert_eq!(run(one.ledger.head(&stream())), Err(LedgerError::Store(denied())));
}

#[test]
fn a_damaged_object_in_the_place_of_the_record_is_named() {
    let (log, one) = rig();
    log.script([OnCreate::Rival(Bytes::from_static(b"{\"format\":1,\"stre"))]);
    let ended = run(one.ledger.append(&stream(), None, draft(None, 1)));
    let Err(LedgerError::Unreadable { stream: named, key, .. }) = ended else { panic!("{ended:?}") };
    assert_eq!((named, key), (stream(), stream().key(1)));
}

#[test]
fn a_winner_that_does_not_follow_our_head_breaks_the_stream() {
    let (log, one) = rig();
    let head = run(fill(&one.ledger, &stream(), 1)).remove(0);
    let mut forged = (*head.record).clone();
    forged.seq = 2;
    forged.prev = Some(tiers_core::id::Digest::of(b"something else"));
    log.script([OnCreate::Rival(forged.to_bytes().into())]);
    let ended = run(one.ledger.append(&stream(), Some(&head), draft(Some(&head), 1)));
    assert!(matches!(ended, Err(LedgerError::Unreadable { .. })), "{ended:?}");
}

#[test]
fn a_record_that_is_too_long_is_refused_before_it_is_sent() {
    let (log, one) = rig();
    let mut long = draft(None, 1);
    long.event["note"] = "x".repeat(tiers_core::record::MAX_RECORD_BYTES).into();
    assert!(matches!(run(one.ledger.append(&stream(), None, long)), Ok(Append::Refused(Refusal::Other(_)))));
    assert!(log.sent.borrow().is_empty());
}

#[test]
fn a_place_that_was_seen_filled_is_never_filled_again() {
    let (log, one) = rig();
    let heads = run(fill(&one.ledger, &stream(), 3));
    log.inner.objects().remove(&stream().key(3));
    log.sent.borrow_mut().clear();
    let ended = run(one.ledger.append(&stream(), Some(&heads[1]), draft(Some(&heads[1]), 9)));
    assert!(matches!(ended, Err(LedgerError::Unreadable { .. })), "{ended:?}");
    assert!(log.sent.borrow().is_empty());
    // An outdated head that is only outdated has lost, as ever.
    let ended = run(one.ledger.append(&stream(), Some(&heads[0]), draft(Some(&heads[0]), 9)));
    assert_eq!(ended, Ok(Append::Lost(Box::new(heads[1].clone()))));
}

#[test]
fn every_order_of_two_writers_with_lost_answers_leaves_one_sound_chain() {
    // Each bit of a schedule says who goes next; each writer appends behind the head that it saw last and reloads when it loses.
    for schedule in 0_u32..1 << 8 {
        let log = Rc::new(FaultyLog::default());
        let writers = [run(writer(log.clone(), "one")), run(writer(log.clone(), "two"))];
        let mut known = [None, None];
        let mut created = 0;
        for step in 0..8 {
            let turn = (schedule >> step & 1) as usize;
            log.script([if step % 3 == 0 { OnCreate::LostAfter } else { OnCreate::Pass }]);
            let ledger = &writers[turn].ledger;
            let after = known[turn].clone();
            match run(ledger.append(&stream(), after.as_ref(), draft(after.as_ref(), 1))) {
                Ok(Append::Created(head)) => {
                    created += 1;
                    known[turn] = Some(head);
                }
                Ok(Append::Lost(_)) => known[turn] = run(ledger.head(&stream())).expect("readable"),
                other => panic!("schedule {schedule:b}, step {step}: {other:?}"),
            }
        }
        let all = run(writers[0].ledger.read_all(&stream())).expect("a sound chain");
        assert_eq!(all.len(), created, "schedule {schedule:b}: every success is there, and nothing else");
        let verified = run(writers[0].ledger.verify(None, &[], &fold)).expect("readable");
        assert_eq!(verified.findings, [], "schedule {schedule:b}");
    }
}

#[test]
fn the_budget_bounds_the_sends() {
    let (log, one) = rig();
    log.script((0..50).map(|_| OnCreate::LostBefore));
    let ledger = one.ledger.with_budget(Budget { tries: 3, wait_ms: 10, max_wait_ms: 15 });
    assert!(matches!(run(ledger.append(&stream(), None, draft(None, 1))), Ok(Append::Unknown { .. })));
    assert_eq!(log.sent.borrow().len(), 3);
    assert_eq!(*one.clock.slept_ms.borrow(), [10, 15]);
}

#[test]
fn what_was_sent_is_a_record_in_the_stored_format() {
    let (log, one) = rig();
    run(fill(&one.ledger, &stream(), 1));
    let sent = log.sent.borrow();
    let record = Record::parse(&sent[0].1).expect("a record");
    assert_eq!((record.format, record.epoch, record.seq), (1, 0, 1));
    assert_eq!(record.to_bytes(), sent[0].1);
}
