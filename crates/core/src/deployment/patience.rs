//! How often a step is tried before it is given up, and who decides then.

use super::{Deployment, Phase};
use crate::event::Cause;

/// Idle looks before a step forward is given up.
const MAX_TRIES: u32 = 6;
/// Idle looks before an undo, or a fence, is left to a person.
pub(crate) const MAX_UNDO_TRIES: u32 = 12;

pub(crate) const UNFENCED: &str = "a call of an earlier owner may still land, and could not be made impossible";

impl Deployment {
    /// True while calls of an earlier owner stand in the way of everything else.
    pub(crate) fn must_fence_first(&self) -> bool {
        self.must_fence || self.phase == Phase::Closing && !self.late.is_empty()
    }

    /// Why going forward is given up: so many tries brought nothing. `None` while there are tries left, and for one that goes back.
    pub(crate) fn given_up(&self) -> Option<Cause> {
        let what = match self.must_fence_first() {
            true if self.tries >= MAX_UNDO_TRIES => UNFENCED.to_owned(),
            false if self.tries >= MAX_TRIES => {
                let last = self.stalled.as_deref().unwrap_or("no reason was seen");
                format!("{} tries brought nothing forward; the last one: {last}", self.tries)
            }
            _ => return None,
        };
        (!self.is_undoing()).then_some(Cause::Machinery { what })
    }

    /// True when it waits for a person, because the environment undoes nothing by itself once users may have seen it.
    pub fn waits_for_person(&self) -> bool {
        let asks = match &self.cause {
            None => self.given_up().is_some(),
            Some(cause) => !matches!(cause, Cause::Overdue { .. } | Cause::Person { .. }),
        };
        asks && !self.is_undoing() && self.undoes_only_for_a_person()
    }

    /// What speaks against going on: what was recorded, or that its tries brought nothing forward.
    pub fn obstacle(&self) -> Option<Cause> {
        self.cause.clone().or_else(|| self.given_up())
    }
}
