//! The Terraform lease of a project: at most one apply in flight, across all environments. Rule 18 of PROTOCOL.md.
//!
//! It is the stream `terraform/<project>`: who holds the lease, on which evidence it was taken from somebody, and how every
//! apply ended. The fold demands the evidence itself, so no program can record a takeover for which time alone speaks.

mod event;
mod holder;
mod needs;
mod owner;
mod request;
mod state;

pub use event::{LeaseEvent, LeaseEventKind, Outcome, Proof};
pub use holder::{Child, CiRun, Holder, Machine, Process};
pub use needs::Infrastructure;
pub use owner::{KnownBy, Owner};
pub use request::{Action, Agreed, Backend, Change, Counts, Facts, Request};
pub use state::{Attempt, IllegalLease, Lease, LeaseState, Phase};
