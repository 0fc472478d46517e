//! A whole stream: events in any order and form are folded or refused, what was accepted verifies, and whatever is done to it
//! afterwards is found.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tiers_core::event::{Ending, Event};
use tiers_core::id::DeploymentId;
use tiers_core::next::next;
use tiers_core::properties::{Choices, alter, ledger_record};
use tiers_core::record::{Actor, Record, Stream};
use tiers_core::state::{EnvState, KEPT};
use tiers_core::summary;

use crate::ledger::{Anchor, Append, Draft, Head, Ledger, MemoryLog, Verified};
use crate::port::clock::Clock;
use crate::port::ids::Ids;
use crate::port::seen::SeenInMemory;

/// What drivers and people recorded in one environment: a line for each record. The tests write it anew on request.
pub const STORY: &str = include_str!("story.jsonl");

/// No story grows beyond this.
const MOST: usize = 120;

/// A record as far as its writer decides about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub by: String,
    pub at: Timestamp,
    pub deployment: Option<DeploymentId>,
    pub epoch: u32,
    pub event: Value,
}

/// The bytes are lines of a story as JSON (where they begin with a brace), or decisions about what becomes of [`STORY`] and of
/// the ledger that it is written to.
pub fn ledger_stream(bytes: &[u8]) {
    let (story, mut choices) = match bytes.first() {
        Some(b'{') => (read(&String::from_utf8_lossy(bytes)), Choices::new(&bytes[..bytes.len().min(64)])),
        _ => {
            let mut choices = Choices::new(bytes);
            (changed(&mut choices), choices)
        }
    };
    let log = Rc::new(MemoryLog::new());
    let heads = write(&ledger(&log), &story);
    let before = verify(&log, &[]);
    // Among other things: every record's summary is computed once more, and comes out the same.
    assert_eq!(before.findings, [], "what was accepted is sound");
    assert_eq!(before.records, heads.len() as u64);
    tamper(&log, &heads, &before.heads, &mut choices);
}

fn read(text: &str) -> Vec<Told> {
    text.lines().take(MOST).filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The story with things left out, doubled, moved, and altered.
fn changed(choices: &mut Choices<'_>) -> Vec<Told> {
    static READ: OnceLock<Vec<Told>> = OnceLock::new();
    let mut story = READ.get_or_init(|| read(STORY)).clone();
    let start = choices.below(story.len());
    let length = choices.below(story.len()) + 1;
    for _ in 0..choices.below(12) {
        let (at, other) = (choices.below(story.len()), choices.below(story.len()));
        match choices.below(8) {
            0 => drop(story.remove(at)),
            1 => story.insert(other, story[at].clone()),
            2 => story.swap(at, other),
            3 => story[at].epoch = story[at].epoch.wrapping_add(u32::from(choices.byte())),
            4 => story[at].deployment = story[other].deployment.clone(),
            5 => story[at].at = story[other].at,
            6 => story[at].by = story[other].by.clone(),
            _ => alter(&mut story[at].event, choices),
        }
        if story.is_empty() {
            break;
        }
    }
    story.into_iter().skip(start).take(length).collect()
}

/// Appends what follows from what was accepted before; checks what every reader relies on.
fn write(ledger: &Ledger, story: &[Told]) -> Vec<Head> {
    let stream = stream();
    let mut state = EnvState::default();
    let mut heads: Vec<Head> = Vec::new();
    for told in story {
        let record = Record {
            format: 1,
            stream: stream.clone(),
            seq: heads.len() as u64 + 1,
            prev: None,
            nonce: String::new(),
            at: told.at,
            actor: Actor { who: told.by.clone(), host: "h".into(), via: "v".into() },
            deployment: told.deployment.clone(),
            epoch: told.epoch,
            event: told.event.clone(),
            state: Value::Null,
        };
        let before = serde_json::to_value(&state).expect("plain data");
        let Ok(after) = summary::after(&before, &record) else { continue };
        let after: EnvState = serde_json::from_value(after).expect("a summary reads back");
        check_step(&state, told, &after);
        let draft = Draft {
            at: told.at,
            actor: record.actor,
            deployment: record.deployment,
            epoch: record.epoch,
            event: record.event,
            state: serde_json::to_value(&after).expect("plain data"),
        };
        match now(ledger.append(&stream, heads.last(), draft)).expect("a log in memory answers") {
            Append::Created(head) => heads.push(head),
            other => panic!("a log in memory takes every record: {other:?}"),
        }
        state = after;
    }
    heads
}

fn check_step(before: &EnvState, told: &Told, after: &EnvState) {
    let event: Event = serde_json::from_value(told.event.clone()).expect("it was folded");
    if event.kind().is_owners() {
        let open = before.open.as_ref().expect("an owner's record needs an open deployment");
        assert_eq!((Some(&open.id), open.epoch), (told.deployment.as_ref(), told.epoch), "only the owner writes");
    }
    if let (Some(old), Some(new)) = (&before.open, &after.open) {
        assert!(
            old.id == new.id && old.plan == new.plan,
            "a plan never changes, and there is one deployment at a time"
        );
        assert!(old.epoch <= new.epoch, "an epoch never goes back");
    }
    let succeeded = matches!(event, Event::Ended { ending: Ending::Succeeded, .. });
    assert!(succeeded || before.serving == after.serving, "only a success changes what serves");
    let verified = |state: &EnvState| -> Vec<String> {
        state.verdicts.iter().filter(|it| it.verified).map(|it| it.digest.to_string()).collect()
    };
    let gains = verified(after).into_iter().any(|digest| !verified(before).contains(&digest));
    assert!(!gains || succeeded || matches!(event, Event::Verified { .. }), "evidence from nowhere");
    assert!(after.verdicts.len() <= KEPT && after.previous.len() <= KEPT && after.approvals.len() <= KEPT);
    for verdict in &after.verdicts {
        let passes = after.passes(&verdict.digest).is_ok();
        assert!(!passes || after.held_release(&verdict.digest).is_none(), "passed while it is held");
    }
    if let Some(open) = &after.open {
        assert_eq!(next(open), next(open), "what comes next follows from the state");
    }
}

/// With the heads written down, no change to the stored bytes stays unseen.
fn tamper(log: &Rc<MemoryLog>, heads: &[Head], anchors: &[Anchor], choices: &mut Choices<'_>) {
    if heads.is_empty() {
        return;
    }
    let before = log.objects().clone();
    let key = stream().key(heads[choices.below(heads.len())].seq);
    let other = stream().key(heads[choices.below(heads.len())].seq);
    let bytes = before[&key].to_vec();
    let put = |bytes: Vec<u8>| drop(log.objects().insert(key.clone(), Bytes::from(bytes)));
    match choices.below(7) {
        0 => drop(log.objects().remove(&key)),
        1 => {
            let mut bytes = bytes;
            let at = usize::try_from(choices.number() % bytes.len() as u64).expect("an index");
            bytes[at] ^= choices.byte() | 1;
            put(bytes);
        }
        2 => put(before[&other].to_vec()),
        3 => put(resealed(&bytes, choices)),
        4 => put(bytes[..bytes.len() / 2].to_vec()),
        5 => {
            let all = choices.bytes(200).to_vec();
            ledger_record(&all);
            put(all);
        }
        _ => {
            let name = choices.text(20).replace('/', "-");
            log.objects().insert(format!("{}{name}.json", stream().prefix()), Bytes::from(bytes));
        }
    }
    let is_changed = *log.objects() != before;
    let after = verify(log, anchors);
    assert_eq!(!after.findings.is_empty(), is_changed, "a change is found, and nothing but a change");
    let mut out = Vec::new();
    let damaged = now(ledger(log).export(None, &mut out)).expect("a log in memory answers");
    let lines = out.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"damaged\"")).count();
    assert_eq!(lines, damaged.len(), "every place that can't be exported has a line");
    // Reading goes on or says why; it never ends in a panic.
    drop(now(ledger(log).head(&stream())));
    drop(now(ledger(log).read_all(&stream())));
}

/// The record with another content and the checksum that belongs to it: what somebody with the right to write could do.
fn resealed(bytes: &[u8], choices: &mut Choices<'_>) -> Vec<u8> {
    let mut record = Record::parse(bytes).expect("it was written just now");
    match choices.below(5) {
        0 => record.actor.who.push('x'),
        1 => record.epoch = record.epoch.wrapping_add(1),
        2 => alter(&mut record.event, choices),
        3 => alter(&mut record.state, choices),
        _ => record.nonce.push('x'),
    }
    record.to_bytes()
}

fn verify(log: &Rc<MemoryLog>, anchors: &[Anchor]) -> Verified {
    now(ledger(log).verify(None, anchors, &summary::after)).expect("a log in memory answers")
}

fn stream() -> Stream {
    "dev/app".parse().expect("well formed")
}

/// A reader or writer that has seen nothing before.
fn ledger(log: &Rc<MemoryLog>) -> Ledger {
    let by = Actor { who: "w".into(), host: "h".into(), via: "v".into() };
    let ids = Rc::new(Counted(Cell::new(log.objects().len() as u64)));
    now(Ledger::init(log.clone(), Rc::new(Still), ids, Rc::new(SeenInMemory::default()), by))
        .expect("a ledger in memory")
}

/// Nothing here waits, so every future is ready when it is first asked.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a log in memory waited"),
    }
}

struct Still;

#[async_trait(?Send)]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep_ms(&self, _: u64) {}
}

struct Counted(Cell<u64>);

impl Ids for Counted {
    fn nonce(&self) -> String {
        self.0.set(self.0.get() + 1);
        format!("n-{}", self.0.get())
    }

    fn deployment(&self, _: Timestamp) -> DeploymentId {
        DeploymentId(self.nonce())
    }
}

/// How often each kind of event stands in the story.
#[must_use]
pub fn kinds(story: &str) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for told in read(story) {
        let kind = told.event["kind"].as_str().unwrap_or_default().to_owned();
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}
