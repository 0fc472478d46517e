//! What all actors of one world share: the network, the store, the model, and the truth about them, by which every step is
//! judged.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bytes::Bytes;
use serde::Deserialize as _;
use tiers_core::event::{Ending, Event, Step};
use tiers_core::id::{Digest, Fingerprint, Version};
use tiers_core::record::Stream;
use tiers_core::state::EnvState;
use tiers_lambda::api::{Invocation, LambdaApi as _, Qualifier};
use tiers_lambda::fingerprint::fingerprint;
use tiers_lambda::memory::{ModelLambda, answer};
use tiers_lambda::model::{Model, Place, Resolved};

use super::cloud::at_once;
use super::draw::Drawn;
use super::invariant;
use super::memo;
use super::net::{ActorId, Net, What};
use super::rng::Rng;
use super::truth::{Call, Invoked, Known, Peek, Truth};
use super::weather::{Fate, Service, Weather};
use crate::ledger::MemoryLog;
use crate::ledger::read::check_at;

/// The environments, each after all before it.
pub const ENVS: [&str; 3] = ["dev", "staging", "prod"];
/// The components of the one app.
pub const COMPONENTS: [&str; 2] = ["api", "worker"];
/// The app.
pub const APP: &str = "app";
/// The alias.
pub const ALIAS: &str = "live";

/// The environment of a key of the ledger, by number.
pub fn env_of_key(key: &str) -> Option<usize> {
    let root = key.split('/').next()?;
    ENVS.iter().position(|env| *env == root)
}

/// The environment of a function, by number.
pub fn env_of_function(function: &str) -> Option<usize> {
    let (_, name) = function.split_once('-')?;
    ENVS.iter().position(|env| *env == name)
}

/// What all actors share.
pub struct Shared {
    pub net: Rc<Net>,
    pub objects: Rc<MemoryLog>,
    pub model: Rc<RefCell<Model>>,
    pub place: Place,
    pub truth: RefCell<Truth>,
    pub weather: Weather,
    pub drawn: Drawn,
    /// Where a script of a scenario waits for something to happen.
    pub watch: RefCell<Option<Watch>>,
    /// What a scenario wants to happen to a call, by its actor and its words.
    pub wish: RefCell<Option<Wish>>,
    /// Roles that begin when so many more records have landed: (environment, how many, then after, role).
    pub cues: RefCell<Vec<(usize, u32, u64, usize)>>,
    /// Roles that will begin in a moment.
    pub coming: Cell<u32>,
    /// Actors whose process came to its own end.
    pub over: RefCell<BTreeSet<ActorId>>,
    pub clocks: RefCell<BTreeMap<ActorId, Rc<Cell<i64>>>>,
}

/// Called with each record that lands: the world, the environment, the event, and who wrote it.
pub type Watch = Box<dyn FnMut(&Shared, usize, &Event, &str)>;
/// Answers what shall happen to a call of this actor with these words; `None`: what the weather makes of it.
pub type Wish = Box<dyn FnMut(ActorId, &str) -> Option<Fate>>;

impl Shared {
    /// The model at the declared place, as the truth sees it: without a network and without quotas.
    fn plainly<T>(&self, see: impl FnOnce(&ModelLambda) -> T) -> T {
        let quotas = self.model.borrow_mut().options.quotas.take();
        let now_ms = self.net.now_ms();
        let plane = ModelLambda::new(Rc::clone(&self.model), self.place.clone(), Rc::new(move || now_ms));
        let seen = see(&plane);
        self.model.borrow_mut().options.quotas = quotas;
        seen
    }

    /// A function as it is now.
    pub fn peek(&self, function: &str) -> Peek {
        self.plainly(|plane| {
            let latest =
                at_once(plane.get_function(function, &Qualifier::Latest)).expect("functions are never deleted");
            let alias = at_once(plane.get_alias(function, ALIAS)).expect("aliases are never deleted");
            Peek {
                latest_digest: latest.code_sha256,
                latest_fingerprint: Fingerprint(fingerprint(&latest.settings)),
                latest_revision: latest.revision,
                alias_version: alias.version,
                alias_weights: alias.weights,
                alias_revision: alias.revision,
                newest: 0,
            }
        })
    }

    /// A version as it is now: digest, fingerprint, and whether it can be called.
    pub fn version(&self, function: &str, version: &str) -> Option<(Digest, Fingerprint, bool)> {
        self.plainly(|plane| {
            let seen = at_once(plane.get_function(function, &Qualifier::Version(version.to_owned()))).ok()?;
            let digest = format!("sha256:{}", seen.code_sha256).parse().ok()?;
            // One that nobody called for long is idle, and wakes up when it is called.
            let idle = seen.state_reason.as_ref().is_some_and(|reason| reason.code == "Idle");
            let active = seen.state == tiers_lambda::api::State::Active || idle;
            Some((digest, Fingerprint(fingerprint(&seen.settings)), active))
        })
    }

    /// How many of a function's versions above this one run this digest with these settings.
    pub fn versions_of(&self, function: &str, above: &Version, digest: &Digest, settings: &Fingerprint) -> usize {
        self.plainly(|plane| {
            let all = at_once(plane.list_versions(function)).expect("functions are never deleted");
            let number = |text: &str| text.parse::<u64>().unwrap_or(0);
            let is = |one: &&tiers_lambda::api::Function| {
                number(&one.version) > number(above.as_str())
                    && one.code_sha256 == digest.hex()
                    && fingerprint(&one.settings) == settings.as_str()
            };
            all.iter().filter(is).count()
        })
    }

    /// A record landed in the store.
    pub fn landed(&self, actor: ActorId, key: &str, bytes: &Bytes) {
        let Some(env) = env_of_key(key) else {
            let lease = super::terraform::stream();
            if let Some(seq) = lease.seq_of(key)
                && let Ok(head) = check_at(&lease, seq, bytes)
            {
                self.lease_landed(head);
            }
            return;
        };
        let known = match self.read(env, key, bytes) {
            Ok(known) => Rc::new(known),
            Err(why) => {
                let broken = invariant::broken("ledger-chain", format!("{key} can't be read by who wrote it: {why}"));
                return self.truth.borrow_mut().hold_to(Err(broken));
            }
        };
        self.net.tell(|| {
            let what = known.event.as_deref().map_or_else(|| "something new".to_owned(), brief);
            format!("{} #{} by {}/{}: {what}", ENVS[env], known.head.seq, known.by(), known.head.record.epoch)
        });
        let mut truth = self.truth.borrow_mut();
        truth.streams[env].push(Rc::clone(&known));
        truth.tally.records += 1;
        match known.event.as_deref() {
            Some(Event::TakenOver { .. }) => truth.tally.takeovers += 1,
            Some(Event::Refused { .. }) => truth.tally.refused += 1,
            Some(Event::Ended { ending, .. }) => {
                let count = match ending {
                    Ending::Succeeded => &mut truth.tally.succeeded,
                    Ending::Failed => &mut truth.tally.failed,
                    Ending::Refused => &mut truth.tally.refused,
                    Ending::Errored => &mut truth.tally.errored,
                    Ending::Stuck => &mut truth.tally.stuck,
                };
                *count += 1;
            }
            _ => {}
        }
        // What was decided on a look that was taken in trouble may arrive when that is over.
        let since = self.weather.calm_from_ms.get();
        let calm = self.weather.calm.get()
            && truth.streams[env].iter().rev().nth(1).is_some_and(|before| before.at_ms >= since);
        let kept = invariant::after_record(self, &truth, actor, env, &known)
            .and_then(|()| invariant::not_stuck_for_nothing(&truth, env, &known, calm));
        truth.hold_to(kept);
        drop(truth);
        if let Some(Event::Intended { intent }) = known.event.as_deref()
            && matches!(intent.step, Step::Shift { .. } | Step::Unshift)
        {
            self.net.reach_the_shift(actor);
        }
        self.cue(env);
        if let (Some(watch), Some(event)) = (&mut *self.watch.borrow_mut(), known.event.as_deref()) {
            watch(self, env, event, known.by());
        }
    }

    /// Counts down to the roles that wait for records of this environment.
    fn cue(&self, env: usize) {
        self.cues.borrow_mut().retain_mut(|(waits_in, count, then_ms, role)| {
            if *waits_in != env {
                return true;
            }
            *count -= 1;
            if *count == 0 {
                self.net.push(*then_ms, What::Scripted(*role));
                self.coming.set(self.coming.get() + 1);
            }
            *count > 0
        });
    }

    /// True once an actor's process came to its own end.
    pub fn is_over(&self, actor: ActorId) -> bool {
        self.over.borrow().contains(&actor)
    }

    /// How wrong an actor's clock is.
    pub fn clock_of(&self, actor: ActorId) -> Rc<Cell<i64>> {
        Rc::clone(self.clocks.borrow_mut().entry(actor).or_default())
    }

    /// The model as clients at this place see it.
    pub fn plane(self: &Rc<Shared>, place: Place, draws: Rng) -> ModelLambda {
        let net = Rc::clone(&self.net);
        // The behaviour is a part of the world, which must not own itself.
        let world = Rc::downgrade(self);
        let behave = move |resolved: &Resolved, payload: &[u8]| {
            world.upgrade().map_or_else(|| answer(b"{}"), |world| world.behave(resolved, payload))
        };
        ModelLambda::new(Rc::clone(&self.model), place, Rc::new(move || net.now_ms()))
            .behaving(Rc::new(behave))
            .drawing(Rc::new(move || draws.fraction()))
    }

    fn read(&self, env: usize, key: &str, bytes: &Bytes) -> Result<Known, String> {
        let stream: Stream = format!("{}/{APP}", ENVS[env]).parse().map_err(|error| format!("{error}"))?;
        let seq = stream.seq_of(key).ok_or("no record has such a key")?;
        let head = check_at(&stream, seq, bytes).map_err(|unusable| unusable.why)?;
        let lengths = std::array::from_fn(|env| self.truth.borrow().streams[env].len());
        let at_ms = self.net.now_ms();
        if let Some((event, state)) = memo::state(&head.hash) {
            return Ok(Known { head, event: Some(event), state, at_ms, lengths });
        }
        let state = EnvState::deserialize(&head.record.state).map_err(|error| error.to_string())?;
        match Event::deserialize(&head.record.event) {
            Ok(event) => {
                let (event, state) = memo::keep_state(&head.hash, event, state);
                Ok(Known { head, event: Some(event), state, at_ms, lengths })
            }
            // A newer program's: its state is no business of this one's.
            Err(_) => Ok(Known { head, event: None, state: Rc::new(state), at_ms, lengths }),
        }
    }

    /// A changing call leaves a process. Answers the intent that it belongs to.
    pub fn sent(&self, actor: ActorId, call: &Call) -> Option<Rc<Known>> {
        let mut truth = self.truth.borrow_mut();
        let (intent, kept) = invariant::at_send(self, &mut truth, actor, call);
        truth.hold_to(kept);
        intent
    }

    /// The model took a call.
    pub fn took_effect(&self, actor: ActorId, call: &Call, intent: Option<&Known>, before: &Peek) {
        let after = self.peek(&call.function);
        if call.astray || after == *before {
            return;
        }
        self.net.tell(|| format!("{} took effect: {call}", self.net.name(actor)));
        let mut truth = self.truth.borrow_mut();
        truth.tally.effects += 1;
        let kept = invariant::after_effect(self, &mut truth, call, intent, before);
        truth.hold_to(kept);
        let by_hand = truth.by_hand.entry(call.function.clone()).or_default();
        match call.resource {
            // What is written after a look at it is known: the settings that are there now are the plan's.
            tiers_core::event::Resource::Function => (by_hand.latest, by_hand.settings) = (false, false),
            tiers_core::event::Resource::Alias => by_hand.alias = false,
        }
    }

    /// What functions do in this world, and that they did it.
    pub fn behave(&self, resolved: &Resolved, payload: &[u8]) -> Invocation {
        let env = env_of_function(&resolved.function_name).unwrap_or(0);
        let gate = gate_of(payload);
        let broken_settings = resolved.settings.environment.contains_key("BROKEN");
        let good = !broken_settings && !self.drawn.is_bad(&resolved.digest, env, &gate);
        self.truth.borrow_mut().invoked.push(Invoked {
            env,
            gate,
            digest: resolved.digest.clone(),
            latest: resolved.version == "$LATEST",
            good,
            at_ms: self.net.now_ms(),
        });
        match good {
            true => answer(b"{}"),
            false => {
                Invocation { function_error: Some("Unhandled".to_owned()), ..answer(b"{\"errorMessage\":\"bad\"}") }
            }
        }
    }

    /// What happens to a call of this actor.
    pub fn fate(
        &self,
        rng: &Rng,
        actor: ActorId,
        to: (Service, bool),
        env: Option<usize>,
        words: impl Fn() -> String,
    ) -> Fate {
        let fate = self.weather.fate(rng, actor, to, env, self.net.now_ms());
        match &mut *self.wish.borrow_mut() {
            Some(wish) => wish(actor, &words()).unwrap_or(fate),
            None => fate,
        }
    }

    /// Counts at the end.
    pub fn counted(&self) -> BTreeMap<&'static str, u64> {
        let tally = self.truth.borrow().tally;
        BTreeMap::from([
            ("records", tally.records),
            ("effects", tally.effects),
            ("takeovers", tally.takeovers),
            ("succeeded", tally.succeeded),
            ("failed", tally.failed),
            ("refused", tally.refused),
            ("errored", tally.errored),
            ("stuck", tally.stuck),
        ])
    }
}

/// The gate that this payload is of: `{"gate":"NAME"}`.
fn gate_of(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    text.split('"').nth(3).unwrap_or_default().to_owned()
}

/// An event on one line.
pub fn brief(event: &Event) -> String {
    match event {
        Event::Claimed { id, plan } => format!("claimed {id}: {:?} {}", plan.kind, plan.release.id),
        Event::Intended { intent } => {
            format!("intended {} {:?} of {} calls", intent.id, intent.step, intent.calls.len())
        }
        Event::Settled { intent, step, findings } => {
            let found: Vec<String> = findings
                .iter()
                .map(|one| format!("{} {:?} after {:?}", one.component, one.found, one.answer))
                .collect();
            format!("settled {intent:?} {step:?}: {}", found.join("; "))
        }
        Event::Gated { at, results, steady } => {
            let results: Vec<String> = results.iter().map(|one| format!("{} {:?}", one.gate, one.outcome)).collect();
            format!("gated {at:?} ({}steady): {}", if *steady { "" } else { "un" }, results.join(", "))
        }
        Event::Ended { ending, why, .. } => format!("ended {ending:?}: {why}"),
        Event::Undoing { cause } => format!("undoing: {cause:?}"),
        other => format!("{other:?}"),
    }
}
