//! The release machine: one deployment's state, and the one table that says which event may follow in which phase.
//!
//! Looks, answers and the passing of time are events like any other, so starting, resuming and undoing take the same path:
//! [`Deployment::apply`] folds what was recorded, and [`crate::next::next`] says what to do from the state alone.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{
    Answer, Cause, Event, EventKind, Finding, Found, GateResult, Intent, Outcome, Resource, Step, Write,
};
use crate::gate::{At, Effect};
use crate::id::{Component, DeploymentId, Token};
use crate::plan::{Kind, OnFailure, Plan};

mod part;
mod patience;

pub use part::{Latest, Part};
pub(crate) use patience::{MAX_UNDO_TRIES, UNFENCED};

/// How long weights may stay beyond their planned time before whoever sees them takes them away.
pub const UNWIND_MARGIN_S: u64 = 300;

/// Where a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// Claimed; what it depends on has not been read yet.
    Claimed,
    Staging,
    /// Gates against `$LATEST`.
    Staged,
    Publishing,
    /// Gates against the numbered version.
    Published,
    Shifting {
        step: usize,
    },
    Baking {
        step: usize,
    },
    /// Gates through the door.
    Live,
    /// The last look before success.
    Closing,
    /// Aliases back to what was recorded.
    Undoing,
    /// `$LATEST` back to what was recorded, where it is still ours.
    Restoring,
}

/// A call whose effect may still come: it was sent, or may have been, and nobody knows the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateCall {
    pub component: Component,
    pub resource: Resource,
    pub token: Token,
}

/// The state of an open deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    pub id: DeploymentId,
    pub epoch: u32,
    pub owner: String,
    pub claimed_at: Timestamp,
    /// When its owner last recorded anything.
    pub seen_at: Timestamp,
    pub plan: Plan,
    pub phase: Phase,
    /// In the order of the plan's components.
    pub parts: Vec<Part>,
    pub open_intent: Option<Intent>,
    pub late: Vec<LateCall>,
    pub must_fence: bool,
    pub must_check: bool,
    pub gates: Vec<GateResult>,
    /// Looks in a row that brought nothing forward.
    pub tries: u32,
    /// What the last idle look met, for people.
    pub stalled: Option<String>,
    pub intents: u32,
    /// Why it has to be undone, once that is known.
    pub cause: Option<Cause>,
    /// When the weights that are on now must be gone.
    pub unwind_by: Option<Timestamp>,
}

/// An event that may not follow here: a bug, or a record that somebody else wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} may not follow in {phase}: {why}")]
pub struct IllegalEvent {
    pub phase: String,
    pub event: EventKind,
    pub why: String,
}

/// THE transition table: which kinds of event may follow in which phase.
fn may_follow(phase: Phase, kind: EventKind) -> bool {
    use EventKind as K;
    let anyones =
        matches!(kind, K::TakenOver | K::Halted | K::Held | K::Unheld | K::Approved | K::Verified | K::Revoked);
    let owners: &[EventKind] = match phase {
        // An intent this early is a fence: an earlier deployment ended with calls that may still land.
        Phase::Claimed => &[K::Checked, K::Refused, K::Intended, K::Settled, K::Undoing],
        Phase::Staging | Phase::Publishing | Phase::Shifting { .. } => {
            &[K::Checked, K::Intended, K::Settled, K::Undoing]
        }
        Phase::Staged | Phase::Published | Phase::Live => {
            &[K::Checked, K::Intended, K::Settled, K::Gated, K::Undoing, K::Ended]
        }
        Phase::Baking { .. } => &[K::Checked, K::Intended, K::Settled, K::Baking, K::Baked, K::Gated, K::Undoing],
        Phase::Closing => &[K::Checked, K::Intended, K::Settled, K::Undoing, K::Ended],
        Phase::Undoing | Phase::Restoring => &[K::Intended, K::Settled, K::Ended],
    };
    anyones || owners.contains(&kind)
}

impl Deployment {
    /// The state right after a claim.
    ///
    /// `late` are the calls that an earlier deployment left behind when it ended Stuck: they are fenced before anything else.
    pub fn claimed(id: DeploymentId, plan: Plan, owner: String, at: Timestamp, late: Vec<LateCall>) -> Deployment {
        let parts = plan.components.iter().map(|part| Part::untouched(part.component.clone(), &part.target_version));
        let parts = parts.collect();
        Deployment {
            id,
            epoch: 0,
            owner,
            claimed_at: at,
            seen_at: at,
            plan,
            phase: Phase::Claimed,
            parts,
            open_intent: None,
            must_fence: !late.is_empty(),
            late,
            must_check: true,
            gates: Vec::new(),
            tries: 0,
            stalled: None,
            intents: 0,
            cause: None,
            unwind_by: None,
        }
    }

    /// The state after this event. `Claimed`, `Refused` and `Ended` are the environment's fold's business; here they are only
    /// checked against the table.
    pub fn apply(&self, event: &Event, by: &str, at: Timestamp) -> Result<Deployment, IllegalEvent> {
        let kind = event.kind();
        if !may_follow(self.phase, kind) {
            return Err(self.illegal(kind, "not in the table".to_owned()));
        }
        let mut next = self.clone();
        if kind.is_owners() {
            next.seen_at = at;
        }
        match event {
            Event::Checked { .. } => next.checked(),
            Event::Intended { intent } => next.intended(intent, at)?,
            Event::Settled { intent, step, findings } => next.settled(*intent, *step, findings)?,
            Event::Gated { at, results, steady } => next.gated(*at, results, *steady)?,
            Event::Baking { step, unwind_by } => {
                self.check_bakes(kind, *step)?;
                next.unwind_by = Some(*unwind_by);
            }
            Event::Baked { step } => {
                self.check_bakes(kind, *step)?;
                next.phase = Phase::Shifting { step: step + 1 };
            }
            Event::Undoing { cause } => next.undo(cause),
            Event::TakenOver { undo, .. } => {
                next.taken_over(by, at);
                if let Some(cause) = undo.as_ref().filter(|_| !self.is_undoing()) {
                    next.undo(cause);
                }
            }
            Event::Halted { why } => next.halt(why),
            Event::Ended { .. } => {
                if self.open_intent.is_some() {
                    return Err(self.illegal(kind, "an intent has no outcome yet".to_owned()));
                }
            }
            Event::Claimed { .. }
            | Event::Refused { .. }
            | Event::Held { .. }
            | Event::Unheld { .. }
            | Event::Waiting { .. }
            | Event::Approved { .. }
            | Event::Verified { .. }
            | Event::Revoked { .. } => {}
        }
        Ok(next)
    }

    /// A rule now speaks against this deployment: no new shift, and what moved goes back.
    pub fn halt(&mut self, why: &str) {
        // Holds and freezes stop releases from going forward; nothing but a person stops a way back.
        if !self.is_undoing() && self.cause.is_none() && self.plan.kind != Kind::Rollback {
            self.cause = Some(Cause::Rule { what: why.to_owned() });
        }
    }

    /// True once it goes backwards.
    pub fn is_undoing(&self) -> bool {
        matches!(self.phase, Phase::Undoing | Phase::Restoring)
    }

    /// True when an alias was moved, or may have been.
    pub fn may_have_moved(&self) -> bool {
        self.parts.iter().any(|part| part.touched_alias)
    }

    /// True for a way back whose every alias was seen where it should be, though its gates may not like what they meet there.
    pub fn is_whole_rollback(&self) -> bool {
        let moved = |part: &Part| part.steps_done == self.plan.shift.len();
        self.plan.kind == Kind::Rollback
            && matches!(self.phase, Phase::Live | Phase::Closing)
            && self.late.is_empty()
            && self.parts.iter().all(moved)
    }

    fn undoes_only_for_a_person(&self) -> bool {
        self.plan.on_failure == OnFailure::Manual && self.may_have_moved()
    }

    /// The record that stops this deployment for this cause: it goes back, or, where the environment undoes nothing by itself once
    /// users may have seen it, it stays until a person decides.
    pub fn stopped_by(&self, cause: Cause) -> Event {
        match self.undoes_only_for_a_person() && self.plan.kind != Kind::Rollback {
            true => Event::Halted { why: cause.text() },
            false => Event::Undoing { cause },
        }
    }

    /// The part of this component.
    pub fn part(&self, component: &Component) -> Option<&Part> {
        self.parts.iter().find(|part| &part.component == component)
    }

    fn illegal(&self, event: EventKind, why: String) -> IllegalEvent {
        IllegalEvent { phase: format!("{:?}", self.phase), event, why }
    }

    /// A record names a step of the shift that the plan has.
    fn check_step(&self, event: EventKind, step: Step) -> Result<(), IllegalEvent> {
        match step {
            Step::Shift { number } if number >= self.plan.shift.len() => {
                Err(self.illegal(event, format!("the plan has no step {number} of the shift")))
            }
            _ => Ok(()),
        }
    }

    fn check_bakes(&self, event: EventKind, step: usize) -> Result<(), IllegalEvent> {
        let bakes = self.phase == Phase::Baking { step };
        if bakes { Ok(()) } else { Err(self.illegal(event, format!("step {step} is not the one that bakes"))) }
    }

    fn checked(&mut self) {
        self.must_check = false;
        if self.phase == Phase::Claimed {
            self.phase = match self.plan.kind {
                Kind::Deploy | Kind::ConfigOnly => Phase::Staging,
                Kind::Rollback => Phase::Shifting { step: 0 },
            };
        }
    }

    fn intended(&mut self, intent: &Intent, at: Timestamp) -> Result<(), IllegalEvent> {
        self.check_step(EventKind::Intended, intent.step)?;
        if self.open_intent.is_some() {
            return Err(self.illegal(EventKind::Intended, "the intent before has no outcome yet".to_owned()));
        }
        for call in &intent.calls {
            let phase = self.phase;
            let Some(part) = self.parts.iter_mut().find(|part| part.component == call.component) else {
                return Err(IllegalEvent {
                    phase: format!("{phase:?}"),
                    event: EventKind::Intended,
                    why: format!("{} is not in the plan", call.component),
                });
            };
            match call.write {
                Write::Code { .. } => part.touched_function = true,
                // A fence points the alias where it is; it is no move.
                Write::Point { .. } if intent.step != Step::Fence => part.touched_alias = true,
                Write::Point { .. } | Write::Publish { .. } => {}
            }
        }
        if let Step::Shift { number } = intent.step
            && let Some(weights) = self.plan.shift.get(number)
            && number + 1 < self.plan.shift.len()
        {
            // From the intent on the weights may be there: they are overdue even if nobody lives to record that they are.
            let allowed_s = i64::try_from(weights.bake_s.saturating_add(UNWIND_MARGIN_S)).unwrap_or(i64::MAX / 4);
            let by = at.saturating_add(SignedDuration::from_secs(allowed_s)).unwrap_or(Timestamp::MAX);
            self.unwind_by = Some(by);
        }
        self.intents = self.intents.max(intent.id);
        self.open_intent = Some(intent.clone());
        Ok(())
    }

    fn settled(&mut self, intent: Option<u32>, step: Step, findings: &[Finding]) -> Result<(), IllegalEvent> {
        self.check_step(EventKind::Settled, step)?;
        match (&self.open_intent, intent) {
            (Some(open), Some(id)) if open.id == id => self.remember_late_calls(findings),
            (None, None) => {}
            (open, id) => {
                let why = format!("it settles {id:?}, open is {:?}", open.as_ref().map(|open| open.id));
                return Err(self.illegal(EventKind::Settled, why));
            }
        }
        let closed = self.open_intent.take();
        let before = self.progress();
        self.forget_impossible_calls(findings);
        self.forget_moves_that_were_not_sent(closed.as_ref(), findings);
        for finding in findings {
            if let Some(part) = self.parts.iter_mut().find(|part| part.component == finding.component) {
                part.settle(step, finding);
            }
        }
        if step == Step::Fence {
            self.must_fence = !self.late.is_empty();
        }
        self.tries = if self.progress() > before { 0 } else { self.tries + 1 };
        self.stalled = findings.iter().find_map(obstacle).filter(|_| self.tries > 0);
        self.notice_foreign();
        self.advance();
        Ok(())
    }

    /// Calls without a clear answer may still land.
    fn remember_late_calls(&mut self, findings: &[Finding]) {
        let Some(open) = &self.open_intent else { return };
        for call in &open.calls {
            let answer = findings.iter().find(|f| f.component == call.component).map(|f| &f.answer);
            let may_land = match answer {
                Some(Answer::Unclear { .. }) | None => true,
                Some(Answer::Accepted | Answer::Refused { .. } | Answer::NotSent) => false,
            };
            if may_land {
                self.late.push(LateCall {
                    component: call.component.clone(),
                    resource: call.resource,
                    token: call.token.clone(),
                });
            }
        }
    }

    /// A call can't land once its resource shows another token than the one it carries: tokens never come back.
    fn forget_impossible_calls(&mut self, findings: &[Finding]) {
        self.late.retain(|call| {
            let seen = findings.iter().find(|f| f.component == call.component).and_then(|f| match call.resource {
                Resource::Function => f.function_token.as_ref(),
                Resource::Alias => f.alias_token.as_ref(),
            });
            seen.is_none_or(|token| token == &call.token)
        });
    }

    /// A first move that was never sent, of an alias that stands where it was and that no other call can move, is none: users
    /// saw nothing of this deployment yet.
    fn forget_moves_that_were_not_sent(&mut self, intent: Option<&Intent>, findings: &[Finding]) {
        if intent.is_none_or(|intent| intent.step != (Step::Shift { number: 0 })) {
            return;
        }
        for finding in findings.iter().filter(|f| f.answer == Answer::NotSent && f.found == Found::Before) {
            let may_still_move =
                self.late.iter().any(|call| call.component == finding.component && call.resource == Resource::Alias);
            if let Some(part) = self.parts.iter_mut().find(|part| part.component == finding.component) {
                part.touched_alias &= may_still_move;
            }
        }
    }

    /// A number that grows with every step forward, so that a bound on tries counts only idle ones.
    fn progress(&self) -> usize {
        let calls_that_may_land = self.late.len();
        (self.parts.iter().map(Part::progress).sum::<usize>() + 1_000_000) - calls_that_may_land
    }

    fn notice_foreign(&mut self) {
        if self.is_undoing() || self.cause.is_some() {
            return;
        }
        if let Some((part, what)) = self.parts.iter().find_map(|p| p.foreign.as_ref().map(|what| (p, what))) {
            self.cause = Some(Cause::Foreign { what: format!("{}: {what}", part.component) });
        }
    }

    fn gated(&mut self, at: At, results: &[GateResult], steady: bool) -> Result<(), IllegalEvent> {
        let here = match self.phase {
            Phase::Staged => At::Staged,
            Phase::Published => At::Published,
            Phase::Live | Phase::Baking { .. } => At::Live,
            _ => return Err(self.illegal(EventKind::Gated, "no gates run here".to_owned())),
        };
        if here != at {
            return Err(self.illegal(EventKind::Gated, format!("gates at {at:?} do not run here")));
        }
        self.gates.retain(|old| !results.iter().any(|new| new.gate == old.gate));
        self.gates.extend(results.iter().cloned());
        if !steady {
            let what = "a function changed while its gates ran, so they say nothing about it".to_owned();
            self.cause.get_or_insert(Cause::Foreign { what });
            return Ok(());
        }
        if let Some(cause) = results.iter().find_map(stopping) {
            self.cause.get_or_insert(cause);
            return Ok(());
        }
        match self.phase {
            Phase::Staged => self.phase = Phase::Publishing,
            Phase::Published => self.phase = Phase::Shifting { step: 0 },
            Phase::Live => self.phase = Phase::Closing,
            _ => {}
        }
        self.tries = 0;
        Ok(())
    }

    fn undo(&mut self, cause: &Cause) {
        self.phase = Phase::Undoing;
        self.cause = Some(cause.clone());
        self.must_fence = !self.late.is_empty();
        self.must_check = false;
        self.tries = 0;
        // What somebody else wrote is judged again by the looks of the way back.
        self.parts.iter_mut().for_each(|part| part.foreign = None);
        self.skip_empty_phases();
    }

    fn taken_over(&mut self, by: &str, at: Timestamp) {
        self.epoch += 1;
        self.owner = by.to_owned();
        self.seen_at = at;
        self.tries = 0;
        if let Some(open) = self.open_intent.take() {
            self.late.extend(open.calls.into_iter().map(|call| LateCall {
                component: call.component,
                resource: call.resource,
                token: call.token,
            }));
        }
        self.must_fence = !self.late.is_empty();
        // What it depends on may have changed while nobody was at work.
        self.must_check = !self.is_undoing();
        // A person who resumes a deployment that waited for one has decided: its gates are asked again.
        if self.waits_for_person() {
            self.cause = None;
            for part in &mut self.parts {
                part.foreign = None;
            }
        }
    }

    /// Moves on when every part has done this phase's work.
    fn advance(&mut self) {
        if self.must_fence || self.cause.is_some() && !self.is_undoing() {
            return;
        }
        let plan = &self.plan;
        let next = match self.phase {
            Phase::Staging if self.parts.iter().all(|part| part.staged) => {
                if plan.has_gates_at(At::Staged) {
                    Phase::Staged
                } else {
                    Phase::Publishing
                }
            }
            Phase::Publishing if self.parts.iter().all(|part| part.version.is_some()) => {
                if plan.has_gates_at(At::Published) { Phase::Published } else { Phase::Shifting { step: 0 } }
            }
            Phase::Shifting { step } if self.shift_is_done(step) => {
                if step + 1 < plan.shift.len() {
                    Phase::Baking { step }
                } else if plan.has_gates_at(At::Live) {
                    Phase::Live
                } else {
                    Phase::Closing
                }
            }
            same => same,
        };
        if next != self.phase {
            if matches!(next, Phase::Live | Phase::Closing) {
                // The last weights are gone.
                self.unwind_by = None;
            }
            self.phase = next;
            self.tries = 0;
        }
        self.skip_empty_phases();
    }

    fn shift_is_done(&self, step: usize) -> bool {
        self.parts.iter().filter(|part| self.plan.shifts(&part.component, step)).all(|part| part.steps_done > step)
    }

    /// Undoing a deployment that never moved an alias has nothing to do there.
    fn skip_empty_phases(&mut self) {
        let settled = !self.may_have_moved() || self.parts.iter().all(|part| part.back || part.foreign.is_some());
        if self.phase == Phase::Undoing && !self.must_fence && settled {
            self.phase = Phase::Restoring;
            self.tries = 0;
        }
    }
}

/// The cause for undoing that this result is, if its gate blocks and did not pass.
fn stopping(result: &GateResult) -> Option<Cause> {
    if result.effect != Effect::Block {
        return None;
    }
    match result.outcome {
        Outcome::Passed | Outcome::Waived => None,
        Outcome::Failed => Some(Cause::Gate { gate: result.gate.clone(), detail: result.detail.clone() }),
        Outcome::Errored => {
            Some(Cause::Machinery { what: format!("gate `{}` could not be run: {}", result.gate, result.detail) })
        }
    }
}

/// What kept this component from moving on, if anything did.
fn obstacle(finding: &Finding) -> Option<String> {
    let why = match (&finding.found, &finding.answer) {
        (Found::Unseen { why }, _) => why,
        (_, Answer::Refused { why } | Answer::Unclear { why }) => why,
        _ => return None,
    };
    Some(format!("{}: {why}", finding.component))
}
