//! The property of the fuzz target, within bounds, and the story that it begins with.

use std::path::Path;

use proptest::prelude::*;
use serde_json::json;
use tiers_core::event::{Event, HoldOn};
use tiers_core::id::Digest;
use tiers_core::plan::{OnFailure, ShiftStep};
use tiers_core::record::Record;
use tiers_engine::driver::{Claim, Say, Session, claim, drive, say, take_over};
use tiers_engine::planner::Goal;
use tiers_engine::properties::{STORY, kinds, ledger_stream};

use crate::world::{Small, block};

fn tell(small: &Small, event: Event) {
    let (environment, app) = ("dev".into(), "app".into());
    block(say(&small.world, Say { environment: &environment, app: &app, event, downstream: &[] })).expect("recorded");
}

/// Claims and leaves it.
fn begin(small: &Small, content: &str) -> Session {
    let planned = small.plan(&small.wanted("dev", Goal::Deploy(small.release(content))));
    let Claim::Claimed(session, _) = block(claim(&small.world, &planned.plan)).expect("claimed") else {
        panic!("not claimed");
    };
    *session
}

/// What happens in an environment over some weeks, each kind of event at least once.
fn happen(small: &Small) {
    let one = small.release("one");
    tell(small, Event::Approved { digest: one.digest.clone(), release: one.id.clone() });
    small.deploy("dev", Goal::Deploy(one.clone()));
    let mut canary = small.wanted("dev", Goal::Deploy(small.release("two")));
    canary.shift = vec![ShiftStep { percent: 10, bake_s: 60 }, ShiftStep { percent: 100, bake_s: 0 }];
    canary.weighted = vec!["api".into()];
    small.run(&canary);
    small.gates.fail("dev", "staged", "bad");
    small.deploy("dev", Goal::Deploy(small.release("bad")));
    small.gates.fail("dev", "live", "worse");
    small.deploy("dev", Goal::Deploy(small.release("worse")));
    let two = Digest::of(b"two");
    let results = small.session("dev").state.verdict(&two).expect("verified").results.clone();
    tell(small, Event::Revoked { digest: two.clone(), why: "the data was wrong".into() });
    tell(small, Event::Verified { digest: two.clone(), results });
    let until = small.world.clock.now();
    tell(
        small,
        Event::Waiting { release: "three".into(), digest: Digest::of(b"three"), what: "approval".into(), until },
    );
    tell(small, Event::Held { what: HoldOn::Environment, why: "quarter end".into() });
    let mut refused = begin(small, "three");
    block(drive(&mut refused)).expect("driven");
    tell(small, Event::Unheld { what: HoldOn::Environment, why: "over".into() });
    let mut left = begin(small, "four");
    tell(small, Event::Halted { why: "evidence was revoked".into() });
    block(left.reload()).expect("readable");
    assert!(block(take_over(&mut left, "its runner died", None)).expect("taken over"));
    block(drive(&mut left)).expect("driven");
    let mut manual = small.wanted("dev", Goal::Deploy(small.release("worse still")));
    manual.on_failure = OnFailure::Manual;
    small.gates.fail("dev", "live", "worse still");
    small.run(&manual);
    let mut session = small.session("dev");
    assert!(block(take_over(&mut session, "somebody decided", Some("go back"))).expect("taken over"));
    block(drive(&mut session)).expect("driven");
    small.deploy("dev", Goal::Rollback { to: None });
}

fn told(small: &Small) -> String {
    let objects = small.log.objects();
    let records = objects.iter().filter(|(key, _)| key.starts_with("dev/")).rev();
    let lines = records.map(|(_, bytes)| {
        let it = Record::parse(bytes).expect("a record");
        let line = json!({ "by": it.actor.who, "at": it.at, "deployment": it.deployment, "epoch": it.epoch, "event": it.event });
        format!("{line}\n")
    });
    lines.collect()
}

/// With TIERS_WRITE_STORY set, writes it anew.
#[test]
fn the_story_holds_every_kind_of_event_as_drivers_and_people_record_them_today() {
    let small = Small::new();
    happen(&small);
    let now = told(&small);
    if std::env::var_os("TIERS_WRITE_STORY").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/properties/story.jsonl");
        std::fs::write(path, &now).expect("written");
    }
    let known: Vec<String> = kinds(STORY).into_keys().collect();
    let today: Vec<String> = kinds(&now).into_keys().collect();
    assert_eq!(known, today, "write it anew: TIERS_WRITE_STORY=1 cargo test -p tiers-engine the_story");
    assert_eq!(today.len(), 18, "all kinds of events are in it: {today:?}");
    ledger_stream(STORY.as_bytes());
    ledger_stream(now.as_bytes());
}

#[test]
fn every_seed_keeps_the_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/ledger_stream");
    let seeds: Vec<_> = std::fs::read_dir(folder).expect("seeds").map(|seed| seed.expect("listed").path()).collect();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| ledger_stream(&std::fs::read(seed).expect("readable")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_story_that_something_happened_to_is_folded_or_refused_and_verifies(choices in prop::collection::vec(any::<u8>(), 2..100)) {
        ledger_stream(&choices);
    }
}
