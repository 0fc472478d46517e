//! Holding the Terraform lease over a ledger in memory: one apply at a time, whoever dies when, and deployments that stand in the
//! environment.

mod deployments;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use tiers_core::event::{Ending, Event, Step};
use tiers_core::id::{App, Digest, Env};
use tiers_core::lease::{
    Backend, Child, CiRun, Counts, Facts, Holder, Infrastructure, Lease, LeaseState, Machine, Outcome, Process, Request,
};
use tiers_core::plan::Waiver;
use tiers_core::record::{Actor, Stream};
use tiers_engine::driver::{Claim, Driven, Objection, Progress, Session, Watch, World, claim, drive, preflight};
use tiers_engine::lease::{
    Applied, Desk, LeaseError, LeaseProgress, LeaseSession, LeaseWatch, Silent, Turn, Waiting, apply, overrule,
    standing, turn,
};
use tiers_engine::ledger::{Ledger, MemoryLog};
use tiers_engine::planner::{Goal, Wanted};
use tiers_engine::port::lease::{Applier, BackendLocks, CiRuns, Life, LockState, Processes, RunState};
use tiers_engine::port::log::{Create, Log, LogError};
use tiers_engine::port::seen::SeenInMemory;

use crate::world::Small;

const NOW: Waiting = Waiting { for_ms: 0, first_poll_ms: 1, max_poll_ms: 1 };

/// What everybody can see of processes, CI runs and locks; and what Terraform does.
struct Outside {
    life: RefCell<Life>,
    run: RefCell<RunState>,
    lock: RefCell<LockState>,
    machine: RefCell<Machine>,
    /// Applies that run, and the most that ever ran at once.
    running: Cell<u32>,
    most: Cell<u32>,
    starts: Cell<u32>,
}

impl Outside {
    fn new() -> Rc<Outside> {
        Rc::new(Outside {
            life: RefCell::new(Life::Alive),
            run: RefCell::new(RunState::Running),
            lock: RefCell::new(LockState::Free),
            machine: RefCell::new(machine("boot-1")),
            running: Cell::new(0),
            most: Cell::new(0),
            starts: Cell::new(0),
        })
    }
}

fn machine(boot: &str) -> Machine {
    Machine { host: "runner-7".into(), boot: boot.into(), namespace: "pid:[1]".into() }
}

#[async_trait(?Send)]
impl Processes for Outside {
    fn machine(&self) -> Machine {
        self.machine.borrow().clone()
    }
    async fn look(&self, _: &Holder, _: Option<&Child>) -> Life {
        self.life.borrow().clone()
    }
}

#[async_trait(?Send)]
impl CiRuns for Outside {
    async fn state(&self, _: &CiRun) -> RunState {
        self.run.borrow().clone()
    }
}

#[async_trait(?Send)]
impl BackendLocks for Outside {
    async fn state(&self, _: &Env, _: &Backend) -> LockState {
        self.lock.borrow().clone()
    }
}

/// Nothing here ever waits for anything outside, so this works inside of other futures too.
#[track_caller]
fn block<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("a world in memory answers at once")
}

type Then = Box<dyn Fn()>;

/// Terraform: runs what a test wants to happen before it starts and while it works.
struct Script {
    outside: Rc<Outside>,
    before: Then,
    meanwhile: Then,
    /// The whole process dies while Terraform works.
    dies: bool,
    abandoned: Cell<bool>,
}

impl Script {
    fn new(outside: &Rc<Outside>) -> Script {
        Script {
            outside: Rc::clone(outside),
            before: Box::new(|| {}),
            meanwhile: Box::new(|| {}),
            dies: false,
            abandoned: Cell::new(false),
        }
    }
}

#[async_trait(?Send)]
impl Applier for Script {
    async fn prepare(&self) -> Result<Child, String> {
        (self.before)();
        Ok(Child { group: 4243, leader: Process { pid: 4243, started: 2 } })
    }

    async fn start(&self) -> Outcome {
        let outside = &self.outside;
        outside.starts.set(outside.starts.get() + 1);
        outside.running.set(outside.running.get() + 1);
        outside.most.set(outside.most.get().max(outside.running.get()));
        if self.dies {
            outside.running.set(0);
            std::future::pending::<()>().await;
        }
        (self.meanwhile)();
        outside.running.set(outside.running.get() - 1);
        Outcome::Applied { serial: Some(1), lineage: None }
    }

    async fn abandon(&self) {
        self.abandoned.set(true);
    }
}

fn holder(ci: bool) -> Holder {
    let run = CiRun {
        system: "github".into(),
        project: "acme/shop".into(),
        run: "77".into(),
        attempt: "1".into(),
        url: String::new(),
    };
    Holder { machine: machine("boot-1"), process: Process { pid: 4242, started: 1 }, ci: ci.then_some(run) }
}

fn request(environment: &str, made_after: u32) -> Request {
    Request {
        facts: Facts {
            environment: environment.into(),
            backend: Backend { kind: "s3".into(), settings: BTreeMap::from([("key".into(), environment.into())]) },
            plan: Digest::of(b"plan"),
            lineage: None,
            serial: None,
            counts: Counts { create: 1, ..Counts::default() },
            tree: Digest::of(b"tree"),
            var_file: None,
            commit: None,
            dirty: true,
            program: "terraform 1.11.4".into(),
        },
        changes: Vec::new(),
        breaking: None,
        agreed: None,
        rules: None,
        made_after,
    }
}

fn desk(world: &World, outside: &Rc<Outside>, who: &str, watch: Rc<dyn LeaseWatch>) -> Desk {
    let actor = Actor { who: who.into(), host: "test".into(), via: "test".into() };
    Desk {
        world: World { actor, ..world.clone() },
        stream: Stream::terraform("shop").expect("a stream"),
        processes: outside.clone(),
        runs: outside.clone(),
        locks: outside.clone(),
        watch,
    }
}

fn apps() -> Vec<App> {
    vec!["app".into()]
}

async fn run(desk: &Desk, request: &Request, waiting: Waiting, script: &Script) -> Result<Applied, LeaseError> {
    apply(desk, &holder(true), request, &apps(), waiting, script, &|_| None).await
}

fn state(desk: &Desk) -> LeaseState {
    block(LeaseSession::load(desk)).expect("readable").state
}

#[track_caller]
fn ended(applied: Result<Applied, LeaseError>) -> Outcome {
    match applied.expect("no error") {
        Applied::Ended(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn busy(applied: Result<Applied, LeaseError>) -> String {
    match applied.expect("no error") {
        Applied::Busy { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

/// Somebody who died: holds the lease and has begun, and does nothing more.
fn leave_behind(small: &Small, outside: &Rc<Outside>, environment: &str) -> Lease {
    let desk = desk(&small.world, outside, "otto", Rc::new(Silent));
    let script = Script { dies: true, ..Script::new(outside) };
    let request = request(environment, state(&desk).last_epoch(&environment.into()));
    assert!(run(&desk, &request, NOW, &script).now_or_never().is_none(), "it died");
    state(&desk).held.expect("left behind")
}

#[test]
fn applies_in_different_environments_do_not_overlap() {
    let (small, outside) = (Small::new(), Outside::new());
    let other = desk(&small.world, &outside, "otto", Rc::new(Silent));
    let meanwhile = {
        let (other, outside) = (other.clone(), Rc::clone(&outside));
        Box::new(move || {
            let why = busy(block(run(&other, &request("prod", 0), NOW, &Script::new(&outside))));
            assert_eq!(why, "it is alive");
        })
    };
    let script = Script { meanwhile, ..Script::new(&outside) };
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    assert_eq!(ended(block(run(&desk, &request("dev", 0), NOW, &script))).word(), "applied");
    assert_eq!(ended(block(run(&other, &request("prod", 0), NOW, &Script::new(&outside)))).word(), "applied");
    assert_eq!((outside.most.get(), outside.starts.get()), (1, 2));
    assert_eq!(state(&desk).applied.len(), 2);
}

/// Frees the lease once somebody has waited this long.
struct FreesAfter {
    ms: u64,
    outside: Rc<Outside>,
    waits: Cell<u32>,
}

impl LeaseWatch for FreesAfter {
    fn see(&self, progress: &LeaseProgress<'_>) {
        if let LeaseProgress::Waiting { waited_ms, why, .. } = progress {
            assert_eq!(*why, "it is alive");
            self.waits.set(self.waits.get() + 1);
            if *waited_ms >= self.ms {
                *self.outside.life.borrow_mut() = Life::Gone;
            }
        }
    }
}

#[test]
fn whoever_waits_gets_the_lease_once_its_holder_is_gone_and_the_lock_is_free() {
    let (small, outside) = (Small::new(), Outside::new());
    leave_behind(&small, &outside, "dev");
    let watch = Rc::new(FreesAfter { ms: 60_000, outside: outside.clone(), waits: Cell::new(0) });
    let desk = desk(&small.world, &outside, "erika", watch.clone());
    let outcome = ended(block(run(&desk, &request("prod", 0), Waiting::default(), &Script::new(&outside))));
    assert_eq!(outcome.word(), "applied");
    assert!((6..20).contains(&watch.waits.get()), "{} waits", watch.waits.get());
    let state = state(&desk);
    assert_eq!((state.epoch, state.last[&Env::from("dev")].outcome.word()), (3, "unknown"));
}

#[test]
fn whoever_plans_waits_for_an_apply_in_the_same_environment_alone_and_takes_over_from_one_that_is_gone() {
    let (small, outside) = (Small::new(), Outside::new());
    leave_behind(&small, &outside, "dev");
    let mine = |watch: Rc<dyn LeaseWatch>, environment: &str, waiting| {
        let desk = desk(&small.world, &outside, "erika", watch);
        match block(turn(&desk, &environment.into(), waiting)).expect("no error") {
            Turn::Free => "free".to_owned(),
            Turn::Busy { why, .. } => why,
            Turn::Stopped => "stopped".to_owned(),
        }
    };
    assert_eq!(mine(Rc::new(Silent), "prod", NOW), "free");
    assert_eq!(mine(Rc::new(Silent), "dev", NOW), "it is alive");
    // A person who asks to stop is heard before the next look is due.
    let before = small.world.clock.now();
    let hour = Waiting { for_ms: 3_600_000, first_poll_ms: 600_000, max_poll_ms: 600_000 };
    assert_eq!(mine(Rc::new(StopsSoon::default()), "dev", hour), "stopped");
    assert!(small.world.clock.now().duration_since(before).as_secs() <= 5);
    let watch = Rc::new(FreesAfter { ms: 60_000, outside: outside.clone(), waits: Cell::new(0) });
    assert_eq!(mine(watch, "dev", Waiting::default()), "free");
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    assert!(state(&desk).held.is_none() && state(&desk).last[&Env::from("dev")].outcome.word() == "unknown");
}

/// Asks to stop when it was asked a few times.
#[derive(Default)]
struct StopsSoon(Cell<u32>);

impl LeaseWatch for StopsSoon {
    fn see(&self, _: &LeaseProgress<'_>) {}

    fn stop_asked(&self) -> bool {
        self.0.set(self.0.get() + 1);
        self.0.get() > 4
    }
}

#[test]
fn no_time_that_passes_takes_a_lease_from_anybody() {
    let (small, outside) = (Small::new(), Outside::new());
    leave_behind(&small, &outside, "dev");
    small.clock.advance(400 * 24 * 3_600_000);
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    let year = Waiting { for_ms: 365 * 24 * 3_600_000, first_poll_ms: 3_600_000, max_poll_ms: 3_600_000 };
    assert_eq!(busy(block(run(&desk, &request("prod", 0), year, &Script::new(&outside)))), "it is alive");
}

#[test]
fn what_can_not_be_told_is_no_evidence() {
    let cases: [(Life, RunState, LockState, &str, &str); 6] = [
        (
            Life::Unknown("denied".into()),
            RunState::Unknown("no token".into()),
            LockState::Free,
            "boot-1",
            "denied; run 77",
        ),
        (Life::Gone, RunState::Running, LockState::Free, "boot-2", "is running"),
        (Life::Gone, RunState::Unknown("no token".into()), LockState::Free, "", "can't be looked for from here"),
        (Life::Gone, RunState::Running, LockState::Held("ID 4711".into()), "boot-1", "still held: ID 4711"),
        (Life::Gone, RunState::Running, LockState::Unknown("denied".into()), "boot-1", "can't be told: denied"),
        (Life::Alive, RunState::Ended("success".into()), LockState::Free, "boot-1", "it is alive"),
    ];
    for (life, run_state, lock, boot, says) in cases {
        let (small, outside) = (Small::new(), Outside::new());
        leave_behind(&small, &outside, "dev");
        *outside.life.borrow_mut() = life;
        *outside.run.borrow_mut() = run_state;
        *outside.lock.borrow_mut() = lock;
        *outside.machine.borrow_mut() = machine(boot);
        let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
        let why = busy(block(run(&desk, &request("prod", 0), NOW, &Script::new(&outside))));
        assert!(why.contains(says), "`{why}` says `{says}`");
        assert_eq!(outside.starts.get(), 1, "only the one that was left behind");
    }
}

#[test]
fn the_end_of_a_ci_run_is_evidence_from_any_machine() {
    let (small, outside) = (Small::new(), Outside::new());
    leave_behind(&small, &outside, "dev");
    *outside.run.borrow_mut() = RunState::Ended("cancelled".into());
    *outside.machine.borrow_mut() = machine("boot-of-a-laptop");
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    assert_eq!(ended(block(run(&desk, &request("prod", 0), NOW, &Script::new(&outside)))).word(), "applied");
}

#[test]
fn a_holder_that_a_person_overruled_before_it_started_starts_nothing() {
    let (small, outside) = (Small::new(), Outside::new());
    let person = desk(&small.world, &outside, "petra", Rc::new(Silent));
    let before = {
        let person = person.clone();
        Box::new(move || {
            let lease = state(&person).held.expect("held");
            let taken = block(overrule(&person, &lease, "wrong branch", "it is alive")).expect("recorded");
            assert_eq!(taken.map(|lease| lease.by), Some("erika".into()));
        })
    };
    let script = Script { before, ..Script::new(&outside) };
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    let error = block(run(&desk, &request("dev", 0), NOW, &script)).expect_err("superseded");
    assert!(matches!(error, LeaseError::Superseded { ours: 1, current: 2 }), "{error}");
    assert!(script.abandoned.get());
    assert_eq!((outside.starts.get(), state(&desk).last.len()), (0, 0));
}

#[test]
fn a_person_overrules_the_lease_that_was_shown_and_no_later_one() {
    let (small, outside) = (Small::new(), Outside::new());
    let shown = leave_behind(&small, &outside, "dev");
    *outside.life.borrow_mut() = Life::Gone;
    small.clock.advance(1_000);
    leave_behind(&small, &outside, "prod");
    let desk = desk(&small.world, &outside, "petra", Rc::new(Silent));
    assert_eq!(block(overrule(&desk, &shown, "it is over", "")).expect("read"), None);
    assert_eq!(state(&desk).held.map(|lease| lease.facts.environment), Some("prod".into()));
}

#[test]
fn a_plan_that_another_apply_overtook_is_outdated_when_the_lease_is_obtained() {
    let (small, outside) = (Small::new(), Outside::new());
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    ended(block(run(&desk, &request("dev", 0), NOW, &Script::new(&outside))));
    let applied = block(run(&desk, &request("dev", 0), NOW, &Script::new(&outside))).expect("no error");
    assert!(matches!(applied, Applied::Outdated { last: 1 }), "{applied:?}");
    ended(block(run(&desk, &request("dev", 1), NOW, &Script::new(&outside))));
}

#[test]
fn what_the_holder_looks_at_again_may_keep_it_from_starting() {
    let (small, outside) = (Small::new(), Outside::new());
    let desk = desk(&small.world, &outside, "erika", Rc::new(Silent));
    let again = |_: &LeaseState| Some("a newer commit was applied".to_owned());
    let script = Script::new(&outside);
    let applied = block(apply(&desk, &holder(false), &request("dev", 0), &apps(), NOW, &script, &again));
    assert_eq!(ended(applied), Outcome::NotStarted { why: "a newer commit was applied".into() });
    let state = state(&desk);
    assert_eq!((outside.starts.get(), state.last_epoch(&"dev".into()), state.held), (0, 0, None));
}

/// A log that dies at one of its appends: before it is written, or after it and unanswered.
struct Dying {
    log: Rc<MemoryLog>,
    passed: Cell<u32>,
    at: u32,
    written: bool,
}

#[async_trait(?Send)]
impl Log for Dying {
    async fn create(&self, key: &str, bytes: Bytes) -> Create {
        self.passed.set(self.passed.get() + 1);
        if self.passed.get() == self.at {
            if self.written {
                self.log.create(key, bytes.clone()).await;
            }
            std::future::pending::<()>().await;
        }
        self.log.create(key, bytes).await
    }
    async fn read(&self, key: &str) -> Result<Option<Bytes>, LogError> {
        self.log.read(key).await
    }
    async fn first(&self, prefix: &str) -> Result<Option<String>, LogError> {
        self.log.first(prefix).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        self.log.list(prefix).await
    }
    async fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        self.log.folders(prefix).await
    }
    fn describe(&self) -> String {
        "dying".to_owned()
    }
}

#[test]
fn a_holder_that_dies_at_any_append_leaves_a_lease_that_the_next_one_can_prove_over() {
    for at in 1..=3 {
        for written in [false, true] {
            let (small, outside) = (Small::new(), Outside::new());
            let log = Rc::new(Dying { log: small.log.clone(), passed: Cell::new(0), at, written });
            let seen = Rc::new(SeenInMemory::default());
            let ledger = block(Ledger::open(log, small.clock.clone(), small.world.ids.clone(), seen)).expect("opened");
            let dying = desk(&World { ledger, ..small.world.clone() }, &outside, "otto", Rc::new(Silent));
            assert!(run(&dying, &request("dev", 0), NOW, &Script::new(&outside)).now_or_never().is_none(), "it died");
            let started = outside.starts.get();
            assert_eq!(started, u32::from(at == 3), "Terraform starts once `Spawning` was read back, and not before");
            *outside.life.borrow_mut() = Life::Gone;
            let next = desk(&small.world, &outside, "erika", Rc::new(Silent));
            let unknown = started == 1 || (at == 2 && written);
            let after = match (at, written) {
                (3, true) => 1,
                _ if unknown => {
                    // The plan that was made before is outdated by what may have been applied.
                    let first = block(run(&next, &request("dev", 0), NOW, &Script::new(&outside))).expect("no error");
                    assert!(matches!(first, Applied::Outdated { last: 1 }), "{first:?}");
                    1
                }
                _ => 0,
            };
            let outcome = ended(block(run(&next, &request("dev", after), NOW, &Script::new(&outside))));
            assert_eq!(outcome.word(), "applied", "died at {at}, written: {written}");
            assert_eq!(outside.starts.get(), started + 1);
            assert_eq!(state(&next).held, None);
        }
    }
}
