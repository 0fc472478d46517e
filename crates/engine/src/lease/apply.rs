//! One apply from the lease to its record.

use tiers_core::id::App;
use tiers_core::lease::{Holder, Lease, LeaseEvent, LeaseState, Outcome, Request};

use super::Desk;
use super::acquire::{Obtained, Waiting, acquire};
use super::downstream::{ended, halt};
use super::session::{LeaseError, LeaseSession};
use crate::port::lease::Applier;

/// What came of an apply that was asked for.
#[derive(Debug)]
pub enum Applied {
    /// It was recorded: applied, failed, or not started after all.
    Ended(Outcome),
    /// Terraform came to this end, and the ledger did not take the record of it.
    NotRecorded {
        outcome: Outcome,
        error: LeaseError,
    },
    /// Somebody applied in this environment since the plan was made.
    Outdated {
        last: u32,
    },
    /// Somebody else holds the lease.
    Busy {
        lease: Box<Lease>,
        why: String,
    },
    Stopped,
}

/// Acquires the lease, halts what stands in the environment and waits for its end, starts Terraform and records how it ended.
///
/// `again` is asked once the lease is held, and answers why the plan may no longer be applied, if so.
pub async fn apply(
    desk: &Desk,
    holder: &Holder,
    request: &Request,
    apps: &[App],
    waiting: Waiting,
    applier: &dyn Applier,
    again: &dyn Fn(&LeaseState) -> Option<String>,
) -> Result<Applied, LeaseError> {
    let mut session = match acquire(desk, holder, request, waiting).await? {
        Obtained::Held(session) => *session,
        Obtained::Outdated { last } => return Ok(Applied::Outdated { last }),
        Obtained::Busy { lease, why } => return Ok(Applied::Busy { lease, why }),
        Obtained::Stopped => return Ok(Applied::Stopped),
    };
    match before_start(&mut session, request, apps, waiting, applier, again).await {
        Ok(None) => {}
        Ok(Some(why)) => return not_started(&mut session, why).await,
        // The lease stays where the ledger has it: this process ends, and whoever comes next can prove it.
        Err(error) => {
            applier.abandon().await;
            return Err(error);
        }
    }
    let outcome = applier.start().await;
    match session.note(&LeaseEvent::Released { outcome: outcome.clone() }).await {
        Ok(()) => Ok(Applied::Ended(outcome)),
        Err(error) => Ok(Applied::NotRecorded { outcome, error }),
    }
}

/// Everything between the lease and the start; answers why Terraform is not to be started.
async fn before_start(
    session: &mut LeaseSession,
    request: &Request,
    apps: &[App],
    waiting: Waiting,
    applier: &dyn Applier,
    again: &dyn Fn(&LeaseState) -> Option<String>,
) -> Result<Option<String>, LeaseError> {
    if let Some(why) = again(&session.state) {
        return Ok(Some(why));
    }
    let desk = session.desk.clone();
    let facts = &request.facts;
    let why =
        format!("{} applies Terraform in {} (plan {})", desk.world.actor.who, facts.environment, facts.plan.short());
    // Whether a deployment stands there must be known; the lease itself is in order, and is given back.
    if let Err(error) = halt(&desk, &facts.environment, apps, &why).await {
        return Ok(Some(format!("the deployments in {} could not be halted: {error}", facts.environment)));
    }
    match ended(&desk, &facts.environment, apps, waiting).await {
        Ok(None) => {}
        Ok(Some(why)) => return Ok(Some(why)),
        Err(error) => {
            return Ok(Some(format!("whether the deployments in {} ended can't be told: {error}", facts.environment)));
        }
    }
    let child = match applier.prepare().await {
        Ok(child) => child,
        Err(why) => return Ok(Some(why)),
    };
    session.note(&LeaseEvent::Spawning { child }).await?;
    // Rule 18: appended, read again, and only then started.
    session.reload().await?;
    session.own()?;
    if desk.watch.stop_asked() {
        applier.abandon().await;
        return Ok(Some("stopped as asked".to_owned()));
    }
    Ok(None)
}

async fn not_started(session: &mut LeaseSession, why: String) -> Result<Applied, LeaseError> {
    let outcome = Outcome::NotStarted { why };
    session.note(&LeaseEvent::Released { outcome: outcome.clone() }).await?;
    Ok(Applied::Ended(outcome))
}
