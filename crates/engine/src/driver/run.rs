//! The loop itself, and taking a deployment over.

use tiers_core::event::{Cause, Event};
use tiers_core::gate::At;
use tiers_core::next::{NextEffect, next};
use tiers_core::state::EndedDeployment;

use super::session::{Appended, DriveError, Session};
use super::watch::{Progress, Stop};
use super::{bake, check, end, fence, gating, write};
use crate::mutation::{Mutation, is_on};

/// More effects than any deployment needs: 100 steps of a linear shift, each with its tries, both ways.
const MAX_EFFECTS: u32 = 5_000;

/// How a drive came to its end.
#[derive(Debug)]
pub enum Driven {
    Ended(EndedDeployment),
    /// The environment undoes nothing by itself: the deployment stays open until a person resumes or rolls back.
    AsksPerson(Cause),
}

/// Drives the deployment that this session owns until it has ended, or a person is needed.
pub async fn drive(session: &mut Session) -> Result<Driven, DriveError> {
    for _ in 0..MAX_EFFECTS {
        match turn(session).await {
            Ok(None) => {}
            Ok(Some(driven)) => return Ok(driven),
            Err(DriveError::Gone(id)) => return Err(session.gone(id).await),
            Err(error) => return Err(error),
        }
    }
    Err(DriveError::Endless(MAX_EFFECTS))
}

async fn turn(session: &mut Session) -> Result<Option<Driven>, DriveError> {
    let deployment = session.own()?;
    match session.world.watch.stop_asked() {
        Some(Stop::Leave) => return Err(DriveError::Stopped),
        Some(Stop::Undo) if !deployment.is_undoing() && deployment.open_intent.is_none() => {
            let cause = Cause::Person { why: format!("{} asked for it", session.world.actor.who) };
            session.decide(&Event::Undoing { cause }).await?;
            return Ok(None);
        }
        Some(Stop::Undo) | None => {}
    }
    let id = deployment.id.clone();
    match next(deployment) {
        NextEffect::Check => check::check(session).await?,
        NextEffect::Settle => write::settle_open(session).await?,
        NextEffect::Fence { components } => fence::fence(session, &components).await?,
        NextEffect::Write { step, components } => write::write(session, step, &components).await?,
        NextEffect::LastLook => {
            let components: Vec<_> = deployment.parts.iter().map(|part| part.component.clone()).collect();
            write::write(session, tiers_core::event::Step::LastLook, &components).await?;
        }
        NextEffect::Gates { at: At::Published } if is_on(Mutation::ResumeWrongStep) && deployment.epoch > 0 => {
            let components: Vec<_> = deployment.parts.iter().map(|part| part.component.clone()).collect();
            write::write(session, tiers_core::event::Step::Shift { number: 0 }, &components).await?;
        }
        NextEffect::Gates { at } => gating::gates(session, at).await?,
        NextEffect::Bake { step, seconds } => bake::bake(session, step, seconds).await?,
        NextEffect::AskPerson { cause } if is_on(Mutation::UndoUnasked) => {
            session.decide(&Event::Undoing { cause }).await?;
        }
        NextEffect::Undo { cause } => {
            session.decide(&Event::Undoing { cause }).await?;
        }
        NextEffect::AskPerson { cause } => return Ok(Some(Driven::AsksPerson(cause))),
        NextEffect::End { ending, why } => end::end(session, ending, &why).await?,
    }
    let over = session.state.open.as_ref().is_none_or(|open| open.id != id);
    match session.state.last.clone() {
        Some(last) if over && last.id == id => Ok(Some(Driven::Ended(last))),
        _ if over => Err(DriveError::Gone(id)),
        _ => {
            idle(session).await?;
            Ok(None)
        }
    }
}

/// After a step that brought nothing forward, waits a little, ever longer.
async fn idle(session: &Session) -> Result<(), DriveError> {
    let tries = session.own()?.tries;
    if tries > 0 {
        let ms = 100_u64.saturating_mul(1 << tries.min(6));
        session.world.watch.see(&Progress::Waiting { what: "nothing moved; trying again", ms });
        session.world.clock.sleep_ms(ms).await;
    }
    Ok(())
}

/// Takes the open deployment over: safe at any time, because calls of the owner before are fenced first.
///
/// `undo` is a person's decision to go back; an overdue canary goes back in any case. Answers `false` when nothing is open.
pub async fn take_over(session: &mut Session, why: &str, undo: Option<&str>) -> Result<bool, DriveError> {
    for _ in 0..64 {
        let Some(open) = session.state.open.clone() else { return Ok(false) };
        session.owned = None;
        let overdue = open.unwind_by.filter(|by| session.world.clock.now() > *by);
        let cause = match (undo, overdue) {
            (Some(why), _) => Some(Cause::Person { why: why.to_owned() }),
            (None, Some(by)) => Some(Cause::Overdue { what: format!("weights had to be gone by {by}") }),
            (None, None) => None,
        };
        let event = Event::TakenOver { why: why.to_owned(), undo: cause.filter(|_| !open.is_undoing()) };
        if session.decide(&event).await? == Appended::Changed {
            continue;
        }
        session.owned = Some((open.id.clone(), open.epoch + 1));
        return Ok(true);
    }
    Err(DriveError::Endless(64))
}
