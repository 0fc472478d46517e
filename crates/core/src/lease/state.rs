//! The state of the lease: the one table that says which event may follow in which phase, and the fold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{LeaseEvent, LeaseEventKind, Outcome, Proof};
use super::holder::{Child, Holder};
use super::request::{Backend, Facts};
use crate::id::Env;
use crate::state::Meta;

/// The summary state of `terraform/<project>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseState {
    /// Counts every lease and every takeover; records of a lower one no longer count.
    pub epoch: u32,
    pub held: Option<Lease>,
    /// The last apply that may have changed something, by environment.
    pub last: BTreeMap<Env, Attempt>,
    /// The last apply that was carried out whole, by environment.
    pub applied: BTreeMap<Env, Attempt>,
}

/// A lease that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub holder: Holder,
    pub by: String,
    pub since: Timestamp,
    pub facts: Facts,
    pub phase: Phase,
}

/// How far a lease's holder is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// Terraform was not started.
    Acquired,
    /// It may be running, in this process.
    Spawning { child: Child },
}

/// An apply that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub epoch: u32,
    pub by: String,
    /// When its lease was acquired, and when it was over.
    pub began: Timestamp,
    pub ended: Timestamp,
    pub facts: Facts,
    pub outcome: Outcome,
}

/// A record that does not follow from those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalLease {
    #[error("the lease is held by {by} ({holder}), for an apply in {environment}")]
    Held { by: String, holder: String, environment: Env },
    #[error("{0:?} needs a lease that is held, and it is free")]
    Free(LeaseEventKind),
    #[error("{kind:?} may not follow in {phase:?}")]
    Table { phase: Phase, kind: LeaseEventKind },
    #[error("the record is of epoch {theirs}, and {current} is the one that counts")]
    Superseded { theirs: u32, current: u32 },
    #[error("the plan was made after apply {made_after} in {environment}, and {last} came since")]
    Outdated { environment: Env, made_after: u32, last: u32 },
    #[error("the evidence does not prove that the holder is gone: {0}")]
    Unproven(String),
}

/// THE table: which event may follow in which phase; `None` is a lease that nobody holds.
fn may_follow(phase: Option<&Phase>, kind: LeaseEventKind) -> bool {
    use LeaseEventKind as K;
    match phase {
        None => matches!(kind, K::Acquired),
        Some(Phase::Acquired) => matches!(kind, K::Spawning | K::Released | K::TakenOver),
        Some(Phase::Spawning { .. }) => matches!(kind, K::Released | K::TakenOver),
    }
}

impl LeaseState {
    /// The state after this event.
    pub fn apply(&self, event: &LeaseEvent, meta: &Meta<'_>) -> Result<LeaseState, IllegalLease> {
        let kind = event.kind();
        self.check_epoch(kind, meta.epoch)?;
        let phase = self.held.as_ref().map(|lease| &lease.phase);
        if !may_follow(phase, kind) {
            return Err(match &self.held {
                None => IllegalLease::Free(kind),
                Some(lease) if kind == LeaseEventKind::Acquired => lease.is_in_the_way(),
                Some(lease) => IllegalLease::Table { phase: lease.phase.clone(), kind },
            });
        }
        let mut next = self.clone();
        next.epoch = meta.epoch;
        match (event, next.held.take()) {
            (LeaseEvent::Acquired { holder, request }, None) => {
                self.check_current(&request.facts.environment, request.made_after)?;
                next.held = Some(Lease {
                    holder: holder.clone(),
                    by: meta.by.to_owned(),
                    since: meta.at,
                    facts: request.facts.clone(),
                    phase: Phase::Acquired,
                });
            }
            (LeaseEvent::Spawning { child }, Some(lease)) => {
                next.held = Some(Lease { phase: Phase::Spawning { child: child.clone() }, ..lease });
            }
            (LeaseEvent::Released { outcome }, Some(lease)) => {
                lease.check_outcome(outcome)?;
                next.end(lease, self.epoch, outcome.clone(), meta.at);
            }
            (LeaseEvent::TakenOver { proof }, Some(lease)) => {
                lease.check_proof(proof, meta.by)?;
                let why = format!("taken over by {}: {}", meta.by, proof.text());
                let outcome = match lease.phase {
                    // Whoever holds an older epoch can't record that it starts anything, so it starts nothing.
                    Phase::Acquired => Outcome::NotStarted { why },
                    Phase::Spawning { .. } => Outcome::Unknown { why },
                };
                next.end(lease, self.epoch, outcome, meta.at);
            }
            (LeaseEvent::Acquired { .. }, Some(lease)) => return Err(lease.is_in_the_way()),
            (LeaseEvent::Spawning { .. } | LeaseEvent::Released { .. } | LeaseEvent::TakenOver { .. }, None) => {
                return Err(IllegalLease::Free(kind));
            }
        }
        Ok(next)
    }

    /// The epoch that a record of this kind must carry now.
    pub fn epoch_for(&self, kind: LeaseEventKind) -> u32 {
        match kind {
            LeaseEventKind::Acquired | LeaseEventKind::TakenOver => self.epoch + 1,
            LeaseEventKind::Spawning | LeaseEventKind::Released => self.epoch,
        }
    }

    /// The lease, if an apply in this environment is in flight.
    pub fn in_flight(&self, environment: &Env) -> Option<&Lease> {
        self.held.as_ref().filter(|lease| &lease.facts.environment == environment)
    }

    /// The epoch of the last apply in this environment that may have changed something; 0 when there was none.
    pub fn last_epoch(&self, environment: &Env) -> u32 {
        self.last.get(environment).map_or(0, |attempt| attempt.epoch)
    }

    fn check_epoch(&self, kind: LeaseEventKind, theirs: u32) -> Result<(), IllegalLease> {
        let current = self.epoch_for(kind);
        if theirs == current { Ok(()) } else { Err(IllegalLease::Superseded { theirs, current }) }
    }

    fn check_current(&self, environment: &Env, made_after: u32) -> Result<(), IllegalLease> {
        let last = self.last_epoch(environment);
        if last == made_after {
            return Ok(());
        }
        Err(IllegalLease::Outdated { environment: environment.clone(), made_after, last })
    }

    fn end(&mut self, lease: Lease, epoch: u32, outcome: Outcome, at: Timestamp) {
        if !outcome.may_have_changed() {
            return;
        }
        let whole = matches!(outcome, Outcome::Applied { .. });
        let environment = lease.facts.environment.clone();
        let attempt = Attempt { epoch, by: lease.by, began: lease.since, ended: at, facts: lease.facts, outcome };
        if whole {
            self.applied.insert(environment.clone(), attempt.clone());
        }
        self.last.insert(environment, attempt);
    }
}

impl Attempt {
    /// The lineage of the state that was applied to: as Terraform left it, or as the plan was made from it.
    pub fn lineage(&self) -> Option<&str> {
        self.outcome.lineage().or(self.facts.lineage.as_deref())
    }

    /// The lowest serial that the state of this environment can have now.
    fn serial(&self) -> Option<u64> {
        match self.outcome {
            Outcome::Applied { serial: Some(serial), .. } => Some(serial),
            _ => self.facts.serial,
        }
    }

    /// Why the state that is found now, by lineage and serial, does not go on from this apply: it is gone, another one, or an older
    /// one. A plan that is made from it may well look harmless, and would make everything a second time.
    pub fn broken_off(&self, found: Option<(&str, u64)>) -> Option<String> {
        let by = &self.by;
        let Some((lineage, serial)) = found else {
            let was_there = self.lineage().is_some() || self.serial().is_some();
            return was_there.then(|| format!("there is none, and {by} applied here before"));
        };
        match self.lineage() {
            Some(known) if known != lineage => {
                return Some(format!("it is another one (lineage {lineage}) than {by} applied here ({known})"));
            }
            Some(_) => {}
            // It may be the one that this apply made, or anybody's that was put there since: nothing here can tell.
            None => {
                let ended = self.outcome.word();
                return Some(format!(
                    "the first apply here, by {by}, ended {ended} and did not say which state it made, so whether it is this one \
                     (lineage {lineage}) is for a person to say"
                ));
            }
        }
        let known = self.serial().filter(|known| *known > serial)?;
        Some(format!("it is older (serial {serial}) than {by} left it here (serial {known})"))
    }
}

impl Lease {
    /// The backend's identity, whose own lock is a part of every proof.
    pub fn backend(&self) -> &Backend {
        &self.facts.backend
    }

    /// Terraform's process, if one may have been started.
    pub fn child(&self) -> Option<&Child> {
        match &self.phase {
            Phase::Acquired => None,
            Phase::Spawning { child } => Some(child),
        }
    }

    fn is_in_the_way(&self) -> IllegalLease {
        IllegalLease::Held {
            by: self.by.clone(),
            holder: self.holder.text(),
            environment: self.facts.environment.clone(),
        }
    }

    fn check_outcome(&self, outcome: &Outcome) -> Result<(), IllegalLease> {
        let fits = match &self.phase {
            Phase::Acquired => matches!(outcome, Outcome::NotStarted { .. }),
            Phase::Spawning { .. } => !matches!(outcome, Outcome::Unknown { .. }),
        };
        if fits {
            Ok(())
        } else {
            Err(IllegalLease::Table { phase: self.phase.clone(), kind: LeaseEventKind::Released })
        }
    }

    /// Rule 18: evidence counts where it is about this very holder and this very backend.
    fn check_proof(&self, proof: &Proof, by: &str) -> Result<(), IllegalLease> {
        let unproven = |why: &str| Err(IllegalLease::Unproven(why.to_owned()));
        let free = match proof {
            Proof::Gone { from, free } if from.sees(&self.holder.machine) => free,
            Proof::Gone { .. } => {
                return unproven("its processes were looked for from another boot or another namespace of processes");
            }
            Proof::RunEnded { run, free, .. } if self.holder.ci.as_ref() == Some(run) => free,
            Proof::RunEnded { .. } => return unproven("the run that ended is not the holder's"),
            Proof::Person { why, .. } => {
                let named = !by.trim().is_empty() && !why.trim().is_empty();
                return if named {
                    Ok(())
                } else {
                    unproven("nobody is named who answers for it, or no reason is given")
                };
            }
        };
        if free == self.backend() { Ok(()) } else { unproven("the lock that was free is that of another backend") }
    }
}
