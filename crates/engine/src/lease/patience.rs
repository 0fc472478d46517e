//! Waiting for somebody else's lease, with a bound, and never long without looking whether a person wants to stop.

use tiers_core::lease::Lease;

use super::Desk;
use super::acquire::Waiting;
use super::watch::LeaseProgress;

/// A person who asked to stop waits no longer than this.
const LONGEST_SLEEP_MS: u64 = 1_000;

/// How long it has been, and how long it may still be.
pub(super) struct Patience {
    waiting: Waiting,
    waited_ms: u64,
    poll_ms: u64,
}

impl Patience {
    pub(super) fn new(waiting: Waiting) -> Patience {
        Patience { waiting, waited_ms: 0, poll_ms: waiting.first_poll_ms.max(1) }
    }

    /// Waits until it is time for another look, or until a person asked to stop; false when the wait is over.
    pub(super) async fn wait(&mut self, desk: &Desk, lease: &Lease, why: &str) -> bool {
        if self.waited_ms >= self.waiting.for_ms {
            return false;
        }
        desk.watch.see(&LeaseProgress::Waiting { lease, why, waited_ms: self.waited_ms });
        let mut left_ms = self.poll_ms.min(self.waiting.for_ms - self.waited_ms);
        while left_ms > 0 && !desk.watch.stop_asked() {
            let sleep_ms = left_ms.min(LONGEST_SLEEP_MS);
            desk.world.clock.sleep_ms(sleep_ms).await;
            self.waited_ms += sleep_ms;
            left_ms -= sleep_ms;
        }
        self.poll_ms = self.poll_ms.saturating_mul(2).min(self.waiting.max_poll_ms.max(1));
        true
    }
}
