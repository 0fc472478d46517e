//! The envelope of a ledger record: what it holds, its canonical bytes, its hash and its key.
//!
//! A record is one JSON object on one line. Its hash is taken over the bytes as they are stored, never over a value that was
//! parsed and written again, so that the chain holds whatever a later serialiser makes of the same value.
//!
//! What old and new programs do with each other's records (docs/adr/0002-ledger-format.md has the reasons):
//! - a new reader reads every format since 1; the golden files of the tests hold it to that;
//! - an old reader that meets a newer format says [`Unreadable::Newer`], and the stream is read-only for it;
//! - an old writer therefore can't append behind a newer record: it never gets a head to append to;
//! - `format` stays the first field and `sum` the last one in every format, so that even a reader too old for a record can
//!   tell a newer one from a damaged one;
//! - new kinds of events are no new format: the envelope keeps event and state as JSON, and the fold decides whether it knows
//!   the kind.

use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::id::{App, DeploymentId, Digest, Env, is_well_formed};

/// The format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
/// What this program may write; raised when an older program must no longer append, whatever the format.
pub const WRITER: u32 = 1;
/// The sequence of a stream's first record.
pub const FIRST_SEQ: u64 = 1;
/// The last sequence that a key has digits for.
pub const LAST_SEQ: u64 = 9_999_999_999;
/// No record is longer; a longer object under a record's key is damage, and is not parsed.
pub const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;

/// Streams that are no environment's; no environment may have such a name.
pub const RESERVED_ROOTS: [&str; 2] = ["releases", "terraform"];

/// The name of a stream: `<environment>/<app>`, `releases/<app>` or `terraform/<project>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Stream(String);

/// A text that was meant to name a stream and does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a stream: expected two names of lower-case letters, digits and single hyphens, as in `prod/telegram-api`"
)]
pub struct NotAStream(pub String);

impl Stream {
    /// The deployments of one app in one environment.
    pub fn deployments(env: &Env, app: &App) -> Result<Stream, NotAStream> {
        let text = format!("{env}/{app}");
        if RESERVED_ROOTS.contains(&env.as_str()) { Err(NotAStream(text)) } else { text.parse() }
    }

    /// The releases of one app.
    pub fn releases(app: &App) -> Result<Stream, NotAStream> {
        format!("releases/{app}").parse()
    }

    /// The Terraform lease and applies of one project.
    pub fn terraform(project: &str) -> Result<Stream, NotAStream> {
        format!("terraform/{project}").parse()
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the slash: an environment, `releases` or `terraform`.
    pub fn root(&self) -> &str {
        self.0.split_once('/').map_or("", |(root, _)| root)
    }

    /// What stands behind the slash: an app or a project.
    pub fn leaf(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, leaf)| leaf)
    }

    /// What every key of this stream begins with, a slash at the end.
    pub fn prefix(&self) -> String {
        format!("{}/", self.0)
    }

    /// Where record `seq` lies. Keys count down, so that the first key in lexicographic order is the head, and a folder never
    /// holds more than 1,000 records.
    pub fn key(&self, seq: u64) -> String {
        let down = LAST_SEQ.saturating_sub(seq);
        format!("{}/{:07}/{:03}.json", self.0, down / 1000, down % 1000)
    }

    /// The sequence that a key of this stream stands for; `None` for a key that no record of it can have.
    pub fn seq_of(&self, key: &str) -> Option<u64> {
        let rest = key.strip_prefix(&self.0)?.strip_prefix('/')?;
        let (folder, file) = rest.split_once('/')?;
        let seq = LAST_SEQ.checked_sub(digits(folder, 7)? * 1000 + digits(file.strip_suffix(".json")?, 3)?)?;
        (seq >= FIRST_SEQ).then_some(seq)
    }
}

fn digits(text: &str, len: usize) -> Option<u64> {
    let good = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}

impl FromStr for Stream {
    type Err = NotAStream;
    fn from_str(text: &str) -> Result<Stream, NotAStream> {
        match text.split_once('/') {
            Some((root, leaf)) if is_well_formed(root) && is_well_formed(leaf) => Ok(Stream(text.to_owned())),
            _ => Err(NotAStream(text.to_owned())),
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Stream, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Who appended a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// A person or a service identity: `erika`, `github:org/repo`.
    pub who: String,
    /// The machine or the CI runner.
    pub host: String,
    /// The way: `tiers 0.1.0`, with the CI run's address where there is one.
    pub via: String,
}

/// One entry of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The stored format, [`FORMAT`] in what this program writes.
    pub format: u32,
    /// The stream that it belongs to: a record copied into another stream is found.
    pub stream: Stream,
    /// Counts from [`FIRST_SEQ`], without gaps.
    pub seq: u64,
    /// Hash of the bytes of record `seq - 1`; `None` in the first record and only there.
    // Without this attribute a field that is missing would count as null.
    #[serde(deserialize_with = "Option::deserialize")]
    pub prev: Option<Digest>,
    /// Drawn anew for each append: tells the writer's own record from another's of the same content.
    pub nonce: String,
    /// The writer's clock; it proves no order.
    pub at: jiff::Timestamp,
    pub actor: Actor,
    /// The deployment whose owner wrote this, where one did.
    #[serde(deserialize_with = "Option::deserialize")]
    pub deployment: Option<DeploymentId>,
    /// The owner's epoch: 0 for whoever claimed, +1 with every takeover.
    pub epoch: u32,
    /// What happened; its kinds are the fold's business.
    pub event: Value,
    /// Summary of the stream after this record, so that reading the head tells where things stand.
    pub state: Value,
}

/// Why bytes are not a record that this program can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Whole, and written by a newer program.
    #[error("it has format {format}, and this program reads up to {FORMAT}; use a newer tiers")]
    Newer { format: u32 },
    /// Cut off, altered, or never a record.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// The tail of every record: `,"sum":"`, 16 hexadecimal digits, `"}` and a newline.
const TAIL_BYTES: usize = 8 + SUM_DIGITS + 3;
const SUM_DIGITS: usize = 16;

impl Record {
    /// The canonical bytes: the fields in the order of the struct, then `sum`, then a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }

    /// Reads bytes as stored. Strict about the envelope, indifferent to the content of `event` and `state`.
    pub fn parse(bytes: &[u8]) -> Result<Record, Unreadable> {
        let record: Record = unseal(bytes)?;
        let damaged = |why: &str| Err(Unreadable::Damaged(why.to_owned()));
        if !(FIRST_SEQ..=LAST_SEQ).contains(&record.seq) {
            return damaged("its sequence is out of range");
        }
        if record.prev.is_none() != (record.seq == FIRST_SEQ) {
            return damaged("the first record, and only the first, names no previous one");
        }
        Ok(record)
    }
}

/// What a ledger begins with: the object `genesis.json` at its root, created once and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// As in [`Record::format`].
    pub format: u32,
    /// The ledger's identity, a UUID: what it owns is marked with it.
    pub ledger: String,
    /// A program whose [`WRITER`] is smaller only reads.
    pub min_writer: u32,
    pub at: jiff::Timestamp,
    pub by: Actor,
}

impl Genesis {
    /// Where it lies. It sorts among the roots of streams, and no stream is called so: it has no slash.
    pub const KEY: &str = "genesis.json";

    /// As [`Record::to_bytes`].
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }

    /// As [`Record::parse`].
    pub fn parse(bytes: &[u8]) -> Result<Genesis, Unreadable> {
        let genesis: Genesis = unseal(bytes)?;
        if genesis.ledger.is_empty() {
            return Err(Unreadable::Damaged("it names no ledger".to_owned()));
        }
        Ok(genesis)
    }
}

/// Ends a JSON object with `sum`, the first 64 bits of the sha256 of everything before it, and a newline.
///
/// The chain shows an alteration of any record that has a successor; the sum shows damage by accident in the head too, which
/// every command reads.
fn seal(object: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(object).expect("no map in it has keys that are not strings");
    bytes.pop();
    let sum = Digest::of(&bytes);
    bytes.extend_from_slice(format!(",\"sum\":\"{}\"}}\n", &sum.hex()[..SUM_DIGITS]).as_bytes());
    bytes
}

fn unseal<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    let damaged = |why: &str| Err(Unreadable::Damaged(why.to_owned()));
    if bytes.len() > MAX_RECORD_BYTES {
        return damaged("it is longer than any record");
    }
    let Some(split) = bytes.len().checked_sub(TAIL_BYTES) else { return damaged("it is shorter than any record") };
    let (body, tail) = bytes.split_at(split);
    if tail[..8] != *b",\"sum\":\"" || tail[8 + SUM_DIGITS..] != *b"\"}\n" {
        return damaged("its end is missing");
    }
    if tail[8..8 + SUM_DIGITS] != Digest::of(body).hex().as_bytes()[..SUM_DIGITS] {
        return damaged("its content does not have the checksum that it names");
    }
    let json = [body, b"}"].concat();
    match serde_json::from_slice::<Format>(&json) {
        Ok(Format { format }) if format > FORMAT => return Err(Unreadable::Newer { format }),
        Ok(Format { format: 1.. }) => {}
        Ok(_) => return damaged("no format 0 exists"),
        Err(error) => return Err(Unreadable::Damaged(error.to_string())),
    }
    serde_json::from_slice(&json).map_err(|error| Unreadable::Damaged(error.to_string()))
}

/// The one field that every format has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}
