//! Reading a record is a pure function of its bytes, and a world reads the same bytes again and again. While a world runs, each
//! record is read for real once, and what came of it is kept. Bytes are written, hashed and compared as always.
//!
//! Where a world trusts its writers, not even that once: the parsed form that the bytes were made from is kept. One seed in
//! sixteen does not, and neither does any test; a record that does not read back as it was written would show there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use tiers_core::event::Event;
use tiers_core::id::Digest;
use tiers_core::record::Record;
use tiers_core::state::EnvState;

use crate::ledger::Head;

/// What was read so far.
#[derive(Default)]
pub struct Memo {
    /// What the world began with, shared with other worlds.
    base: Option<Rc<Memo>>,
    /// By where the bytes lie in memory; they are kept here too, so that nothing else can come to lie there.
    heads: HashMap<(usize, usize), (Bytes, Head)>,
    states: HashMap<Digest, (Rc<Event>, Rc<EnvState>)>,
    /// What is written counts as read: the same bytes are not taken apart again that were put together a moment ago.
    trusts_writers: bool,
    /// Event and state of the record that is about to be written.
    announced: Vec<Announced>,
}

/// What a process is about to write: several may be at it at once.
struct Announced {
    who: String,
    at: Timestamp,
    event: Rc<Event>,
    state: Rc<EnvState>,
}

impl Memo {
    /// An empty one on top of what is known already.
    pub fn on(base: Option<Rc<Memo>>, trusts_writers: bool) -> Memo {
        Memo { base, trusts_writers, ..Memo::default() }
    }

    /// All of it, for worlds that begin where this one ended.
    pub fn merged(self) -> Memo {
        let mut all = Memo::default();
        if let Some(base) = &self.base {
            all.heads.extend(base.heads.iter().map(|(place, kept)| (*place, kept.clone())));
            all.states.extend(base.states.iter().map(|(hash, kept)| (hash.clone(), kept.clone())));
        }
        all.heads.extend(self.heads);
        all.states.extend(self.states);
        all
    }

    fn head(&self, bytes: &Bytes) -> Option<&Head> {
        let place = (bytes.as_ptr() as usize, bytes.len());
        let here = self.heads.get(&place).map(|(_, head)| head);
        here.or_else(|| self.base.as_ref()?.head(bytes))
    }

    fn state(&self, hash: &Digest) -> Option<&(Rc<Event>, Rc<EnvState>)> {
        self.states.get(hash).or_else(|| self.base.as_ref()?.state(hash))
    }
}

thread_local! {
    static MEMO: RefCell<Option<Memo>> = const { RefCell::new(None) };
}

/// Begins to keep what is read; answers what was kept before.
pub fn begin(memo: Option<Memo>) -> Option<Memo> {
    MEMO.replace(memo)
}

/// The record in these bytes, if they were read before.
pub fn head(bytes: &Bytes) -> Option<Head> {
    MEMO.with_borrow(|memo| memo.as_ref()?.head(bytes).cloned())
}

/// Keeps the record in these bytes.
pub fn keep_head(bytes: &Bytes, head: &Head) {
    let place = (bytes.as_ptr() as usize, bytes.len());
    MEMO.with_borrow_mut(|memo| {
        if let Some(memo) = memo {
            memo.heads.insert(place, (bytes.clone(), head.clone()));
        }
    });
}

/// Event and state of the record with this hash, if they were read before.
pub fn state(hash: &Digest) -> Option<(Rc<Event>, Rc<EnvState>)> {
    MEMO.with_borrow(|memo| memo.as_ref()?.state(hash).cloned())
}

/// Keeps event and state of the record with this hash.
pub fn keep_state(hash: &Digest, event: Event, state: EnvState) -> (Rc<Event>, Rc<EnvState>) {
    let kept = (Rc::new(event), Rc::new(state));
    MEMO.with_borrow_mut(|memo| {
        if let Some(memo) = memo {
            memo.states.insert(hash.clone(), kept.clone());
        }
    });
    kept
}

/// The next record that this process writes has this event and this state.
pub fn announce(who: &str, at: Timestamp, event: &Event, state: &EnvState) {
    MEMO.with_borrow_mut(|memo| {
        if let Some(memo) = memo.as_mut().filter(|memo| memo.trusts_writers) {
            memo.announced.retain(|other| other.who != who);
            let (event, state) = (Rc::new(event.clone()), Rc::new(state.clone()));
            memo.announced.push(Announced { who: who.to_owned(), at, event, state });
        }
    });
}

/// A record was put together from what was announced.
pub fn keep_written(bytes: &Bytes, record: Record) {
    MEMO.with_borrow_mut(|memo| {
        let Some(memo) = memo.as_mut().filter(|memo| memo.trusts_writers) else { return };
        let is = |one: &Announced| one.who == record.actor.who && one.at == record.at;
        let Some(index) = memo.announced.iter().position(is) else { return };
        let announced = memo.announced.swap_remove(index);
        // A process may have written something else at that moment, to the lease for instance.
        if record.stream.root() == "terraform" || record.event.get("kind").is_none() {
            return;
        }
        // What is kept as event and state is not kept as JSON too.
        let record = Record { event: Value::Null, state: Value::Null, ..record };
        let head = Head { seq: record.seq, hash: Digest::of(bytes), record: Rc::new(record) };
        memo.states.insert(head.hash.clone(), (announced.event, announced.state));
        memo.heads.insert((bytes.as_ptr() as usize, bytes.len()), (bytes.clone(), head));
    });
}
