//! Makes a folder ledger that `tiers status` can read, with so many records in one environment's stream: holds that come and go,
//! each with its true summary. For measuring; written without fsync, which changes nothing for readers.
//!
//! `cargo run --release -p tiers-engine --example ledger_of_holds -- FOLDER RECORDS ENVIRONMENT/APP`

use std::fs;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use tiers_core::event::{Event, HoldOn};
use tiers_core::id::Digest;
use tiers_core::record::{Actor, FIRST_SEQ, FORMAT, Genesis, Record, Stream, WRITER};
use tiers_core::state::{EnvState, Meta};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, records, stream] = arguments.as_slice() else {
        return Err("usage: ledger_of_holds FOLDER RECORDS ENVIRONMENT/APP".into());
    };
    let (folder, records, stream) = (PathBuf::from(folder), records.parse::<u64>()?, stream.parse::<Stream>()?);
    let actor = Actor { who: "erika".into(), host: "bench".into(), via: "bench".into() };
    let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    fs::create_dir_all(&folder)?;
    let genesis = Genesis { format: FORMAT, ledger: "bench".into(), min_writer: WRITER, at: start, by: actor.clone() };
    fs::write(folder.join(Genesis::KEY), genesis.to_bytes())?;
    let mut state = EnvState::default();
    let mut prev = None;
    for seq in FIRST_SEQ..FIRST_SEQ + records {
        let what = HoldOn::Environment;
        let event = match seq % 2 {
            1 => Event::Held { what, why: "the release train waits".into() },
            _ => Event::Unheld { what, why: String::new() },
        };
        let at = start.saturating_add(SignedDuration::from_secs(i64::try_from(seq)?))?;
        state = state.apply(&event, &Meta { by: &actor.who, at, deployment: None, epoch: 0 })?;
        let record = Record {
            format: FORMAT,
            stream: stream.clone(),
            seq,
            prev,
            nonce: seq.to_string(),
            at,
            actor: actor.clone(),
            deployment: None,
            epoch: 0,
            event: serde_json::to_value(&event)?,
            state: serde_json::to_value(&state)?,
        };
        let bytes = record.to_bytes();
        let path = folder.join(stream.key(seq));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, &bytes)?;
        prev = Some(Digest::of(&bytes));
    }
    Ok(())
}
