//! The fold of an environment's stream: what serves, what is open, what was verified, held, approved and waived.
//!
//! Every record carries the state after it, so reading an environment needs only its newest record. No clock enters here: the
//! only times are those that stand in records.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::deployment::{Deployment, IllegalEvent, LateCall};
use crate::event::{Ending, Event, EventKind, GateResult, HoldOn, Left, Outcome, Served};
use crate::id::{DeploymentId, Digest, Fingerprint, ReleaseId};
use crate::plan::{Kind, Plan, Policy, Waiver, counts};
use crate::release::Release;

/// How many verdicts, earlier successes and approvals the summary carries.
pub const KEPT: usize = 32;

/// Why a release that no commit holds is never verified.
const DIRTY: &str = "built from a working tree with uncommitted changes";

/// What a release's deployment here says about its digest: the evidence, as of the last record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub digest: Digest,
    pub release: ReleaseId,
    pub deployment: DeploymentId,
    pub at: Timestamp,
    /// True when everything that counts here passed.
    pub verified: bool,
    /// Why it is not verified, or no longer.
    pub why_not: Option<String>,
    /// The settings that it was verified with.
    pub configuration: Fingerprint,
    pub gates_hash: Digest,
    pub policy: Policy,
    pub results: Vec<GateResult>,
    pub waivers: Vec<Waiver>,
}

/// What serves, as recorded by a deployment that succeeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    pub deployment: DeploymentId,
    pub kind: Kind,
    pub release: Release,
    pub components: Vec<Served>,
    pub configuration: Fingerprint,
    pub secrets: Option<Fingerprint>,
    pub since: Timestamp,
    pub by: String,
    pub waivers: Vec<Waiver>,
}

impl Serving {
    /// True for the same digest with the same settings and secrets: all that makes up a deployment's identity.
    pub fn is_same_as(&self, other: &Serving) -> bool {
        self.release.digest == other.release.digest
            && self.configuration == other.configuration
            && self.secrets == other.secrets
    }
}

/// A deployment that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndedDeployment {
    pub id: DeploymentId,
    pub kind: Kind,
    pub release: ReleaseId,
    pub digest: Digest,
    pub ending: Ending,
    pub why: String,
    pub left: Vec<Left>,
    pub at: Timestamp,
    pub by: String,
}

/// A hold that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub what: HoldOn,
    pub why: String,
    pub by: String,
    pub at: Timestamp,
    /// Set by a release that failed, not by a person.
    pub automatic: bool,
}

/// Somebody agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub digest: Digest,
    pub by: String,
    pub at: Timestamp,
}

/// A deployment that was asked for and holds nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    pub release: ReleaseId,
    pub digest: Digest,
    pub what: String,
    pub by: String,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// The summary state of a `<environment>/<app>` stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnvState {
    pub serving: Option<Serving>,
    /// Earlier successes, newest first, without what serves now.
    pub previous: Vec<Serving>,
    pub open: Option<Box<Deployment>>,
    pub waits: Option<Waits>,
    pub last: Option<EndedDeployment>,
    /// Newest first, one a digest.
    pub verdicts: Vec<Verdict>,
    pub holds: Vec<Hold>,
    pub approvals: Vec<Approval>,
    /// Calls of a deployment that ended Stuck and may still land.
    pub late: Vec<LateCall>,
}

/// The envelope of a record, as far as the fold needs it.
#[derive(Clone, Debug)]
pub struct Meta<'a> {
    pub by: &'a str,
    pub at: Timestamp,
    pub deployment: Option<&'a DeploymentId>,
    pub epoch: u32,
}

/// A record that does not follow from those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    #[error("{0:?} needs an open deployment, and none is open")]
    NothingOpen(EventKind),
    #[error("{0} is open already")]
    AlreadyOpen(DeploymentId),
    #[error("the record is of {theirs:?} epoch {epoch}, open is {ours} epoch {current}")]
    Superseded { theirs: Option<DeploymentId>, epoch: u32, ours: DeploymentId, current: u32 },
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
}

impl EnvState {
    /// The state after this event.
    pub fn apply(&self, event: &Event, meta: &Meta<'_>) -> Result<EnvState, FoldError> {
        let mut next = self.clone();
        match event {
            Event::Claimed { id, plan } => next.claim(id, plan, meta)?,
            Event::Waiting { release, digest, what, until } => {
                next.waits = Some(Waits {
                    release: release.clone(),
                    digest: digest.clone(),
                    what: what.clone(),
                    by: meta.by.to_owned(),
                    since: meta.at,
                    until: *until,
                });
            }
            Event::Held { what, why } => next.hold(what, why, meta, false),
            Event::Unheld { what, .. } => next.holds.retain(|hold| &hold.what != what),
            Event::Approved { digest, .. } => {
                next.approvals.retain(|old| !(old.by == meta.by && &old.digest == digest));
                next.approvals.insert(0, Approval { digest: digest.clone(), by: meta.by.to_owned(), at: meta.at });
                next.approvals.truncate(KEPT);
            }
            Event::Verified { digest, results } => next.verified_again(digest, results, meta),
            Event::Revoked { digest, why } => next.revoke(digest, why),
            Event::Checked { .. }
            | Event::Refused { .. }
            | Event::Intended { .. }
            | Event::Settled { .. }
            | Event::Gated { .. }
            | Event::Baking { .. }
            | Event::Baked { .. }
            | Event::Undoing { .. }
            | Event::Ended { .. }
            | Event::TakenOver { .. }
            | Event::Halted { .. } => next.in_deployment(event, meta)?,
        }
        Ok(next)
    }

    /// The verdict on this digest, if it is recent enough to be in the summary.
    pub fn verdict(&self, digest: &Digest) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| &verdict.digest == digest)
    }

    /// The hold on the environment, if there is one.
    pub fn held(&self) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.what == HoldOn::Environment)
    }

    /// The hold on this digest, if there is one.
    pub fn held_release(&self, digest: &Digest) -> Option<&Hold> {
        self.holds.iter().find(|hold| matches!(&hold.what, HoldOn::Release { digest: held } if held == digest))
    }

    /// Why this digest may not go on from here; `Ok` when it may.
    pub fn passes(&self, digest: &Digest) -> Result<&Verdict, String> {
        if let Some(hold) = self.held_release(digest) {
            return Err(format!("held: {}", hold.why));
        }
        match self.verdict(digest) {
            None => Err("no evidence here".to_owned()),
            Some(verdict) if !verdict.verified => {
                Err(verdict.why_not.clone().unwrap_or_else(|| "not verified".to_owned()))
            }
            Some(verdict) => Ok(verdict),
        }
    }

    /// The newest release that is verified here and not held: what promotion takes.
    pub fn promotable(&self) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| self.passes(&verdict.digest).is_ok())
    }

    /// Who approved this digest, without the one who asked for the deployment.
    pub fn approvers(&self, digest: &Digest, without: &str) -> Vec<&str> {
        let mut who: Vec<&str> = self
            .approvals
            .iter()
            .filter(|approval| &approval.digest == digest && approval.by != without)
            .map(|approval| approval.by.as_str())
            .collect();
        who.sort_unstable();
        who.dedup();
        who
    }

    fn claim(&mut self, id: &DeploymentId, plan: &Plan, meta: &Meta<'_>) -> Result<(), FoldError> {
        if let Some(open) = &self.open {
            return Err(FoldError::AlreadyOpen(open.id.clone()));
        }
        // Calls for a component that the app no longer has can't be fenced by this deployment, and don't concern it.
        let late = std::mem::take(&mut self.late).into_iter();
        let (ours, others) = late.partition(|call| plan.component(&call.component).is_some());
        self.late = others;
        let deployment = Deployment::claimed(id.clone(), plan.clone(), meta.by.to_owned(), meta.at, ours);
        self.open = Some(Box::new(deployment));
        if self.waits.as_ref().is_some_and(|waits| waits.digest == plan.release.digest) {
            self.waits = None;
        }
        Ok(())
    }

    fn in_deployment(&mut self, event: &Event, meta: &Meta<'_>) -> Result<(), FoldError> {
        let kind = event.kind();
        let Some(open) = self.open.take() else { return Err(FoldError::NothingOpen(kind)) };
        if kind.is_owners() && (meta.deployment != Some(&open.id) || meta.epoch != open.epoch) {
            return Err(FoldError::Superseded {
                theirs: meta.deployment.cloned(),
                epoch: meta.epoch,
                ours: open.id.clone(),
                current: open.epoch,
            });
        }
        let after = open.apply(event, meta.by, meta.at)?;
        match event {
            Event::Refused { why } => self.end(&after, Ending::Refused, why, &[], meta),
            Event::Ended { ending, why, left } => self.end(&after, *ending, why, left, meta),
            _ => self.open = Some(Box::new(after)),
        }
        Ok(())
    }

    fn end(&mut self, deployment: &Deployment, ending: Ending, why: &str, left: &[Left], meta: &Meta<'_>) {
        let plan = &deployment.plan;
        let earlier = self.last.replace(EndedDeployment {
            id: deployment.id.clone(),
            kind: plan.kind,
            release: plan.release.id.clone(),
            digest: plan.release.digest.clone(),
            ending,
            why: why.to_owned(),
            left: left.to_vec(),
            at: meta.at,
            by: deployment.owner.clone(),
        });
        match ending {
            Ending::Succeeded => self.succeed(deployment, meta, earlier.as_ref()),
            Ending::Failed => {
                let on = HoldOn::Release { digest: plan.release.digest.clone() };
                // Settings that fail say nothing against the release, which goes on serving with the earlier ones.
                let serves = self.serving.as_ref().is_some_and(|now| now.release.digest == plan.release.digest);
                if plan.kind != Kind::Rollback && !serves {
                    self.hold(&on, &format!("failed here: {why}"), meta, true);
                    self.revoke(&plan.release.digest, &format!("failed here: {why}"));
                }
            }
            Ending::Stuck => {
                if deployment.is_whole_rollback() {
                    // Users are served by it, whatever its gates say; what was left stays a place to go to.
                    let left = self.serve(deployment, meta, earlier.as_ref());
                    self.previous.splice(0..0, left);
                    self.previous.truncate(KEPT);
                }
                self.late.extend(deployment.late.iter().cloned());
            }
            Ending::Refused | Ending::Errored => {}
        }
    }

    fn succeed(&mut self, deployment: &Deployment, meta: &Meta<'_>, earlier: Option<&EndedDeployment>) {
        let before = self.serve(deployment, meta, earlier);
        // Whoever waits with what was the newest then, asks again.
        self.waits = None;
        if deployment.plan.kind != Kind::Rollback {
            self.previous.splice(0..0, before);
            self.previous.truncate(KEPT);
            self.judge(deployment, meta);
        }
    }

    /// What this deployment brought serves from now on; answers what served before.
    fn serve(
        &mut self,
        deployment: &Deployment,
        meta: &Meta<'_>,
        earlier: Option<&EndedDeployment>,
    ) -> Option<Serving> {
        let plan = &deployment.plan;
        let components = deployment.parts.iter().zip(&plan.components).filter_map(|(part, planned)| {
            Some(Served {
                component: part.component.clone(),
                function: planned.function.clone(),
                version: part.version.clone()?,
                fingerprint: planned.fingerprint.clone(),
            })
        });
        let now = Serving {
            deployment: deployment.id.clone(),
            kind: plan.kind,
            release: plan.release.clone(),
            components: components.collect(),
            configuration: plan.configuration(),
            secrets: plan.secrets.clone(),
            since: meta.at,
            by: deployment.owner.clone(),
            waivers: plan.waivers.clone(),
        };
        let before = self.serving.replace(now)?;
        if plan.kind == Kind::Rollback {
            // What was rolled away from is no place to go back to, and is not promoted again by itself.
            // After a deployment that got stuck that is its release, which never came to serve by the ledger.
            let stuck = earlier.filter(|last| last.ending == Ending::Stuck && last.kind != Kind::Rollback);
            let back_to = plan.release.digest.clone();
            let left = [Some(&before.release.digest), stuck.map(|last| &last.digest)];
            for digest in left.into_iter().flatten().filter(|digest| **digest != back_to) {
                self.hold(&HoldOn::Release { digest: digest.clone() }, "rolled back from it", meta, true);
            }
            self.previous.retain(|serving| serving.release.digest != back_to);
        }
        Some(before)
    }

    /// The verdict of a deployment that succeeded: good when every gate that counts here passed.
    fn judge(&mut self, deployment: &Deployment, meta: &Meta<'_>) {
        let plan = &deployment.plan;
        let why_not =
            if plan.release.dirty { Some(DIRTY.to_owned()) } else { why_not_verified(plan, &deployment.gates) };
        self.put_verdict(Verdict {
            digest: plan.release.digest.clone(),
            release: plan.release.id.clone(),
            deployment: deployment.id.clone(),
            at: meta.at,
            verified: why_not.is_none(),
            why_not,
            configuration: plan.configuration(),
            gates_hash: plan.gates_hash(),
            policy: plan.policy.clone(),
            results: deployment.gates.iter().map(without_output).collect(),
            waivers: plan.waivers.clone(),
        });
    }

    fn put_verdict(&mut self, verdict: Verdict) {
        self.verdicts.retain(|old| old.digest != verdict.digest);
        self.verdicts.insert(0, verdict);
        self.verdicts.truncate(KEPT);
    }

    fn verified_again(&mut self, digest: &Digest, results: &[GateResult], meta: &Meta<'_>) {
        // No gate makes evidence of a build that no commit holds.
        let dirty = self.serving.as_ref().is_some_and(|now| now.release.dirty && &now.release.digest == digest);
        let Some(verdict) = self.verdicts.iter_mut().find(|verdict| &verdict.digest == digest) else { return };
        for result in results {
            verdict.results.retain(|old| old.gate != result.gate);
            verdict.results.push(without_output(result));
        }
        verdict.at = meta.at;
        let good = |r: &GateResult| r.outcome == Outcome::Passed || r.effect == crate::gate::Effect::Advise;
        let any = verdict.results.iter().any(|r| r.effect != crate::gate::Effect::Advise);
        let all_pass = any && verdict.results.iter().all(good);
        verdict.verified = all_pass && !dirty;
        verdict.why_not = match (all_pass, dirty) {
            (_, true) => Some(DIRTY.to_owned()),
            (false, false) => Some("its gates do not all pass".to_owned()),
            (true, false) => None,
        };
    }

    fn revoke(&mut self, digest: &Digest, why: &str) {
        if let Some(verdict) = self.verdicts.iter_mut().find(|verdict| &verdict.digest == digest) {
            verdict.verified = false;
            verdict.why_not = Some(why.to_owned());
        }
    }

    fn hold(&mut self, what: &HoldOn, why: &str, meta: &Meta<'_>, automatic: bool) {
        self.holds.retain(|hold| &hold.what != what);
        self.holds.push(Hold {
            what: what.clone(),
            why: why.to_owned(),
            by: meta.by.to_owned(),
            at: meta.at,
            automatic,
        });
        if automatic {
            return;
        }
        if let Some(open) = &mut self.open {
            let concerns = match what {
                HoldOn::Environment => true,
                HoldOn::Release { digest } => digest == &open.plan.release.digest,
            };
            if concerns {
                open.halt(&format!("held by {}: {why}", meta.by));
            }
        }
    }
}

/// Why these results do not verify the plan's digest; `None` when they do.
fn why_not_verified(plan: &Plan, results: &[GateResult]) -> Option<String> {
    if !plan.has_counting_gates() {
        return Some("no gate here whose outcome counts, so there is no evidence".to_owned());
    }
    let by_name: BTreeMap<&str, &GateResult> = results.iter().map(|result| (result.gate.as_str(), result)).collect();
    for gate in plan.gates.iter().filter(|gate| counts(gate)) {
        match by_name.get(gate.name.as_str()).map(|result| (result.outcome, &result.detail)) {
            Some((Outcome::Passed, _)) => {}
            Some((Outcome::Waived, _)) => return Some(format!("gate `{}` was waived", gate.name)),
            Some((Outcome::Failed | Outcome::Errored, detail)) => {
                return Some(format!("gate `{}` did not pass: {detail}", gate.name));
            }
            None => return Some(format!("gate `{}` did not run", gate.name)),
        }
    }
    plan.waivers.first().map(|waiver| format!("{} was waived by {}", waiver.what, waiver.by))
}

/// Output stays in the record of the gate; the summary keeps only what decides.
fn without_output(result: &GateResult) -> GateResult {
    GateResult { output: String::new(), ..result.clone() }
}
