//! What is recorded in an environment's stream: the events of deployments, and of the people around them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::{At, Effect};
use crate::id::{Component, DeploymentId, Digest, Fingerprint, ReleaseId, Token, Version};
use crate::plan::{Plan, Waiver};

/// One event of a `<environment>/<app>` stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    // The owner of the open deployment:
    /// The record that begins a deployment.
    Claimed { id: DeploymentId, plan: Box<Plan> },
    /// Everything that the deployment depends on was read after the claim, and nothing speaks against it.
    Checked { heads: BTreeMap<String, u64>, note: String },
    /// A rule said no. Only before anything was changed; ends the deployment.
    Refused { why: String },
    /// The calls that will be sent next, each once, each with its token.
    Intended { intent: Intent },
    /// What a look found after an intent's calls, or without any.
    Settled { intent: Option<u32>, step: Step, findings: Vec<Finding> },
    /// Every gate at one point has run.
    Gated { at: At, results: Vec<GateResult>, steady: bool },
    /// Weights are on the alias; whoever sees this overdue takes them away.
    Baking { step: usize, unwind_by: Timestamp },
    /// The weights stayed as long as planned and the gates at `live` still pass.
    Baked { step: usize },
    /// From here on the deployment is being undone.
    Undoing { cause: Cause },
    /// The deployment is over.
    Ended { ending: Ending, why: String, left: Vec<Left> },

    // Anyone:
    /// A new owner; the records of the one before no longer count. With `undo` it goes backwards from here: the decision stands in
    /// the same record, so that nobody's death between two records loses it.
    TakenOver {
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo: Option<Cause>,
    },
    /// Somebody's change upstream speaks against the open deployment.
    Halted { why: String },
    /// Automatic promotion of a release, or everything into this environment, is stopped.
    Held { what: HoldOn, why: String },
    /// The hold is over.
    Unheld { what: HoldOn, why: String },
    /// A deployment asked for and not yet possible. Holds nothing.
    Waiting { release: ReleaseId, digest: Digest, what: String, until: Timestamp },
    /// A person agrees to bring this digest into this environment.
    Approved { digest: Digest, release: ReleaseId },
    /// The gates of what serves were run anew.
    Verified { digest: Digest, results: Vec<GateResult> },
    /// Evidence that no longer holds.
    Revoked { digest: Digest, why: String },
}

/// The name of an event, for tables and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    Claimed,
    Checked,
    Refused,
    Intended,
    Settled,
    Gated,
    Baking,
    Baked,
    Undoing,
    Ended,
    TakenOver,
    Halted,
    Held,
    Unheld,
    Waiting,
    Approved,
    Verified,
    Revoked,
}

/// What one hold stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "kebab-case")]
pub enum HoldOn {
    /// Every deployment into the environment.
    Environment,
    /// One digest: it is not promoted, here or from here.
    Release { digest: Digest },
}

/// Which kind of work an intent or a look belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    Stage,
    Publish,
    /// The alias, by the number of the shift's step.
    Shift {
        number: usize,
    },
    /// The alias, back to what was recorded.
    Unshift,
    /// `$LATEST`, back to what was recorded.
    Restore,
    /// A write that changes nothing but tokens, so that calls of a dead owner can't land any more.
    Fence,
    /// A look at everything before a deployment succeeds.
    LastLook,
}

/// A set of calls that was written down before any of them was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Counts up within the deployment.
    pub id: u32,
    pub step: Step,
    pub calls: Vec<GuardedCall>,
    /// How long after the record its outcome should be known.
    pub deadline_s: u64,
}

/// What a call writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    Function,
    Alias,
}

/// One call with its precondition: exactly this is sent, once, with exactly this token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuardedCall {
    pub component: Component,
    pub resource: Resource,
    pub write: Write,
    pub token: Token,
    /// What was there and what shall be there, for people.
    pub before: String,
    pub after: String,
}

/// What a call changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "write", rename_all = "kebab-case")]
pub enum Write {
    Code { image_uri: String, digest: Digest },
    Publish { digest: Digest, description: String },
    Point { version: Version, weights: BTreeMap<String, f64>, description: String },
}

/// What became of one component in a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub component: Component,
    pub answer: Answer,
    pub found: Found,
    /// The resource's token after the look; `None` when it could not be looked at.
    pub function_token: Option<Token>,
    pub alias_token: Option<Token>,
}

/// What the service said to the call. Never believed about success: that is what the look is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// No call was made for this component.
    NotSent,
    Accepted,
    /// The service said that it did nothing.
    Refused {
        why: String,
    },
    /// The call may still land.
    Unclear {
        why: String,
    },
}

/// What a look found, compared with what was there and what shall be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "kebab-case")]
pub enum Found {
    /// Still what was there.
    Before,
    /// What shall be there, proven by digest and fingerprint.
    After { version: Option<Version> },
    /// Neither: somebody else wrote.
    Foreign { what: String },
    /// The look itself failed, after as many tries as are allowed.
    Unseen { why: String },
}

/// How one gate ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    pub gate: String,
    pub at: At,
    pub effect: Effect,
    pub outcome: Outcome,
    /// What was seen, in a few words: the status code, the mismatch, the exit code.
    pub detail: String,
    /// Output that was kept, cut to the gate's limit and redacted.
    pub output: String,
    pub duration_ms: u64,
}

/// A gate's outcome. A gate that could not be run did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    Failed,
    /// It could not be run to its end.
    Errored,
    /// A person's recorded exception stands in its place.
    Waived,
}

/// Why a deployment is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// A blocking gate failed: the release is bad here.
    Gate { gate: String, detail: String },
    /// The machinery broke.
    Machinery { what: String },
    /// Somebody else wrote to what this deployment owns.
    Foreign { what: String },
    /// A hold, a freeze or revoked evidence.
    Rule { what: String },
    /// Weights stayed on longer than allowed because their owner died.
    Overdue { what: String },
    /// Somebody asked for it.
    Person { why: String },
}

/// The five endings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    Succeeded,
    /// The release is bad; users never saw it, or were brought back.
    Failed,
    /// A rule said no.
    Refused,
    /// The machinery broke; trying again may help.
    Errored,
    /// A person is needed.
    Stuck,
}

/// A component as it was left, recorded with every ending that is not clean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub component: Component,
    pub function: String,
    /// Where the alias points, as far as it could be seen.
    pub version: Option<Version>,
    pub note: String,
    /// What a person would type to bring it back.
    pub command: Option<String>,
}

/// A component that serves, as recorded when a deployment succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    pub component: Component,
    pub function: String,
    pub version: Version,
    pub fingerprint: Fingerprint,
}

impl Event {
    /// The event's name.
    pub fn kind(&self) -> EventKind {
        match self {
            Event::Claimed { .. } => EventKind::Claimed,
            Event::Checked { .. } => EventKind::Checked,
            Event::Refused { .. } => EventKind::Refused,
            Event::Intended { .. } => EventKind::Intended,
            Event::Settled { .. } => EventKind::Settled,
            Event::Gated { .. } => EventKind::Gated,
            Event::Baking { .. } => EventKind::Baking,
            Event::Baked { .. } => EventKind::Baked,
            Event::Undoing { .. } => EventKind::Undoing,
            Event::Ended { .. } => EventKind::Ended,
            Event::TakenOver { .. } => EventKind::TakenOver,
            Event::Halted { .. } => EventKind::Halted,
            Event::Held { .. } => EventKind::Held,
            Event::Unheld { .. } => EventKind::Unheld,
            Event::Waiting { .. } => EventKind::Waiting,
            Event::Approved { .. } => EventKind::Approved,
            Event::Verified { .. } => EventKind::Verified,
            Event::Revoked { .. } => EventKind::Revoked,
        }
    }
}

impl EventKind {
    /// True for events that only the owner of the open deployment may append, with its epoch.
    pub fn is_owners(self) -> bool {
        match self {
            EventKind::Checked
            | EventKind::Refused
            | EventKind::Intended
            | EventKind::Settled
            | EventKind::Gated
            | EventKind::Baking
            | EventKind::Baked
            | EventKind::Undoing
            | EventKind::Ended => true,
            EventKind::Claimed
            | EventKind::TakenOver
            | EventKind::Halted
            | EventKind::Held
            | EventKind::Unheld
            | EventKind::Waiting
            | EventKind::Approved
            | EventKind::Verified
            | EventKind::Revoked => false,
        }
    }
}

impl Cause {
    /// The ending of a deployment that was undone completely for this cause.
    pub fn ending(&self, users_saw_it: bool) -> Ending {
        match self {
            Cause::Gate { .. } | Cause::Person { .. } => Ending::Failed,
            Cause::Machinery { .. } | Cause::Foreign { .. } | Cause::Overdue { .. } => Ending::Errored,
            Cause::Rule { .. } if users_saw_it => Ending::Failed,
            Cause::Rule { .. } => Ending::Refused,
        }
    }

    /// In a few words, for people.
    pub fn text(&self) -> String {
        match self {
            Cause::Gate { gate, detail } => format!("gate `{gate}` failed: {detail}"),
            Cause::Machinery { what }
            | Cause::Foreign { what }
            | Cause::Rule { what }
            | Cause::Overdue { what }
            | Cause::Person { why: what } => what.clone(),
        }
    }
}

impl Ending {
    /// The process exit code of a command that ended so.
    pub fn exit_code(self) -> u8 {
        match self {
            Ending::Succeeded => 0,
            Ending::Failed => 1,
            Ending::Refused => 3,
            Ending::Errored => 4,
            Ending::Stuck => 5,
        }
    }

    /// The word that is used everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Ending::Succeeded => "succeeded",
            Ending::Failed => "failed",
            Ending::Refused => "refused",
            Ending::Errored => "errored",
            Ending::Stuck => "stuck",
        }
    }
}

/// Convenience for tables of waivers in messages.
pub fn waivers_text(waivers: &[Waiver]) -> String {
    waivers.iter().map(|w| format!("{} ({}: {})", w.what, w.by, w.reason)).collect::<Vec<_>>().join(", ")
}
