//! The check is checked: without a rule, the search finds the schedule that breaks the promise.

use stateright::{Checker, HasDiscoveries, Model};
use tiers_model::promises::{EVIDENCE, NO_STRAY_CALL, THEIRS_STAYS, UNIT};
use tiers_model::{Bounds, Broken, Deployers, tell};

/// The promise is kept within these bounds, and broken once the rule is taken out; answers the way there.
#[track_caller]
fn check(bounds: Bounds, broken: Broken, promise: &'static str) -> Vec<String> {
    let sound = Deployers::new(bounds).checker().spawn_bfs().join();
    sound.assert_no_discovery(promise);
    let bounds = Bounds { broken: Some(broken), ..bounds };
    let when = HasDiscoveries::AllOf([promise].into_iter().collect());
    let checker = Deployers::new(bounds).checker().finish_when(when).spawn_bfs().join();
    let path = checker.discovery(promise);
    let path = path.unwrap_or_else(|| panic!("{broken:?} was not found in {} states", checker.unique_state_count()));
    let story = tell(checker.model(), path);
    println!("{broken:?} breaks `{promise}`, found after {} states:", checker.unique_state_count());
    story.iter().for_each(|line| println!("  {line}"));
    story
}

const ONE: Bounds = Bounds::SMALLEST;

#[test]
fn without_the_fence_a_late_call_breaks_the_unit_() {
    let story = check(ONE, Broken::NoFence, UNIT);
    let after = story.iter().skip_while(|line| !line.contains("takes over")).collect::<Vec<_>>();
    let late = |line: &&&String| line.contains("a call of deployer 0 lands: alias to version 3");
    assert_eq!(
        after.iter().filter(late).count(),
        1,
        "a call of the replaced deployer makes the difference: {story:#?}"
    );
}

#[test]
fn without_the_fence_a_deployment_ends_with_a_call_that_can_still_land() {
    check(ONE, Broken::NoFence, NO_STRAY_CALL);
}

#[test]
fn a_token_that_is_refreshed_within_an_intent_lets_a_replaced_deployer_break_the_unit() {
    let story = check(ONE, Broken::FreshTokens, UNIT);
    assert!(story.iter().any(|line| line.contains("takes over")), "{story:#?}");
}

#[test]
fn evidence_that_is_read_before_the_claim_is_revoked_before_the_shift() {
    let story = check(Bounds { takeovers: 0, revocation: true, ..ONE }, Broken::UpstreamBeforeClaim, EVIDENCE);
    assert!(story.iter().any(|line| line.contains("revokes the evidence")), "{story:#?}");
}

#[test]
fn a_version_that_is_proven_by_its_code_alone_brings_untested_settings() {
    check(Bounds { takeovers: 0, hands: 1, ..ONE }, Broken::ProvenByCode, UNIT);
}

#[test]
fn latest_that_is_put_back_unconditionally_writes_over_what_somebody_put_there() {
    let bounds = Bounds { takeovers: 0, hands: 1, failing_gates: 1, ..ONE };
    check(bounds, Broken::RestoreUnconditionally, THEIRS_STAYS);
}
