//! The loop: load, decide, append the intent, do the effect, append the outcome. PROTOCOL.md, rules 4 to 17.
//!
//! The driver makes no choices of its own: [`tiers_core::next::next`] says what comes next from the recorded state alone, so a
//! deployment that is started, resumed, taken over or undone takes the same path.

mod bake;
mod check;
mod claim;
mod end;
mod fence;
mod gating;
mod people;
mod run;
mod session;
pub mod settle;
mod upstream;
mod watch;
mod write;

pub use check::{Objection, misplaced, preflight};
pub use claim::{Claim, claim};
pub use people::{Say, halt, say};
pub use run::{Driven, drive, take_over};
pub use session::{DriveError, Session};
pub use upstream::{Evidence, evidence};
pub use watch::{Progress, Quiet, Stop, Watch};

use std::rc::Rc;

use tiers_core::record::{Actor, Stream};

use crate::gates::Gates;
use crate::ledger::Ledger;
use crate::port::clock::Clock;
use crate::port::ids::Ids;
use crate::port::images::Images;
use crate::port::target::Target;

/// Everything that a driver works with. Cheap to clone.
#[derive(Clone)]
pub struct World {
    pub ledger: Ledger,
    pub clock: Rc<dyn Clock>,
    pub ids: Rc<dyn Ids>,
    pub target: Rc<dyn Target>,
    pub images: Rc<dyn Images>,
    pub gates: Rc<dyn Gates>,
    pub watch: Rc<dyn Watch>,
    pub actor: Actor,
    pub waits: Waits,
    /// The project's Terraform lease, which deployments read; `None` where tiers runs no Terraform.
    pub lease: Option<Stream>,
}

/// Bounds on waiting for the service.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// Between two looks at a function that is changing; doubles up to `max_poll_ms`.
    pub first_poll_ms: u64,
    pub max_poll_ms: u64,
    /// After this long a change that has not ended counts as not done.
    pub deadline_ms: u64,
    /// How many components are worked on at once.
    pub at_once: usize,
}

impl Default for Waits {
    /// Looks after 5 ms first (the local host is that quick), then ever less often, for 5 minutes at most, as long as the
    /// service's own waiter `FunctionUpdatedV2` (300 polls of 1 s).
    fn default() -> Waits {
        Waits { first_poll_ms: 5, max_poll_ms: 1_000, deadline_ms: 300_000, at_once: 8 }
    }
}
