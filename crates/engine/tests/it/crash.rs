//! Death at every append and every changing call, with every fate of the call in flight: never sent, done and unanswered, or
//! delivered late, after somebody else took over. Whatever happens, the unit holds and nothing is published twice.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use tiers_core::event::{Answer, Ending};
use tiers_core::id::{Digest, Fingerprint, Token, Version};
use tiers_core::plan::OnFailure;
use tiers_engine::driver::{Claim, DriveError, Driven, Session, World, claim, drive, take_over};
use tiers_engine::ledger::{Ledger, MemoryLog};
use tiers_engine::planner::Goal;
use tiers_engine::port::log::{Create, Log, LogError};
use tiers_engine::port::seen::SeenInMemory;
use tiers_engine::port::target::{
    AliasLook, Form, Invoked, LatestLook, Look, Pointing, Sent, Target, TargetError, VersionLook, Whereabouts,
};

use crate::world::{Small, block};

/// What becomes of the call at whose point the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    NeverSent,
    DoneUnanswered,
    /// Still on its way; it arrives when somebody else has taken over, before anything is fenced.
    AfterTheTakeover,
    /// Still on its way; it arrives when the deployment has ended.
    AfterTheEnd,
}

/// Which way a deployment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Forwards,
    FailsLive,
    /// Whoever takes it over decides to go back.
    ResumedBackwards,
}

const FATES: [Fate; 4] = [Fate::NeverSent, Fate::DoneUnanswered, Fate::AfterTheTakeover, Fate::AfterTheEnd];

/// A call that is on its way.
#[derive(Clone, Debug)]
enum Held {
    Stage { function: String, uri: String, guard: Token },
    Seal { function: String, digest: Digest, description: String, guard: Token },
    Point { function: String, alias: String, to: Pointing, guard: Token },
}

/// Counts points, and dies at one of them by never answering again.
struct Wire {
    passed: Cell<u32>,
    dies_at: u32,
    fate: Fate,
    held: RefCell<Vec<Held>>,
    /// The function whose alias the service will not move.
    immovable: RefCell<Option<String>>,
}

impl Wire {
    /// True at the point of death.
    fn is_death(&self) -> bool {
        self.passed.set(self.passed.get() + 1);
        self.passed.get() == self.dies_at
    }
}

struct WiredLog(Rc<MemoryLog>, Rc<Wire>);

#[async_trait(?Send)]
impl Log for WiredLog {
    async fn create(&self, key: &str, bytes: Bytes) -> Create {
        if self.1.is_death() {
            if self.1.fate == Fate::DoneUnanswered {
                self.0.create(key, bytes.clone()).await;
            }
            std::future::pending::<()>().await;
        }
        self.0.create(key, bytes).await
    }
    async fn read(&self, key: &str) -> Result<Option<Bytes>, LogError> {
        self.0.read(key).await
    }
    async fn first(&self, prefix: &str) -> Result<Option<String>, LogError> {
        self.0.first(prefix).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        self.0.list(prefix).await
    }
    async fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        self.0.folders(prefix).await
    }
    fn describe(&self) -> String {
        "wired".to_owned()
    }
}

struct WiredTarget(Rc<dyn Target>, Rc<Wire>);

impl WiredTarget {
    async fn send(&self, call: Held) -> Sent {
        if self.1.is_death() {
            match self.1.fate {
                Fate::NeverSent => {}
                Fate::DoneUnanswered => drop(deliver(&*self.0, &call).await),
                Fate::AfterTheTakeover | Fate::AfterTheEnd => self.1.held.borrow_mut().push(call),
            }
            std::future::pending::<()>().await;
            unreachable!("the process is dead");
        }
        deliver(&*self.0, &call).await
    }
}

async fn deliver(target: &dyn Target, call: &Held) -> Sent {
    match call {
        Held::Stage { function, uri, guard } => target.stage(function, uri, guard).await,
        Held::Seal { function, digest, description, guard } => target.seal(function, digest, description, guard).await,
        Held::Point { function, alias, to, guard } => target.point(function, alias, to, guard).await,
    }
}

#[async_trait(?Send)]
impl Target for WiredTarget {
    async fn whereabouts(&self) -> Result<Whereabouts, TargetError> {
        self.0.whereabouts().await
    }
    async fn look(&self, function: &str, alias: &str) -> Result<Look, TargetError> {
        self.0.look(function, alias).await
    }
    async fn look_latest(&self, function: &str) -> Result<LatestLook, TargetError> {
        self.0.look_latest(function).await
    }
    async fn look_alias(&self, function: &str, alias: &str) -> Result<AliasLook, TargetError> {
        self.0.look_alias(function, alias).await
    }
    async fn look_version(&self, function: &str, version: &Version) -> Result<VersionLook, TargetError> {
        self.0.look_version(function, version).await
    }
    async fn find_version(
        &self,
        function: &str,
        above: &Version,
        digest: &Digest,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Version>, TargetError> {
        self.0.find_version(function, above, digest, fingerprint).await
    }
    async fn stage(&self, function: &str, uri: &str, guard: &Token) -> Sent {
        let (function, uri, guard) = (function.to_owned(), uri.to_owned(), guard.clone());
        self.send(Held::Stage { function, uri, guard }).await
    }
    async fn seal(&self, function: &str, digest: &Digest, description: &str, guard: &Token) -> Sent {
        let (function, digest, guard) = (function.to_owned(), digest.clone(), guard.clone());
        self.send(Held::Seal { function, digest, description: description.to_owned(), guard }).await
    }
    async fn point(&self, function: &str, alias: &str, to: &Pointing, guard: &Token) -> Sent {
        if self.1.immovable.borrow().as_deref() == Some(function) {
            return Sent { answer: Answer::Refused { why: "too many requests".to_owned() }, version: None };
        }
        let (function, alias, guard) = (function.to_owned(), alias.to_owned(), guard.clone());
        self.send(Held::Point { function, alias, to: to.clone(), guard }).await
    }
    async fn invoke(&self, function: &str, form: &Form, payload: &[u8]) -> Result<Invoked, TargetError> {
        self.0.invoke(function, form, payload).await
    }
}

/// The same world as a process would see it that dies at this point.
fn mortal(small: &Small, dies_at: u32, fate: Fate) -> (World, Rc<Wire>) {
    let wire =
        Rc::new(Wire { passed: Cell::new(0), dies_at, fate, held: RefCell::default(), immovable: RefCell::default() });
    let log = Rc::new(WiredLog(Rc::clone(&small.log), Rc::clone(&wire)));
    let ledger = block(Ledger::open(
        log,
        Rc::clone(&small.world.clock),
        Rc::clone(&small.world.ids),
        Rc::new(SeenInMemory::default()),
    ));
    let target = Rc::new(WiredTarget(Rc::clone(&small.world.target), Rc::clone(&wire)));
    (World { ledger: ledger.expect("the ledger is there"), target, ..small.world.clone() }, wire)
}

/// Plans, claims and drives; `None` when the process died on the way.
fn deploy(small: &Small, world: &World, goal: Goal) -> Option<Ending> {
    let planned = small.plan(&small.wanted("dev", goal));
    let claimed = claim(world, &planned.plan).now_or_never()?;
    let Claim::Claimed(mut session, _) = claimed.expect("no error in a claim") else { panic!("not claimed") };
    match drive(&mut session).now_or_never()?.expect("no error in a drive") {
        Driven::Ended(ended) => Some(ended.ending),
        Driven::AsksPerson(_) => panic!("this environment undoes by itself"),
    }
}

/// Somebody else goes on with what is open, if anything is.
fn resume(world: &World, undo: Option<&str>, between: impl FnOnce()) -> Option<Ending> {
    let mut session = block(Session::load(world, &"dev".into(), &"app".into())).expect("readable");
    session.state.open.as_ref()?;
    assert!(block(take_over(&mut session, "a test resumes", undo)).expect("taken over"));
    between();
    match block(drive(&mut session)).expect("driven") {
        Driven::Ended(ended) => Some(ended.ending),
        Driven::AsksPerson(_) => panic!("this environment undoes by itself"),
    }
}

fn check(small: &Small, allowed: &[Ending], ended: Option<Ending>, what: &str) {
    let state = small.session("dev").state;
    assert!(state.open.is_none(), "{what}: still open");
    if let Some(ended) = ended {
        assert!(allowed.contains(&ended), "{what}: ended {ended:?}: {:?}", state.last);
    }
    let live: BTreeSet<String> = small.live("dev").into_iter().collect();
    assert_eq!(live.len(), 1, "{what}: components on several releases");
    let serving = state.serving.expect("the first release succeeded");
    assert!(live.contains(serving.release.digest.hex()), "{what}: what is live is not what the ledger says");
    for function in ["api-dev", "worker-dev"] {
        let versions = block(tiers_lambda::api::LambdaApi::list_versions(&*small.lambda, function)).expect("versions");
        let mut digests: Vec<&str> = versions.iter().map(|version| version.code_sha256.as_str()).collect();
        let all = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), all, "{what}: {function} has a digest published twice");
    }
}

/// Runs one goal to its death at every point, and resumes; answers how many points there are.
fn matrix(fate: Fate, goal: fn(&Small) -> Goal, way: Way, allowed: &[Ending]) -> u32 {
    for point in 1..500 {
        let small = Small::new();
        small.deploy("dev", Goal::Deploy(small.release("one")));
        small.deploy("dev", Goal::Deploy(small.release("two")));
        if way == Way::FailsLive {
            small.gates.fail("dev", "live", "three");
        }
        let (world, wire) = mortal(&small, point, fate);
        let what = format!("{fate:?} at point {point}");
        if let Some(ended) = deploy(&small, &world, goal(&small)) {
            assert!(wire.passed.get() < point, "{what}: the process outlived its death");
            check(&small, allowed, Some(ended), &what);
            return point - 1;
        }
        let held = wire.held.borrow().clone();
        let target = Rc::clone(&small.world.target);
        let early = || {
            if fate == Fate::AfterTheTakeover {
                held.iter().for_each(|call| drop(block(deliver(&*target, call))));
            }
        };
        let undo = (way == Way::ResumedBackwards).then_some("a test undoes");
        let ended = resume(&small.world, undo, early);
        // The dead process's call arrives now, long after its deployment ended.
        for call in held.iter().filter(|_| fate == Fate::AfterTheEnd) {
            let sent = block(deliver(&*target, call));
            assert!(
                !matches!(sent.answer, tiers_core::event::Answer::Accepted),
                "{what}: a call of a dead owner landed after the end"
            );
        }
        check(&small, allowed, ended, &what);
    }
    panic!("more points than any deployment has");
}

fn third(small: &Small) -> Goal {
    Goal::Deploy(small.release("three"))
}

#[test]
fn a_deployment_killed_anywhere_is_continued_by_anyone() {
    for fate in FATES {
        let points = matrix(fate, third, Way::Forwards, &[Ending::Succeeded]);
        assert!(points > 15, "{points} points are too few for a deployment");
    }
}

#[test]
fn a_deployment_killed_anywhere_on_its_way_back_is_undone_by_anyone() {
    for fate in FATES {
        let points = matrix(fate, third, Way::FailsLive, &[Ending::Failed]);
        assert!(points > 20, "{points} points are too few for a deployment and its undoing");
    }
}

/// Without a fence, going back finds an alias where it was, writes nothing, and the dead owner's call still lands.
#[test]
fn a_deployment_killed_anywhere_and_undone_by_who_takes_it_over_stays_undone() {
    for fate in FATES {
        let points = matrix(fate, third, Way::ResumedBackwards, &[Ending::Failed, Ending::Succeeded]);
        assert!(points > 15, "{points} points are too few for a deployment");
    }
}

#[test]
fn a_rollback_killed_anywhere_is_continued_by_anyone() {
    for fate in FATES {
        let points = matrix(fate, |_| Goal::Rollback { to: None }, Way::Forwards, &[Ending::Succeeded]);
        assert!(points > 6, "{points} points are too few for a rollback");
    }
}

#[test]
fn a_zombie_that_wakes_up_after_it_was_replaced_does_nothing_more() {
    let small = Small::new();
    small.deploy("dev", Goal::Deploy(small.release("one")));
    let planned = small.plan(&small.wanted("dev", Goal::Deploy(small.release("two"))));
    let Claim::Claimed(mut zombie, _) = block(claim(&small.world, &planned.plan)).expect("claimed") else {
        panic!("not claimed");
    };
    assert_eq!(resume(&small.world, None, || ()), Some(Ending::Succeeded));
    let before = small.session("dev").head.expect("a head").hash;
    let woken = block(drive(&mut zombie));
    assert!(matches!(woken, Err(DriveError::Gone(_) | DriveError::Superseded { .. })), "{woken:?}");
    assert_eq!(small.session("dev").head.expect("a head").hash, before, "the zombie wrote to the ledger");
    assert_eq!(small.live("dev"), vec![Digest::of(b"two").hex().to_owned(); 2]);
}

/// Once users may have seen a release, nobody but a person takes it back where the environment says so, also when tries run out.
#[test]
fn a_move_that_is_refused_again_and_again_is_undone_or_left_to_a_person() {
    for on_failure in [OnFailure::Automatic, OnFailure::Manual] {
        let small = Small::new();
        small.deploy("dev", Goal::Deploy(small.release("one")));
        let (world, wire) = mortal(&small, u32::MAX, Fate::NeverSent);
        wire.immovable.replace(Some("worker-dev".to_owned()));
        let mut wanted = small.wanted("dev", Goal::Deploy(small.release("two")));
        wanted.on_failure = on_failure;
        let claimed = block(claim(&world, &small.plan(&wanted).plan)).expect("no error in a claim");
        let Claim::Claimed(mut session, _) = claimed else { panic!("not claimed") };
        let driven = block(drive(&mut session)).expect("driven");
        let open = session.state.open.clone();
        match (on_failure, driven) {
            (OnFailure::Automatic, Driven::Ended(ended)) => {
                assert_eq!(ended.ending, Ending::Errored, "{}", ended.why);
                assert!(ended.why.contains("too many requests"), "{}", ended.why);
            }
            (OnFailure::Manual, Driven::AsksPerson(cause)) => {
                assert!(cause.text().contains("too many requests"), "{cause:?}");
                let open = open.expect("still open");
                assert!(open.waits_for_person() && open.obstacle() == Some(cause));
                assert_ne!(small.live("dev")[0], small.live("dev")[1], "as it was left");
                // Whoever resumes it has it tried again, and what was in its way is gone.
                wire.immovable.replace(None);
                assert_eq!(resume(&world, None, || ()), Some(Ending::Succeeded));
            }
            (_, driven) => panic!("{on_failure:?}: {driven:?}"),
        }
        let live = if on_failure == OnFailure::Manual { "two" } else { "one" };
        assert_eq!(small.live("dev"), vec![Digest::of(live.as_bytes()).hex().to_owned(); 2]);
    }
}
