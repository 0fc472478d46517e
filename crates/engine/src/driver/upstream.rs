//! What a deployment depends on in other streams: the evidence of every environment before it, and the Terraform lease.

use tiers_core::event::Outcome;
use tiers_core::id::{App, Digest, Env};
use tiers_core::plan::{Kind, Plan};
use tiers_core::state::{EnvState, Verdict};

use super::World;
use super::session::{DriveError, Session};
use crate::mutation::{Mutation, is_on};

/// What one environment says about a digest, as of the head that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub environment: Env,
    /// The head that was read; 0 for an empty stream.
    pub seq: u64,
    /// `Err` with the reason when it does not pass.
    pub passes: Result<(), String>,
    /// Nothing was decided there yet, so waiting may help.
    pub undecided: bool,
}

/// Reads what these environments say about a digest. A stream that can't be read is an error: it may hide a revocation.
pub async fn evidence(
    world: &World,
    environments: &[Env],
    app: &App,
    digest: &Digest,
) -> Result<Vec<Evidence>, DriveError> {
    let mut all = Vec::with_capacity(environments.len());
    for environment in environments {
        let session = Session::load(world, environment, app).await?;
        all.push(Evidence {
            environment: environment.clone(),
            seq: session.head.as_ref().map_or(0, |head| head.seq),
            passes: passes(&session.state, digest),
            undecided: session.state.verdict(digest).is_none() && session.state.held_release(digest).is_none(),
        });
    }
    Ok(all)
}

fn passes(state: &EnvState, digest: &Digest) -> Result<(), String> {
    let passed = |verdict: &Verdict| verdict.results.iter().any(|result| result.outcome == Outcome::Passed);
    if is_on(Mutation::AdvisoryAsEvidence) && state.verdict(digest).is_some_and(passed) {
        return Ok(());
    }
    if is_on(Mutation::EvidenceBySource) {
        // Another build of the same inputs has the same id, with a number behind it.
        let inputs = |verdict: &Verdict| verdict.release.as_str().split("-again").next().map(str::to_owned);
        let wanted = state.verdict(digest).and_then(inputs);
        let same = |verdict: &&Verdict| verdict.verified && (wanted.is_none() || inputs(verdict) == wanted);
        if state.verdicts.iter().any(|verdict| same(&verdict)) {
            return Ok(());
        }
    }
    state.passes(digest).map(drop)
}

/// The evidence that is missing and that nobody waived, in words; what was decided against the release before what is open.
pub(super) fn missing(plan: &Plan, evidence: &[Evidence]) -> Option<(String, bool)> {
    let lacking =
        evidence.iter().filter(|one| one.passes.is_err() && !plan.is_waived(&format!("upstream:{}", one.environment)));
    let worst = lacking.min_by_key(|one| one.undecided)?;
    let why = worst.passes.as_ref().err()?;
    Some((format!("{} is not verified in {}: {why}", plan.release.id, worst.environment), worst.undecided))
}

/// The Terraform lease as a deployment reads it.
#[derive(Default)]
pub(super) struct Applies {
    /// The head that was read, by stream.
    pub head: Option<(String, u64)>,
    /// Why an apply that is in flight in this plan's environment stands in the way.
    pub in_flight: Option<String>,
    /// Why the infrastructure that the release needs is not there, where nobody waived that.
    pub lacking: Option<String>,
}

/// What applies say about a plan. Nothing but a person stops a way back.
pub(super) async fn terraform(world: &World, plan: &Plan) -> Result<Applies, DriveError> {
    let Some(stream) = world.lease.as_ref().filter(|_| plan.kind != Kind::Rollback && !is_on(Mutation::IgnoreLease))
    else {
        return Ok(Applies::default());
    };
    let (state, seq) = crate::lease::read(world, stream).await?;
    let env = &plan.environment;
    let in_flight =
        state.in_flight(env).map(|lease| format!("{} applies Terraform in {env} ({})", lease.by, lease.holder.text()));
    let needed = plan.infrastructure.as_ref().filter(|_| !plan.is_waived(&format!("terraform:{env}")));
    // What is being applied may well be it: that is waited for, and looked at again.
    let lacking = needed.filter(|_| in_flight.is_none()).and_then(|needed| {
        let why = needed.lacking(&state, env)?;
        Some(format!("{why}; {}", needed.advice(env)))
    });
    Ok(Applies { head: Some((stream.to_string(), seq)), in_flight, lacking })
}

/// The hold that speaks against this plan in its own environment, in words.
pub(super) fn held(state: &EnvState, plan: &Plan) -> Option<String> {
    let on_environment = state.held().map(|hold| format!("{} is held by {}: {}", plan.environment, hold.by, hold.why));
    let on_release = || {
        let hold = state.held_release(&plan.release.digest)?;
        Some(format!("{} is held in {} by {}: {}", plan.release.id, plan.environment, hold.by, hold.why))
    };
    on_environment.or_else(on_release)
}
