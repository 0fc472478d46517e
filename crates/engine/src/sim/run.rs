//! One world from its beginning to its end: the loop over everything that arrives, the script of who acts when, and the phases
//! (trouble, then calm in which everything comes to an end, then whatever is still on its way).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tiers_core::event::Event;
use tiers_lambda::api::{AliasWrite, LambdaApi as _, Qualifier};
use tiers_lambda::memory::ModelLambda;

use super::actor::{End, act, heal};
use super::base::{Beginning, REPOSITORY, beginning, declared, narrowed};
use super::cloud::at_once;
use super::draw::{Cue, Drawn, Hand, LAST, Part, Role, digest};
use super::invariant;
use super::memo::{self, Memo};
use super::net::{ActorId, Doom, Net, What};
use super::rng::Rng;
use super::truth::{Broken, Known, Tally};
use super::weather::{Fault, Outage, Weather};
use super::world::{ALIAS, COMPONENTS, ENVS, Shared};
use crate::driver::DriveError;
use crate::ledger::{LedgerError, MemoryLog};

/// No world needs as many steps; one that does is going in circles.
const MAX_STEPS: u64 = 60_000;

/// What came of a world.
#[derive(Debug)]
pub struct Outcome {
    pub broken: Option<Broken>,
    pub steps: u64,
    pub tally: Tally,
    /// One line a step, where the world was traced.
    pub trace: Vec<String>,
}

type Life = Pin<Box<dyn Future<Output = End>>>;

/// A world that runs.
pub struct Sim {
    shared: Rc<Shared>,
    lives: Vec<Option<Life>>,
    roles: Vec<Role>,
    /// The actor that plays each role, once it began.
    actors: Vec<Option<ActorId>>,
    rng: Rng,
    prefix: String,
    steps: u64,
    has_newer: bool,
    calm_from_ms: u64,
}

/// Runs the world of this drawing, from its beginning to its end.
pub fn run(drawn: &Drawn, traced: bool) -> Outcome {
    let begin = beginning(drawn.base);
    let mut sim = Sim::on((*begin).clone(), drawn, "a", traced);
    sim.finish();
    let outcome = sim.outcome();
    memo::begin(None);
    outcome
}

impl Sim {
    /// A world on this beginning, run through its first phase.
    pub fn on(begin: Beginning, drawn: &Drawn, prefix: &str, traced: bool) -> Sim {
        let mut sim = Sim::new(begin, drawn, prefix, traced);
        sim.begin_all();
        sim
    }

    /// Everybody begins when it is time, and the world goes on until nobody is awake any more.
    pub fn begin_all(&mut self) {
        let sim = self;
        for index in 0..sim.roles.len() {
            if let Cue::After(ms) = sim.roles[index].cue {
                sim.shared.net.push(ms, What::Scripted(index));
            }
        }
        sim.go(|sim| !sim.is_anybody_awake());
    }

    /// A world on this beginning, in which nothing has happened yet.
    pub fn new(begin: Beginning, drawn: &Drawn, prefix: &str, traced: bool) -> Sim {
        let net = Rc::new(Net::new(begin.now_ms, traced));
        let objects = Rc::new(MemoryLog::new());
        *objects.objects() = begin.objects;
        let astray = drawn.roles.iter().any(|role| role.astray) || prefix != "a";
        let mut model = if astray { begin.model } else { begin.narrow };
        model.options.update_ms = drawn.update_ms;
        model.options.publish_ms = drawn.publish_ms;
        model.options.same_alias_write_moves_revision = drawn.same_write_moves;
        model.options.idle_after_ms = drawn.idle_after_ms;
        model.options.quotas = drawn.quotas.then(Default::default);
        let mut truth = begin.truth;
        truth.tally = Tally::default();
        memo::begin(Some(Memo::on(Some(begin.memo), drawn.trusts_writers)));
        let cues = drawn.roles.iter().enumerate().filter_map(|(index, role)| match role.cue {
            Cue::Records { count, then_ms } => Some((role.env, count, then_ms, index)),
            Cue::After(_) => None,
        });
        let cues = RefCell::new(cues.collect());
        let shared = Rc::new(Shared {
            net,
            objects,
            model: Rc::new(RefCell::new(model)),
            place: declared(),
            truth: RefCell::new(truth),
            weather: Weather {
                faults: drawn.faults,
                trouble_percent: drawn.trouble_percent,
                outages: RefCell::default(),
                calm: Cell::new(false),
                calm_from_ms: Cell::new(0),
            },
            drawn: drawn.clone(),
            watch: RefCell::default(),
            wish: RefCell::default(),
            cues,
            coming: Cell::new(0),
            over: RefCell::default(),
            clocks: RefCell::default(),
        });
        let roles = drawn.roles.clone();
        let has_newer = roles.iter().any(|role| role.part == Part::Newer);
        let actors = vec![None; roles.len()];
        let rng = Rng::new(drawn.seed).fork(7);
        Sim {
            shared,
            lives: Vec::new(),
            roles,
            actors,
            rng,
            prefix: prefix.to_owned(),
            steps: 0,
            has_newer,
            calm_from_ms: 0,
        }
    }

    /// What all actors share, for scenarios that look at it or wait for something.
    pub fn shared(&self) -> &Rc<Shared> {
        &self.shared
    }

    /// The world as it is now, for others to begin with.
    pub fn to_beginning(self) -> Beginning {
        if let Some(broken) = &self.shared.truth.borrow().broken {
            panic!("a world to begin with is broken: {broken}");
        }
        let objects = self.shared.objects.objects().clone();
        let model = self.shared.model.borrow().clone();
        let mut truth = self.shared.truth.borrow().clone();
        // What was sent and invoked before the world began is nobody's concern in it.
        (truth.sent, truth.invoked, truth.published, truth.heads_seen) = Default::default();
        let memo = Rc::new(memo::begin(None).unwrap_or_default().merged());
        let narrow = narrowed(&model);
        Beginning { objects, model, truth, memo, narrow, now_ms: self.shared.net.now_ms() + 1_000 }
    }

    /// What came of it.
    pub fn outcome(&self) -> Outcome {
        let truth = self.shared.truth.borrow();
        Outcome {
            broken: truth.broken.clone(),
            steps: self.steps,
            tally: truth.tally,
            trace: self.shared.net.take_trace(),
        }
    }

    /// Goes on until this is so, or nothing is on its way, or a promise is broken.
    pub fn go(&mut self, until: impl Fn(&Sim) -> bool) {
        while !until(self) {
            if self.shared.truth.borrow().broken.is_some() {
                return;
            }
            let Some(what) = self.shared.net.pop() else { return };
            self.steps += 1;
            if self.steps > MAX_STEPS {
                let what = format!("more than {MAX_STEPS} steps, and no end");
                return self.shared.truth.borrow_mut().hold_to(Err(invariant::broken("no-limbo", what)));
            }
            self.step(what);
        }
    }

    fn step(&mut self, what: What) {
        match what {
            What::Arrives(act) => act(),
            What::Answers(actor, bell) => {
                if self.shared.net.is_dead(actor) {
                    return;
                }
                match self.shared.net.asleep_until_ms(actor) {
                    // It hears nothing before it wakes up.
                    Some(until_ms) => {
                        self.shared.net.push(until_ms - self.shared.net.now_ms(), What::Answers(actor, bell));
                    }
                    None => {
                        bell.ring();
                        self.poll(actor);
                    }
                }
            }
            What::Scripted(index) => self.scripted(index),
        }
    }

    fn poll(&mut self, actor: ActorId) {
        let Some(life) = &mut self.lives[actor] else { return };
        let polled = life.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if self.shared.net.is_dead(actor) {
            self.shared.truth.borrow_mut().tally.crashes += 1;
            self.lives[actor] = None;
            return;
        }
        if let Poll::Ready(end) = polled {
            self.lives[actor] = None;
            self.shared.over.borrow_mut().insert(actor);
            self.ended(actor, end);
        }
    }

    /// True while somebody who is not a zombie may still do something, or a role has still to begin by the clock.
    fn is_anybody_awake(&self) -> bool {
        let waits = self
            .roles
            .iter()
            .zip(&self.actors)
            .any(|(role, actor)| actor.is_none() && matches!(role.cue, Cue::After(_)));
        let sleeps_on = self.shared.drawn.zombies_sleep_on;
        let lives =
            self.lives.iter().enumerate().any(|(actor, life)| {
                life.is_some() && !(sleeps_on && self.shared.net.asleep_until_ms(actor).is_some())
            });
        waits || lives || self.shared.coming.get() > 0
    }

    /// A role begins, or its clock jumps.
    fn scripted(&mut self, index: usize) {
        if index >= self.roles.len() {
            let index = index - self.roles.len();
            if let (Some(actor), Some((_, by_ms))) = (self.actors[index], self.roles[index].jump) {
                let clock = self.shared.clock_of(actor);
                clock.set(clock.get() + by_ms);
                self.shared.net.tell(|| format!("the clock of {} jumps by {by_ms} ms", self.shared.net.name(actor)));
            }
            return;
        }
        // In the calm nobody begins any more.
        if self.actors[index].is_some() || self.shared.weather.calm.get() {
            return;
        }
        if matches!(self.roles[index].cue, Cue::Records { .. }) {
            self.shared.coming.set(self.shared.coming.get() - 1);
        }
        let role = self.roles[index].clone();
        self.shared.net.tell(|| format!("{:?} begins in {}", role.part, ENVS[role.env]));
        let actor = self.begin(index as u64, role.clone());
        self.actors[index] = Some(actor);
        match role.part {
            Part::Hand(hand) => self.by_hand(role.env, hand),
            Part::DeleteImage(number) => self.delete_image(number),
            _ => {}
        }
        if let Some((after_ms, _)) = role.jump.filter(|_| self.shared.weather.faults.has(Fault::Jump)) {
            self.shared.net.push(after_ms, What::Scripted(self.roles.len() + index));
        }
        self.poll(actor);
    }

    /// Begins an actor.
    pub fn begin(&mut self, number: u64, role: Role) -> ActorId {
        let faults = self.shared.weather.faults;
        let doom = role.doom.filter(|(_, doom)| match doom {
            Doom::DiesBefore | Doom::DiesAfter => faults.has(Fault::Crash),
            Doom::Sleeps(_) => faults.has(Fault::Sleep),
        });
        let actor = self.shared.net.spawn(&format!("{}{number}", self.prefix), doom);
        if faults.has(Fault::Crash) && faults.has(Fault::Sleep) {
            self.shared.net.doom_at_shift(actor, role.doom_at_shift);
        }
        if faults.has(Fault::Jump) {
            self.shared.clock_of(actor).set(role.wrong_ms);
        }
        if let Some((service, after_ms, for_ms, kind)) = role.outage {
            let from_ms = self.shared.net.now_ms() + after_ms;
            let outage = Outage { actor, service, from_ms, until_ms: from_ms + for_ms, kind };
            self.shared.weather.outages.borrow_mut().push(outage);
        }
        let life = act(Rc::clone(&self.shared), actor, role, self.rng.fork(number));
        self.lives.push(Some(Box::pin(life)));
        actor
    }

    /// An actor's command came to its end: what it says must be so, and what it must never say it does not say.
    fn ended(&mut self, actor: ActorId, end: End) {
        self.shared.net.tell(|| format!("{} ends: {}", self.shared.net.name(actor), words(&end)));
        let mut truth = self.shared.truth.borrow_mut();
        let name = self.shared.net.name(actor);
        let limbo = |what: String| Err(invariant::broken("no-limbo", what));
        let kept = match end {
            End::Said(_) => Ok(()),
            End::Revoked { env, release } => invariant::halted_downstream(&truth, env, &digest(release)),
            End::Erred(error) => match error {
                DriveError::Fold(_) | DriveError::Endless(_) => limbo(format!("{name} says: {error}")),
                DriveError::State { .. } | DriveError::Ledger(LedgerError::Unreadable { .. }) if !self.has_newer => {
                    limbo(format!("{name} says: {error}"))
                }
                DriveError::NotWritten(_) => {
                    truth.said_nothing_written.insert(actor);
                    Ok(())
                }
                _ => Ok(()),
            },
        };
        truth.hold_to(kept);
    }

    /// Trouble is over: everything that is open is brought to an end, whatever is still on its way arrives, and all is as the
    /// ledger says.
    pub fn finish(&mut self) {
        self.shared.weather.calm.set(true);
        self.calm_from_ms = self.shared.net.now_ms();
        self.shared.weather.calm_from_ms.set(self.calm_from_ms);
        self.shared.net.spare_everybody();
        self.end_everything(1_000);
        if self.shared.drawn.heals && !self.is_beyond_healing() {
            self.heal_everything();
        }
        self.go(|_| false);
        self.end_everything(2_000);
        self.go(|_| false);
        let mut truth = self.shared.truth.borrow_mut();
        for env in (0..ENVS.len()).filter(|_| !self.has_newer) {
            let kept = invariant::ended_after_all(&truth, env)
                .and_then(|()| invariant::serves_what_the_ledger_says(&self.shared, &truth, env));
            truth.hold_to(kept);
        }
    }

    /// Resumes what is open, as often as a person would: once to go on, then to go back.
    fn end_everything(&mut self, number: u64) {
        // A stream with a record that nobody here knows stays as it is.
        let envs = if self.has_newer { 0 } else { ENVS.len() };
        for env in 0..envs {
            for attempt in 0..6 {
                let open = self.shared.truth.borrow().state(env).is_some_and(|state| state.open.is_some());
                if !open || self.shared.truth.borrow().broken.is_some() {
                    break;
                }
                let role = plain(Part::Resume { undo: attempt > 0 }, env);
                let actor = self.begin(number + 10 * env as u64 + attempt, role);
                self.poll(actor);
                self.go(|sim| sim.lives[actor].is_none());
            }
        }
    }

    fn is_beyond_healing(&self) -> bool {
        let truth = self.shared.truth.borrow();
        let drawn = &self.shared.drawn;
        let counts = |gate: &tiers_core::gate::Gate| tiers_core::plan::counts(gate);
        // A lease whose holder is gone is taken away by evidence or by a person, and by nobody here.
        let leased = truth.lease.last().is_some_and(|known| known.state.held.is_some());
        self.has_newer
            || leased
            || truth.broken.is_some()
            || !truth.images_gone.is_empty()
            || (0..ENVS.len()).any(|env| truth.touched_by_hand(env))
            || drawn.gates.iter().any(|gates| !gates.iter().any(counts))
    }

    /// **no-limbo**, liveness: with all faults over, a healthy release reaches prod.
    fn heal_everything(&mut self) {
        for number in 0..2 {
            for env in 0..ENVS.len() {
                let actor = self.begin(3_000 + 10 * number + env as u64, plain(Part::Approve(LAST), env));
                self.poll(actor);
                self.go(|sim| sim.lives[actor].is_none());
            }
        }
        let role = plain(Part::Deploy(LAST), 0);
        let actor = self.shared.net.spawn(&format!("{}healer", self.prefix), None);
        let life = heal(Rc::clone(&self.shared), actor, role, self.rng.fork(4_000), LAST);
        self.lives.push(Some(Box::pin(life)));
        self.poll(actor);
        self.go(|sim| sim.lives[actor].is_none());
        let mut truth = self.shared.truth.borrow_mut();
        for (env, name) in ENVS.iter().enumerate() {
            let serves =
                truth.state(env).and_then(|state| state.serving.as_ref()).map(|serving| &serving.release.digest);
            // A zombie that woke up meanwhile, with a deployment or a hold of its own, may have had its way.
            let meanwhile = |known: &&Rc<Known>| known.at_ms >= self.calm_from_ms;
            let number =
                |known: &Rc<Known>| known.by().trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u64>();
            let by_another = |known: &Rc<Known>| number(known).is_ok_and(|number| number < 1_000);
            let woken =
                truth.streams[..=env].iter().any(|stream| stream.iter().rev().take_while(meanwhile).any(by_another));
            // So may one with an apply; what it holds when its process is gone is nobody's here to take away.
            let leased = truth.lease.iter().any(|known| known.at_ms >= self.calm_from_ms && known.state.held.is_some());
            let kept = match serves == Some(&digest(LAST)) || woken || leased {
                true => Ok(()),
                false => {
                    let what = format!("a healthy release did not come to serve in {name}");
                    Err(invariant::broken("no-limbo", what))
                }
            };
            truth.hold_to(kept);
        }
    }

    /// Somebody changes a function by hand, with whatever token it has.
    pub fn by_hand(&mut self, env: usize, hand: Hand) {
        let now_ms = self.shared.net.now_ms();
        let plane = ModelLambda::new(Rc::clone(&self.shared.model), declared(), Rc::new(move || now_ms));
        let (Hand::Alias { component }
        | Hand::Settings { component }
        | Hand::Code { component, .. }
        | Hand::Prune { component }) = hand;
        let name = format!("{}-{}", COMPONENTS[component], ENVS[env]);
        let before = self.shared.peek(&name);
        let taken = match hand {
            Hand::Alias { .. } => {
                let oldest = AliasWrite { version: "1".into(), description: String::new(), weights: BTreeMap::new() };
                at_once(plane.update_alias(&name, ALIAS, &oldest, &before.alias_revision)).map(drop)
            }
            Hand::Settings { .. } => at_once(plane.get_function(&name, &Qualifier::Latest)).and_then(|function| {
                let mut settings = function.settings;
                settings.environment.insert("BROKEN".into(), "1".into());
                at_once(plane.update_settings(&name, &settings, &before.latest_revision)).map(drop)
            }),
            Hand::Code { release, .. } => {
                let uri = format!("{REPOSITORY}@{}", digest(release));
                at_once(plane.update_code(&name, &uri, &before.latest_revision)).map(drop)
            }
            Hand::Prune { .. } => {
                let recorded = self.shared.truth.borrow().state(env).and_then(|state| {
                    let earlier = state.previous.first()?;
                    earlier.components.iter().find(|one| one.function == name).map(|one| one.version.clone())
                });
                let version = recorded.unwrap_or_else(|| "2".into());
                let gone = at_once(plane.delete_version(&name, version.as_str()));
                if gone.is_ok() {
                    self.shared.truth.borrow_mut().versions_gone.insert((name.clone(), version), now_ms);
                }
                gone
            }
        };
        self.shared.net.tell(|| format!("somebody changes {name} by hand: {hand:?}: {taken:?}"));
        let mut truth = self.shared.truth.borrow_mut();
        let by_hand = truth.by_hand.entry(name).or_default();
        if taken.is_ok() {
            by_hand.ever = true;
            match hand {
                Hand::Alias { .. } => by_hand.alias = true,
                Hand::Settings { .. } => by_hand.settings = true,
                Hand::Code { .. } => by_hand.latest = true,
                Hand::Prune { .. } => {}
            }
        }
    }

    /// Somebody does this by hand, so long after the first record of this kind.
    pub fn then_by_hand(&mut self, env: usize, hand: Hand, after_ms: u64, after: impl Fn(&Event) -> bool + 'static) {
        self.roles.push(Role { cue: Cue::Records { count: u32::MAX, then_ms: 0 }, ..plain(Part::Hand(hand), env) });
        self.actors.push(None);
        let role = self.roles.len() - 1;
        let mut done = false;
        *self.shared.watch.borrow_mut() = Some(Box::new(move |shared, at, event, _| {
            if !done && at == env && after(event) {
                done = true;
                shared.coming.set(shared.coming.get() + 1);
                shared.net.push(after_ms, What::Scripted(role));
            }
        }));
    }

    fn delete_image(&mut self, number: usize) {
        let now_ms = self.shared.net.now_ms();
        self.shared.model.borrow_mut().delete_image(now_ms, REPOSITORY, digest(number).as_str());
        self.shared.truth.borrow_mut().images_gone.insert(digest(number), now_ms);
    }
}

/// A role that nothing befalls.
pub fn plain(part: Part, env: usize) -> Role {
    Role {
        part,
        env,
        cue: Cue::After(0),
        doom: None,
        doom_at_shift: None,
        stopped: None,
        wrong_ms: 0,
        jump: None,
        astray: false,
        outage: None,
    }
}

fn words(end: &End) -> String {
    match end {
        End::Said(text) => text.clone(),
        End::Revoked { env, release } => format!("revoked release {release} in {}", ENVS[*env]),
        End::Erred(error) => format!("error: {error}"),
    }
}
