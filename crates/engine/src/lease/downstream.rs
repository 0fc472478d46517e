//! Rule 6 for applies: what stands in the environment is read after the lease was appended, and halted. Terraform starts once it has
//! ended: until then it is on its way back, and writes to the functions that Terraform may write to.

use tiers_core::event::Event;
use tiers_core::id::{App, DeploymentId, Env};
use tiers_core::plan::Kind;

use super::Desk;
use super::acquire::Waiting;
use super::session::{LeaseError, MAX_CONFLICTS};
use super::watch::LeaseProgress;
use crate::driver::{DriveError, Session, World};
use crate::mutation::{Mutation, is_on};

/// A person who asks to stop waits no longer than this.
const LONGEST_SLEEP_MS: u64 = 1_000;

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

/// Waits until no deployment is open in the environment. Answers why Terraform is not to be started, where one does not end.
pub(super) async fn ended(
    desk: &Desk,
    environment: &Env,
    apps: &[App],
    waiting: Waiting,
) -> Result<Option<String>, LeaseError> {
    if is_on(Mutation::ApplyBesideHalted) {
        return Ok(None);
    }
    let (mut waited_ms, mut poll_ms) = (0_u64, waiting.first_poll_ms.max(1));
    loop {
        let all = standing(&desk.world, environment, apps).await?;
        let Some(one) = all.first() else { return Ok(None) };
        if waited_ms >= waiting.for_ms {
            return Ok(Some(format!(
                "deployment {} of {} by {} has not ended (`tiers resume {environment}` takes it over where nobody \
                 is at work)",
                one.id, one.app, one.owner
            )));
        }
        desk.watch.see(&LeaseProgress::Ending { deployment: one, waited_ms });
        let pause_ms = poll_ms.min(waiting.for_ms - waited_ms);
        let until_ms = waited_ms + pause_ms;
        while waited_ms < until_ms {
            if desk.watch.stop_asked() {
                return Ok(Some("stopped as asked".to_owned()));
            }
            let sleep_ms = (until_ms - waited_ms).min(LONGEST_SLEEP_MS);
            desk.world.clock.sleep_ms(sleep_ms).await;
            waited_ms += sleep_ms;
        }
        poll_ms = poll_ms.saturating_mul(2).min(waiting.max_poll_ms.max(1));
    }
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
