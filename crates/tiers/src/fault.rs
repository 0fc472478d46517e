//! What a command says when it can't do what it was asked: what happened, what to do next, and the exit code, in one place.

use std::fmt;

use tiers_engine::driver::DriveError;
use tiers_engine::ledger::LedgerError;
use tiers_engine::planner::PlanError;
use tiers_engine::port::log::LogError;
use tiers_engine::port::target::TargetError;

/// The kinds of not doing what was asked, and their exit codes. Stuck (5) is an ending, never a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The release is bad, or a proof found something: 1.
    Failed,
    /// Wrong use or wrong configuration: 2.
    Usage,
    /// A rule said no, nothing was changed: 3.
    Refused,
    /// The machinery broke: 4.
    Errored,
}

/// An error as a person meets it.
#[derive(Debug)]
pub struct Fault {
    pub kind: Kind,
    pub message: String,
    /// What to do next, as full sentences.
    pub hint: Option<String>,
}

/// What every command answers: its exit code, or a fault.
pub type Outcome = Result<u8, Fault>;

impl Kind {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Refused => 3,
            Kind::Errored => 4,
        }
    }

    /// The word before the message.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::Usage => "error",
            Kind::Refused => "refused",
            Kind::Errored => "errored",
        }
    }
}

impl Fault {
    pub fn new(kind: Kind, message: impl Into<String>) -> Fault {
        Fault { kind, message: message.into(), hint: None }
    }

    pub fn usage(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Usage, message)
    }

    pub fn refused(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Refused, message)
    }

    pub fn errored(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Errored, message)
    }

    /// The same fault with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<DriveError> for Fault {
    fn from(error: DriveError) -> Fault {
        let fault = Fault::errored(error.to_string());
        match error {
            DriveError::Ledger(error) => error.into(),
            DriveError::Superseded { .. } => fault.hint("`tiers status` shows how the new owner gets on."),
            DriveError::Unknown { .. } | DriveError::NotWritten(_) => fault.hint(
                "Nothing is lost: look at the store that holds the ledger, then `tiers resume` goes on from what is recorded.",
            ),
            DriveError::State { .. } => fault.hint(
                "`tiers ledger verify` says more. If a newer tiers wrote it, use that one; nothing is appended to this \
                 stream until it can be read.",
            ),
            DriveError::Stopped => fault,
            DriveError::Stream(_) | DriveError::Gone(_) | DriveError::Fold(_) | DriveError::Endless(_) => {
                fault.hint("`tiers status` shows where things stand.")
            }
        }
    }
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Fault {
        let fault = Fault::errored(error.to_string());
        match error {
            LedgerError::Absent { .. } => fault.hint("`tiers build` begins one."),
            LedgerError::Unreadable { .. } => {
                fault.hint("`tiers ledger verify` names every damaged record of the ledger.")
            }
            LedgerError::NeedsNewerWriter { .. } => Fault { kind: Kind::Refused, ..fault },
            LedgerError::Store(LogError::NoPlace { .. }) => {
                fault.hint("Create that bucket or folder, or correct `ledger` in tiers.toml.")
            }
            LedgerError::Store(LogError::Denied { .. }) => {
                fault.hint("Credentials that may read and create objects there are needed; `ledger` in tiers.toml says where it is.")
            }
            LedgerError::Genesis { .. } | LedgerError::NotCreated { .. } | LedgerError::Store(_) => fault,
        }
    }
}

impl From<TargetError> for Fault {
    fn from(error: TargetError) -> Fault {
        let fault = Fault::refused(error.to_string());
        match error {
            TargetError::Absent { .. } => fault.hint(
                "Functions and their alias are made before the first deployment: `tiers local up` makes them on the local \
                 host, Terraform in an account.",
            ),
            TargetError::Unreachable { .. } => Fault { kind: Kind::Errored, ..fault },
            TargetError::Denied { .. } | TargetError::Unfit { .. } => fault,
        }
    }
}

impl From<PlanError> for Fault {
    fn from(error: PlanError) -> Fault {
        let text = error.to_string();
        match error {
            PlanError::Drive(error) => error.into(),
            PlanError::Target(error) => error.into(),
            PlanError::Stream(_) => Fault::usage(text),
            PlanError::NothingServes(_)
            | PlanError::NoWayBack(_)
            | PlanError::NeverSucceeded { .. }
            | PlanError::Weighted { .. }
            | PlanError::CanaryOn { .. } => Fault::refused(text),
        }
    }
}

/// `error` and everything below it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
