//! Rule 1: the genesis, and what it demands.

use std::rc::Rc;

use tiers_core::record::{FORMAT, Genesis, WRITER};
use tiers_engine::ledger::{Ledger, LedgerError, MemoryLog};
use tiers_engine::port::log::{Log, LogError, Refusal};
use tiers_engine::port::seen::SeenInMemory;

use super::{FaultyLog, OnCreate, TestClock, TestIds, actor, draft, fill, run, stream, writer};

fn open(log: Rc<dyn Log>) -> Result<Ledger, LedgerError> {
    let ids = Rc::new(TestIds { writer: "reader", drawn: 0.into() });
    run(Ledger::open(log, Rc::new(TestClock::default()), ids, Rc::new(SeenInMemory::default())))
}

fn init(log: Rc<dyn Log>, name: &'static str) -> Result<Ledger, LedgerError> {
    let ids = Rc::new(TestIds { writer: name, drawn: 0.into() });
    let seen = Rc::new(SeenInMemory::default());
    run(Ledger::init(log, Rc::new(TestClock::default()), ids, seen, actor(name)))
}

#[test]
fn of_two_that_begin_a_ledger_at_once_both_get_the_same_one() {
    let log = Rc::new(FaultyLog::default());
    let other = Rc::new(MemoryLog::new());
    init(other.clone(), "rival").expect("nothing fails");
    let rival = other.objects()[Genesis::KEY].clone();
    log.script([OnCreate::Rival(rival)]);
    let one = init(log.clone(), "one").expect("it opens the winner's");
    let two = init(log.clone(), "two").expect("it opens what is there");
    assert_eq!((one.id(), two.id()), ("rival-1", "rival-1"));
    assert_eq!(open(log).expect("it is there").genesis().by, actor("rival"));
}

#[test]
fn a_lost_answer_to_the_genesis_makes_no_second_ledger() {
    for faults in [
        [OnCreate::LostAfter, OnCreate::Pass],
        [OnCreate::LostBefore, OnCreate::Pass],
        [OnCreate::Late(2), OnCreate::Pass],
    ] {
        let log = Rc::new(FaultyLog::default());
        log.script(faults);
        assert_eq!(init(log, "one").expect("settled").id(), "one-1");
    }
}

#[test]
fn opening_where_no_ledger_is_says_so_and_begins_none() {
    let log = Rc::new(MemoryLog::new());
    assert!(matches!(open(log.clone()), Err(LedgerError::Absent { .. })));
    assert!(log.objects().is_empty());
}

#[test]
fn no_right_to_read_the_genesis_is_not_the_absence_of_a_ledger() {
    let log = Rc::new(FaultyLog::default());
    let denied = LogError::Denied { key: Genesis::KEY.to_owned(), why: "status 403".to_owned() };
    log.fail_reads([denied.clone(), denied.clone()]);
    assert_eq!(open(log.clone()).err(), Some(LedgerError::Store(denied.clone())));
    assert_eq!(init(log.clone(), "one").err(), Some(LedgerError::Store(denied)));
    assert!(log.sent.borrow().is_empty(), "nothing is begun where it can't be seen whether something is there");
}

#[test]
fn a_refused_genesis_says_why() {
    let log = Rc::new(FaultyLog::default());
    log.script([OnCreate::Refuse(Refusal::ReadOnly("the disk".to_owned()))]);
    let Err(error) = init(log, "one") else { panic!("refused") };
    assert_eq!(error.to_string(), "no ledger could be created at a log with faults: the place is read-only: the disk");
}

#[test]
fn a_genesis_that_demands_a_newer_writer_leaves_reading() {
    let log = Rc::new(MemoryLog::new());
    let one = run(writer(log.clone(), "one"));
    let heads = run(fill(&one.ledger, &stream(), 2));
    let newer = Genesis { min_writer: WRITER + 1, ..one.ledger.genesis().clone() };
    log.objects().insert(Genesis::KEY.to_owned(), newer.to_bytes().into());
    let old = open(log.clone()).expect("it may read");
    assert_eq!(run(old.head(&stream())), Ok(Some(heads[1].clone())));
    let ended = run(old.append(&stream(), Some(&heads[1]), draft(Some(&heads[1]), 1)));
    let Err(error @ LedgerError::NeedsNewerWriter { .. }) = ended else { panic!("{ended:?}") };
    assert!(error.to_string().contains("demands writer version 2, and this program is 1"), "{error}");
    assert_eq!(log.objects().len(), 3);
}

#[test]
fn a_genesis_that_can_not_be_read_is_named() {
    for (bytes, reason) in [
        (b"{}".to_vec(), "damaged"),
        (Genesis { format: FORMAT + 1, ..genesis() }.to_bytes(), "use a newer tiers"),
        (Genesis { ledger: String::new(), ..genesis() }.to_bytes(), "names no ledger"),
    ] {
        let log = Rc::new(MemoryLog::new());
        log.objects().insert(Genesis::KEY.to_owned(), bytes.into());
        let Err(error) = open(log) else { panic!("{reason}") };
        let text = error.to_string();
        assert!(text.contains(Genesis::KEY) && text.contains(reason), "{text}");
    }
}

fn genesis() -> Genesis {
    Genesis {
        format: FORMAT,
        ledger: "l".to_owned(),
        min_writer: WRITER,
        at: jiff::Timestamp::UNIX_EPOCH,
        by: actor("one"),
    }
}
