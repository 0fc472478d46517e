//! A canary that bakes: weights stay for a while, with an eye on the stream, and then the live gates speak. Rule 14.

use jiff::SignedDuration;
use tiers_core::deployment::UNWIND_MARGIN_S;
use tiers_core::event::Event;
use tiers_core::gate::At;

use super::gating;
use super::session::{Appended, DriveError, Session};
use super::watch::Progress;
use crate::mutation::{Mutation, is_on};

/// Between two looks at the stream while baking.
const LOOK_EVERY_MS: u64 = 5_000;

/// Bakes one step of the shift from its start: time that passed while nobody watched does not count.
pub(super) async fn bake(session: &mut Session, step: usize, seconds: u64) -> Result<(), DriveError> {
    let allowed_s = i64::try_from(seconds + UNWIND_MARGIN_S).unwrap_or(i64::MAX / 4);
    let unwind_by = session.world.clock.now().saturating_add(SignedDuration::from_secs(allowed_s));
    let unwind_by = unwind_by.unwrap_or(jiff::Timestamp::MAX);
    if session.decide(&Event::Baking { step, unwind_by }).await? == Appended::Changed {
        return Ok(());
    }
    let mut left_ms = seconds.saturating_mul(1000);
    if is_on(Mutation::BakeCountsDowntime) {
        let since = session.world.clock.now().duration_since(session.own()?.claimed_at).as_millis();
        left_ms = left_ms.saturating_sub(u64::try_from(since).unwrap_or(0));
    }
    while left_ms > 0 {
        let slice_ms = left_ms.min(LOOK_EVERY_MS);
        session.world.watch.see(&Progress::Waiting { what: "the canary bakes", ms: left_ms });
        session.world.clock.sleep_ms(slice_ms).await;
        left_ms -= slice_ms;
        let undisturbed = session.head_is_own().await?;
        if session.world.watch.stop_asked().is_some() || (!undisturbed && session.own()?.cause.is_some()) {
            return Ok(());
        }
    }
    if session.own()?.plan.has_gates_at(At::Live) {
        gating::gates(session, At::Live).await?;
        if session.own()?.cause.is_some() {
            return Ok(());
        }
    }
    session.decide(&Event::Baked { step }).await?;
    Ok(())
}
