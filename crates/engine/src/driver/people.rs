//! What people record beside deployments, and what follows downstream: rule 6's other half. Whoever revokes evidence or holds a
//! release appends first, then reads downstream, and halts deployments that stand on it.

use tiers_core::event::{Event, HoldOn};
use tiers_core::id::{App, Digest, Env};

use super::World;
use super::session::{Appended, DriveError, Session};
use crate::mutation::{Mutation, is_on};

/// What a person says about an environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Say<'a> {
    pub environment: &'a Env,
    pub app: &'a App,
    pub event: Event,
    /// Environments whose deployments depend on this one.
    pub downstream: &'a [Env],
}

/// Appends the event, and halts open deployments downstream that it speaks against. Answers the environments that were halted.
pub async fn say(world: &World, say: Say<'_>) -> Result<Vec<Env>, DriveError> {
    append(world, say.environment, say.app, &say.event).await?;
    let (digest, why) = match &say.event {
        Event::Revoked { digest, why } => (digest, format!("evidence in {} was revoked: {why}", say.environment)),
        Event::Held { what: HoldOn::Release { digest }, why } => {
            (digest, format!("the release is held in {}: {why}", say.environment))
        }
        _ => return Ok(Vec::new()),
    };
    if is_on(Mutation::RevokeWithoutHalt) {
        return Ok(Vec::new());
    }
    halt(world, say.downstream, say.app, digest, &why).await
}

async fn append(world: &World, environment: &Env, app: &App, event: &Event) -> Result<(), DriveError> {
    for _ in 0..64 {
        let mut session = Session::load(world, environment, app).await?;
        if session.decide(event).await? == Appended::Done {
            return Ok(());
        }
    }
    Err(DriveError::Endless(64))
}

/// Halts every open deployment of this digest in these environments.
pub async fn halt(
    world: &World,
    environments: &[Env],
    app: &App,
    digest: &Digest,
    why: &str,
) -> Result<Vec<Env>, DriveError> {
    let mut halted = Vec::new();
    for environment in environments {
        for _ in 0..64 {
            let mut session = Session::load(world, environment, app).await?;
            let stands = session.state.open.as_ref().is_some_and(|open| &open.plan.release.digest == digest);
            if !stands {
                break;
            }
            if session.decide(&Event::Halted { why: why.to_owned() }).await? == Appended::Done {
                halted.push(environment.clone());
                break;
            }
        }
    }
    Ok(halted)
}
