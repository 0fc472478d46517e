//! What is recorded in `terraform/<project>`.

use serde::{Deserialize, Serialize};

use super::holder::{Child, CiRun, Holder, Machine};
use super::request::{Backend, Request};

/// One event of a project's Terraform stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LeaseEvent {
    /// The lease is held, one epoch above all before.
    Acquired { holder: Holder, request: Box<Request> },
    /// Terraform is about to be started in this process, which exists already and waits.
    Spawning { child: Child },
    /// The apply is over, and the lease is free.
    Released { outcome: Outcome },
    /// Somebody else's lease is over, on this evidence; the epoch is raised, so nothing that its holder writes counts any more.
    TakenOver { proof: Proof },
}

/// The name of an event, for tables and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseEventKind {
    Acquired,
    Spawning,
    Released,
    TakenOver,
}

/// How an apply ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Terraform said that it carried the whole plan out. Serial and lineage are the state's afterwards, where they could be read.
    Applied {
        serial: Option<u64>,
        /// Programs from before this was kept leave it unread.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lineage: Option<String>,
    },
    /// Terraform was started and did not end well: a part of the plan may be there.
    Failed {
        why: String,
        /// As of what was applied.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lineage: Option<String>,
    },
    /// Terraform was never started.
    NotStarted { why: String },
    /// Whoever started it was gone, or overruled, before it said how it ended.
    Unknown { why: String },
}

/// Why a lease may be taken from its holder. The time that passed is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "proof", rename_all = "kebab-case")]
pub enum Proof {
    /// Looked for from the same boot and namespace, the holder's processes are gone, and the backend's own lock is free.
    Gone { from: Machine, free: Backend },
    /// The CI says that the holder's run ended, and the backend's own lock is free.
    RunEnded { run: CiRun, conclusion: String, free: Backend },
    /// A named person, the record's actor, answers for it. `seen` is what could be told of the holder then.
    Person { why: String, seen: String },
}

impl LeaseEvent {
    /// The event's name.
    pub fn kind(&self) -> LeaseEventKind {
        match self {
            LeaseEvent::Acquired { .. } => LeaseEventKind::Acquired,
            LeaseEvent::Spawning { .. } => LeaseEventKind::Spawning,
            LeaseEvent::Released { .. } => LeaseEventKind::Released,
            LeaseEvent::TakenOver { .. } => LeaseEventKind::TakenOver,
        }
    }
}

impl Outcome {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Applied { .. } => "applied",
            Outcome::Failed { .. } => "failed",
            Outcome::NotStarted { .. } => "not started",
            Outcome::Unknown { .. } => "unknown",
        }
    }

    /// The reason, where there is one.
    pub fn why(&self) -> Option<&str> {
        match self {
            Outcome::Applied { .. } => None,
            Outcome::Failed { why, .. } | Outcome::NotStarted { why } | Outcome::Unknown { why } => Some(why),
        }
    }

    /// The lineage of the state that Terraform left, where it could be read.
    pub fn lineage(&self) -> Option<&str> {
        match self {
            Outcome::Applied { lineage, .. } | Outcome::Failed { lineage, .. } => lineage.as_deref(),
            Outcome::NotStarted { .. } | Outcome::Unknown { .. } => None,
        }
    }

    /// True when Terraform was, or may have been, at work.
    pub fn may_have_changed(&self) -> bool {
        match self {
            Outcome::Applied { .. } | Outcome::Failed { .. } | Outcome::Unknown { .. } => true,
            Outcome::NotStarted { .. } => false,
        }
    }
}

impl Proof {
    /// In a few words, for people.
    pub fn text(&self) -> String {
        match self {
            Proof::Gone { from, free } => {
                format!("its processes on {} are gone, and the lock of {free} is free", from.host)
            }
            Proof::RunEnded { run, conclusion, free } => {
                format!("{} ended ({conclusion}), and the lock of {free} is free", run.text())
            }
            Proof::Person { why, seen } => format!("a person answers for it: {why} ({seen})"),
        }
    }
}
