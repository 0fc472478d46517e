//! Proof that a ledger is what its writers wrote: rule 22 of PROTOCOL.md, with its limits.
//!
//! What it shows: any record that was altered, dropped, moved or put in before an anchored head, and before the head itself
//! where the change was made by somebody who did not write the rest of the stream anew. What it can't show without an anchor:
//! a tail that was cut off or rewritten by someone with the right to write.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;
use tiers_core::id::Digest;
use tiers_core::record::{Record, Stream};

use super::error::LedgerError;
use super::open::Ledger;
use super::read::Head;
use super::scan::{Fault, Finding, Scanned};

/// What the summary after a record must be: the summary before it (`null` before the first) and the record.
pub type Fold<'a> = &'a dyn Fn(&Value, &Record) -> Result<Value, String>;

/// A head that was written down outside the ledger: in a job summary, an alias description, a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Anchor {
    pub stream: Stream,
    pub seq: u64,
    pub hash: Digest,
}

/// A text that was meant to be an anchor and is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an anchor: expected `SEQ:HASH`, as `ledger verify` prints it for a head")]
pub struct NotAnAnchor(pub String);

impl Anchor {
    /// From `SEQ:HASH`; the hash with `sha256:` before it, or its 64 digits alone.
    pub fn parse(stream: &Stream, text: &str) -> Result<Anchor, NotAnAnchor> {
        let not_one = || NotAnAnchor(text.to_owned());
        let (seq, hash) = text.split_once(':').ok_or_else(not_one)?;
        let seq = seq.parse().map_err(|_| not_one())?;
        let hash = if hash.starts_with("sha256:") { hash.to_owned() } else { format!("sha256:{hash}") };
        Ok(Anchor { stream: stream.clone(), seq, hash: Digest::from_str(&hash).map_err(|_| not_one())? })
    }
}

/// As [`Anchor::parse`] reads it.
impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

/// What `verify` looked at, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The newest sound record of each stream: anchors for the next time.
    pub heads: Vec<Anchor>,
    /// How many sound records there are.
    pub records: u64,
    /// Empty where all is well.
    pub findings: Vec<Finding>,
}

impl Ledger {
    /// Verifies one stream, or all of them and that nothing else lies there. What this machine saw before counts as an anchor.
    pub async fn verify(
        &self,
        only: Option<&Stream>,
        anchors: &[Anchor],
        fold: Fold<'_>,
    ) -> Result<Verified, LedgerError> {
        let mut inventory = self.inventory(only).await?;
        let mut verified = Verified { findings: inventory.strays, ..Verified::default() };
        // A stream that is gone altogether is missed through its anchor.
        for anchor in anchors.iter().filter(|anchor| only.is_none_or(|only| *only == anchor.stream)) {
            inventory.streams.entry(anchor.stream.clone()).or_default();
        }
        for (stream, keys) in inventory.streams {
            self.verify_stream(&stream, keys, anchors, fold, &mut verified).await?;
        }
        Ok(verified)
    }

    async fn verify_stream(
        &self,
        stream: &Stream,
        keys: Vec<String>,
        anchors: &[Anchor],
        fold: Fold<'_>,
        verified: &mut Verified,
    ) -> Result<(), LedgerError> {
        let mut anchors: Vec<Anchor> = anchors.iter().filter(|anchor| anchor.stream == *stream).cloned().collect();
        if let Some(mark) = self.seen.get(self.id(), stream) {
            anchors.push(Anchor { stream: stream.clone(), seq: mark.seq, hash: mark.hash });
        }
        let mut chain = Chain { stream, fold, anchors: &anchors, last: None, newest: None, records: 0 };
        let findings = &mut verified.findings;
        self.scan(stream, keys, &mut |step| chain.step(step, findings)).await?;
        for anchor in &anchors {
            // A damaged record in an anchored place was named already.
            let named =
                findings.iter().any(|found| found.stream.as_ref() == Some(stream) && found.seq == Some(anchor.seq));
            if chain.newest.as_ref().is_none_or(|head| head.seq < anchor.seq) && !named {
                let what =
                    format!("record {} was written down as a head, and is gone: the stream was cut off", anchor.seq);
                findings.push(finding(stream, anchor.seq, Fault::Missing, what));
            }
        }
        verified.records += chain.records;
        verified.heads.extend(chain.newest);
        Ok(())
    }
}

/// The state of going along one stream.
struct Chain<'a> {
    stream: &'a Stream,
    fold: Fold<'a>,
    anchors: &'a [Anchor],
    /// The record before, where it was sound.
    last: Option<Head>,
    newest: Option<Anchor>,
    records: u64,
}

impl Chain<'_> {
    fn step(&mut self, step: Scanned, findings: &mut Vec<Finding>) {
        let head = match step {
            Scanned::Bad(found) => {
                // What follows a record that can't be read has nothing to be compared with.
                if found.fault != Fault::Stray {
                    self.last = None;
                }
                findings.push(found);
                return;
            }
            Scanned::Sound(head, _) => head,
        };
        self.records += 1;
        self.check_chain(&head, findings);
        self.check_summary(&head, findings);
        for anchor in self.anchors.iter().filter(|anchor| anchor.seq == head.seq && anchor.hash != head.hash) {
            let what = format!("its hash is {}, and was written down as {}", head.hash.short(), anchor.hash.short());
            findings.push(finding(self.stream, head.seq, Fault::Altered, what));
        }
        self.newest = Some(Anchor { stream: self.stream.clone(), seq: head.seq, hash: head.hash.clone() });
        self.last = Some(head);
    }

    /// The record before is the one to name: its successor vouches for it, and nothing for the successor yet.
    fn check_chain(&self, head: &Head, findings: &mut Vec<Finding>) {
        let Some(last) = &self.last else { return };
        if head.record.prev.as_ref() != Some(&last.hash) {
            let named = head.record.prev.as_ref().map_or("none", Digest::short);
            let what = format!(
                "its hash is {}, and record {} names {named} as the one before it: it was altered or replaced after that \
                 was written, or record {} was",
                last.hash.short(),
                head.seq,
                head.seq
            );
            findings.push(finding(self.stream, last.seq, Fault::Altered, what));
        }
    }

    fn check_summary(&self, head: &Head, findings: &mut Vec<Finding>) {
        let before = match &self.last {
            Some(last) => &last.record.state,
            None if head.record.prev.is_none() => &Value::Null,
            // The record before can't be read, so this summary has to be taken as it is.
            None => return,
        };
        let what = match (self.fold)(before, &head.record) {
            Ok(state) if state == head.record.state => return,
            Ok(_) => "its summary does not follow from the summary before it and its event".to_owned(),
            Err(why) => format!("its event does not follow from the summary before it: {why}"),
        };
        findings.push(finding(self.stream, head.seq, Fault::Summary, what));
    }
}

fn finding(stream: &Stream, seq: u64, fault: Fault, what: String) -> Finding {
    Finding { fault, key: stream.key(seq), stream: Some(stream.clone()), seq: Some(seq), what }
}
