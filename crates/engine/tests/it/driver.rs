//! The driver over the model: the endings, one by one.

use std::collections::BTreeMap;
use std::rc::Rc;

use futures::FutureExt as _;
use tiers_core::deployment::LateCall;
use tiers_core::event::{Ending, Event, HoldOn, Resource, Step};
use tiers_core::gate::{At, Check};
use tiers_core::id::Digest;
use tiers_core::plan::{OnFailure, ShiftStep};
use tiers_core::record::Actor;
use tiers_core::state::{EnvState, Meta};
use tiers_engine::driver::{Claim, Driven, Progress, Say, Session, Watch, World, claim, drive, say, take_over};
use tiers_engine::planner::Goal;
use tiers_lambda::api::{AliasWrite, LambdaApi as _, Qualifier, Settings};

use crate::world::{Small, block, gate};

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

#[test]
fn a_rollback_that_its_gates_dislike_is_stuck_and_the_ledger_says_what_serves_since() {
    let small = Small::new();
    for content in ["one", "two"] {
        small.deploy("dev", Goal::Deploy(small.release(content)));
    }
    let serving = || small.session("dev").state.serving.map(|now| now.release.digest);
    small.gates.fail("dev", "live", "one");
    assert_eq!(ending(small.deploy("dev", Goal::Rollback { to: None })).0, Ending::Stuck);
    assert_eq!((small.live("dev"), serving()), (both("one"), Some(Digest::of(b"one"))));
    // A deployment that fails now puts back what it found, and the ledger goes on telling the truth.
    small.gates.fail("dev", "live", "three");
    assert_eq!(ending(small.deploy("dev", Goal::Deploy(small.release("three")))).0, Ending::Failed);
    assert_eq!((small.live("dev"), serving()), (both("one"), Some(Digest::of(b"one"))));
    // What was left is held, and still a place to go to for a person who says so.
    assert!(small.session("dev").state.held_release(&Digest::of(b"two")).is_some());
    assert_eq!(ending(small.deploy("dev", Goal::Rollback { to: Some("two".into()) })).0, Ending::Succeeded);
    assert_eq!((small.live("dev"), serving()), (both("two"), Some(Digest::of(b"two"))));
}

#[test]
fn a_rollback_after_a_change_of_settings_goes_to_the_settings_before_and_not_to_another_release() {
    let small = Small::new();
    for content in ["one", "two"] {
        small.deploy("dev", Goal::Deploy(small.release(content)));
    }
    let recorded = small.session("dev").state.serving.expect("serves");
    for component in ["api", "worker"] {
        let name = format!("{component}-dev");
        let latest = block(small.lambda.get_function(&name, &Qualifier::Latest)).expect("exists");
        let settings = Settings { memory_mb: 2048, ..latest.settings };
        block(small.lambda.update_settings(&name, &settings, &latest.revision)).expect("updated");
    }
    small.clock.advance(10_000);
    assert_eq!(ending(small.deploy("dev", Goal::ConfigOnly)).0, Ending::Succeeded);
    assert_ne!(small.session("dev").state.serving.map(|now| now.configuration), Some(recorded.configuration.clone()));
    assert_eq!(ending(small.deploy("dev", Goal::Rollback { to: None })).0, Ending::Succeeded);
    let now = small.session("dev").state;
    let serving = now.serving.clone().expect("serves");
    assert!(serving.is_same_as(&recorded), "{serving:?}");
    assert_eq!(serving.components, recorded.components, "the recorded versions");
    assert!(now.holds.is_empty(), "the release did nothing bad");
    assert_eq!(ending(small.deploy("dev", Goal::Rollback { to: None })).0, Ending::Succeeded);
    assert_eq!(small.live("dev"), both("one"));
}

fn another(small: &Small, who: &str) -> World {
    World { actor: Actor { who: who.into(), host: "test".into(), via: "test".into() }, ..small.world.clone() }
}

async fn tell(world: &World, event: Event) {
    let (environment, app) = ("dev".into(), "app".into());
    say(world, Say { environment: &environment, app: &app, event, downstream: &[] }).await.expect("recorded");
}

/// Somebody who holds the environment once the first move of traffic is intended.
struct HoldsAtTheShift(World);

impl Watch for HoldsAtTheShift {
    fn see(&self, progress: &Progress<'_>) {
        if let Progress::Recorded { event: Event::Intended { intent }, .. } = progress
            && intent.step == (Step::Shift { number: 0 })
        {
            let event = Event::Held { what: HoldOn::Environment, why: "quarter end".into() };
            tell(&self.0, event).now_or_never().expect("a ledger in memory answers at once");
        }
    }
}

#[test]
fn a_hold_between_the_first_shifts_intent_and_its_sending_refuses_a_release_that_nobody_met() {
    for on_failure in [OnFailure::Automatic, OnFailure::Manual] {
        let mut small = Small::new();
        small.deploy("dev", Goal::Deploy(small.release("one")));
        small.world.watch = Rc::new(HoldsAtTheShift(another(&small, "otto")));
        let mut wanted = small.wanted("dev", Goal::Deploy(small.release("two")));
        wanted.on_failure = on_failure;
        let (end, why) = ending(small.run(&wanted));
        assert_eq!(end, Ending::Refused, "{why}");
        assert_eq!(small.live("dev"), both("one"));
        assert!(small.session("dev").state.held_release(&Digest::of(b"two")).is_none(), "the release did nothing bad");
    }
}

/// Somebody who revokes the evidence in dev, and dies before he can halt what stands on it, once the canary has baked.
struct RevokesAfterTheBake(World, Digest);

impl Watch for RevokesAfterTheBake {
    fn see(&self, progress: &Progress<'_>) {
        if let Progress::Recorded { event: Event::Baked { .. }, .. } = progress {
            let event = Event::Revoked { digest: self.1.clone(), why: "wrong data".into() };
            tell(&self.0, event).now_or_never().expect("a ledger in memory answers at once");
        }
    }
}

#[test]
fn evidence_that_is_found_revoked_after_traffic_moved_is_a_persons_to_decide_where_the_environment_says_so() {
    for on_failure in [OnFailure::Automatic, OnFailure::Manual] {
        let mut small = Small::new();
        for environment in ["dev", "staging"] {
            small.deploy(environment, Goal::Deploy(small.release("one")));
        }
        let release = small.release("two");
        small.deploy("dev", Goal::Deploy(release.clone()));
        small.world.watch = Rc::new(RevokesAfterTheBake(another(&small, "otto"), release.digest.clone()));
        let mut wanted = small.wanted("staging", Goal::Deploy(release));
        wanted.on_failure = on_failure;
        wanted.shift.insert(0, ShiftStep { percent: 10, bake_s: 60 });
        wanted.weighted = vec!["api".into()];
        match (on_failure, small.run(&wanted)) {
            (OnFailure::Automatic, driven) => assert_eq!(ending(driven).0, Ending::Failed),
            (OnFailure::Manual, Driven::AsksPerson(cause)) => {
                assert!(cause.text().contains("revoked") || cause.text().contains("wrong data"), "{cause:?}");
                assert_eq!(small.session("staging").state.last.map(|last| last.ending), Some(Ending::Succeeded));
                let mut session = small.session("staging");
                assert!(block(take_over(&mut session, "a test resumes", Some("so decided"))).expect("taken over"));
                assert_eq!(ending(block(drive(&mut session)).expect("driven")).0, Ending::Failed);
            }
            (OnFailure::Manual, Driven::Ended(ended)) => panic!("undone by itself: {ended:?}"),
        }
        assert_eq!(small.live("staging"), both("one"));
    }
}

/// What is decided when somebody takes over stands in the record of the takeover: whoever dies after it loses nothing.
#[test]
fn a_takeover_to_go_back_is_one_record() {
    let small = Small::new();
    small.deploy("dev", Goal::Deploy(small.release("one")));
    let plan = small.plan(&small.wanted("dev", Goal::Deploy(small.release("two")))).plan;
    assert!(matches!(block(claim(&small.world, &plan)).expect("claimed"), Claim::Claimed(..)));
    let claimed = small.session("dev").head.expect("a head").seq;
    let mut session = small.session("dev");
    assert!(block(take_over(&mut session, "a test resumes", Some("so decided"))).expect("taken over"));
    drop(session);
    let mut later = small.session("dev");
    assert_eq!(later.head.as_ref().expect("a head").seq, claimed + 1);
    assert!(later.state.open.as_ref().expect("open").is_undoing());
    assert!(block(take_over(&mut later, "another one resumes", None)).expect("taken over"));
    let (end, why) = ending(block(drive(&mut later)).expect("driven"));
    assert_eq!((end, why.as_str()), (Ending::Failed, "so decided"));
    assert_eq!(small.live("dev"), both("one"));
}

#[test]
fn components_on_different_releases_are_brought_together_before_anything_else() {
    let small = Small::new();
    for content in ["one", "two"] {
        small.deploy("dev", Goal::Deploy(small.release(content)));
    }
    let alias = block(small.lambda.get_alias("api-dev", "live")).expect("alias");
    let by_hand = AliasWrite { version: "2".into(), description: String::new(), weights: BTreeMap::new() };
    block(small.lambda.update_alias("api-dev", "live", &by_hand, &alias.revision)).expect("moved");
    let (end, why) = ending(small.deploy("dev", Goal::Deploy(small.release("three"))));
    assert_eq!(end, Ending::Refused);
    assert!(why.contains("`tiers rollback dev`"), "{why}");
    assert_eq!(ending(small.deploy("dev", Goal::Rollback { to: None })).0, Ending::Succeeded);
    assert_eq!(small.live("dev"), both("two"));
    assert!(small.session("dev").state.held_release(&Digest::of(b"two")).is_none(), "what serves is not held");
}

#[test]
fn a_late_call_for_a_component_that_the_app_no_longer_has_stays_known_and_stops_nothing() {
    let small = Small::new();
    let plan = small.plan(&small.wanted("dev", Goal::Deploy(small.release("one")))).plan;
    let late = |component: &str| LateCall {
        component: component.into(),
        resource: Resource::Alias,
        token: tiers_core::id::Token("t".into()),
    };
    let state = EnvState { late: vec![late("gone"), late("api")], ..EnvState::default() };
    let id = small.world.ids.deployment(small.world.clock.now());
    let meta = Meta { by: "erika", at: small.world.clock.now(), deployment: Some(&id), epoch: 0 };
    let after = state.apply(&Event::Claimed { id: id.clone(), plan: Box::new(plan) }, &meta).expect("claimed");
    assert_eq!(after.open.map(|open| open.late.clone()), Some(vec![late("api")]));
    assert_eq!(after.late, vec![late("gone")]);
}

#[test]
fn whoever_approved_may_resume() {
    let small = Small::new();
    let release = small.release("one");
    let otto = another(&small, "otto");
    block(tell(&otto, Event::Approved { digest: release.digest.clone(), release: release.id.clone() }));
    let mut wanted = small.wanted("dev", Goal::Deploy(release));
    let mut approval = gate("approval", At::Before);
    approval.check = Check::Approval { count: 1, approvers: Vec::new() };
    wanted.gates.insert(0, approval);
    let plan = small.plan(&wanted).plan;
    assert!(matches!(block(claim(&small.world, &plan)).expect("claimed"), Claim::Claimed(..)));
    let mut session = block(Session::load(&otto, &"dev".into(), &"app".into())).expect("readable");
    assert!(block(take_over(&mut session, "a test resumes", None)).expect("taken over"));
    assert_eq!(ending(block(drive(&mut session)).expect("driven")), (Ending::Succeeded, String::new()));
}

#[test]
fn a_dirty_build_is_never_verified_and_never_promoted() {
    let small = Small::new();
    let mut release = small.release("one");
    release.dirty = true;
    assert_eq!(ending(small.deploy("dev", Goal::Deploy(release.clone()))).0, Ending::Succeeded);
    let results = small.session("dev").state.verdicts[0].results.clone();
    block(tell(&small.world, Event::Verified { digest: release.digest.clone(), results }));
    let why = small.session("dev").state.passes(&release.digest).map(drop).expect_err("not verified");
    assert!(why.contains("uncommitted"), "{why}");
    let (end, why) = ending(small.deploy("staging", Goal::Deploy(release)));
    assert_eq!(end, Ending::Refused);
    assert!(why.contains("dirty tree"), "{why}");
}
