//! The stored format: what format 1 looks like for ever, and what is refused.

use serde_json::{Value, json};
use tiers_core::event::{Cause, Event};
use tiers_core::id::{App, DeploymentId, Digest, Env};
use tiers_core::record::{Actor, FIRST_SEQ, Genesis, LAST_SEQ, MAX_RECORD_BYTES, Record, Stream, Unreadable};

const RECORD: &[u8] = include_bytes!("golden/record-format-1.json");
const GENESIS: &[u8] = include_bytes!("golden/genesis-format-1.json");

fn actor() -> Actor {
    Actor { who: "erika".to_owned(), host: "laptop-7".to_owned(), via: "tiers 0.1.0".to_owned() }
}

fn record() -> Record {
    Record {
        format: 1,
        stream: "prod/telegram-api".parse().expect("well formed"),
        seq: 42,
        prev: Some(Digest::of(b"the record before")),
        nonce: "0193a5c2-7d1e-7000-8000-0000000000aa".to_owned(),
        at: "2026-11-23T15:32:00.123456789Z".parse().expect("a timestamp"),
        actor: actor(),
        deployment: Some(DeploymentId("d-0193a5c27d1e70008000000000000001".to_owned())),
        epoch: 3,
        event: json!({ "kind": "a kind that no program knows", "list": [1, -2.5, null, true], "umlauts": "größer" }),
        state: json!({ "held": [], "live": { "worker": "7" } }),
    }
}

fn genesis() -> Genesis {
    Genesis {
        format: 1,
        ledger: "0193a5c2-7d1e-7000-8000-0000000000ff".to_owned(),
        min_writer: 1,
        at: "2026-11-23T15:30:00Z".parse().expect("a timestamp"),
        by: actor(),
    }
}

#[test]
fn format_1_is_written_and_read_as_on_the_first_day() {
    assert_eq!(Record::parse(RECORD), Ok(record()), "a stored record must stay readable for ever");
    assert_eq!(Genesis::parse(GENESIS), Ok(genesis()), "a stored genesis must stay readable for ever");
    assert_eq!(String::from_utf8_lossy(&record().to_bytes()), String::from_utf8_lossy(RECORD));
    assert_eq!(String::from_utf8_lossy(&genesis().to_bytes()), String::from_utf8_lossy(GENESIS));
    // The hash is what the next record names; it is taken over the bytes, so it can be had with any sha256 tool.
    assert_eq!(Digest::of(RECORD).as_str(), "sha256:b8075a10444778969559ca7fed1dfef243f607ad9bb4d9ef0b5af3347a819b67");
}

/// Records of takeovers from before there was a decision in them read as they did, and are written as they were.
#[test]
fn a_takeover_without_a_decision_has_its_first_form() {
    let first = json!({ "kind": "taken-over", "why": "its owner is gone" });
    let event: Event = serde_json::from_value(first.clone()).expect("readable for ever");
    assert_eq!(event, Event::TakenOver { why: "its owner is gone".to_owned(), undo: None });
    assert_eq!(serde_json::to_value(&event).expect("plain data"), first);
    let decided = json!({
        "kind": "taken-over", "why": "its owner is gone", "undo": { "cause": "person", "why": "so decided" }
    });
    let undo = Some(Cause::Person { why: "so decided".to_owned() });
    let event = Event::TakenOver { why: "its owner is gone".to_owned(), undo };
    assert_eq!(serde_json::to_value(&event).expect("plain data"), decided);
    assert_eq!(serde_json::from_value::<Event>(decided).expect("readable for ever"), event);
}

/// The stored form of any JSON object, with the checksum that belongs to it.
fn sealed(object: &Value, order: &[&str]) -> Vec<u8> {
    let fields: Vec<String> = order.iter().map(|name| format!("{name:?}:{}", object[*name])).collect();
    let body = format!("{{{}", fields.join(","));
    format!("{body},\"sum\":\"{}\"}}\n", &Digest::of(body.as_bytes()).hex()[..16]).into_bytes()
}

const ORDER: [&str; 11] =
    ["format", "stream", "seq", "prev", "nonce", "at", "actor", "deployment", "epoch", "event", "state"];

#[track_caller]
fn check_refused(change: impl Fn(&mut Value), order: &[&str], reason: &str) {
    let mut object = serde_json::to_value(record()).expect("JSON");
    change(&mut object);
    let answer = Record::parse(&sealed(&object, order)).map_err(|why| why.to_string());
    let why = answer.expect_err("it must be refused");
    assert!(why.contains(reason), "`{why}` says `{reason}`");
}

#[test]
fn the_envelope_is_read_strictly() {
    assert_eq!(Record::parse(&sealed(&serde_json::to_value(record()).expect("JSON"), &ORDER)), Ok(record()));
    check_refused(|object| object["seq"] = json!(0), &ORDER, "out of range");
    check_refused(|object| object["seq"] = json!(LAST_SEQ + 1), &ORDER, "out of range");
    check_refused(|object| object["seq"] = json!("42"), &ORDER, "invalid type");
    check_refused(|object| object["prev"] = Value::Null, &ORDER, "names no previous one");
    check_refused(|object| object["seq"] = json!(FIRST_SEQ), &ORDER, "names no previous one");
    check_refused(|object| object["prev"] = json!("sha256:00"), &ORDER, "is not a digest");
    check_refused(|object| object["stream"] = json!("../etc"), &ORDER, "is not a stream");
    check_refused(|object| object["at"] = json!("yesterday"), &ORDER, "damaged");
    check_refused(|object| object["actor"]["role"] = json!("admin"), &ORDER, "unknown field `role`");
    check_refused(|object| object["extra"] = json!(1), &[&ORDER[..], &["extra"]].concat(), "unknown field `extra`");
    for missing in ORDER {
        let order: Vec<&str> = ORDER.into_iter().filter(|name| *name != missing).collect();
        check_refused(|_| {}, &order, &format!("missing field `{missing}`"));
    }
    check_refused(|_| {}, &[&ORDER[..], &["seq"]].concat(), "duplicate field `seq`");
}

#[test]
fn a_newer_format_is_told_from_damage_whatever_else_it_holds() {
    let newer = sealed(&json!({ "format": 2, "anything": { "else": 1 } }), &["format", "anything"]);
    assert_eq!(Record::parse(&newer), Err(Unreadable::Newer { format: 2 }));
    let mut damaged = newer;
    damaged[12] ^= 1;
    assert!(matches!(Record::parse(&damaged), Err(Unreadable::Damaged(_))));
    check_refused(|object| object["format"] = json!(0), &ORDER, "no format 0 exists");
}

#[test]
fn numbers_keep_their_last_bit() {
    for number in [4.4444444444444454e85, 0.1 + 0.2, 1e-320, f64::MAX] {
        let record = Record { event: json!({ "weight": number }), ..record() };
        assert_eq!(Record::parse(&record.to_bytes()), Ok(record));
    }
}

#[test]
fn a_flip_of_any_bit_is_damage() {
    for golden in [RECORD, GENESIS] {
        for at in 0..golden.len() {
            for bit in 0..8 {
                let mut bytes = golden.to_vec();
                bytes[at] ^= 1 << bit;
                assert!(matches!(Record::parse(&bytes), Err(Unreadable::Damaged(_))), "byte {at}, bit {bit}");
                assert!(matches!(Genesis::parse(&bytes), Err(Unreadable::Damaged(_))), "byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn a_record_cut_anywhere_is_damage() {
    for len in 0..RECORD.len() {
        assert!(matches!(Record::parse(&RECORD[..len]), Err(Unreadable::Damaged(_))), "{len} bytes");
    }
    let twice = [RECORD, RECORD].concat();
    assert!(matches!(Record::parse(&twice), Err(Unreadable::Damaged(_))));
    let long = vec![b' '; MAX_RECORD_BYTES + 1];
    assert_eq!(Record::parse(&long), Err(Unreadable::Damaged("it is longer than any record".to_owned())));
}

#[test]
fn deep_nesting_is_damage_and_no_overflow() {
    let deep = format!("{{\"format\":1,\"event\":{}", "[".repeat(200_000));
    let sum = Digest::of(deep.as_bytes()).hex()[..16].to_owned();
    let bytes = format!("{deep},\"sum\":\"{sum}\"}}\n");
    assert!(matches!(Record::parse(bytes.as_bytes()), Err(Unreadable::Damaged(_))));
}

#[test]
fn keys_count_down_so_that_the_first_one_is_the_head() {
    let stream: Stream = "prod/app".parse().expect("well formed");
    for (seq, key) in [
        (1, "prod/app/9999999/998.json"),
        (2, "prod/app/9999999/997.json"),
        (999, "prod/app/9999999/000.json"),
        (1000, "prod/app/9999998/999.json"),
        (100_000, "prod/app/9999899/999.json"),
        (LAST_SEQ, "prod/app/0000000/000.json"),
    ] {
        assert_eq!(stream.key(seq), key);
        assert_eq!(stream.seq_of(key), Some(seq));
    }
    for seq in 1..5000 {
        assert!(stream.key(seq + 1) < stream.key(seq), "{seq}");
    }
    for key in [
        "prod/app/9999999/999.json",
        "prod/app/999999/998.json",
        "prod/app/9999999/98.json",
        "prod/app/9999999/998.json#1",
        "prod/app/9999999/998",
        "prod/app/+999999/998.json",
        "prod/app/9999999/998/1.json",
        "prod/app-two/9999999/998.json",
        "dev/app/9999999/998.json",
        "prod/app",
        "",
    ] {
        assert_eq!(stream.seq_of(key), None, "{key}");
    }
}

#[test]
fn streams_are_two_plain_names() {
    let app = App::from("telegram-api");
    let stream = Stream::deployments(&Env::from("prod"), &app).expect("well formed");
    assert_eq!((stream.as_str(), stream.root(), stream.leaf()), ("prod/telegram-api", "prod", "telegram-api"));
    assert_eq!(Stream::releases(&app).expect("well formed").prefix(), "releases/telegram-api/");
    assert_eq!(Stream::terraform("reports").expect("well formed").to_string(), "terraform/reports");
    for bad in ["", "prod", "prod/", "/app", "prod/app/x", "Prod/app", "prod/a b", "../app", "prod/..", "prod/a_b"] {
        assert!(bad.parse::<Stream>().is_err(), "{bad}");
    }
    for reserved in ["releases", "terraform"] {
        assert!(Stream::deployments(&Env::from(reserved), &app).is_err(), "{reserved}");
    }
    assert!(Stream::deployments(&Env::from("Prod"), &app).is_err());
}
