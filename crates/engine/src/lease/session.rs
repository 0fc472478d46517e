//! One process's view of the lease's stream: its head, the folded state, and appends that never write over anybody.

use tiers_core::lease::{IllegalLease, LeaseEvent, LeaseState};
use tiers_core::record::Stream;
use tiers_core::state::Meta;

use super::Desk;
use super::watch::LeaseProgress;
use crate::driver::{DriveError, World};
use crate::ledger::{Append, Draft, Head, LedgerError};
use crate::port::log::Refusal;

/// Why nothing was, or could be, done with the lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A stream could not be read, or a deployment's not be written.
    #[error(transparent)]
    Stream(#[from] DriveError),
    #[error("the ledger did not take a record: {0}")]
    NotWritten(Refusal),
    #[error("whether record {key} was written is unknown: {why}")]
    Unknown { key: String, why: String },
    /// Somebody took the lease from this process, which must start nothing.
    #[error("the lease of this process (epoch {ours}) was taken over; epoch {current} counts now")]
    Superseded { ours: u32, current: u32 },
    #[error("a record does not follow from the ones before it: {0}")]
    Illegal(#[from] IllegalLease),
    #[error(
        "the lease's stream moved on {0} times in a row; this is a bug in tiers, or somebody writes to it without end"
    )]
    Endless(u32),
}

/// More conflicts in a row than any race explains.
pub(super) const MAX_CONFLICTS: u32 = 64;

/// The lease's stream as one process knows it.
pub struct LeaseSession {
    pub(super) desk: Desk,
    pub head: Option<Head>,
    pub state: LeaseState,
    /// The epoch that this process holds the lease in.
    pub(super) epoch: Option<u32>,
}

/// What became of an append.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Appended {
    Done,
    /// Somebody else wrote first; the state was reloaded, and what to do must be decided anew.
    Changed,
}

impl LeaseSession {
    /// Reads the head of the lease's stream.
    pub async fn load(desk: &Desk) -> Result<LeaseSession, LeaseError> {
        let mut session = LeaseSession { desk: desk.clone(), head: None, state: LeaseState::default(), epoch: None };
        session.reload().await?;
        Ok(session)
    }

    /// Reads the head again.
    pub async fn reload(&mut self) -> Result<(), LeaseError> {
        self.head = self.desk.world.ledger.head(&self.desk.stream).await?;
        self.state = match &self.head {
            None => LeaseState::default(),
            Some(head) => state_of(head)?,
        };
        Ok(())
    }

    /// An error unless this process still holds the lease.
    pub(super) fn own(&self) -> Result<(), LeaseError> {
        let ours = self.epoch.unwrap_or(0);
        let current = self.state.epoch;
        if self.state.held.is_some() && ours == current {
            Ok(())
        } else {
            Err(LeaseError::Superseded { ours, current })
        }
    }

    /// Appends a decision: when somebody wrote first, it must be made anew.
    pub(super) async fn decide(&mut self, event: &LeaseEvent) -> Result<Appended, LeaseError> {
        let world = &self.desk.world;
        let at = world.clock.now();
        // Whoever holds the lease writes in the epoch of that lease, whatever the stream says meanwhile.
        let epoch = match (event, self.epoch) {
            (LeaseEvent::Spawning { .. } | LeaseEvent::Released { .. }, Some(ours)) => ours,
            _ => self.state.epoch_for(event.kind()),
        };
        let meta = Meta { by: &world.actor.who, at, deployment: None, epoch };
        let after = match self.state.apply(event, &meta) {
            Err(IllegalLease::Superseded { theirs, current }) => {
                return Err(LeaseError::Superseded { ours: theirs, current });
            }
            other => other?,
        };
        let draft = Draft {
            at,
            actor: world.actor.clone(),
            deployment: None,
            epoch,
            event: serde_json::to_value(event).expect("an event is plain data"),
            state: serde_json::to_value(&after).expect("a state is plain data"),
        };
        match world.ledger.append(&self.desk.stream, self.head.as_ref(), draft).await? {
            Append::Created(head) => {
                self.head = Some(head);
                self.state = after;
                self.desk.watch.see(&LeaseProgress::Recorded(event));
                Ok(Appended::Done)
            }
            Append::Lost(_) => {
                self.reload().await?;
                if self.epoch.is_some() {
                    self.own()?;
                }
                Ok(Appended::Changed)
            }
            Append::Unknown { key, why } => Err(LeaseError::Unknown { key, why }),
            Append::Refused(why) => Err(LeaseError::NotWritten(why)),
        }
    }

    /// Appends what the holder knows, behind whatever was appended meanwhile, unless the lease was taken from it.
    pub(super) async fn note(&mut self, event: &LeaseEvent) -> Result<(), LeaseError> {
        for _ in 0..MAX_CONFLICTS {
            if self.decide(event).await? == Appended::Done {
                return Ok(());
            }
        }
        Err(LeaseError::Endless(MAX_CONFLICTS))
    }
}

/// The state of the lease, for those who only read it, and the sequence of the head: the default and 0 where no apply was ever
/// recorded.
pub(crate) async fn read(world: &World, stream: &Stream) -> Result<(LeaseState, u64), DriveError> {
    match world.ledger.head(stream).await? {
        None => Ok((LeaseState::default(), 0)),
        Some(head) => Ok((state_of(&head)?, head.seq)),
    }
}

/// What this program can't understand may hide a lease, so it is an error, never a default.
fn state_of(head: &Head) -> Result<LeaseState, DriveError> {
    let unreadable = |error: serde_json::Error| DriveError::State {
        stream: head.record.stream.clone(),
        seq: head.seq,
        why: error.to_string(),
    };
    serde_json::from_value::<LeaseEvent>(head.record.event.clone()).map_err(unreadable)?;
    serde_json::from_value(head.record.state.clone()).map_err(unreadable)
}
