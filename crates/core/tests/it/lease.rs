//! The Terraform lease: its table, the evidence that a takeover takes, and the stored form.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tiers_core::id::{Digest, Env};
use tiers_core::lease::{
    Action, Attempt, Backend, Change, Child, CiRun, Counts, Facts, Holder, IllegalLease, KnownBy, LeaseEvent,
    LeaseState, Machine, Outcome, Process, Proof, Request,
};
use tiers_core::state::Meta;
use tiers_core::terraform::Class;

const GOLDEN: &str = include_str!("golden/terraform-stream-format-1.jsonl");

fn machine(boot: &str) -> Machine {
    Machine { host: "runner-7".into(), boot: boot.into(), namespace: "pid:[4026531836]".into() }
}

fn run(number: &str) -> CiRun {
    CiRun {
        system: "github".into(),
        project: "acme/shop".into(),
        run: number.into(),
        attempt: "1".into(),
        url: format!("https://github.com/acme/shop/actions/runs/{number}"),
    }
}

fn holder(ci: Option<CiRun>) -> Holder {
    Holder { machine: machine("boot-1"), process: Process { pid: 4242, started: 1_234_567 }, ci }
}

fn backend(environment: &str) -> Backend {
    let settings = [("bucket", "shop-state".to_owned()), ("key", format!("{environment}/terraform.tfstate"))];
    let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Backend { kind: "s3".into(), settings }
}

fn request(environment: &str, made_after: u32) -> Request {
    Request {
        facts: Facts {
            environment: environment.into(),
            backend: backend(environment),
            plan: Digest::of(b"plan"),
            lineage: Some("8a1d9a52-9d4e-4bd2-a2ad-ac27a92b7b0f".into()),
            serial: Some(7),
            counts: Counts { create: 1, replace: 1, ..Counts::default() },
            tree: Digest::of(b"tree"),
            var_file: Some(Digest::of(b"values")),
            commit: Some("0123456789012345678901234567890123456789".into()),
            dirty: false,
            program: "terraform 1.11.4".into(),
        },
        changes: vec![
            Change { address: "aws_lambda_alias.live".into(), action: Action::Create },
            Change { address: "aws_db_instance.main".into(), action: Action::Replace },
        ],
        breaking: None,
        agreed: None,
        rules: None,
        made_after,
    }
}

fn acquired(environment: &str, made_after: u32, ci: Option<CiRun>) -> LeaseEvent {
    LeaseEvent::Acquired { holder: holder(ci), request: Box::new(request(environment, made_after)) }
}

fn spawning() -> LeaseEvent {
    LeaseEvent::Spawning { child: Child { group: 4243, leader: Process { pid: 4243, started: 1_234_600 } } }
}

fn released(outcome: Outcome) -> LeaseEvent {
    LeaseEvent::Released { outcome }
}

fn applied() -> LeaseEvent {
    released(Outcome::Applied { serial: Some(8), lineage: None })
}

fn gone(boot: &str, environment: &str) -> LeaseEvent {
    LeaseEvent::TakenOver { proof: Proof::Gone { from: machine(boot), free: backend(environment) } }
}

fn answered_for(why: &str) -> LeaseEvent {
    LeaseEvent::TakenOver { proof: Proof::Person { why: why.into(), seen: "it is alive".into() } }
}

fn meta(epoch: u32) -> Meta<'static> {
    let at = "2026-11-23T15:32:00Z".parse().expect("a timestamp");
    Meta { by: "erika", at, deployment: None, epoch }
}

/// Folds events, each with the epoch that it must carry.
fn fold(events: &[LeaseEvent]) -> Result<LeaseState, IllegalLease> {
    events
        .iter()
        .try_fold(LeaseState::default(), |state, event| state.apply(event, &meta(state.epoch_for(event.kind()))))
}

fn held(events: &[LeaseEvent]) -> LeaseState {
    fold(events).expect("these follow one another")
}

#[track_caller]
fn check_refused(events: &[LeaseEvent], reason: &str) {
    let why = fold(events).expect_err("it must be refused").to_string();
    assert!(why.contains(reason), "`{why}` says `{reason}`");
}

#[test]
fn an_apply_is_recorded_from_the_lease_to_its_end() {
    let state = held(&[acquired("dev", 0, None), spawning(), applied()]);
    assert_eq!((state.epoch, state.held.is_none()), (1, true));
    let attempt: &Attempt = &state.applied[&Env::from("dev")];
    assert_eq!((attempt.epoch, attempt.outcome.word(), attempt.by.as_str()), (1, "applied", "erika"));
    assert_eq!(attempt.facts, request("dev", 0).facts);
    assert_eq!(state.last, state.applied);
}

#[test]
fn two_leases_are_never_held_at_once_whatever_their_environments() {
    check_refused(&[acquired("dev", 0, None), acquired("prod", 0, None)], "held by erika (process 4242 on runner-7)");
    check_refused(&[acquired("dev", 0, None), spawning(), acquired("dev", 0, None)], "for an apply in dev");
}

#[test]
fn nothing_ends_as_applied_that_was_not_recorded_as_started() {
    check_refused(&[acquired("dev", 0, None), applied()], "Released may not follow");
    check_refused(
        &[acquired("dev", 0, None), released(Outcome::Failed { why: "x".into(), lineage: None })],
        "may not follow",
    );
    check_refused(&[acquired("dev", 0, None), spawning(), spawning()], "Spawning may not follow");
    check_refused(&[acquired("dev", 0, None), spawning(), released(Outcome::Unknown { why: "x".into() })], "may not");
    check_refused(&[spawning()], "needs a lease that is held");
    check_refused(&[applied()], "needs a lease that is held");
    check_refused(&[gone("boot-1", "dev")], "needs a lease that is held");
}

#[test]
fn a_lease_that_started_nothing_leaves_plans_of_its_environment_valid() {
    let none = released(Outcome::NotStarted { why: "the order changed".into() });
    let state = held(&[acquired("dev", 0, None), none, acquired("dev", 0, None), spawning(), applied()]);
    assert_eq!(state.last_epoch(&"dev".into()), 2);
}

#[test]
fn a_plan_from_before_the_last_apply_in_its_environment_gets_no_lease() {
    let first =
        [acquired("dev", 0, None), spawning(), released(Outcome::Failed { why: "exit code 1".into(), lineage: None })];
    let then = |event: LeaseEvent| [first.to_vec(), vec![event]].concat();
    check_refused(&then(acquired("dev", 0, None)), "made after apply 0 in dev, and 1 came since");
    held(&then(acquired("dev", 1, None)));
    held(&then(acquired("prod", 0, None)));
}

#[test]
fn a_takeover_takes_evidence_about_this_holder_and_this_backend() {
    let ended = |number: &str, environment: &str| LeaseEvent::TakenOver {
        proof: Proof::RunEnded { run: run(number), conclusion: "cancelled".into(), free: backend(environment) },
    };
    let begun = [acquired("dev", 0, Some(run("77"))), spawning()];
    let then = |event: LeaseEvent| [begun.to_vec(), vec![event]].concat();
    check_refused(&then(gone("boot-2", "dev")), "another boot");
    check_refused(&then(gone("", "dev")), "another boot");
    check_refused(&then(gone("boot-1", "prod")), "that of another backend");
    check_refused(&then(ended("78", "dev")), "not the holder's");
    check_refused(&then(ended("77", "prod")), "that of another backend");
    check_refused(&then(answered_for(" ")), "no reason is given");
    for event in [gone("boot-1", "dev"), ended("77", "dev"), answered_for("the runner's machine burned down")] {
        let state = held(&then(event));
        assert_eq!((state.epoch, state.held.is_none()), (2, true));
        assert_eq!(state.last[&Env::from("dev")].outcome.word(), "unknown");
        assert!(state.applied.is_empty(), "nobody knows how far it came");
    }
}

#[test]
fn an_unknown_boot_is_the_same_as_no_other() {
    let nowhere = Machine { host: "laptop".into(), boot: String::new(), namespace: String::new() };
    assert!(!nowhere.sees(&nowhere.clone()));
}

#[test]
fn a_holder_that_was_overruled_before_it_started_anything_starts_nothing() {
    let state = held(&[acquired("dev", 0, None), answered_for("wrong branch")]);
    assert!(state.last.is_empty(), "nothing was started, so plans stay valid");
    for event in [spawning(), applied()] {
        let late = state.apply(&event, &meta(1));
        assert_eq!(late, Err(IllegalLease::Superseded { theirs: 1, current: 2 }));
    }
}

#[test]
fn the_lineage_that_was_applied_last_tells_whose_state_it_is() {
    let made = |lineage: &str| released(Outcome::Applied { serial: Some(1), lineage: Some(lineage.into()) });
    let failed = released(Outcome::Failed { why: "x".into(), lineage: Some("of-staging".into()) });
    let both =
        held(&[acquired("dev", 0, None), spawning(), made("of-dev"), acquired("staging", 0, None), spawning(), failed]);
    let (dev, staging): (Env, Env) = ("dev".into(), "staging".into());
    let owner = |state: &LeaseState, environment: &Env, lineage: &str| {
        let owners = state.other_owners(environment, &|_| false, Some(lineage));
        owners.first().map(|owner| (owner.environment.clone(), owner.known_by))
    };
    let by_lineage = |environment: &Env| Some((environment.clone(), KnownBy::Lineage));
    assert_eq!(owner(&both, &staging, "of-dev"), by_lineage(&dev));
    assert_eq!(owner(&both, &dev, "of-staging"), by_lineage(&staging));
    assert_eq!((owner(&both, &dev, "of-dev"), owner(&both, &dev, "new")), (None, None));
    // Where only the plan's own lineage is known, that one counts.
    let before = held(&[acquired("dev", 0, None), spawning(), applied()]);
    assert_eq!(owner(&before, &staging, "8a1d9a52-9d4e-4bd2-a2ad-ac27a92b7b0f"), by_lineage(&dev));
    let old: Outcome = serde_json::from_str(r#"{"outcome":"applied","serial":8}"#).expect("an older record");
    assert_eq!(old.lineage(), None);
}

#[test]
fn a_state_belongs_to_the_environment_of_the_newest_apply_to_it() {
    let at = |environment: &'static str| move |place: &Backend| *place == backend(environment);
    let owners = |state: &LeaseState, environment: &str, place: &'static str, lineage: Option<&str>| {
        let owners = state.other_owners(&environment.into(), &at(place), lineage);
        let owners = owners.into_iter().map(|owner| (owner.environment.to_string(), owner.known_by));
        owners.collect::<Vec<_>>()
    };
    let made = |lineage: &str| released(Outcome::Applied { serial: Some(8), lineage: Some(lineage.into()) });
    let first = [acquired("old", 0, None), spawning(), made("one")];
    let state = held(&first);
    let old = |known_by| vec![("old".to_owned(), known_by)];
    assert_eq!(owners(&state, "new", "old", Some("one")), old(KnownBy::Place), "told once");
    assert_eq!(owners(&state, "new", "old", None), old(KnownBy::Place), "though there is no state");
    assert_eq!(owners(&state, "new", "new", Some("one")), old(KnownBy::Lineage), "wherever it lies");
    assert_eq!(owners(&state, "new", "new", Some("two")), []);
    assert_eq!(owners(&state, "new", "new", None), [], "no state has no lineage");
    assert_eq!(owners(&state, "old", "old", Some("one")), [], "its own");

    // `new` applied to the state of `old`, as somebody agreed to: from then on it is the state of `new`.
    let mut over = request("new", 0);
    over.facts.backend = backend("old");
    over.facts.lineage = Some("one".into());
    let taken = LeaseEvent::Acquired { holder: holder(None), request: Box::new(over) };
    let state = held(&[&first[..], &[taken, spawning(), made("one")]].concat());
    assert_eq!(owners(&state, "new", "old", Some("one")), []);
    assert_eq!(owners(&state, "old", "old", Some("one")), [("new".to_owned(), KnownBy::Place)]);
    assert_eq!(owners(&state, "newest", "old", Some("one")), [("new".to_owned(), KnownBy::Place)], "and of it alone");
}

#[test]
fn a_state_that_does_not_go_on_from_the_last_apply_is_told() {
    let left = Outcome::Applied { serial: Some(8), lineage: Some("one".into()) };
    let last = held(&[acquired("dev", 0, None), spawning(), released(left)]).last[&"dev".into()].clone();
    let why = |found: Option<(&str, u64)>| last.broken_off(found).unwrap_or_default();
    assert_eq!((why(Some(("one", 8))), why(Some(("one", 12)))), (String::new(), String::new()));
    assert_eq!(why(None), "there is none, and erika applied here before");
    assert_eq!(why(Some(("two", 9))), "it is another one (lineage two) than erika applied here (one)");
    assert_eq!(why(Some(("one", 7))), "it is older (serial 7) than erika left it here (serial 8)");
    // An apply that failed may have left what its plan was made from, or nothing.
    let failed = released(Outcome::Failed { why: "x".into(), lineage: None });
    let mut last = held(&[acquired("dev", 0, None), spawning(), failed]).last[&"dev".into()].clone();
    assert!(
        last.broken_off(Some(("8a1d9a52-9d4e-4bd2-a2ad-ac27a92b7b0f", 7))).is_none() && last.broken_off(None).is_some()
    );
    (last.facts.lineage, last.facts.serial) = (None, None);
    assert_eq!(last.broken_off(None), None, "it made none, and the next one begins anew");
    // One that is there may be the one that it made, and may be anybody's.
    let told = last.broken_off(Some(("new", 1))).expect("nothing tells whose it is");
    assert!(
        told.starts_with("the first apply here, by erika, ended failed and did not say which state it made")
            && told.contains("(lineage new)"),
        "{told}"
    );
}

/// A line of the golden file.
#[derive(serde::Serialize, serde::Deserialize)]
struct Line {
    event: LeaseEvent,
    state: LeaseState,
}

/// The stream of the golden file, event by event.
fn story() -> Vec<LeaseEvent> {
    vec![
        acquired("dev", 0, None),
        spawning(),
        applied(),
        acquired("prod", 0, Some(run("77"))),
        spawning(),
        LeaseEvent::TakenOver {
            proof: Proof::RunEnded { run: run("77"), conclusion: "cancelled".into(), free: backend("prod") },
        },
        acquired("prod", 2, None),
        gone("boot-1", "prod"),
        acquired("dev", 1, None),
        released(Outcome::NotStarted { why: "stopped as asked".into() }),
        acquired("dev", 1, None),
        spawning(),
        released(Outcome::Failed { why: "exit code 1".into(), lineage: None }),
        acquired("dev", 7, None),
        answered_for("the machine is gone"),
    ]
}

#[test]
fn the_stored_form_of_events_and_states_is_that_of_the_first_day() {
    let mut state = LeaseState::default();
    let mut written = String::new();
    for event in story() {
        state = state.apply(&event, &meta(state.epoch_for(event.kind()))).expect("the story holds together");
        // Typed, so that the order of the keys is that of the types.
        let line = serde_json::to_string(&Line { event, state: state.clone() }).expect("plain data");
        written.push_str(&format!("{line}\n"));
    }
    let read = |line| serde_json::from_str::<Line>(line).expect("old events and states must stay readable for ever");
    let lines: Vec<Line> = GOLDEN.lines().map(read).collect();
    assert_eq!(lines.iter().map(|line| line.event.clone()).collect::<Vec<_>>(), story());
    assert_eq!(lines.last().map(|line| &line.state), Some(&state));
    assert_eq!(written, GOLDEN);
}

#[test]
fn what_broke_is_kept_and_told_from_the_actions_where_it_was_not() {
    let old = request("dev", 0);
    assert!(!serde_json::to_string(&old).expect("plain data").contains("\"breaking\""), "as on the first day");
    assert_eq!((old.breaking(), old.class()), (vec!["aws_db_instance.main"], Class::Breaking));
    // A protected type breaks by what tiers.toml says, which the actions alone do not tell.
    let kept = Request { breaking: Some(vec!["aws_lambda_alias.live".into()]), ..request("dev", 0) };
    let read: Request = serde_json::from_str(&serde_json::to_string(&kept).expect("plain data")).expect("readable");
    assert_eq!((read.breaking(), read.class()), (vec!["aws_lambda_alias.live"], Class::Breaking));
    let safe = Request { breaking: Some(Vec::new()), ..request("dev", 0) };
    assert_eq!(safe.class(), Class::Safe);
}

#[test]
fn a_kind_of_event_that_is_not_known_is_not_read() {
    assert!(serde_json::from_str::<LeaseEvent>(r#"{"kind":"expired"}"#).is_err());
}

fn any_event() -> impl Strategy<Value = LeaseEvent> {
    let environment = prop_oneof![Just("dev"), Just("prod")];
    prop_oneof![
        (environment.clone(), 0..4_u32, any::<bool>()).prop_map(|(name, after, ci)| acquired(
            name,
            after,
            ci.then(|| run("77"))
        )),
        Just(spawning()),
        Just(applied()),
        Just(released(Outcome::Failed { why: "x".into(), lineage: None })),
        Just(released(Outcome::NotStarted { why: "x".into() })),
        (prop_oneof![Just("boot-1"), Just("boot-2")], environment.clone()).prop_map(|(boot, name)| gone(boot, name)),
        environment.prop_map(|name| LeaseEvent::TakenOver {
            proof: Proof::RunEnded { run: run("77"), conclusion: "failure".into(), free: backend(name) }
        }),
        Just(answered_for("it is over")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_recorded_the_table_keeps_one_holder_and_counts_up(
        events in proptest::collection::vec((any_event(), 0..3_u32), 1..40)
    ) {
        let mut state = LeaseState::default();
        let mut starts: BTreeMap<u32, u32> = BTreeMap::new();
        for (event, behind) in events {
            let epoch = state.epoch_for(event.kind()).saturating_sub(behind);
            let before = state.clone();
            match state.apply(&event, &meta(epoch)) {
                Err(_) => prop_assert_eq!(&state, &before),
                Ok(after) => {
                    prop_assert_eq!(behind.min(before.epoch_for(event.kind())), 0, "an old epoch was let in");
                    prop_assert!(after.epoch >= before.epoch);
                    match &event {
                        LeaseEvent::Acquired { .. } => {
                            prop_assert!(before.held.is_none() && after.epoch == before.epoch + 1);
                        }
                        LeaseEvent::Spawning { .. } => *starts.entry(after.epoch).or_default() += 1,
                        LeaseEvent::Released { outcome } => {
                            prop_assert!(after.held.is_none());
                            let started = starts.contains_key(&before.epoch);
                            prop_assert!(started || !outcome.may_have_changed());
                        }
                        LeaseEvent::TakenOver { proof } => {
                            let lease = before.held.as_ref().expect("a takeover needs a holder");
                            match proof {
                                Proof::Gone { from, free } => {
                                    prop_assert!(from.sees(&lease.holder.machine) && free == lease.backend());
                                }
                                Proof::RunEnded { run, free, .. } => {
                                    prop_assert!(lease.holder.ci.as_ref() == Some(run) && free == lease.backend());
                                }
                                Proof::Person { .. } => {}
                            }
                            prop_assert!(after.held.is_none() && after.epoch == before.epoch + 1);
                        }
                    }
                    let stored = serde_json::to_string(&after).expect("plain data");
                    prop_assert_eq!(&serde_json::from_str::<LeaseState>(&stored).expect("readable"), &after);
                    state = after;
                }
            }
        }
        prop_assert!(starts.values().all(|count| *count == 1), "a lease starts Terraform once: {:?}", starts);
        if let Some(lease) = &state.held {
            prop_assert_eq!(lease.child().is_some(), starts.contains_key(&state.epoch));
        }
    }
}
