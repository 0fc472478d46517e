//! The search itself: what may happen in a state, and the state after it.

use stateright::{Model, Property};
use tiers_core::event::{Cause, Event, GateResult, HoldOn, Outcome, Resource, Step};
use tiers_core::gate::{At, Effect as GateEffect};
use tiers_core::id::DeploymentId;
use tiers_core::plan::{Kind, Plan};

use crate::bounds::{Bounds, Broken, Job};
use crate::fold::{Effect, Fact, Ledger, Writer};
use crate::place::{Answer, Pointer};
use crate::promises;
use crate::stage;
use crate::work::{Begun, Bench, MOST_CALLS};
use crate::world::{Action, Flying, Hand, Left, MOST_PROCESSES, NOBODY, Place, Process, Takeover, Then, World, Wrong};

/// A search within these bounds.
pub struct Deployers {
    pub bounds: Bounds,
    pub ledger: Ledger,
    pub bench: Bench,
}

impl Deployers {
    pub fn new(bounds: Bounds) -> Deployers {
        Deployers { bounds, ledger: Ledger::new(bounds.broken), bench: Bench::new(bounds.broken) }
    }

    /// The folded state of the environment's stream.
    pub fn fact(&self, world: &World) -> std::sync::Arc<Fact> {
        self.ledger.get(world.ledger)
    }

    fn gone(world: &mut World, process: usize) {
        // Nobody waits for the answers any more.
        for flying in world.flying.iter_mut().filter(|flying| usize::from(flying.by) == process) {
            (flying.by, flying.index) = (NOBODY, 0);
        }
        world.processes[process] = Process { at: Place::Gone, ..Process::default() };
    }

    fn writer(world: &World, process: usize) -> Writer {
        Writer::Process(u8::try_from(process).expect("few processes"), world.processes[process].owned)
    }

    /// Reads the head again; false, and gone, where the deployment is no longer this process's.
    fn reload(&self, world: &mut World, process: usize) -> bool {
        let own = self.fact(world).open == world.processes[process].owned;
        if own {
            world.processes[process].known = world.ledger;
            world.processes[process].current = true;
        } else {
            Self::gone(world, process);
        }
        own
    }

    /// The head moves to this state; whoever knew the head before no longer does.
    fn put(world: &mut World, state: u32, by: Option<usize>) {
        world.ledger = state;
        for process in &mut world.processes {
            process.current = false;
        }
        if let Some(process) = by {
            world.processes[process].known = state;
            world.processes[process].current = true;
        }
    }

    /// Somebody without a process appends.
    fn say(&self, world: &mut World, event: Event) {
        match self.ledger.apply(world.ledger, self.ledger.event(event), Writer::Anyone) {
            Some(state) => Self::put(world, state, None),
            None => world.wrong = Some(Wrong::Illegal),
        }
    }

    /// One append: create-if-absent behind the head that the process knows.
    fn append(&self, world: &mut World, process: usize, event: u32, fact: bool, then: Then) {
        let known = world.processes[process].known;
        let Some(after) = self.ledger.apply(known, event, Self::writer(world, process)) else {
            world.wrong = Some(Wrong::Illegal);
            return;
        };
        if !world.processes[process].current {
            if self.reload(world, process) {
                world.processes[process].at = if fact { Place::Append { event, fact, then } } else { Place::Ready };
            }
            return;
        }
        if self.ledger.get(known).oversteps(&self.ledger.event_of(event)) {
            world.wrong = Some(Wrong::Overstep);
        }
        Self::put(world, after, Some(process));
        let open = self.ledger.get(after).open;
        if open != world.processes[process].owned {
            Self::gone(world, process);
            return;
        }
        world.processes[process].at = self.follow(world, process, then);
    }

    fn follow(&self, world: &mut World, process: usize, then: Then) -> Place {
        match then {
            Then::Ready => Place::Ready,
            Then::Guard { work } => {
                let shift = matches!(self.bench.get(work).step, Step::Shift { .. });
                world.processes[process].stale_evidence = shift && self.upstream_is_bad(world);
                match shift {
                    true => Place::ReadUpstream { work },
                    false => Place::ReadHead { work },
                }
            }
            Then::Stop => {
                let fact = self.ledger.get(world.processes[process].known);
                let open = fact.state.open.as_ref().expect("it is this process's own");
                let event = self.ledger.event(open.stopped_by(Cause::Rule { what: "revoked".to_owned() }));
                Place::Append { event, fact: false, then: Then::Ready }
            }
            Then::Bake { step } => Place::Bake { step },
            Then::Baked { step } => {
                let fact = self.ledger.get(world.processes[process].known);
                if fact.state.open.as_ref().is_some_and(|open| open.cause.is_some()) {
                    return Place::Ready;
                }
                let event = self.ledger.event(Event::Baked { step: usize::from(step) });
                Place::Append { event, fact: false, then: Then::Ready }
            }
        }
    }

    fn upstream_is_bad(&self, world: &World) -> bool {
        self.ledger.get(world.upstream).state.passes(&stage::digest(stage::NEW)).is_err()
    }

    /// The evidence as a deployer reads it after its claim.
    fn reads_bad_evidence(&self, world: &World, plan: &Plan) -> bool {
        // The broken one read it before the claim, found it good, and does not read it again.
        self.bounds.broken != Some(Broken::UpstreamBeforeClaim)
            && plan.kind != Kind::Rollback
            && self.upstream_is_bad(world)
    }

    fn plan(&self, world: &mut World, process: usize) {
        let fact = self.fact(world);
        let rolls_back = process > 0 || self.bounds.job == Job::Rollback;
        let speaks_against = !rolls_back && (fact.state.held().is_some() || self.upstream_is_bad(world));
        let held = fact.state.held_release(&stage::digest(stage::NEW)).is_some();
        let weighted = world.functions.iter().any(|function| function.alias.percent > 0);
        let codes = world.functions.map(|function| function.version(function.alias.version).code);
        let mixed = codes[0] != codes[1];
        if speaks_against || !rolls_back && (held || weighted || mixed) {
            Self::gone(world, process);
            return;
        }
        let back_to = rolls_back.then(|| self.way_back(&fact, world));
        let id = DeploymentId(process.to_string());
        let plan = Box::new(stage::plan(&self.bounds, &world.functions, back_to));
        let event = self.ledger.event(Event::Claimed { id, plan });
        let number = u8::try_from(process).expect("few processes");
        let owned = Some((number, 0));
        world.processes[process] =
            Process { at: Place::Claim { event }, known: world.ledger, current: true, owned, stale_evidence: false };
    }

    /// Where a rollback goes, as the planner decides it: what serves by the ledger where that is not what is live or the last
    /// deployment ended Stuck, the success before it elsewhere.
    fn way_back(&self, fact: &Fact, world: &World) -> (u8, [u8; 2]) {
        let astray = (0..2).any(|index| {
            let alias = world.functions[index].alias;
            alias.version != fact.serving[index].0 || alias.percent > 0
        });
        let stuck = astray || fact.ending == Some(tiers_core::event::Ending::Stuck);
        let serving = fact.state.serving.iter().filter(|_| stuck).chain(&fact.state.previous);
        let target = serving.into_iter().next().or(fact.state.serving.as_ref()).expect("something serves");
        let version = |index: usize| stage::number(target.components[index].version.as_str());
        (stage::code_of(&target.release.digest), [version(0), version(1)])
    }

    /// The check after the claim, or after a takeover.
    fn check(&self, world: &World, fact: &Fact) -> Event {
        let open = fact.state.open.as_ref().expect("it is this process's own");
        let plan = &open.plan;
        let fresh = open.phase == tiers_core::deployment::Phase::Claimed;
        let forwards = plan.kind != Kind::Rollback;
        let held = fact.state.held().is_some() || fact.state.held_release(&plan.release.digest).is_some();
        let changed = fresh && (0..2).any(|index| self.changed(world, plan, index));
        let objection = if forwards && held {
            Some("held")
        } else if self.reads_bad_evidence(world, plan) {
            Some("revoked")
        } else if changed {
            Some("changed")
        } else {
            None
        };
        match objection {
            None => Event::Checked { heads: Default::default(), note: String::new() },
            Some(why) if fresh => Event::Refused { why: why.to_owned() },
            Some(why) => open.stopped_by(Cause::Rule { what: why.to_owned() }),
        }
    }

    /// What the plan was made from is no longer so.
    fn changed(&self, world: &World, plan: &Plan, index: usize) -> bool {
        let (planned, function) = (&plan.components[index], &world.functions[index]);
        let latest = stage::latest_look(function);
        let alias = stage::alias_look(function, &self.ledger.marks);
        alias.version != planned.before.version
            || alias.weights != planned.before.weights
            || latest.digest != planned.before.latest_digest
            || planned.target_version.is_none() && latest.fingerprint != planned.fingerprint
    }

    /// Begins what comes next.
    fn ready(&self, world: &mut World, process: usize) {
        let known = world.processes[process].known;
        let fact = self.ledger.get(known);
        let place = match fact.effect.as_ref().expect("it is this process's own") {
            Effect::Check => {
                let event = self.ledger.event(self.check(world, &fact));
                Place::Append { event, fact: false, then: Then::Ready }
            }
            // Its own intent has an outcome before it asks what is next, and a takeover makes late calls of somebody else's.
            Effect::Settle => {
                world.wrong = Some(Wrong::Illegal);
                return;
            }
            Effect::Work(effect) => {
                let current = self.fact(world).open == world.processes[process].owned;
                if *effect == tiers_core::next::NextEffect::LastLook && current {
                    world.by_hand_since = [false; 2];
                }
                match self.bench.begin(&self.ledger, known, &world.functions) {
                    Begun::Settled(event) => Place::Append { event, fact: true, then: Then::Ready },
                    Begun::Intend(work) => {
                        let event = self.bench.get(work).intended;
                        Place::Append { event, fact: false, then: Then::Guard { work } }
                    }
                }
            }
            Effect::Gates(at) => Place::Gates { at: *at, tokens: Self::tokens(world, *at), bake: None },
            Effect::Bake(step) => {
                let event = self.ledger.event(Event::Baking { step: *step, unwind_by: jiff::Timestamp::UNIX_EPOCH });
                let step = u8::try_from(*step).expect("few steps");
                return self.append(world, process, event, false, Then::Bake { step });
            }
            Effect::Record(event) => return self.append(world, process, *event, false, Then::Ready),
            Effect::AskPerson => return Self::gone(world, process),
        };
        world.processes[process].at = place;
    }

    fn tokens(world: &World, at: At) -> [u8; 2] {
        match at {
            At::Before | At::Published => [0; 2],
            At::Staged => world.functions.map(|function| function.token),
            At::Live => world.functions.map(|function| function.alias_token),
        }
    }

    fn gates_ran(&self, world: &mut World, process: usize, passed: bool) {
        let Place::Gates { at, tokens, bake } = world.processes[process].at else { return };
        let again = match bake {
            Some(step) => Place::Bake { step },
            None => Place::Ready,
        };
        // Something moved meanwhile: they say nothing, and run again.
        if Self::tokens(world, at) != tokens {
            world.processes[process].at = again;
            return;
        }
        let gate = if at == At::Live { "live" } else { "staged" };
        let result = GateResult {
            gate: gate.to_owned(),
            at,
            effect: GateEffect::Block,
            outcome: if passed { Outcome::Passed } else { Outcome::Failed },
            detail: String::new(),
            output: String::new(),
            duration_ms: 0,
        };
        let event = self.ledger.event(Event::Gated { at, results: vec![result], steady: true });
        let then = bake.map_or(Then::Ready, |step| Then::Baked { step });
        world.processes[process].at = Place::Append { event, fact: true, then };
    }

    /// The next thing that a process does.
    fn step(&self, world: &mut World, process: usize) {
        match world.processes[process].at {
            Place::NotStarted | Place::Gone => {}
            Place::Claim { event } => {
                if world.processes[process].current {
                    self.append(world, process, event, false, Then::Ready);
                } else {
                    // Busy, or an outdated plan: it would make another one, and be another deployer.
                    Self::gone(world, process);
                }
            }
            Place::Ready => self.ready(world, process),
            Place::Append { event, fact, then } => self.append(world, process, event, fact, then),
            Place::ReadUpstream { work } => {
                let fact = self.ledger.get(world.processes[process].known);
                let open = fact.state.open.as_ref().expect("it is this process's own");
                let ruled = matches!(open.cause, Some(Cause::Rule { .. })) && open.plan.kind != Kind::Rollback;
                world.processes[process].at = if ruled || self.reads_bad_evidence(world, &open.plan) {
                    Place::Append { event: self.bench.get(work).not_sent, fact: true, then: Then::Stop }
                } else {
                    Place::ReadHead { work }
                };
            }
            Place::ReadHead { work } => {
                if world.processes[process].current {
                    world.processes[process].at = Place::Send { work };
                } else if self.reload(world, process) {
                    let event = self.bench.get(work).not_sent;
                    world.processes[process].at = Place::Append { event, fact: true, then: Then::Ready };
                }
            }
            Place::Send { work } => self.send(world, process, work),
            Place::Wait { work, answers } => {
                let known = world.processes[process].known;
                let event = self.bench.conclude(&self.ledger, known, work, &world.functions, answers);
                world.processes[process].at = Place::Append { event, fact: true, then: Then::Ready };
            }
            Place::Gates { .. } => self.gates_ran(world, process, true),
            Place::Bake { step } => {
                let known = world.processes[process].current || self.reload(world, process);
                if !known {
                    return;
                }
                let fact = self.ledger.get(world.processes[process].known);
                let cause = fact.state.open.as_ref().is_some_and(|open| open.cause.is_some());
                let tokens = Self::tokens(world, At::Live);
                world.processes[process].at =
                    if cause { Place::Ready } else { Place::Gates { at: At::Live, tokens, bake: Some(step) } };
            }
        }
    }

    fn send(&self, world: &mut World, process: usize, work: u32) {
        let fact = self.ledger.get(world.processes[process].known);
        let open = fact.state.open.as_ref().expect("it is this process's own");
        let made = self.bench.get(work);
        let moves = matches!(made.step, Step::Shift { .. }) && open.plan.kind != Kind::Rollback;
        if moves && (world.processes[process].stale_evidence || open.must_check) {
            world.wrong = Some(Wrong::Evidence);
        }
        world.processes[process].stale_evidence = false;
        let mut answers = [Answer::Refused; MOST_CALLS];
        for (index, call) in made.calls.iter().enumerate() {
            let mut call = *call;
            if self.bounds.broken == Some(Broken::FreshTokens) {
                let function = &world.functions[usize::from(call.function)];
                call.token = match call.resource() {
                    Resource::Function => function.token,
                    Resource::Alias => function.alias_token,
                };
            }
            answers[index] = Answer::Awaited;
            let (by, index) = (u8::try_from(process).expect("few"), u8::try_from(index).expect("few"));
            world.flying.push(Flying { call, by, index });
        }
        world.processes[process].at = Place::Wait { work, answers };
    }

    fn land(&self, world: &mut World, flying: Flying) {
        let index = usize::from(flying.call.function);
        let theirs = world.functions[index].code == stage::THEIRS;
        let answer = world.functions[index].land(&flying.call);
        // What was there when the plan was made stands in the plan, and may be replaced.
        let planned = || {
            let plan = self.fact(world).state.open.as_ref().map(|open| open.plan.clone());
            plan.is_some_and(|plan| plan.components[index].before.latest_digest == stage::digest(stage::THEIRS))
        };
        if theirs && world.functions[index].code != stage::THEIRS && !planned() {
            world.wrong = Some(Wrong::Trampled);
        }
        if let Some(at) = world.flying.iter().position(|one| *one == flying) {
            world.flying.remove(at);
        }
        if flying.by == NOBODY {
            return;
        }
        if let Place::Wait { answers, .. } = &mut world.processes[usize::from(flying.by)].at {
            answers[usize::from(flying.index)] = answer;
        }
    }

    fn give_up(world: &mut World, process: usize) {
        world.left.lost_answers -= 1;
        if let Place::Wait { answers, .. } = &mut world.processes[process].at {
            for answer in answers.iter_mut().filter(|answer| **answer == Answer::Awaited) {
                *answer = Answer::Unclear;
            }
        }
        for flying in world.flying.iter_mut().filter(|flying| usize::from(flying.by) == process) {
            (flying.by, flying.index) = (NOBODY, 0);
        }
    }

    fn take_over(&self, world: &mut World, process: usize, why: Takeover) {
        let fact = self.fact(world);
        let Some((deployment, epoch)) = fact.open else { return };
        let undoing = fact.state.open.as_ref().is_some_and(|open| open.is_undoing());
        let undo = match why {
            Takeover::GoOn => None,
            Takeover::GoBack => Some(Cause::Person { why: String::new() }),
            Takeover::Overdue => Some(Cause::Overdue { what: String::new() }),
        };
        let event = Event::TakenOver { why: String::new(), undo: undo.filter(|_| !undoing) };
        let number = u8::try_from(process).expect("few processes");
        let writer = Writer::Process(number, None);
        let Some(after) = self.ledger.apply(world.ledger, self.ledger.event(event), writer) else {
            world.wrong = Some(Wrong::Illegal);
            return;
        };
        Self::put(world, after, Some(process));
        world.processes[process].owned = Some((deployment, epoch + 1));
        world.processes[process].at = Place::Ready;
    }

    fn by_hand(&self, world: &mut World, function: usize, hand: Hand) {
        world.left.hands -= 1;
        let one = &mut world.functions[function];
        let here = |version| Pointer { version, ..Pointer::default() };
        match hand {
            Hand::AliasToEarlier => one.point(here(1)),
            Hand::AliasToNewest => one.point(here(one.count)),
            Hand::OtherCode => {
                one.code = stage::THEIRS;
                one.token += 1;
            }
            Hand::OtherSettings => {
                one.settings += 1;
                one.token += 1;
            }
        }
        if matches!(hand, Hand::AliasToEarlier | Hand::AliasToNewest) {
            world.by_hand[function] = true;
            world.by_hand_since[function] = true;
        }
    }

    fn revoke(&self, world: &mut World) {
        world.revoked += 1;
        let digest = stage::digest(stage::NEW);
        if world.revoked == 1 {
            let event = self.ledger.event(Event::Revoked { digest, why: String::new() });
            match self.ledger.apply(world.upstream, event, Writer::Anyone) {
                Some(state) => world.upstream = state,
                None => world.wrong = Some(Wrong::Illegal),
            }
            return;
        }
        let fact = self.fact(world);
        if fact.state.open.as_ref().is_some_and(|open| open.plan.release.digest == digest) {
            self.say(world, Event::Halted { why: "revoked".to_owned() });
        }
    }

    /// What a process may do.
    fn actions_of(&self, world: &World, process: usize, actions: &mut Vec<Action>) {
        let number = u8::try_from(process).expect("few processes");
        match world.processes[process].at {
            Place::Gone => {}
            Place::NotStarted => self.beginnings(world, process, actions),
            Place::Wait { answers, .. } if answers.contains(&Answer::Awaited) => {
                if world.left.lost_answers > 0 {
                    actions.push(Action::GiveUp { process: number });
                }
            }
            Place::Gates { .. } => {
                actions.push(Action::Step { process: number });
                if world.left.failing_gates > 0 {
                    actions.push(Action::GatesFail { process: number });
                }
            }
            _ => actions.push(Action::Step { process: number }),
        }
    }

    fn beginnings(&self, world: &World, process: usize, actions: &mut Vec<Action>) {
        let number = u8::try_from(process).expect("few processes");
        // Those who take over are alike, so they come in order.
        let is_first = process == 0;
        let takes_over = !is_first && process <= usize::from(self.bounds.takeovers);
        let fact = self.fact(world);
        if takes_over {
            let before = process == 1 || world.processes[process - 1].at != Place::NotStarted;
            if fact.open.is_some() && before {
                for why in [Takeover::GoOn, Takeover::GoBack] {
                    actions.push(Action::TakeOver { process: number, why });
                }
                if fact.state.open.as_ref().is_some_and(|open| open.unwind_by.is_some()) {
                    actions.push(Action::TakeOver { process: number, why: Takeover::Overdue });
                }
            }
        } else if is_first || fact.open.is_none() && fact.ending.is_some() {
            actions.push(Action::Plan { process: number });
        }
    }
}

impl Model for Deployers {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            ledger: self.ledger.state(stage::environment()),
            upstream: self.ledger.state(stage::upstream()),
            functions: stage::functions(&self.ledger.marks),
            flying: Vec::new(),
            processes: [Process::default(); MOST_PROCESSES],
            left: Left {
                lost_answers: self.bounds.lost_answers,
                failing_gates: self.bounds.failing_gates,
                hands: self.bounds.hands,
                holds: self.bounds.holds,
            },
            revoked: 0,
            by_hand: [false; 2],
            by_hand_since: [false; 2],
            wrong: None,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        // What comes after a broken promise tells nothing more.
        if world.wrong.is_some() {
            return;
        }
        for process in 0..self.bounds.processes() {
            self.actions_of(world, process, actions);
        }
        for (index, flying) in world.flying.iter().enumerate() {
            if index == 0 || world.flying[index - 1] != *flying {
                actions.push(Action::Land { flying: *flying });
            }
        }
        if world.left.hands > 0 {
            for function in 0..2 {
                for hand in [Hand::AliasToEarlier, Hand::AliasToNewest, Hand::OtherCode, Hand::OtherSettings] {
                    actions.push(Action::Hand { function, hand });
                }
            }
        }
        if world.left.holds > 0 {
            actions.push(Action::Hold);
        }
        if self.bounds.revocation && world.revoked < 2 {
            actions.push(Action::Revoke);
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Plan { process } => self.plan(&mut world, usize::from(process)),
            Action::TakeOver { process, why } => self.take_over(&mut world, usize::from(process), why),
            Action::Step { process } => self.step(&mut world, usize::from(process)),
            Action::GatesFail { process } => {
                world.left.failing_gates -= 1;
                self.gates_ran(&mut world, usize::from(process), false);
            }
            Action::GiveUp { process } => Self::give_up(&mut world, usize::from(process)),
            Action::Land { flying } => self.land(&mut world, flying),
            Action::Hand { function, hand } => self.by_hand(&mut world, usize::from(function), hand),
            Action::Hold => {
                world.left.holds -= 1;
                self.say(&mut world, Event::Held { what: HoldOn::Environment, why: String::new() });
            }
            Action::Revoke => self.revoke(&mut world),
        }
        // A call that can't land and that nobody waits for is gone.
        let functions = world.functions;
        world.flying.retain(|flying| flying.by != NOBODY || flying.call.can_land(&functions));
        world.flying.sort_unstable();
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Deployers>> {
        promises::all(&self.bounds)
    }
}
