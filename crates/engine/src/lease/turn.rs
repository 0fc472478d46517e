//! One's turn in an environment: a plan that is made while somebody applies there meets the state's lock, and is outdated in any case.

use tiers_core::id::Env;
use tiers_core::lease::{Lease, LeaseEvent};

use super::Desk;
use super::acquire::Waiting;
use super::patience::Patience;
use super::proof::{Evidence, evidence};
use super::session::{LeaseError, LeaseSession, MAX_CONFLICTS};

/// What came of waiting for one's turn.
pub enum Turn {
    /// Nobody applies in this environment.
    Free,
    /// Somebody does, and the wait is over. `why` says why the lease could not be taken over.
    Busy { lease: Box<Lease>, why: String },
    /// A person asked to stop while waiting.
    Stopped,
}

/// Waits until no apply is in flight in this environment; a holder that is proven to be gone is none. Applies in others are waited
/// for when the lease is acquired.
pub async fn turn(desk: &Desk, environment: &Env, waiting: Waiting) -> Result<Turn, LeaseError> {
    let mut session = LeaseSession::load(desk).await?;
    let (mut patience, mut takeovers) = (Patience::new(waiting), 0);
    loop {
        let Some(lease) = session.state.in_flight(environment).cloned() else { return Ok(Turn::Free) };
        if desk.watch.stop_asked() {
            return Ok(Turn::Stopped);
        }
        match evidence(desk, &lease).await {
            Evidence::Proven(proof) => {
                // Whether done or changed by somebody: the loop looks again.
                session.decide(&LeaseEvent::TakenOver { proof: *proof }).await?;
                takeovers += 1;
                if takeovers > MAX_CONFLICTS {
                    return Err(LeaseError::Endless(takeovers));
                }
            }
            Evidence::Lacking(why) => {
                if !patience.wait(desk, &lease, &why).await {
                    return Ok(Turn::Busy { lease: Box::new(lease), why });
                }
                session.reload().await?;
            }
        }
    }
}
