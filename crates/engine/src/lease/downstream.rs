//! Rule 6 for applies: what stands in the environment is read after the lease was appended, and halted.

use tiers_core::event::Event;
use tiers_core::id::{App, DeploymentId, Env};
use tiers_core::plan::Kind;

use super::Desk;
use super::session::{LeaseError, MAX_CONFLICTS};
use super::watch::LeaseProgress;
use crate::driver::{DriveError, Session, World};

/// A deployment that is open where an apply is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub app: App,
    pub id: DeploymentId,
    pub owner: String,
    /// It goes back already, or is a rollback: nothing but a person stops that.
    pub goes_back: bool,
}

/// The deployments that are open in this environment.
pub async fn standing(world: &World, environment: &Env, apps: &[App]) -> Result<Vec<Standing>, LeaseError> {
    let mut all = Vec::new();
    for app in apps {
        let session = Session::load(world, environment, app).await?;
        all.extend(open(&session, app));
    }
    Ok(all)
}

/// Halts them. The lease must stand in the ledger already: a deployment that claims later reads it.
pub(super) async fn halt(desk: &Desk, environment: &Env, apps: &[App], why: &str) -> Result<(), LeaseError> {
    for app in apps {
        let mut tries = 0;
        loop {
            let session = &mut Session::load(&desk.world, environment, app).await?;
            if open(session, app).is_none_or(|standing| standing.goes_back) {
                break;
            }
            if session.tell(&Event::Halted { why: why.to_owned() }).await? {
                desk.watch.see(&LeaseProgress::Halted { environment, app: app.as_str() });
                break;
            }
            tries += 1;
            if tries > MAX_CONFLICTS {
                return Err(DriveError::Endless(tries).into());
            }
        }
    }
    Ok(())
}

fn open(session: &Session, app: &App) -> Option<Standing> {
    let open = session.state.open.as_ref()?;
    Some(Standing {
        app: app.clone(),
        id: open.id.clone(),
        owner: open.owner.clone(),
        goes_back: open.is_undoing() || open.plan.kind == Kind::Rollback,
    })
}
