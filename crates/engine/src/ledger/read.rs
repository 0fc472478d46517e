//! Reading a stream: its head in two requests, single records, and walks along the chain.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use tiers_core::id::Digest;
use tiers_core::record::{FIRST_SEQ, Genesis, Record, Stream, Unreadable};

use super::error::LedgerError;
use super::open::Ledger;
use super::scan::Fault;
use crate::mutation::{Mutation, is_on};
use crate::port::log::LogError;
use crate::port::seen::Mark;

/// A record with the hash of its stored bytes; of a stream's newest record, its head.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub seq: u64,
    pub hash: Digest,
    /// Shared: heads are handed about, and a record holds the whole state.
    pub record: Rc<Record>,
}

impl Head {
    /// An error unless this record was written right after the one with hash `prev`.
    pub(super) fn check_follows(&self, stream: &Stream, prev: Option<&Digest>) -> Result<(), LedgerError> {
        if self.record.prev.as_ref() == prev {
            return Ok(());
        }
        let named = |hash: Option<&Digest>| hash.map_or("none".to_owned(), |hash| hash.short().to_owned());
        Err(LedgerError::Unreadable {
            stream: stream.clone(),
            key: stream.key(self.seq),
            why: format!(
                "record {} names {} as the one before it, but that is {}: one of the two was altered or replaced",
                self.seq,
                named(self.record.prev.as_ref()),
                named(prev)
            ),
        })
    }
}

/// Why bytes can't stand in a record's place.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub fault: Fault,
    pub why: String,
}

impl Unusable {
    /// With this record the whole stream can't be trusted.
    pub(super) fn spoils(self, stream: &Stream, seq: u64) -> LedgerError {
        LedgerError::Unreadable { stream: stream.clone(), key: stream.key(seq), why: self.why }
    }
}

/// Reads bytes that lie in the place of record `seq`.
pub(crate) fn check_at(stream: &Stream, seq: u64, bytes: &Bytes) -> Result<Head, Unusable> {
    #[cfg(feature = "sim")]
    if let Some(known) =
        crate::sim::memo::head(bytes).filter(|known| known.seq == seq && known.record.stream == *stream)
    {
        return Ok(known);
    }
    let record = Record::parse(bytes).map_err(|unreadable| {
        let fault = if matches!(unreadable, Unreadable::Newer { .. }) { Fault::Newer } else { Fault::Damaged };
        Unusable { fault, why: unreadable.to_string() }
    })?;
    if record.stream != *stream || record.seq != seq {
        let why = format!("what lies there is record {} of {}", record.seq, record.stream);
        return Err(Unusable { fault: Fault::Misplaced, why });
    }
    let head = Head { seq, hash: Digest::of(bytes), record: Rc::new(record) };
    #[cfg(feature = "sim")]
    crate::sim::memo::keep_head(bytes, &head);
    Ok(head)
}

impl Ledger {
    /// The newest record, `None` for a stream that never had one. Two requests, whatever the history.
    pub async fn head(&self, stream: &Stream) -> Result<Option<Head>, LedgerError> {
        let prefix = stream.prefix();
        let first = match self.budget.patiently(&*self.clock, async || self.log.first(&prefix).await).await {
            Err(LogError::Denied { .. }) if is_on(Mutation::DeniedIsAbsent) => return Ok(None),
            first => first?,
        };
        let seen = self.seen.get(self.id(), stream);
        let Some(key) = first else {
            self.check_place().await?;
            return match seen {
                None => Ok(None),
                Some(mark) => Err(cut_off(stream, &mark, "the stream is empty")),
            };
        };
        let unreadable =
            |why: &str| LedgerError::Unreadable { stream: stream.clone(), key: key.clone(), why: why.to_owned() };
        let seq = stream.seq_of(&key).ok_or_else(|| unreadable("no record has such a key"))?;
        let bytes =
            self.read_object(&key).await?.ok_or_else(|| unreadable("it was listed, and a read does not find it"))?;
        let head = check_at(stream, seq, &bytes).map_err(|unusable| unusable.spoils(stream, seq))?;
        match seen {
            Some(mark) if head.seq < mark.seq => {
                return Err(cut_off(stream, &mark, &format!("the head is record {}", head.seq)));
            }
            Some(mark) if head.seq == mark.seq && head.hash != mark.hash => {
                return Err(unreadable("it was seen from here with other content"));
            }
            _ => self.note(stream, &head),
        }
        Ok(Some(head))
    }

    /// Before a stream counts as empty: a disk that was unmounted, or a bucket that was emptied, lists nothing either.
    async fn check_place(&self) -> Result<(), LedgerError> {
        match self.read_object(Genesis::KEY).await? {
            Some(_) => Ok(()),
            None => Err(LedgerError::Absent { place: self.describe() }),
        }
    }

    /// Record `seq` of a stream, `None` where none lies.
    pub async fn read(&self, stream: &Stream, seq: u64) -> Result<Option<Head>, LedgerError> {
        let bytes = self.read_object(&stream.key(seq)).await?;
        let head = bytes.map(|bytes| check_at(stream, seq, &bytes)).transpose();
        head.map_err(|unusable| unusable.spoils(stream, seq))
    }

    /// Up to `limit` records before `from`, the newest first, each checked against the hash that its successor names.
    pub async fn walk_back(&self, from: &Head, limit: usize) -> Result<Vec<Head>, LedgerError> {
        let stream = &from.record.stream;
        let mut found: Vec<Head> = Vec::new();
        while found.len() < limit {
            let newer = found.last().unwrap_or(from);
            if newer.seq == FIRST_SEQ {
                break;
            }
            let seq = newer.seq - 1;
            let older = self.read(stream, seq).await?.ok_or_else(|| LedgerError::Unreadable {
                stream: stream.clone(),
                key: stream.key(seq),
                why: format!("record {seq} is missing, and record {} follows it", newer.seq),
            })?;
            newer.check_follows(stream, Some(&older.hash))?;
            found.push(older);
        }
        Ok(found)
    }

    /// The whole stream, the oldest first, with the chain checked from the head down. Empty for a stream without records.
    pub async fn read_all(&self, stream: &Stream) -> Result<Vec<Head>, LedgerError> {
        let Some(head) = self.head(stream).await? else { return Ok(Vec::new()) };
        let older = self.walk_back(&head, usize::MAX).await?;
        let mut all = VecDeque::from([head]);
        older.into_iter().for_each(|entry| all.push_front(entry));
        Ok(all.into())
    }

    /// The names of all streams, in lexicographic order. Names that no stream can have are left to `verify`.
    pub async fn streams(&self) -> Result<Vec<Stream>, LedgerError> {
        let mut streams = Vec::new();
        for root in self.folders("").await? {
            for leaf in self.folders(&format!("{root}/")).await? {
                streams.extend(format!("{root}/{leaf}").parse::<Stream>());
            }
        }
        Ok(streams)
    }

    pub(super) async fn folders(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        Ok(self.budget.patiently(&*self.clock, async || self.log.folders(prefix).await).await?)
    }

    pub(super) fn note(&self, stream: &Stream, head: &Head) {
        self.seen.note(self.id(), stream, &Mark { seq: head.seq, hash: head.hash.clone() });
    }
}

fn cut_off(stream: &Stream, mark: &Mark, found: &str) -> LedgerError {
    LedgerError::Unreadable {
        stream: stream.clone(),
        key: stream.key(mark.seq),
        why: format!("{found}, though record {} was seen from here: records were removed", mark.seq),
    }
}
