//! Getting the lease: at once, after a wait, or from a holder that is proven to be gone.

use tiers_core::lease::{Holder, IllegalLease, Lease, LeaseEvent, Request};

use super::Desk;
use super::patience::Patience;
use super::proof::{Evidence, evidence};
use super::session::{Appended, LeaseError, LeaseSession, MAX_CONFLICTS};

/// Bounds on waiting for the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How long in all; 0 does not wait.
    pub for_ms: u64,
    /// Between two looks at the lease; doubles up to `max_poll_ms`.
    pub first_poll_ms: u64,
    pub max_poll_ms: u64,
}

impl Default for Waiting {
    /// Half an hour, looking every 10 seconds at last.
    fn default() -> Waiting {
        Waiting { for_ms: 1_800_000, first_poll_ms: 250, max_poll_ms: 10_000 }
    }
}

/// What came of trying to get the lease.
pub enum Obtained {
    /// This process holds it.
    Held(Box<LeaseSession>),
    /// Somebody applied in this environment since the plan was made.
    Outdated { last: u32 },
    /// Somebody else holds it, and the wait is over. `why` says why it could not be taken over.
    Busy { lease: Box<Lease>, why: String },
    /// A person asked to stop while waiting.
    Stopped,
}

/// Gets the lease for this request. What was true when the plan was made is looked at again once the lease is free: waiting
/// keeps no order.
pub async fn acquire(
    desk: &Desk,
    holder: &Holder,
    request: &Request,
    waiting: Waiting,
) -> Result<Obtained, LeaseError> {
    let mut session = LeaseSession::load(desk).await?;
    let event = LeaseEvent::Acquired { holder: holder.clone(), request: Box::new(request.clone()) };
    let (mut patience, mut conflicts) = (Patience::new(waiting), 0);
    loop {
        if desk.watch.stop_asked() {
            return Ok(Obtained::Stopped);
        }
        let Some(lease) = session.state.held.clone() else {
            match session.decide(&event).await {
                Ok(Appended::Done) => {
                    session.epoch = Some(session.state.epoch);
                    return Ok(Obtained::Held(Box::new(session)));
                }
                Ok(Appended::Changed) => {
                    conflicts += 1;
                    if conflicts > MAX_CONFLICTS {
                        return Err(LeaseError::Endless(conflicts));
                    }
                    continue;
                }
                Err(LeaseError::Illegal(IllegalLease::Outdated { last, .. })) => {
                    return Ok(Obtained::Outdated { last });
                }
                Err(error) => return Err(error),
            }
        };
        // Without this look a wait could last as long as it may, for a plan that can't be applied afterwards.
        let last = session.state.last_epoch(&request.facts.environment);
        if last != request.made_after {
            return Ok(Obtained::Outdated { last });
        }
        let why = match evidence(desk, &lease).await {
            Evidence::Proven(proof) => {
                // Whether done or changed by somebody: the loop looks again.
                session.decide(&LeaseEvent::TakenOver { proof: *proof }).await?;
                conflicts += 1;
                if conflicts > MAX_CONFLICTS {
                    return Err(LeaseError::Endless(conflicts));
                }
                continue;
            }
            Evidence::Lacking(why) => why,
        };
        if !patience.wait(desk, &lease, &why).await {
            return Ok(Obtained::Busy { lease: Box::new(lease), why });
        }
        session.reload().await?;
    }
}
