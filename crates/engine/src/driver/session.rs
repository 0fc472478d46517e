//! One driver's hold on one stream: its head, the folded state, and appends that never write over anybody.

use serde::Deserialize as _;
use tiers_core::deployment::Deployment;
use tiers_core::event::Event;
use tiers_core::id::{App, DeploymentId, Env};
use tiers_core::record::{NotAStream, Stream};
use tiers_core::state::{EnvState, FoldError, Meta};

use super::World;
use super::watch::Progress;
use crate::ledger::{Append, Draft, Head, LedgerError};
use crate::mutation::{Mutation, is_on};
use crate::port::log::Refusal;

/// Why a driver stopped without an ending. Nothing was lost: the ledger holds what was done, and `resume` goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Stream(#[from] NotAStream),
    #[error("the ledger did not take a record: {0}")]
    NotWritten(Refusal),
    #[error("whether record {key} was written is unknown: {why}")]
    Unknown { key: String, why: String },
    /// Another owner has the deployment; this one must do nothing more.
    #[error("{owner} took deployment {deployment} over (epoch {epoch}); this process does nothing more")]
    Superseded { deployment: DeploymentId, owner: String, epoch: u32 },
    /// The deployment that was driven is over, or another one is open.
    #[error("deployment {0} is no longer open")]
    Gone(DeploymentId),
    #[error("the state in record {seq} of {stream} can't be read: {why}")]
    State { stream: Stream, seq: u64, why: String },
    #[error("a record does not follow from the ones before it: {0}")]
    Fold(#[from] FoldError),
    #[error("stopped as asked; `tiers resume` goes on from here")]
    Stopped,
    #[error("no step forward after {0} effects; this is a bug in tiers")]
    Endless(u32),
}

/// How far back a driver that woke up too late looks for the one who took over: the records of several deployments.
const SUCCESSOR_SEARCH: usize = 256;

/// A stream as one driver knows it.
pub struct Session {
    pub(crate) world: World,
    pub environment: Env,
    pub app: App,
    pub stream: Stream,
    pub head: Option<Head>,
    pub state: EnvState,
    /// The deployment and epoch that this driver writes for, once it owns one.
    pub(crate) owned: Option<(DeploymentId, u32)>,
}

/// What became of an append.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    Done,
    /// Somebody else wrote first; the state was reloaded, and what to do must be decided anew.
    Changed,
}

impl Session {
    /// Reads the head of an environment's stream.
    pub async fn load(world: &World, environment: &Env, app: &App) -> Result<Session, DriveError> {
        let stream = Stream::deployments(environment, app)?;
        let mut session = Session {
            world: world.clone(),
            environment: environment.clone(),
            app: app.clone(),
            stream,
            head: None,
            state: EnvState::default(),
            owned: None,
        };
        session.reload().await?;
        Ok(session)
    }

    /// Reads the head again.
    pub async fn reload(&mut self) -> Result<(), DriveError> {
        let head = self.newest().await?;
        self.take(head)
    }

    async fn newest(&self) -> Result<Option<Head>, DriveError> {
        let head = self.world.ledger.head(&self.stream).await?;
        if is_on(Mutation::SkipUnreadableRecord)
            && let Some(unreadable) = head.as_ref().filter(|head| head.seq > 1 && state_of(head).is_err())
        {
            return Ok(self.world.ledger.read(&self.stream, unreadable.seq - 1).await?);
        }
        Ok(head)
    }

    fn take(&mut self, head: Option<Head>) -> Result<(), DriveError> {
        self.state = match &head {
            None => EnvState::default(),
            Some(head) => state_of(head)?,
        };
        self.head = head;
        Ok(())
    }

    /// The open deployment, which this driver owns; [`DriveError::Superseded`] when somebody took it over.
    pub(crate) fn own(&self) -> Result<&Deployment, DriveError> {
        let (id, epoch) = self.owned.as_ref().expect("a driver that writes for a deployment owns one");
        match &self.state.open {
            Some(open) if &open.id == id && open.epoch == *epoch => Ok(open),
            Some(open) if &open.id == id => {
                Err(DriveError::Superseded { deployment: id.clone(), owner: open.owner.clone(), epoch: open.epoch })
            }
            _ => Err(DriveError::Gone(id.clone())),
        }
    }

    /// Why the deployment that this driver owned is over: somebody took it over and ended it, and their records tell who.
    pub(crate) async fn gone(&self, id: DeploymentId) -> DriveError {
        let (Some(head), Some((_, epoch))) = (&self.head, &self.owned) else { return DriveError::Gone(id) };
        // A stream that can't be read further back only costs the name.
        let older = self.world.ledger.walk_back(head, SUCCESSOR_SEARCH).await.unwrap_or_default();
        let successor = std::iter::once(head)
            .chain(&older)
            .find(|entry| entry.record.deployment.as_ref() == Some(&id) && entry.record.epoch > *epoch);
        match successor {
            None => DriveError::Gone(id),
            Some(entry) => DriveError::Superseded {
                deployment: id,
                owner: entry.record.actor.who.clone(),
                epoch: entry.record.epoch,
            },
        }
    }

    /// True when the stream's head is still the record that this driver knows: rule 7's look before a send.
    pub(crate) async fn head_is_own(&mut self) -> Result<bool, DriveError> {
        if is_on(Mutation::SkipOwnHead) {
            return Ok(true);
        }
        let head = self.newest().await?;
        if head.as_ref().map(|head| &head.hash) == self.head.as_ref().map(|head| &head.hash) {
            return Ok(true);
        }
        self.take(head)?;
        self.own()?;
        Ok(false)
    }

    /// Appends a decision: when somebody wrote first, it must be made anew.
    pub(crate) async fn decide(&mut self, event: &Event) -> Result<Appended, DriveError> {
        let at = self.world.clock.now();
        let after = self.fold(event, at)?;
        let draft = self.draft(event, &after, at);
        #[cfg(feature = "sim")]
        crate::sim::memo::announce(&self.world.actor.who, at, event, &after);
        match self.world.ledger.append(&self.stream, self.head.as_ref(), draft).await? {
            Append::Created(head) => {
                self.head = Some(head);
                self.state = after;
                let progress = Progress::Recorded { environment: &self.environment, app: &self.app, event };
                self.world.watch.see(&progress);
                Ok(Appended::Done)
            }
            Append::Lost(head) if is_on(Mutation::BlindReappend) => {
                self.head = Some(*head);
                Ok(Appended::Changed)
            }
            Append::Lost(_) => {
                self.reload().await?;
                if self.owned.is_some() {
                    self.own()?;
                }
                Ok(Appended::Changed)
            }
            Append::Unknown { .. } if is_on(Mutation::StateBeforeRecord) => {
                self.state = after;
                Ok(Appended::Done)
            }
            Append::Unknown { key, why } => Err(DriveError::Unknown { key, why }),
            Append::Refused(why) => Err(DriveError::NotWritten(why)),
        }
    }

    /// Appends what somebody else says about this stream; `false` when it moved on meanwhile, and must be looked at anew.
    pub(crate) async fn tell(&mut self, event: &Event) -> Result<bool, DriveError> {
        Ok(self.decide(event).await? == Appended::Done)
    }

    /// Appends a fact: it stays true when somebody wrote first, so it is appended behind that, unless this driver was replaced.
    pub(crate) async fn note(&mut self, event: &Event) -> Result<(), DriveError> {
        // Others append at most a few records to a stream in the time of one append; more than this is no race.
        for _ in 0..64 {
            if self.decide(event).await? == Appended::Done {
                return Ok(());
            }
        }
        Err(DriveError::Endless(64))
    }

    fn fold(&self, event: &Event, at: jiff::Timestamp) -> Result<EnvState, DriveError> {
        let (deployment, epoch) = self.identity(event);
        let meta = Meta { by: &self.world.actor.who, at, deployment: deployment.as_ref(), epoch };
        Ok(self.state.apply(event, &meta)?)
    }

    fn identity(&self, event: &Event) -> (Option<DeploymentId>, u32) {
        match (event, &self.owned) {
            (Event::Claimed { id, .. }, _) => (Some(id.clone()), 0),
            (_, Some((id, epoch))) => (Some(id.clone()), *epoch),
            (_, None) => (None, 0),
        }
    }

    fn draft(&self, event: &Event, after: &EnvState, at: jiff::Timestamp) -> Draft {
        let (deployment, epoch) = self.identity(event);
        Draft {
            at,
            actor: self.world.actor.clone(),
            deployment,
            epoch,
            event: serde_json::to_value(event).expect("an event is plain data"),
            state: serde_json::to_value(after).expect("a state is plain data"),
        }
    }
}

/// The state that a record carries. What this program can't understand may hide a hold, so it is an error, never a default.
pub(crate) fn state_of(head: &Head) -> Result<EnvState, DriveError> {
    #[cfg(feature = "sim")]
    if let Some((_, state)) = crate::sim::memo::state(&head.hash) {
        return Ok((*state).clone());
    }
    let unreadable = |error: serde_json::Error| {
        let why = error.to_string();
        DriveError::State { stream: head.record.stream.clone(), seq: head.seq, why }
    };
    let event = Event::deserialize(&head.record.event).map_err(unreadable)?;
    let state = EnvState::deserialize(&head.record.state).map_err(unreadable)?;
    #[cfg(feature = "sim")]
    crate::sim::memo::keep_state(&head.hash, event, state.clone());
    #[cfg(not(feature = "sim"))]
    drop(event);
    Ok(state)
}
