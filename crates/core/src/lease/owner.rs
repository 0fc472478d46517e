//! Whose a state is: the environment that it was applied as last, known by where it lies and by its lineage.
//!
//! The newest apply tells. An environment that took a state over from another one has applied to it since, so the other one has no say
//! in it any more; whether it may do that is not judged here.

use super::request::Backend;
use super::state::{Attempt, LeaseState};
use crate::id::Env;

/// An environment that a state was applied as last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    pub environment: &'a Env,
    pub attempt: &'a Attempt,
    pub known_by: KnownBy,
}

/// What tells that it is the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// It lies there.
    Place,
    /// A lineage is made once, with the state, and goes with it wherever it lies, so it tells of one state whatever the backends say.
    Lineage,
}

impl LeaseState {
    /// The other environments that the state of this one belongs to: one at most by its place, and one by its lineage. `is_place` tells
    /// of a recorded backend whether it leads to the state; `lineage` is the state's, where there is one.
    pub fn other_owners(
        &self,
        environment: &Env,
        is_place: &dyn Fn(&Backend) -> bool,
        lineage: Option<&str>,
    ) -> Vec<Owner<'_>> {
        let at_place = |attempt: &Attempt| is_place(&attempt.facts.backend);
        let of_lineage = |attempt: &Attempt| lineage.is_some() && attempt.lineage() == lineage;
        let mut owners = vec![];
        owners.extend(self.newest(KnownBy::Place, &at_place));
        owners.extend(self.newest(KnownBy::Lineage, &of_lineage));
        owners.retain(|owner| owner.environment != environment);
        owners.dedup_by(|second, first| second.environment == first.environment);
        owners
    }

    fn newest(&self, known_by: KnownBy, is: &dyn Fn(&Attempt) -> bool) -> Option<Owner<'_>> {
        let attempts = self.last.iter().chain(&self.applied).filter(|(_, attempt)| is(attempt));
        let newest = attempts.max_by_key(|(_, attempt)| attempt.epoch);
        newest.map(|(environment, attempt)| Owner { environment, attempt, known_by })
    }
}
