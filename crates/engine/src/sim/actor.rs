//! What actors do, in the words of the commands that they would type: plan, look what speaks against it, claim, drive. The driver
//! is the real one; the scripts only call it as the program's commands do.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tiers_core::event::{Event, HoldOn, Outcome};
use tiers_core::gate::{At, Effect};
use tiers_core::id::Env;
use tiers_core::plan::ShiftStep;
use tiers_core::redact::Redactor;
use tiers_core::state::EnvState;

use super::base::{self, release, wanted};
use super::cloud::SimLambda;
use super::draw::{LAST, Part, RELEASES, Role, digest, gate};
use super::net::ActorId;
use super::ports::{Nowhere, SimClock, SimIds, SimImages};
use super::rng::Rng;
use super::store::SimLog;
use super::terraform::apply_terraform;
use super::world::{APP, ENVS, Shared};
use crate::driver::{
    Claim, DriveError, Driven, Objection, Progress, Say, Session, Stop, Waits, Watch, World, claim, drive, misplaced,
    preflight, say, take_over,
};
use crate::gates::{GatePlace, RunGates};
use crate::lambda_target::LambdaTarget;
use crate::ledger::Ledger;
use crate::planner::{Goal, PlanError, plan};
use crate::port::clock::Clock;
use crate::port::seen::SeenInMemory;
use crate::port::target::Form;

/// How an actor came to its end.
#[derive(Debug)]
pub enum End {
    /// In the words of its command.
    Said(String),
    /// A revocation was recorded, and whoever stands on it downstream was halted.
    Revoked {
        env: usize,
        release: usize,
    },
    Erred(DriveError),
}

impl From<DriveError> for End {
    fn from(error: DriveError) -> End {
        End::Erred(error)
    }
}

/// Somebody at the keyboard, who may press Ctrl-C.
struct Stopper {
    looks: Cell<u32>,
    stopped: Option<(u32, bool)>,
}

impl Watch for Stopper {
    fn see(&self, _: &Progress<'_>) {}

    fn stop_asked(&self) -> Option<Stop> {
        let (after, undo) = self.stopped?;
        self.looks.set(self.looks.get() + 1);
        (self.looks.get() > after).then_some(if undo { Stop::Undo } else { Stop::Leave })
    }
}

/// One machine: everything that a driver works with, as it reaches it.
async fn machine(shared: &Rc<Shared>, actor: ActorId, role: &Role, rng: &Rng) -> Result<World, End> {
    let who = shared.net.name(actor);
    let applies = shared.drawn.roles.iter().any(|role| role.part == Part::Apply);
    let clock: Rc<dyn Clock> =
        Rc::new(SimClock { net: Rc::clone(&shared.net), actor, wrong_ms: shared.clock_of(actor) });
    let ids = Rc::new(SimIds { who: Rc::clone(&who), drawn: Default::default() });
    let log = Rc::new(SimLog { shared: Rc::clone(shared), actor, rng: rng.fork(1) });
    let seen = Rc::new(SeenInMemory::default());
    let ledger = Ledger::open(log, Rc::clone(&clock), ids.clone(), seen).await.map_err(DriveError::from)?;
    let place = if role.astray { base::elsewhere() } else { base::declared() };
    let plane = shared.plane(place, rng.fork(3));
    let api = Rc::new(SimLambda { shared: Rc::clone(shared), actor, rng: rng.fork(2), plane, astray: role.astray });
    let target = Rc::new(LambdaTarget::new(api, Rc::clone(&clock)));
    let gates = RunGates {
        target: target.clone(),
        probe: Rc::new(Nowhere),
        runner: Rc::new(Nowhere),
        clock: Rc::clone(&clock),
        ids: ids.clone(),
        base_url: None,
        source: None,
        redactor: Redactor::default(),
    };
    Ok(World {
        ledger,
        lease: applies.then(super::terraform::stream),
        clock,
        ids,
        target,
        images: Rc::new(SimImages(Rc::clone(shared))),
        gates: Rc::new(gates),
        watch: Rc::new(Stopper { looks: Cell::new(0), stopped: role.stopped }),
        actor: tiers_core::record::Actor { who: who.to_string(), host: "sim".into(), via: "sim".into() },
        waits: Waits::default(),
    })
}

/// What this actor does, from its beginning to its end.
pub async fn act(shared: Rc<Shared>, actor: ActorId, role: Role, rng: Rng) -> End {
    match perform(&shared, actor, &role, &rng).await {
        Ok(end) | Err(end) => end,
    }
}

async fn perform(shared: &Rc<Shared>, actor: ActorId, role: &Role, rng: &Rng) -> Result<End, End> {
    let world = machine(shared, actor, role, rng).await?;
    let env = role.env;
    match role.part {
        Part::Deploy(number) => deploy(shared, &world, env, Goal::Deploy(release(number))).await,
        Part::ConfigOnly => deploy(shared, &world, env, Goal::ConfigOnly).await,
        Part::Rollback => deploy(shared, &world, env, Goal::Rollback { to: None }).await,
        Part::Resume { undo } => resume(&world, env, undo, false).await,
        Part::ResumeOverdue => resume(&world, env, false, true).await,
        Part::HoldEnvironment => hold(&world, env, HoldOn::Environment).await,
        Part::HoldRelease(number) => hold(&world, env, HoldOn::Release { digest: digest(number) }).await,
        Part::Unhold => unhold(&world, env).await,
        Part::Approve(number) => {
            let event = Event::Approved { digest: digest(number), release: RELEASES[number].into() };
            tell(&world, env, event, &[]).await?;
            Ok(End::Said("approved".to_owned()))
        }
        Part::Revoke(number) => {
            let event = Event::Revoked { digest: digest(number), why: "it misbehaved".to_owned() };
            let downstream: Vec<Env> = ENVS[env + 1..].iter().map(|&name| name.into()).collect();
            tell(&world, env, event, &downstream).await?;
            Ok(End::Revoked { env, release: number })
        }
        Part::VerifyAgain => verify_again(&world, env).await,
        Part::Apply => apply_terraform(shared, &world, actor, env, rng).await,
        Part::Newer => newer(&world, env).await,
        Part::Hand(_) | Part::DeleteImage(_) => Ok(End::Said("done by hand".to_owned())),
    }
}

/// `deploy`, `promote` and `rollback`, as the command does it.
async fn deploy(shared: &Shared, world: &World, env: usize, goal: Goal) -> Result<End, End> {
    let rollback = matches!(goal, Goal::Rollback { .. });
    let mut wanted = wanted(&shared.drawn, env, goal);
    if matches!(&wanted.goal, Goal::Deploy(release) if release.digest == digest(LAST)) {
        // While a canary bakes, the gates at the door are answered by the release before, which may be a bad one.
        (wanted.shift, wanted.weighted) = (vec![ShiftStep { percent: 100, bake_s: 0 }], Vec::new());
    }
    for _ in 0..8 {
        let planned = match plan(world, &wanted).await {
            Ok(planned) => planned,
            Err(PlanError::Drive(error)) => return Err(End::Erred(error)),
            Err(error) => return Ok(End::Said(error.to_string())),
        };
        if planned.unchanged && !rollback {
            return Ok(End::Said("unchanged".to_owned()));
        }
        let objections = preflight(world, &planned.state, &planned.plan).await?;
        if let Some(objection) = objections.first() {
            return Ok(End::Said(objection.text().to_owned()));
        }
        match claim(world, &planned.plan).await? {
            Claim::Claimed(mut session, _) => return finish(&mut session).await,
            Claim::Outdated => {}
            Claim::Busy { id, owner } => return Ok(End::Said(format!("{id} by {owner} is open"))),
        }
    }
    Ok(End::Said("the ledger moved on each time".to_owned()))
}

async fn finish(session: &mut Session) -> Result<End, End> {
    match drive(session).await? {
        Driven::Ended(ended) => Ok(End::Said(format!("{:?}: {}", ended.ending, ended.why))),
        Driven::AsksPerson(cause) => Ok(End::Said(format!("asks a person: {}", cause.text()))),
    }
}

/// `resume`, as the command does it.
async fn resume(world: &World, env: usize, undo: bool, only_overdue: bool) -> Result<End, End> {
    let mut session = Session::load(world, &ENVS[env].into(), &APP.into()).await?;
    let Some(open) = session.state.open.clone() else { return Ok(End::Said("nothing is open".to_owned())) };
    let now = world.clock.now();
    let silent_s = u64::try_from(now.duration_since(open.seen_at).as_secs()).unwrap_or(0);
    let overdue =
        silent_s > open.plan.deadline_s && !open.waits_for_person() || open.unwind_by.is_some_and(|by| now > by);
    if only_overdue && !overdue {
        return Ok(End::Said("nothing is overdue".to_owned()));
    }
    match misplaced(world, &open.plan).await {
        None => {}
        Some(Objection::Unanswered(what)) => return Ok(End::Said(what)),
        Some(objection) => return Ok(End::Said(objection.text().to_owned())),
    }
    let undo = undo.then_some("somebody asked for it");
    if !take_over(&mut session, "somebody resumed it", undo).await? {
        return Ok(End::Said("nothing is open any more".to_owned()));
    }
    finish(&mut session).await
}

async fn tell(world: &World, env: usize, event: Event, downstream: &[Env]) -> Result<Vec<Env>, End> {
    let (environment, app) = (ENVS[env].into(), APP.into());
    Ok(say(world, Say { environment: &environment, app: &app, event, downstream }).await?)
}

async fn hold(world: &World, env: usize, what: HoldOn) -> Result<End, End> {
    let downstream: Vec<Env> = ENVS[env + 1..].iter().map(|&name| name.into()).collect();
    tell(world, env, Event::Held { what, why: "quarter end".to_owned() }, &downstream).await?;
    Ok(End::Said("held".to_owned()))
}

async fn unhold(world: &World, env: usize) -> Result<End, End> {
    let session = Session::load(world, &ENVS[env].into(), &APP.into()).await?;
    for hold in session.state.holds.clone() {
        tell(world, env, Event::Unheld { what: hold.what, why: "over".to_owned() }, &[]).await?;
    }
    Ok(End::Said("unheld".to_owned()))
}

/// `verify --again`: the live gates of what serves are run once more.
async fn verify_again(world: &World, env: usize) -> Result<End, End> {
    let session = Session::load(world, &ENVS[env].into(), &APP.into()).await?;
    let Some(serving) = session.state.serving.clone() else { return Ok(End::Said("nothing serves".to_owned())) };
    let functions = serving
        .components
        .iter()
        .map(|served| (served.component.clone(), (served.function.clone(), Form::Version(served.version.clone()))));
    let place = GatePlace {
        environment: &session.environment,
        app: &session.app,
        release: &serving.release,
        functions: functions.collect(),
    };
    let gate = gate("live", At::Live, Effect::Block);
    let result = world.gates.run(&gate, &place).await;
    let digest = serving.release.digest.clone();
    let event = match result.outcome {
        Outcome::Passed => Event::Verified { digest, results: vec![result] },
        _ => Event::Revoked { digest, why: "its gates no longer pass".to_owned() },
    };
    let downstream: Vec<Env> = ENVS[env + 1..].iter().map(|&name| name.into()).collect();
    tell(world, env, event, &downstream).await?;
    Ok(End::Said("verified again".to_owned()))
}

/// A program of a later version appends a record of a kind that nobody here knows: it may be a hold, or a takeover.
async fn newer(world: &World, env: usize) -> Result<End, End> {
    let session = Session::load(world, &ENVS[env].into(), &APP.into()).await?;
    let state: &EnvState = &session.state;
    let draft = crate::ledger::Draft {
        at: world.clock.now(),
        actor: world.actor.clone(),
        deployment: None,
        epoch: 0,
        event: serde_json::json!({ "kind": "frozen-by-a-newer-program" }),
        state: serde_json::to_value(state).expect("a state is plain data"),
    };
    let appended = world.ledger.append(&session.stream, session.head.as_ref(), draft).await;
    appended.map_err(DriveError::from)?;
    Ok(End::Said("a newer program wrote".to_owned()))
}

/// Brings a healthy release through every environment: takes holds away, goes back to something whole where that is needed.
pub async fn heal(shared: Rc<Shared>, actor: ActorId, role: Role, rng: Rng, number: usize) -> End {
    match healing(&shared, actor, &role, &rng, number).await {
        Ok(end) | Err(end) => end,
    }
}

async fn healing(shared: &Rc<Shared>, actor: ActorId, role: &Role, rng: &Rng, number: usize) -> Result<End, End> {
    let world = machine(shared, actor, role, rng).await?;
    let mut said = BTreeMap::new();
    for env in 0..ENVS.len() {
        unhold(&world, env).await?;
        let mut last = String::new();
        for _ in 0..5 {
            let End::Said(words) = deploy(shared, &world, env, Goal::Deploy(release(number))).await? else { break };
            last = words;
            if last.ends_with("is open") {
                // A zombie woke up and went on with what it was about to do.
                resume(&world, env, true, false).await?;
                continue;
            }
            if last.contains("on different releases") || last.contains("weights") {
                deploy(shared, &world, env, Goal::Rollback { to: None }).await?;
                continue;
            }
            break;
        }
        said.insert(env, last);
    }
    let words: Vec<String> = said.values().cloned().collect();
    Ok(End::Said(words.join(" | ")))
}
