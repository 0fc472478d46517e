//! Holding the Terraform lease: acquire it, wait for it, take it over with proof, apply under it, give it back. Rule 18 of
//! PROTOCOL.md, and rule 6 for the deployments that stand in the environment.

mod acquire;
mod apply;
mod downstream;
mod patience;
mod proof;
mod session;
mod turn;
mod watch;

pub use acquire::{Obtained, Waiting, acquire};
pub use apply::{Applied, apply};
pub use downstream::{Standing, standing};
pub use proof::{Evidence, evidence, look, overrule};
pub(crate) use session::read;
pub use session::{LeaseError, LeaseSession};
pub use turn::{Turn, turn};
pub use watch::{LeaseProgress, LeaseWatch, Silent};

use std::rc::Rc;

use tiers_core::record::Stream;

use crate::driver::World;
use crate::port::lease::{BackendLocks, CiRuns, Processes};

/// Everything that a holder of the lease works with. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub world: World,
    /// The project's `terraform/…` stream.
    pub stream: Stream,
    pub processes: Rc<dyn Processes>,
    pub runs: Rc<dyn CiRuns>,
    pub locks: Rc<dyn BackendLocks>,
    pub watch: Rc<dyn LeaseWatch>,
}
