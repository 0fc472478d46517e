//! A state of the search, and what may happen in it.

use tiers_core::gate::At;

use crate::place::{Answer, Call, Function};
use crate::work::MOST_CALLS;

/// Processes that one search may have.
pub const MOST_PROCESSES: usize = 4;

/// A sender that no longer waits for its answer.
pub const NOBODY: u8 = u8::MAX;

/// One state: the ledger, the place, calls on their way, and every process where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The head of the environment's stream, by the number of its folded state.
    pub ledger: u32,
    pub upstream: u32,
    pub functions: [Function; 2],
    /// Sorted.
    pub flying: Vec<Flying>,
    pub processes: [Process; MOST_PROCESSES],
    pub left: Left,
    /// How far the one who revokes has come: nothing yet, revoked upstream, halted downstream.
    pub revoked: u8,
    /// Aliases moved by hand, ever, and since the last look before a success.
    pub by_hand: [bool; 2],
    pub by_hand_since: [bool; 2],
    pub wrong: Option<Wrong>,
}

/// What is still allowed to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Left {
    pub lost_answers: u8,
    pub failing_gates: u8,
    pub hands: u8,
    pub holds: u8,
}

/// A call on its way. One that never lands was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flying {
    pub call: Call,
    /// Who waits for the answer, and for which of its calls.
    pub by: u8,
    pub index: u8,
}

/// Something that must never happen, found while a step was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A record that the fold refuses, or a step that the driver does not know.
    Illegal,
    /// Traffic is moved on evidence that was revoked before the intent, or that was never read.
    Evidence,
    /// What only a person may undo is undone.
    Overstep,
    /// What somebody put into `$LATEST` by hand is written over.
    Trampled,
}

/// A deployer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    pub at: Place,
    /// The head that it knows, by the number of its state.
    pub known: u32,
    /// That head is still the head.
    pub current: bool,
    /// Deployment and epoch that it writes for.
    pub owned: Option<(u8, u8)>,
    /// The evidence was bad when its open intent was recorded.
    pub stale_evidence: bool,
}

/// Where a process stands: what it will do next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Place {
    #[default]
    NotStarted,
    /// It has a plan, and claims.
    Claim {
        event: u32,
    },
    /// It asks the machine what comes next, and begins that.
    Ready,
    /// It appends a record; a fact is appended behind whatever came first, a decision is made anew.
    Append {
        event: u32,
        fact: bool,
        then: Then,
    },
    /// Between intent and sending: the evidence, the own head, the calls.
    ReadUpstream {
        work: u32,
    },
    ReadHead {
        work: u32,
    },
    Send {
        work: u32,
    },
    Wait {
        work: u32,
        answers: [Answer; MOST_CALLS],
    },
    /// Gates run; these tokens were seen before. Within a bake, the step of the shift.
    Gates {
        at: At,
        tokens: [u8; 2],
        bake: Option<u8>,
    },
    /// Weights are on, time passes.
    Bake {
        step: u8,
    },
    Gone,
}

/// What follows a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    Ready,
    /// The calls of this work.
    Guard {
        work: u32,
    },
    /// Nothing was sent, because a rule spoke against it: say so.
    Stop,
    Bake {
        step: u8,
    },
    Baked {
        step: u8,
    },
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A deployer looks and plans.
    Plan {
        process: u8,
    },
    /// Somebody takes the open deployment over.
    TakeOver {
        process: u8,
        why: Takeover,
    },
    /// A process does the next thing.
    Step {
        process: u8,
    },
    GatesFail {
        process: u8,
    },
    /// A process waits no longer for its answers.
    GiveUp {
        process: u8,
    },
    /// The call lands.
    Land {
        flying: Flying,
    },
    Hand {
        function: u8,
        hand: Hand,
    },
    Hold,
    Revoke,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    GoOn,
    GoBack,
    /// To go on, and it turns out that the weights should be gone.
    Overdue,
}

/// A change by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    AliasToEarlier,
    AliasToNewest,
    OtherCode,
    OtherSettings,
}
