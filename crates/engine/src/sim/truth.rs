//! What is really so, seen from outside: every record that lies in the store, every call that was sent and every change that
//! the model took, with who did it. Deployers know none of this; the invariants are judged by it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use tiers_core::event::{Event, GuardedCall, Intent, Resource, Write};
use tiers_core::id::{Component, DeploymentId, Digest, Fingerprint, Token, Version};
use tiers_core::state::EnvState;

use super::net::ActorId;
use super::terraform::{KnownLease, Running};
use super::world::{COMPONENTS, ENVS, env_of_function};
use crate::ledger::Head;

/// A promise that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub invariant: &'static str,
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// A record that lies in the store.
#[derive(Debug)]
pub struct Known {
    pub head: Head,
    /// `None`: of a kind that this program does not know.
    pub event: Option<Rc<Event>>,
    pub state: Rc<EnvState>,
    pub at_ms: u64,
    /// How many records each environment's stream had when this one landed.
    pub lengths: [usize; ENVS.len()],
}

impl Known {
    /// Who wrote it.
    pub fn by(&self) -> &str {
        &self.head.record.actor.who
    }

    /// The intent, if it is one.
    pub fn intent(&self) -> Option<&Intent> {
        match self.event.as_deref() {
            Some(Event::Intended { intent }) => Some(intent),
            _ => None,
        }
    }
}

/// A changing call as it left a process.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub function: String,
    pub env: usize,
    pub component: Component,
    pub resource: Resource,
    pub write: Write,
    pub token: Token,
    /// Sent to a place that is not the declared one.
    pub astray: bool,
}

impl Call {
    /// The call to this function.
    pub fn new(function: &str, resource: Resource, write: Write, token: Token, astray: bool) -> Call {
        let component = function.split_once('-').map_or(function, |(component, _)| component);
        let env = env_of_function(function).unwrap_or(0);
        Call { function: function.to_owned(), env, component: component.into(), resource, write, token, astray }
    }

    /// True for the call that was written down, content and token alike.
    pub fn is(&self, intended: &GuardedCall) -> bool {
        self.component == intended.component
            && self.resource == intended.resource
            && self.token == intended.token
            && self.write == intended.write
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.as_str().get(..4).unwrap_or_default();
        match &self.write {
            Write::Code { digest, .. } => write!(f, "code {} to {} [{token}]", digest.short(), self.function),
            Write::Publish { digest, .. } => write!(f, "publish {} of {} [{token}]", digest.short(), self.function),
            Write::Point { version, weights, description } => {
                write!(f, "alias of {} to {version}{weights:?} `{description}` [{token}]", self.function)
            }
        }
    }
}

/// A function as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Peek {
    pub latest_digest: String,
    pub latest_fingerprint: Fingerprint,
    pub latest_revision: String,
    pub alias_version: String,
    pub alias_weights: BTreeMap<String, f64>,
    pub alias_revision: String,
    /// The highest number that was published.
    pub newest: u64,
}

/// Who wrote last to what, where it was not a deployer.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByHand {
    /// Code of `$LATEST`.
    pub latest: bool,
    pub settings: bool,
    pub alias: bool,
    /// Anything here was ever touched by hand.
    pub ever: bool,
}

/// A function that was really invoked, and what it did.
#[derive(Clone, Debug)]
pub struct Invoked {
    pub env: usize,
    pub gate: String,
    pub digest: String,
    pub latest: bool,
    pub good: bool,
    pub at_ms: u64,
}

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub streams: [Vec<Rc<Known>>; ENVS.len()],
    /// (environment, sequence of the intent, component, resource) of every call that was sent.
    pub sent: BTreeSet<(usize, u64, Component, Resource)>,
    /// The sequence that each actor's last look at a stream's head found.
    pub heads_seen: BTreeMap<(ActorId, usize), u64>,
    /// Versions that each deployment made of each function.
    pub published: BTreeMap<(DeploymentId, String), u32>,
    pub by_hand: BTreeMap<String, ByHand>,
    pub invoked: Vec<Invoked>,
    /// When versions were deleted by hand.
    pub versions_gone: BTreeMap<(String, Version), u64>,
    /// When images went.
    pub images_gone: BTreeMap<Digest, u64>,
    /// Actors whose command said that nothing was written: nothing of theirs may land after that.
    pub said_nothing_written: BTreeSet<ActorId>,
    /// The lease's stream, and the applies that were started.
    pub lease: Vec<KnownLease>,
    pub running: Vec<Running>,
    /// The first promise that was broken.
    pub broken: Option<Broken>,
    pub tally: Tally,
}

/// Counts, to see that a world does something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub records: u64,
    pub effects: u64,
    pub takeovers: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub refused: u64,
    pub errored: u64,
    pub stuck: u64,
    pub crashes: u64,
    pub applies: u64,
}

impl Truth {
    /// The newest record of a stream.
    pub fn newest(&self, env: usize) -> Option<&Rc<Known>> {
        self.streams[env].last()
    }

    /// The state of a stream.
    pub fn state(&self, env: usize) -> Option<&EnvState> {
        self.newest(env).map(|known| &*known.state)
    }

    /// Notes what an actor's look at a head found.
    pub fn saw_head(&mut self, actor: ActorId, env: usize, key: &str) {
        let stream = self.streams[env].last().map(|known| known.head.record.stream.clone());
        if let Some(seq) = stream.and_then(|stream| stream.seq_of(key)) {
            self.heads_seen.insert((actor, env), seq);
        }
    }

    /// True when somebody other than a deployer ever wrote to a function of this environment.
    pub fn touched_by_hand(&self, env: usize) -> bool {
        COMPONENTS.iter().any(|component| self.hand(&format!("{component}-{}", ENVS[env])).ever)
    }

    /// What was written to this function by hand.
    pub fn hand(&self, function: &str) -> ByHand {
        self.by_hand.get(function).copied().unwrap_or_default()
    }

    /// The record that began a deployment.
    pub fn claim_of(&self, env: usize, id: &DeploymentId) -> Option<&Rc<Known>> {
        let is_claim = |known: &&Rc<Known>| matches!(known.event.as_deref(), Some(Event::Claimed { id: claimed, .. }) if claimed == id);
        self.streams[env].iter().rev().find(is_claim)
    }

    /// Keeps the first promise that was broken.
    pub fn hold_to(&mut self, kept: Result<(), Broken>) {
        if let Err(broken) = kept
            && self.broken.is_none()
        {
            self.broken = Some(broken);
        }
    }
}
