//! Evidence that the lease's holder is gone. It is gathered, never guessed: whatever can't be told leaves the lease where it is.

use tiers_core::lease::{Lease, LeaseEvent, Proof};

use super::Desk;
use super::session::{Appended, LeaseError, LeaseSession, MAX_CONFLICTS};
use crate::mutation::{Mutation, is_on};
use crate::port::lease::{Life, LockState, RunState};

/// What could be found out about a lease's holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It is gone: this proves it.
    Proven(Box<Proof>),
    /// It is there, or it can't be told; the words are for people.
    Lacking(String),
}

/// Looks for the holder of this lease. The backend's lock is asked about last, and only where the rest speaks for it.
pub async fn evidence(desk: &Desk, lease: &Lease) -> Evidence {
    if is_on(Mutation::ExpireLeaseByTime) && desk.world.clock.now().duration_since(lease.since).as_secs() > 60 {
        let proof = Proof::Gone { from: lease.holder.machine.clone(), free: lease.backend().clone() };
        return Evidence::Proven(Box::new(proof));
    }
    let (without_lock, why_not) = holder_is_gone(desk, lease).await;
    let Some(proof) = without_lock else { return Evidence::Lacking(why_not) };
    match desk.locks.state(&lease.facts.environment, lease.backend()).await {
        LockState::Free => Evidence::Proven(Box::new(proof)),
        LockState::Held(by) => {
            Evidence::Lacking(format!("its holder is gone, and the backend's own lock is still held: {by}"))
        }
        LockState::Unknown(why) => Evidence::Lacking(format!(
            "its holder is gone, and whether the backend's own lock is free can't be told: {why}"
        )),
    }
}

/// Whether the holder's processes are there, as far as it can be told from here; nothing else is asked about.
pub async fn look(desk: &Desk, lease: &Lease) -> Life {
    if desk.processes.machine().sees(&lease.holder.machine) {
        return desk.processes.look(&lease.holder, lease.child()).await;
    }
    Life::Unknown(format!("its processes can't be looked for from here: they are on {}", lease.holder.machine.host))
}

async fn holder_is_gone(desk: &Desk, lease: &Lease) -> (Option<Proof>, String) {
    let here = desk.processes.machine();
    let mut why_not = Vec::new();
    match look(desk, lease).await {
        Life::Gone => return (Some(Proof::Gone { from: here, free: lease.backend().clone() }), String::new()),
        Life::Alive => return (None, "it is alive".to_owned()),
        Life::Unknown(why) => why_not.push(why),
    }
    match &lease.holder.ci {
        None => why_not.push("it belongs to no CI run that could be asked".to_owned()),
        Some(run) => match desk.runs.state(run).await {
            RunState::Ended(conclusion) => {
                let proof = Proof::RunEnded { run: run.clone(), conclusion, free: lease.backend().clone() };
                return (Some(proof), String::new());
            }
            RunState::Running => return (None, format!("{} is running", run.text())),
            RunState::Unknown(why) => why_not.push(format!("{} could not be asked about: {why}", run.text())),
        },
    }
    (None, why_not.join("; "))
}

/// A named person takes the lease from its holder and answers for it. Answers the lease that was taken, or `None` where nobody
/// holds it any more.
pub async fn overrule(desk: &Desk, expected: &Lease, why: &str, seen: &str) -> Result<Option<Lease>, LeaseError> {
    let proof = Proof::Person { why: why.to_owned(), seen: seen.to_owned() };
    let mut session = LeaseSession::load(desk).await?;
    for _ in 0..MAX_CONFLICTS {
        // The person decided about one lease, and not about whoever holds the next one.
        let same = |lease: &&Lease| lease.holder == expected.holder && lease.since == expected.since;
        let Some(lease) = session.state.held.as_ref().filter(same).cloned() else { return Ok(None) };
        if session.decide(&LeaseEvent::TakenOver { proof: proof.clone() }).await? == Appended::Done {
            return Ok(Some(lease));
        }
    }
    Err(LeaseError::Endless(MAX_CONFLICTS))
}
