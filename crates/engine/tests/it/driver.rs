//! The driver over the model: the endings, one by one.

use tiers_core::event::Ending;
use tiers_core::id::Digest;
use tiers_engine::driver::Driven;
use tiers_engine::planner::Goal;

use crate::world::{Small, block};

fn ending(driven: Driven) -> (Ending, String) {
    match driven {
        Driven::Ended(ended) => (ended.ending, ended.why),
        Driven::AsksPerson(cause) => panic!("asks a person: {}", cause.text()),
    }
}

fn both(content: &str) -> Vec<String> {
    vec![Digest::of(content.as_bytes()).hex().to_owned(); 2]
}

#[test]
fn one_release_goes_through_three_environments() {
    let small = Small::new();
    let release = small.release("one");
    for environment in ["dev", "staging", "prod"] {
        assert_eq!(
            ending(small.deploy(environment, Goal::Deploy(release.clone()))),
            (Ending::Succeeded, String::new())
        );
        assert_eq!(small.live(environment), both("one"));
    }
    let again = small.plan(&small.wanted("prod", Goal::Deploy(release)));
    assert!(again.unchanged);
}

#[test]
fn a_release_without_evidence_upstream_is_refused_and_changes_nothing() {
    let small = Small::new();
    let release = small.release("one");
    let (end, why) = ending(small.deploy("prod", Goal::Deploy(release)));
    assert_eq!(end, Ending::Refused);
    assert!(why.contains("not verified in dev"), "{why}");
    assert_eq!(small.live("prod"), both("placeholder"));
}

#[test]
fn a_gate_that_fails_before_the_shift_leaves_users_alone_and_holds_the_release() {
    let small = Small::new();
    small.deploy("dev", Goal::Deploy(small.release("one")));
    small.gates.fail("dev", "staged", "two");
    let (end, why) = ending(small.deploy("dev", Goal::Deploy(small.release("two"))));
    assert_eq!(end, Ending::Failed, "{why}");
    assert_eq!(small.live("dev"), both("one"));
    let session = small.session("dev");
    assert!(session.state.held_release(&Digest::of(b"two")).is_some());
    assert_eq!(session.state.promotable().map(|verdict| verdict.digest.clone()), Some(Digest::of(b"one")));
    let latest = block(small.world.target.look_latest("api-dev")).expect("looked");
    assert_eq!(latest.digest, Digest::of(b"one"), "$LATEST is put back");
}

#[test]
fn a_release_that_fails_live_is_brought_back_to_the_recorded_versions() {
    let small = Small::new();
    small.deploy("dev", Goal::Deploy(small.release("one")));
    small.gates.fail("dev", "live", "two");
    let (end, _) = ending(small.deploy("dev", Goal::Deploy(small.release("two"))));
    assert_eq!(end, Ending::Failed);
    assert_eq!(small.live("dev"), both("one"));
}

#[test]
fn a_rollback_goes_to_the_recorded_versions_of_the_last_success() {
    let small = Small::new();
    for content in ["one", "two"] {
        small.deploy("dev", Goal::Deploy(small.release(content)));
    }
    assert_eq!(small.live("dev"), both("two"));
    assert_eq!(ending(small.deploy("dev", Goal::Rollback { to: None })).0, Ending::Succeeded);
    assert_eq!(small.live("dev"), both("one"));
    let state = small.session("dev").state;
    assert!(state.held_release(&Digest::of(b"two")).is_some(), "what was rolled back from is held");
}
