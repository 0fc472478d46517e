//! What happens to the lease while somebody waits for it or holds it, for people; and whether they want to stop.

use tiers_core::id::Env;
use tiers_core::lease::{Lease, LeaseEvent};

use super::downstream::Standing;

/// Something that happened, or goes on.
#[derive(Clone, Debug)]
pub enum LeaseProgress<'a> {
    /// A record was appended.
    Recorded(&'a LeaseEvent),
    /// Somebody else holds it. `why` says why it can't be taken from them.
    Waiting { lease: &'a Lease, why: &'a str, waited_ms: u64 },
    /// An open deployment was halted because of this apply.
    Halted { environment: &'a Env, app: &'a str },
    /// A deployment that was halted, or was on its way back before, has not ended yet: Terraform starts once it has.
    Ending { deployment: &'a Standing, waited_ms: u64 },
}

/// Watches the lease.
pub trait LeaseWatch {
    /// Called between steps; must be quick.
    fn see(&self, progress: &LeaseProgress<'_>);

    /// A person asked to stop: nothing new is begun.
    fn stop_asked(&self) -> bool {
        false
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl LeaseWatch for Silent {
    fn see(&self, _: &LeaseProgress<'_>) {}
}
