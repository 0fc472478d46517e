//! Beginning a deployment: rule 5 of PROTOCOL.md.

use tiers_core::event::Event;
use tiers_core::id::DeploymentId;
use tiers_core::plan::Plan;

use super::World;
use super::session::{Appended, DriveError, Session};

/// What became of a claim.
pub enum Claim {
    /// The deployment is open, and the session owns it.
    Claimed(Box<Session>, DeploymentId),
    /// The stream moved on since the plan was made; make a new one.
    Outdated,
    /// Another deployment is open.
    Busy { id: DeploymentId, owner: String },
}

/// Claims the environment for this plan.
pub async fn claim(world: &World, plan: &Plan) -> Result<Claim, DriveError> {
    let mut session = Session::load(world, &plan.environment, &plan.app).await?;
    if let Some(open) = &session.state.open {
        return Ok(Claim::Busy { id: open.id.clone(), owner: open.owner.clone() });
    }
    let made_from = session.head.as_ref().map(|head| (head.seq, head.hash.clone()));
    if made_from != plan.made_from {
        return Ok(Claim::Outdated);
    }
    let id = world.ids.deployment(world.clock.now());
    let event = Event::Claimed { id: id.clone(), plan: Box::new(plan.clone()) };
    match session.decide(&event).await? {
        Appended::Done => {
            session.owned = Some((id.clone(), 0));
            Ok(Claim::Claimed(Box::new(session), id))
        }
        Appended::Changed => match &session.state.open {
            Some(open) => Ok(Claim::Busy { id: open.id.clone(), owner: open.owner.clone() }),
            None => Ok(Claim::Outdated),
        },
    }
}
