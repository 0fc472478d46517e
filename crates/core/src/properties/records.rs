//! Ledger records and the genesis: any bytes are read strictly, and what was read is written as something that reads the same.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::event::Event;
use crate::id::Digest;
use crate::record::{Genesis, Record, Stream};
use crate::release::{ReleaseEvent, Releases};
use crate::state::EnvState;

/// Reads the bytes as they are, and once more with the checksum that belongs to them, so that a change gets behind that check.
pub fn ledger_record(bytes: &[u8]) {
    read(bytes);
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let body = match text.windows(8).rposition(|part| part == b",\"sum\":\"") {
        Some(tail) => &text[..tail],
        None => text.strip_suffix(b"}").unwrap_or(text),
    };
    let sum = format!(",\"sum\":\"{}\"}}\n", &Digest::of(body).hex()[..16]);
    read(&[body, sum.as_bytes()].concat());
    stream_name(&String::from_utf8_lossy(bytes));
}

fn read(bytes: &[u8]) {
    if let Ok(record) = Record::parse(bytes) {
        let again = record.to_bytes();
        assert_eq!(Record::parse(&again).as_ref(), Ok(&record), "what was read is written so that it reads the same");
        let key = record.stream.key(record.seq);
        assert_eq!(record.stream.seq_of(&key), Some(record.seq), "{key}");
        check_content::<Event>(&record.event);
        check_content::<ReleaseEvent>(&record.event);
        check_content::<EnvState>(&record.state);
        check_content::<Releases>(&record.state);
        if let Ok(state) = serde_json::from_value::<EnvState>(record.state.clone()) {
            look_at(&state);
        }
    }
    if let Ok(genesis) = Genesis::parse(bytes) {
        assert_eq!(Genesis::parse(&genesis.to_bytes()), Ok(genesis));
    }
}

/// What is understood of an event or a summary loses nothing when it is written again.
fn check_content<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &Value) {
    let Ok(known) = serde_json::from_value::<T>(value.clone()) else { return };
    let text = serde_json::to_string(&known).expect("plain data");
    assert_eq!(serde_json::from_str::<T>(&text).expect("it reads back"), known);
}

/// What every command asks a summary that it read.
pub(super) fn look_at(state: &EnvState) {
    for verdict in &state.verdicts {
        let passes = state.passes(&verdict.digest).is_ok();
        assert!(!passes || state.verdict(&verdict.digest).is_some_and(|it| it.verified), "passed without evidence");
        assert!(!passes || state.held_release(&verdict.digest).is_none(), "passed while it is held");
        state.approvers(&verdict.digest, "nobody");
    }
    if let Some(open) = &state.open {
        crate::next::next(open);
    }
}

fn stream_name(text: &str) {
    let Ok(stream) = text.parse::<Stream>() else { return };
    assert_eq!(stream.to_string(), text);
    assert_eq!(format!("{}/{}", stream.root(), stream.leaf()), text);
    for seq in [crate::record::FIRST_SEQ, 999, 1000, crate::record::LAST_SEQ] {
        let key = stream.key(seq);
        assert!(key.starts_with(&stream.prefix()) && !key.contains("..") && stream.seq_of(&key) == Some(seq), "{key}");
    }
}
