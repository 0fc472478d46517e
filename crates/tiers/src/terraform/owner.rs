//! Whose state it is that an environment is about to be planned from. What was applied as another environment is that one's, as long as
//! it is declared; where it is not, a person may have renamed it, and says so.

use std::collections::BTreeMap;

use serde::Serialize;
use tiers_check::Sameness;
use tiers_core::id::Env;
use tiers_core::lease::{Attempt, Backend, KnownBy, LeaseState};

use super::place::{same_state, sameness, told_apart};
use super::site::Site;
use crate::fault::Fault;
use crate::render::plan::short;
use crate::request::ApplyRules;

/// The state of an environment that is not declared any more, which this one takes over with a plan that somebody agrees to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    pub from: Env,
    pub attempt: Attempt,
}

/// What says which environments there are, besides the tiers.toml of the working copy: that a person is asked about one is not for the
/// working copy to take away, and so it is not to make one's state anybody's.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    pub environments: Vec<Env>,
    pub commit: Option<String>,
}

impl Declared {
    /// As the rules say.
    pub fn ruled(rules: &ApplyRules) -> Declared {
        Declared { environments: rules.declared.clone(), commit: rules.commit.clone() }
    }
}

impl Site {
    /// The environments whose state this one takes over; a refusal where one of them is declared. `lineage` is the state's, where
    /// there is one.
    pub fn taken(
        &self,
        backend: &Backend,
        lineage: Option<&str>,
        state: &LeaseState,
        declared: &Declared,
    ) -> Result<Vec<Taken>, Fault> {
        let env = &self.environment.name;
        let mut taken = Vec::new();
        for owner in state.other_owners(env, &|place| same_state(backend, place), lineage) {
            let from = owner.environment;
            let is_here = self.declares(from);
            if !is_here && !declared.environments.contains(from) {
                taken.push(Taken { from: from.clone(), attempt: owner.attempt.clone() });
                continue;
            }
            let why = match owner.known_by {
                KnownBy::Place => format!("holds what was applied in {from}"),
                KnownBy::Lineage => {
                    format!("has the lineage {} that was applied in {from} last", lineage.unwrap_or_default())
                }
            };
            let fault = shared(env, from, backend, &why);
            return Err(match &declared.commit {
                Some(commit) if !is_here => fault.hint(format!(
                    "The tiers.toml here does not declare {from}, and that of commit {} does, which rules. If {from} was renamed to \
                     {env}, commit that there first.",
                    short(commit)
                )),
                _ => fault,
            });
        }
        Ok(taken)
    }

    /// Whether the tiers.toml here has this environment besides its own.
    fn declares(&self, name: &Env) -> bool {
        self.others.iter().any(|(other, ..)| other == name)
    }

    /// What is said where nothing was applied here and no state is there, of states that were left behind by environments which are not
    /// declared any more: this may be one of them under another name, and would make everything a second time.
    pub fn left_behind(&self, state: &LeaseState, declared: &Declared) -> Option<String> {
        let env = &self.environment.name;
        let is_known = |name: &Env| name == env || self.declares(name) || declared.environments.contains(name);
        let mut left = state.last.iter().filter(|(name, attempt)| !is_known(name) && is_still_its(state, attempt));
        let (from, attempt) = left.next_back()?;
        Some(format!(
            "{from} is not declared any more, and its state is {}. If {env} is {from} under another name, keep its backend, or move that \
             state here first: this plan makes everything anew",
            attempt.facts.backend
        ))
    }

    /// Why it can't be told that the state is not another environment's too, if so: a person says it, once, since the lineage that an
    /// apply leaves tells it from then on.
    pub fn untold(&self, backend: &Backend, lineage: Option<&str>, state: &LeaseState) -> Vec<String> {
        let env = &self.environment.name;
        let of = |name: &Env| [state.last.get(name), state.applied.get(name)].into_iter().flatten();
        let is_ours = |attempt: &Attempt| lineage.is_some() && attempt.lineage() == lineage;
        if of(env).any(is_ours) {
            return Vec::new();
        }
        let is_another = |attempt: &Attempt| attempt.lineage().is_some() && lineage.is_some() && !is_ours(attempt);
        let mut perhaps: BTreeMap<&Env, Backend> = BTreeMap::new();
        for (name, attempt) in state.last.iter().filter(|(name, _)| *name != env) {
            if sameness(backend, &attempt.facts.backend) == Sameness::Perhaps && !is_another(attempt) {
                perhaps.insert(name, attempt.facts.backend.clone());
            }
        }
        let declared = self.declared_elsewhere();
        for (name, theirs) in &declared {
            if sameness(backend, theirs) == Sameness::Perhaps && !of(name).any(is_another) {
                perhaps.insert(name, theirs.clone());
            }
        }
        let why = |(name, theirs): (&Env, &Backend)| {
            let (mine, theirs) = told_apart(backend, theirs);
            format!(
                "it may be that of {name} as well: whether {mine} and {theirs} (of {name}) are one can't be told; what tells them apart \
                 belongs into the backend files"
            )
        };
        perhaps.iter().map(|(name, theirs)| why((*name, theirs))).collect()
    }
}

impl Taken {
    /// Why taking it over has to be agreed to.
    pub fn why(&self, env: &Env) -> String {
        let from = &self.from;
        format!(
            "it was last applied as {from} (by {}), which tiers.toml does not declare any more; from now on it is that of {env}",
            self.attempt.by
        )
    }
}

/// Whether the state of this attempt was not applied as another environment since.
pub fn is_still_its(state: &LeaseState, attempt: &Attempt) -> bool {
    let facts = &attempt.facts;
    state.other_owners(&facts.environment, &|place| same_state(&facts.backend, place), attempt.lineage()).is_empty()
}

/// Two environments have one state.
pub fn shared(env: &Env, other: &Env, backend: &Backend, why: &str) -> Fault {
    Fault::refused(format!("wrong place: {env} and {other} have one state, {backend}, which {why}"))
        .hint("Give each environment a state of its own in its backend file. A copy of another's state is no beginning for one: it holds \
               what the other environment lives on.")
}
