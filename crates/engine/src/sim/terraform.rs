//! Terraform in this world: its processes, the CI that would know of them, the backend's lock, and the applies themselves. The
//! lease is the real one; that two applies never run at once is judged here, by what really runs.

use std::rc::Rc;

use async_trait::async_trait;
use tiers_core::id::{Digest, Env};
use tiers_core::lease::{
    Backend, Child, CiRun, Counts, Facts, Holder, LeaseEvent, LeaseState, Machine, Outcome, Process, Request,
};
use tiers_core::record::Stream;
use tiers_core::state::Meta;

use super::actor::End;
use super::invariant::broken;
use super::net::ActorId;
use super::rng::Rng;
use super::truth::{Broken, Known, Truth};
use super::world::{APP, ENVS, Shared};
use crate::driver::World;
use crate::lease::{Applied, Desk, LeaseError, LeaseSession, Silent, Waiting, apply};
use crate::ledger::Head;
use crate::port::lease::{Applier, BackendLocks, CiRuns, Life, LockState, Processes, RunState};

/// The lease's stream.
pub fn stream() -> Stream {
    Stream::terraform("project").expect("a name")
}

/// An apply that was started.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    pub actor: ActorId,
    pub env: usize,
    pub until_ms: u64,
}

/// A record of the lease's stream, as it lies in the store.
#[derive(Clone, Debug)]
pub struct KnownLease {
    pub head: Head,
    pub state: Rc<LeaseState>,
    pub at_ms: u64,
}

/// The machines and their processes, the CI and the backends: one truth, asked by one actor. What is sometimes not to be told is
/// decided by the actor's own draws.
pub struct Outside {
    pub shared: Rc<Shared>,
    pub actor: ActorId,
    pub rng: Rng,
}

/// Two actors in three share a machine; the others run in containers of their own.
fn machine_of(actor: ActorId) -> Machine {
    let namespace = if actor.is_multiple_of(3) { format!("pid:{actor}") } else { "pid:0".to_owned() };
    Machine { host: "runner".into(), boot: "boot".into(), namespace }
}

fn process_of(actor: ActorId) -> Process {
    Process { pid: u32::try_from(actor).unwrap_or(0), started: 1 }
}

fn backend(env: usize) -> Backend {
    Backend { kind: "s3".into(), settings: [("key".to_owned(), ENVS[env].to_owned())].into() }
}

impl Shared {
    /// The applies that run at this moment. A child dies with its process, and goes on while that is only stopped.
    fn applies(&self, truth: &Truth) -> Vec<Running> {
        let runs = |one: &&Running| one.until_ms > self.net.now_ms() && !self.net.is_dead(one.actor);
        truth.running.iter().filter(runs).copied().collect()
    }

    /// A record of the lease's stream landed.
    pub fn lease_landed(&self, head: Head) {
        let parsed = serde_json::from_value::<LeaseState>(head.record.state.clone());
        let event = serde_json::from_value::<LeaseEvent>(head.record.event.clone());
        let mut truth = self.truth.borrow_mut();
        let (Ok(state), Ok(event)) = (parsed, event) else {
            return truth.hold_to(Err(broken("ledger-chain", "a record of the lease can't be read".to_owned())));
        };
        let who = &head.record.actor.who;
        self.net.tell(|| format!("terraform #{} by {who}/{}: {:?}", head.seq, head.record.epoch, event.kind()));
        let empty = LeaseState::default();
        let before = truth.lease.last().map_or(&empty, |known| &*known.state);
        let meta = Meta { by: who, at: head.record.at, deployment: None, epoch: head.record.epoch };
        let kept = match before.apply(&event, &meta) {
            Ok(folded) if folded == state => Ok(()),
            Ok(_) => Err(broken("ledger-chain", format!("the lease's state in record {} is not its fold", head.seq))),
            Err(error) => Err(broken("ledger-chain", format!("record {} of the lease: {error}", head.seq))),
        };
        truth.hold_to(kept);
        let at_ms = self.net.now_ms();
        truth.lease.push(KnownLease { head, state: Rc::new(state), at_ms });
    }
}

/// **one-apply**, what deployments do: none moves traffic in an environment where an apply has been in flight since before the move
/// was intended.
pub fn no_apply_in_the_way(truth: &Truth, env: usize, intended_ms: u64) -> Result<(), Broken> {
    let Some(now) = truth.lease.last() else { return Ok(()) };
    let name = Env::from(ENVS[env]);
    let since = truth.lease.iter().rev().take_while(|known| known.state.epoch == now.state.epoch).last();
    let earlier = since.is_some_and(|since| since.at_ms < intended_ms);
    match now.state.in_flight(&name) {
        Some(lease) if earlier => {
            let what = format!("traffic moves in {} while {} applies Terraform there", ENVS[env], lease.by);
            Err(broken("one-apply", what))
        }
        _ => Ok(()),
    }
}

/// **one-apply**, what applies do: Terraform starts once every deployment that was open when its lease was acquired has ended.
fn nothing_goes_back(truth: &Truth, env: usize) -> Result<(), Broken> {
    let (Some(lease), Some(now)) = (truth.lease.last(), truth.streams[env].last()) else { return Ok(()) };
    let Some(open) = &now.state.open else { return Ok(()) };
    let acquired = truth.lease.iter().rev().take_while(|known| known.state.epoch == lease.state.epoch).last();
    let is_same = |known: &&Rc<Known>| known.state.open.as_ref().is_some_and(|other| other.id == open.id);
    let claimed = truth.streams[env].iter().find(is_same);
    match (acquired, claimed) {
        (Some(acquired), Some(claimed)) if claimed.at_ms < acquired.at_ms => {
            let what = format!("Terraform starts in {} while deployment {} is open there", ENVS[env], open.id);
            Err(broken("one-apply", what))
        }
        _ => Ok(()),
    }
}

#[async_trait(?Send)]
impl Processes for Outside {
    fn machine(&self) -> Machine {
        machine_of(self.actor)
    }

    async fn look(&self, holder: &Holder, _: Option<&Child>) -> Life {
        self.shared.net.sleep(self.actor, self.rng.between(1, 20)).await;
        let actor = holder.process.pid as ActorId;
        match self.shared.net.is_dead(actor) || self.shared.is_over(actor) {
            true => Life::Gone,
            false => Life::Alive,
        }
    }
}

#[async_trait(?Send)]
impl CiRuns for Outside {
    async fn state(&self, run: &CiRun) -> RunState {
        self.shared.net.sleep(self.actor, self.rng.between(1, 400)).await;
        let actor: ActorId = run.run.parse().unwrap_or(0);
        if self.rng.below(5) == 0 {
            return RunState::Unknown("503".to_owned());
        }
        match self.shared.net.is_dead(actor) || self.shared.is_over(actor) {
            true => RunState::Ended("failure".to_owned()),
            false => RunState::Running,
        }
    }
}

#[async_trait(?Send)]
impl BackendLocks for Outside {
    async fn state(&self, environment: &Env, _: &Backend) -> LockState {
        self.shared.net.sleep(self.actor, self.rng.between(1, 200)).await;
        if self.rng.below(8) == 0 {
            return LockState::Unknown("no answer".to_owned());
        }
        let truth = self.shared.truth.borrow();
        let held = self.shared.applies(&truth).iter().any(|one| ENVS[one.env] == environment.as_str());
        if held { LockState::Held("lock".to_owned()) } else { LockState::Free }
    }
}

/// Terraform for one apply.
struct Terraform {
    shared: Rc<Shared>,
    actor: ActorId,
    env: usize,
    takes_ms: u64,
    fails: bool,
}

#[async_trait(?Send)]
impl Applier for Terraform {
    async fn prepare(&self) -> Result<Child, String> {
        self.shared.net.sleep(self.actor, 5).await;
        Ok(Child { group: process_of(self.actor).pid, leader: process_of(self.actor) })
    }

    async fn start(&self) -> Outcome {
        // The process may be stopped, or die, before it lets Terraform go.
        self.shared.net.sleep(self.actor, 1).await;
        let now_ms = self.shared.net.now_ms();
        {
            let mut truth = self.shared.truth.borrow_mut();
            // **one-apply**: no other apply that tiers started is in flight in the project, in whatever environment.
            let kept = match self.shared.applies(&truth).first() {
                None => Ok(()),
                Some(other) => {
                    let names = (self.shared.net.name(self.actor), self.shared.net.name(other.actor));
                    let what = format!(
                        "{} starts Terraform in {} while that of {} runs in {}",
                        names.0, ENVS[self.env], names.1, ENVS[other.env]
                    );
                    Err(broken("one-apply", what))
                }
            };
            truth.hold_to(kept);
            let kept = nothing_goes_back(&truth, self.env);
            truth.hold_to(kept);
            truth.running.push(Running { actor: self.actor, env: self.env, until_ms: now_ms + self.takes_ms });
            truth.tally.applies += 1;
        }
        self.shared
            .net
            .tell(|| format!("{} runs Terraform for {} ms", self.shared.net.name(self.actor), self.takes_ms));
        self.shared.net.sleep(self.actor, self.takes_ms).await;
        match self.fails {
            true => Outcome::Failed { why: "a resource could not be made".to_owned(), lineage: None },
            false => Outcome::Applied { serial: Some(1), lineage: None },
        }
    }

    async fn abandon(&self) {}
}

/// `tf apply`, from a plan that was made a moment ago.
pub async fn apply_terraform(
    shared: &Rc<Shared>,
    world: &World,
    actor: ActorId,
    env: usize,
    rng: &Rng,
) -> Result<End, End> {
    let outside = Rc::new(Outside { shared: Rc::clone(shared), actor, rng: rng.fork(11) });
    let desk = Desk {
        world: world.clone(),
        stream: stream(),
        processes: outside.clone(),
        runs: outside.clone(),
        locks: outside,
        watch: Rc::new(Silent),
    };
    let seen = match LeaseSession::load(&desk).await {
        Ok(session) => session.state,
        Err(error) => return erred(error),
    };
    let ci = rng.chance(50).then(|| CiRun {
        system: "github".into(),
        project: "team/app".into(),
        run: actor.to_string(),
        attempt: "1".into(),
        url: String::new(),
    });
    let holder = Holder { machine: machine_of(actor), process: process_of(actor), ci };
    let facts = Facts {
        environment: ENVS[env].into(),
        backend: backend(env),
        plan: Digest::of(b"plan"),
        lineage: None,
        serial: None,
        counts: Counts { update: 1, ..Counts::default() },
        tree: Digest::of(b"tree"),
        var_file: None,
        commit: None,
        dirty: false,
        program: "terraform".into(),
    };
    let request = Request {
        made_after: seen.last_epoch(&facts.environment),
        facts,
        changes: Vec::new(),
        breaking: None,
        agreed: None,
        rules: None,
    };
    let waiting = Waiting { for_ms: rng.between(0, 120_000), ..Waiting::default() };
    let applier =
        Terraform { shared: Rc::clone(shared), actor, env, takes_ms: rng.between(500, 300_000), fails: rng.chance(20) };
    match apply(&desk, &holder, &request, &[APP.into()], waiting, &applier, &|_| None).await {
        Ok(Applied::Ended(outcome)) => Ok(End::Said(format!("terraform: {}", outcome.word()))),
        Ok(other) => Ok(End::Said(format!("terraform: {other:?}"))),
        Err(error) => erred(error),
    }
}

fn erred(error: LeaseError) -> Result<End, End> {
    match error {
        LeaseError::Stream(error) => Err(End::Erred(error)),
        LeaseError::Ledger(error) => Err(End::Erred(error.into())),
        LeaseError::Endless(times) => Err(End::Erred(crate::driver::DriveError::Endless(times))),
        other => Ok(End::Said(other.to_string())),
    }
}
