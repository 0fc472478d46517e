//! What the small ports must do, as suites that each implementation is put through, those of tests and of the simulation too. They
//! panic at the first promise that is broken. The ledger's store has its own, in `ledger/conformance.rs`.

use std::collections::BTreeSet;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use tiers_core::id::Digest;
use tiers_core::record::Stream;

use super::clock::Clock;
use super::ids::Ids;
use super::seen::{Mark, Seen};

/// A clock that nobody bends while it is looked at: it goes on, and who sleeps wakes up late enough.
pub async fn clock(clock: &dyn Clock) {
    let mut before = clock.now();
    for ms in [0, 1, 20] {
        clock.sleep_ms(ms).await;
        let now = clock.now();
        // What a computer shows may be rounded down to its ticks.
        let least =
            before + SignedDuration::from_millis(i64::try_from(ms).expect("small")) - SignedDuration::from_millis(1);
        assert!(now >= least, "{ms} ms of sleep, from {before} to {now}");
        before = now;
    }
}

/// Two sources of identities, as of two processes: nothing is drawn twice, and deployments sort by the time they were named at.
pub fn ids(one: &dyn Ids, other: &dyn Ids) {
    const MANY: usize = 200;
    let nonces: Vec<String> = (0..MANY).flat_map(|_| [one.nonce(), other.nonce()]).collect();
    assert_eq!(nonces.iter().collect::<BTreeSet<_>>().len(), 2 * MANY, "nonces are never drawn twice");
    assert!(nonces.iter().all(|nonce| !nonce.is_empty()));
    let start = Timestamp::from_second(1_790_000_000).expect("in range");
    let times = (0..20).map(|step| start + SignedDuration::from_secs(step));
    let named: Vec<String> = times.map(|at| one.deployment(at).to_string()).collect();
    assert!(named.is_sorted(), "{named:?}");
    let both = (0..MANY).flat_map(|_| [one.deployment(start), other.deployment(start)]);
    let distinct: BTreeSet<String> = both.map(|id| id.to_string()).collect();
    assert_eq!(distinct.len(), 2 * MANY, "of two at one moment each has its own name");
    // They stand in the names of things: marks on aliases, lines of tables.
    let plain = |id: &String| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    assert!(distinct.iter().all(plain), "{:?}", distinct.first());
}

/// `new_seen` gives one that has seen nothing at each call.
pub fn seen(new_seen: &dyn Fn() -> Rc<dyn Seen>) {
    let stream = |text: &str| text.parse::<Stream>().expect("well formed");
    let mark = |seq: u64| Mark { seq, hash: Digest::of(&seq.to_be_bytes()) };
    let (here, there) = (stream("prod/app"), stream("dev/app"));
    let seen = new_seen();
    assert_eq!(seen.get("l-1", &here), None);
    seen.note("l-1", &here, &mark(4));
    seen.note("l-1", &here, &mark(2));
    assert_eq!(seen.get("l-1", &here), Some(mark(4)), "a lower head does not replace a higher one");
    seen.note("l-1", &here, &mark(5));
    assert_eq!(seen.get("l-1", &here), Some(mark(5)));
    let other = Mark { seq: 5, hash: Digest::of(b"other") };
    seen.note("l-1", &here, &other);
    assert_eq!(seen.get("l-1", &here), Some(mark(5)), "what was seen first at a place stays: that is the comparison");
    assert_eq!(seen.get("l-2", &here), None, "ledgers are kept apart");
    assert_eq!(seen.get("l-1", &there), None, "and so are streams");
    seen.note("l-1", &there, &mark(1));
    assert_eq!((seen.get("l-1", &here), seen.get("l-1", &there)), (Some(mark(5)), Some(mark(1))));
    assert_eq!(new_seen().get("l-1", &here), None, "one that is new has seen nothing");
}
