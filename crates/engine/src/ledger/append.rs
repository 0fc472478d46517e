//! Appending a record: rule 2 of PROTOCOL.md.

use bytes::Bytes;
use serde_json::Value;
use tiers_core::id::{DeploymentId, Digest};
use tiers_core::record::{Actor, FIRST_SEQ, FORMAT, MAX_RECORD_BYTES, Record, Stream};

use super::error::LedgerError;
use super::open::Ledger;
use super::read::{Head, check_at};
use crate::mutation::{Mutation, is_on};
use crate::port::clock::Clock;
use crate::port::log::{Create, Log, LogError, Refusal};

/// What the caller decides about a record; the ledger adds the rest of the envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The caller's clock, so that event, state and envelope can agree on it.
    pub at: jiff::Timestamp,
    pub actor: Actor,
    pub deployment: Option<DeploymentId>,
    pub epoch: u32,
    pub event: Value,
    /// The summary after this event, folded by the caller.
    pub state: Value,
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq)]
pub enum Append {
    /// The record is in the stream, and this is the head now.
    Created(Head),
    /// Another record has this place. It may be this process's own, from an append whose answer was unknown. Reload, decide anew.
    Lost(Box<Head>),
    /// The budget is spent: it is there, or will be, or never will. The next append to the stream settles this one first.
    Unknown { key: String, why: String },
    /// Certainly not written.
    Refused(Refusal),
}

/// Bounds on sending and asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How often a request is sent, the first time included.
    pub tries: u32,
    /// Before the second try; doubles with each.
    pub wait_ms: u64,
    /// No wait is longer.
    pub max_wait_ms: u64,
}

impl Default for Budget {
    /// 8 tries within 5 seconds of waiting.
    fn default() -> Budget {
        Budget { tries: 8, wait_ms: 50, max_wait_ms: 1600 }
    }
}

impl Budget {
    /// The wait before try `number`, counted from 0.
    fn wait_ms(&self, number: u32) -> u64 {
        let doubled = self.wait_ms.saturating_mul(1_u64.checked_shl(number.saturating_sub(1)).unwrap_or(u64::MAX));
        if number == 0 { 0 } else { doubled.min(self.max_wait_ms) }
    }

    /// Asks until there is an answer other than [`LogError::Unavailable`] or the tries are used up.
    pub(super) async fn patiently<T>(
        &self,
        clock: &dyn Clock,
        ask: impl AsyncFn() -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let mut number = 0;
        loop {
            let answer = ask().await;
            number += 1;
            if number >= self.tries || !matches!(answer, Err(LogError::Unavailable { .. })) {
                return answer;
            }
            clock.sleep_ms(self.wait_ms(number)).await;
        }
    }
}

/// An append whose outcome is unknown: these bytes, and no others, may be sent to this key.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    seq: u64,
    prev: Option<Digest>,
    bytes: Bytes,
}

/// What became of bytes that were sent until an answer was clear.
pub(super) enum Sent {
    /// Our bytes lie there.
    Ours,
    /// Other bytes lie there.
    Theirs(Bytes),
    Unknown(String),
    Refused(Refusal),
}

impl Ledger {
    /// Appends after the head that the caller decided on; `None` begins the stream.
    ///
    /// An error means that nothing was sent, or that what lies in the record's place can't be used.
    pub async fn append(&self, stream: &Stream, after: Option<&Head>, draft: Draft) -> Result<Append, LedgerError> {
        self.check_writable()?;
        assert!(after.is_none_or(|head| head.record.stream == *stream), "the head is of another stream");
        let unsettled = self.pending.borrow().get(stream).cloned();
        if let Some(pending) = unsettled {
            return Ok(match self.settle(stream, pending).await? {
                // The caller decided without knowing this record, so for what it wants now the place is lost.
                Append::Created(head) => Append::Lost(Box::new(head)),
                other => other,
            });
        }
        let seq = after.map_or(FIRST_SEQ, |head| head.seq + 1);
        if let Some(lost) = self.refuse_to_fill_a_hole(stream, seq, after).await? {
            return Ok(Append::Lost(Box::new(lost)));
        }
        let record = Record {
            format: FORMAT,
            stream: stream.clone(),
            seq,
            prev: after.map(|head| head.hash.clone()),
            nonce: self.ids.nonce(),
            at: draft.at,
            actor: draft.actor,
            deployment: draft.deployment,
            epoch: draft.epoch,
            event: draft.event,
            state: draft.state,
        };
        let bytes = Bytes::from(record.to_bytes());
        if bytes.len() > MAX_RECORD_BYTES {
            let why = format!("the record has {} bytes, and {MAX_RECORD_BYTES} is the most", bytes.len());
            return Ok(Append::Refused(Refusal::Other(why)));
        }
        let prev = record.prev.clone();
        #[cfg(feature = "sim")]
        crate::sim::memo::keep_written(&bytes, record);
        self.settle(stream, Pending { seq, prev, bytes }).await
    }

    /// A place that this machine saw filled is never filled again: if it is empty now, somebody cut the stream.
    async fn refuse_to_fill_a_hole(
        &self,
        stream: &Stream,
        seq: u64,
        after: Option<&Head>,
    ) -> Result<Option<Head>, LedgerError> {
        match self.seen.get(self.id(), stream) {
            Some(mark) if mark.seq >= seq => match self.read(stream, seq).await? {
                Some(head) => {
                    head.check_follows(stream, after.map(|head| &head.hash))?;
                    Ok(Some(head))
                }
                None => Err(LedgerError::Unreadable {
                    stream: stream.clone(),
                    key: stream.key(seq),
                    why: format!("record {seq} is gone, though record {} was seen from here", mark.seq),
                }),
            },
            _ => Ok(None),
        }
    }

    /// Sends pending bytes and keeps them for the next append where the outcome stays unknown.
    async fn settle(&self, stream: &Stream, pending: Pending) -> Result<Append, LedgerError> {
        let key = stream.key(pending.seq);
        // Noted before the first send: a future that is dropped in the middle leaves an unknown outcome as well.
        self.pending.borrow_mut().insert(stream.clone(), pending.clone());
        let sent = send(&*self.log, &*self.clock, &self.budget, &key, &pending.bytes).await;
        let bytes = match sent {
            Sent::Unknown(why) => return Ok(Append::Unknown { key, why }),
            Sent::Refused(why) => {
                self.pending.borrow_mut().remove(stream);
                return Ok(Append::Refused(why));
            }
            Sent::Ours => None,
            Sent::Theirs(bytes) => Some(bytes),
        };
        self.pending.borrow_mut().remove(stream);
        let head = check_at(stream, pending.seq, bytes.as_ref().unwrap_or(&pending.bytes))
            .map_err(|unusable| unusable.spoils(stream, pending.seq))?;
        head.check_follows(stream, pending.prev.as_ref())?;
        self.note(stream, &head);
        Ok(if bytes.is_none() { Append::Created(head) } else { Append::Lost(Box::new(head)) })
    }
}

/// Sends the same bytes to the same key until they, or others, are known to lie there, or the budget is spent.
///
/// Bytes are compared whole: they hold the writer's nonce, so equal bytes are our own.
pub(super) async fn send(log: &dyn Log, clock: &dyn Clock, budget: &Budget, key: &str, bytes: &Bytes) -> Sent {
    // Once a send may have taken effect, a later refusal says nothing about it.
    let mut may_have_landed = false;
    let mut why = "it was never sent".to_owned();
    for number in 0..budget.tries {
        if number > 0 {
            clock.sleep_ms(budget.wait_ms(number)).await;
        }
        match log.create(key, bytes.clone()).await {
            Create::Created => return Sent::Ours,
            Create::Refused(refusal) if !may_have_landed => return Sent::Refused(refusal),
            Create::Refused(refusal) => why = refusal.to_string(),
            Create::Exists => why = "the store says that it exists, and a read does not find it".to_owned(),
            Create::Unknown(reason) => {
                may_have_landed = true;
                why = reason;
            }
        }
        match log.read(key).await {
            Ok(Some(found)) if found == *bytes => return Sent::Ours,
            Ok(Some(found)) => return Sent::Theirs(found),
            Ok(None) if may_have_landed && is_on(Mutation::AbsentMeansUnwritten) => {
                return Sent::Refused(Refusal::Other("it is not there".to_owned()));
            }
            Ok(None) => {}
            Err(error) => why = format!("{why}; {error}"),
        }
    }
    Sent::Unknown(why)
}
