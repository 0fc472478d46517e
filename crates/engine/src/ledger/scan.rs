//! Going through a stream from its oldest record to its newest without stopping at damage: what `verify` and `export` share.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt;
use serde::Serialize;
use tiers_core::record::{FIRST_SEQ, Genesis, Stream};

use super::error::LedgerError;
use super::open::Ledger;
use super::read::{Head, check_at};
use crate::port::log::LogError;

/// So many records are fetched ahead; a bucket answers many requests at once.
const FETCH_AHEAD: usize = 32;

/// What is wrong with a ledger, at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub fault: Fault,
    /// The object's key, or the prefix of a stream that has none.
    pub key: String,
    /// `None` where the key belongs to no stream.
    pub stream: Option<Stream>,
    pub seq: Option<u64>,
    /// A sentence fragment for people.
    pub what: String,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The bytes are no record: cut off, altered by accident, or never one.
    Damaged,
    /// A newer program wrote it.
    Newer,
    /// There is no right to read it.
    Denied,
    /// A sound record that belongs under another key.
    Misplaced,
    /// The sequence has a hole, or records that were seen or anchored are gone.
    Missing,
    /// It is not the record that its successor, or an anchor, was written after.
    Altered,
    /// Its summary is not what the fold makes of its event.
    Summary,
    /// No record, and no stream, has such a key.
    Stray,
}

/// One step of a scan.
pub(super) enum Scanned {
    /// A record that can be read and lies in its place, with its stored bytes.
    Sound(Head, Bytes),
    Bad(Finding),
}

/// What lies in a ledger, or in one stream of it.
#[derive(Default)]
pub(super) struct Inventory {
    /// The keys of each stream, in their order, strays included.
    pub streams: BTreeMap<Stream, Vec<String>>,
    /// Keys that belong to no stream.
    pub strays: Vec<Finding>,
}

impl Ledger {
    /// Lists one stream, or everything, once.
    pub(super) async fn inventory(&self, only: Option<&Stream>) -> Result<Inventory, LedgerError> {
        let prefix = only.map_or(String::new(), Stream::prefix);
        let keys = self.budget.patiently(&*self.clock, async || self.log.list(&prefix).await).await?;
        let mut inventory = Inventory::default();
        // A stream that was asked for is looked at even if nothing lies there.
        inventory.streams.extend(only.map(|stream| (stream.clone(), Vec::new())));
        for key in keys {
            match stream_of(&key) {
                Some(stream) => inventory.streams.entry(stream).or_default().push(key),
                None if key == Genesis::KEY => {}
                None => inventory.strays.push(stray(None, key)),
            }
        }
        Ok(inventory)
    }

    /// Visits what lies under the keys of a stream, the oldest record first. An error means that the store gave no answer.
    pub(super) async fn scan(
        &self,
        stream: &Stream,
        keys: Vec<String>,
        visit: &mut dyn FnMut(Scanned),
    ) -> Result<(), LedgerError> {
        let mut places = Vec::with_capacity(keys.len());
        for key in keys {
            match stream.seq_of(&key) {
                Some(seq) => places.push((seq, key)),
                None => visit(Scanned::Bad(stray(Some(stream), key))),
            }
        }
        // Keys count down, so the oldest record comes last in their order.
        places.reverse();
        let mut expected = FIRST_SEQ;
        let mut reads = futures::stream::iter(places)
            .map(async |(seq, key)| {
                let answer = self.read_object(&key).await;
                (seq, key, answer)
            })
            .buffered(FETCH_AHEAD);
        while let Some((seq, key, answer)) = reads.next().await {
            if seq > expected {
                visit(Scanned::Bad(gap(stream, expected, seq)));
            }
            expected = seq + 1;
            visit(judge(stream, seq, key, answer)?);
        }
        Ok(())
    }
}

/// The stream that a key lies in, be it a record of it or not.
fn stream_of(key: &str) -> Option<Stream> {
    let (root, rest) = key.split_once('/')?;
    let (leaf, _) = rest.split_once('/')?;
    format!("{root}/{leaf}").parse().ok()
}

fn judge(
    stream: &Stream,
    seq: u64,
    key: String,
    answer: Result<Option<Bytes>, LogError>,
) -> Result<Scanned, LedgerError> {
    let bad = |fault, what: String| {
        Ok(Scanned::Bad(Finding { fault, key: key.clone(), stream: Some(stream.clone()), seq: Some(seq), what }))
    };
    let bytes = match answer {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return bad(Fault::Missing, "it was listed, and a read does not find it".to_owned()),
        Err(LogError::Denied { why, .. }) => return bad(Fault::Denied, format!("there is no right to read it: {why}")),
        Err(LogError::Damaged { why, .. }) => return bad(Fault::Damaged, why),
        Err(error) => return Err(error.into()),
    };
    match check_at(stream, seq, &bytes) {
        Ok(head) => Ok(Scanned::Sound(head, bytes)),
        Err(unusable) => bad(unusable.fault, unusable.why),
    }
}

fn gap(stream: &Stream, first: u64, next: u64) -> Finding {
    let what = match next - first {
        1 => format!("record {first} is missing"),
        more => format!("{more} records are missing, {first} to {}", next - 1),
    };
    Finding { fault: Fault::Missing, key: stream.key(first), stream: Some(stream.clone()), seq: Some(first), what }
}

fn stray(stream: Option<&Stream>, key: String) -> Finding {
    let what = "no record has such a key: it was put here by something else".to_owned();
    Finding { fault: Fault::Stray, key, stream: stream.cloned(), seq: None, what }
}
