//! Measures what reading a ledger costs as it grows: makes a folder ledger of so many records and times its head.
//!
//! `cargo run --release -p tiers-engine --example ledger_size -- [RECORDS] [FOLDER]`, 100,000 records in a temporary folder by
//! default; with a folder given the ledger is kept. The records are written without fsync, which changes nothing for readers.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tiers_core::id::{DeploymentId, Digest};
use tiers_core::record::{Actor, FIRST_SEQ, FORMAT, Record, Stream};
use tiers_engine::ledger::{Append, Draft, Ledger, ObjectLog};
use tiers_engine::port::clock::SystemClock;
use tiers_engine::port::ids::SystemIds;
use tiers_engine::port::seen::SeenInMemory;

const RUNS: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let records: u64 = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let kept = arguments.next().map(PathBuf::from);
    let folder =
        kept.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("ledger-size-{}", std::process::id())));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let outcome = runtime.block_on(measure(&folder, records));
    if kept.is_none() {
        fs::remove_dir_all(&folder)?;
    }
    outcome
}

async fn measure(folder: &Path, records: u64) -> Result<(), Box<dyn std::error::Error>> {
    let stream: Stream = "prod/telegram-api".parse()?;
    open(folder).await?;
    let started = Instant::now();
    let bytes = fill(folder, &stream, records)?;
    println!("{records} records, {} KB each, made in {:.1} s", bytes / 1024 / records, started.elapsed().as_secs_f64());

    let mut cold = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        let head = open(folder).await?.head(&stream).await?;
        cold.push(started.elapsed());
        assert_eq!(head.map(|head| head.seq), Some(records), "the head is the last record");
    }
    tell("open the ledger and read the head", cold);

    let ledger = open(folder).await?;
    let mut walks = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        let head = ledger.head(&stream).await?.ok_or("the stream is not empty")?;
        let older = ledger.walk_back(&head, 20).await?;
        walks.push(started.elapsed());
        assert_eq!(older.len(), 20, "the stream is long enough");
    }
    tell("head and the 20 records before it", walks);

    let mut appends = Vec::new();
    for _ in 0..RUNS {
        let head = ledger.head(&stream).await?;
        let started = Instant::now();
        let ended = ledger.append(&stream, head.as_ref(), draft()).await?;
        appends.push(started.elapsed());
        assert!(matches!(ended, Append::Created(_)), "nobody else writes here");
    }
    tell("append, with fsync of file and folder", appends);

    let started = Instant::now();
    let verified = ledger.verify(None, &[], &|_, record| Ok(record.state.clone())).await?;
    let seconds = started.elapsed().as_secs_f64();
    println!("verify {} records: {seconds:.2} s, {} findings", verified.records, verified.findings.len());
    Ok(())
}

async fn open(folder: &Path) -> Result<Ledger, Box<dyn std::error::Error>> {
    let log = Rc::new(ObjectLog::folder(folder, true)?);
    let seen = Rc::new(SeenInMemory::default());
    Ok(Ledger::init(log, Rc::new(SystemClock), Rc::new(SystemIds), seen, actor()).await?)
}

fn fill(folder: &Path, stream: &Stream, records: u64) -> Result<u64, std::io::Error> {
    let mut prev = None;
    let mut written = 0;
    for seq in FIRST_SEQ..FIRST_SEQ + records {
        let draft = draft();
        let record = Record {
            format: FORMAT,
            stream: stream.clone(),
            seq,
            prev,
            nonce: format!("nonce-{seq}"),
            at: draft.at,
            actor: draft.actor,
            deployment: draft.deployment,
            epoch: draft.epoch,
            event: draft.event,
            state: draft.state,
        };
        let bytes = record.to_bytes();
        prev = Some(Digest::of(&bytes));
        written += bytes.len() as u64;
        let path = folder.join(stream.key(seq));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(written)
}

/// As long as records are in a project with a few components.
fn draft() -> Draft {
    let components: Vec<Value> = (0..4)
        .map(|n| json!({ "component": format!("component-{n}"), "version": "12", "digest": Digest::of(&[n]), "token": "x".repeat(36) }))
        .collect();
    Draft {
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: actor(),
        deployment: Some(DeploymentId("d-0193a5c27d1e70008000000000000001".to_owned())),
        epoch: 0,
        event: json!({ "kind": "intended", "calls": components }),
        state: json!({ "live": components, "history": vec!["r-0123456789"; 40] }),
    }
}

fn actor() -> Actor {
    Actor { who: "erika".to_owned(), host: "laptop".to_owned(), via: "measurement".to_owned() }
}

fn tell(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let ms = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    println!("{what}: median {:.2} ms, 99th percentile {:.2} ms, most {:.2} ms", ms(50), ms(99), ms(100));
}
