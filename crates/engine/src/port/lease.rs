//! What the Terraform lease asks of the world outside the ledger, as ports: whether processes live, whether a CI run ended,
//! whether a backend's own lock is free, and Terraform itself. "Unknown" is an answer of its own and never counts as evidence.

use async_trait::async_trait;
use tiers_core::id::Env;
use tiers_core::lease::{Backend, Child, CiRun, Holder, Machine, Outcome};

/// Whether processes are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// At least one of them is.
    Alive,
    /// None of them, nor anything in their group.
    Gone,
    /// It can't be told from here.
    Unknown(String),
}

/// Looks for processes.
#[async_trait(?Send)]
pub trait Processes {
    /// Where looks are made from.
    fn machine(&self) -> Machine;

    /// Looks for the holder's own process, for its child and for everything in the child's process group.
    async fn look(&self, holder: &Holder, child: Option<&Child>) -> Life;
}

/// What a CI system says about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    Running,
    /// With the conclusion, as the system words it.
    Ended(String),
    /// It could not be asked, or did not say.
    Unknown(String),
}

/// Asks a CI system.
#[async_trait(?Send)]
pub trait CiRuns {
    async fn state(&self, run: &CiRun) -> RunState;
}

/// The state of a backend's own lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockState {
    Free,
    /// With what the backend says about it: its id, who took it and when.
    Held(String),
    Unknown(String),
}

/// Asks a backend whether its lock is free. Never breaks one.
#[async_trait(?Send)]
pub trait BackendLocks {
    /// Answers [`LockState::Unknown`] when what is declared for this environment is not this backend.
    async fn state(&self, environment: &Env, backend: &Backend) -> LockState;
}

/// One apply of one saved plan, in three steps, so that the process is in the ledger before Terraform runs in it.
///
/// The child dies with us: an implementation sees to it that no Terraform outlives the process that prepared it.
#[async_trait(?Send)]
pub trait Applier {
    /// Makes the process in which Terraform will run, waiting to be let go.
    async fn prepare(&self) -> Result<Child, String>;

    /// Lets Terraform go, and waits for its end. Called once, after [`Applier::prepare`].
    async fn start(&self) -> Outcome;

    /// Ends the waiting process without letting Terraform go.
    async fn abandon(&self);
}
