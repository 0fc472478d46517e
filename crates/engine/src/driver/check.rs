//! The checks before anything is changed: the right place, what was there when the plan was made, the way back, the evidence,
//! holds, freezes and approvals. Rules 4 to 6 of PROTOCOL.md.

use std::collections::BTreeMap;

use tiers_core::event::{Cause, Event};
use tiers_core::gate::{At, Check};
use tiers_core::plan::{ComponentPlan, Kind, Plan};
use tiers_core::state::EnvState;
use tiers_core::window;

use super::World;
use super::session::{DriveError, Session};
use super::upstream::{evidence, held, missing, terraform};
use crate::mutation::{Mutation, is_on};
use crate::port::images::ImageError;
use crate::port::target::{Readiness, TargetError};

/// Something that speaks against a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// It may pass by itself or by a person's doing: approval, evidence upstream.
    NotYet(String),
    /// A rule says no.
    No(String),
    /// The place or the store could not be asked.
    Unanswered(String),
}

impl Objection {
    /// The words.
    pub fn text(&self) -> &str {
        match self {
            Objection::NotYet(text) | Objection::No(text) | Objection::Unanswered(text) => text,
        }
    }
}

/// Everything that speaks against this plan now, before it is claimed; empty when nothing does.
pub async fn preflight(world: &World, state: &EnvState, plan: &Plan) -> Result<Vec<Objection>, DriveError> {
    let mut objections = Vec::new();
    objections.extend(rules(world, state, plan, &world.actor.who));
    let upstream = evidence(world, &plan.upstream, &plan.app, &plan.release.digest).await?;
    if plan.kind != Kind::Rollback {
        objections.extend(missing(plan, &upstream).map(|(why, undecided)| match undecided {
            true => Objection::NotYet(why),
            false => Objection::No(why),
        }));
    }
    let applies = terraform(world, plan).await?;
    objections.extend(applies.in_flight.map(Objection::NotYet));
    objections.extend(applies.lacking.map(Objection::No));
    objections.extend(place(world, plan).await);
    objections.extend(targets(world, plan, true).await);
    Ok(objections)
}

/// The effect `Check`: read everything after the claim, then say so, or refuse.
pub(super) async fn check(session: &mut Session) -> Result<(), DriveError> {
    let world = session.world.clone();
    let open = session.own()?.clone();
    let plan = &open.plan;
    let fresh = open.phase == tiers_core::deployment::Phase::Claimed;
    // Whoever resumes asked for nothing, and may well be one of those who approved; the claim was made with enough of others.
    let asked_by = if open.epoch == 0 { world.actor.who.as_str() } else { "" };
    let mut objections: Vec<Objection> = rules(&world, &session.state, plan, asked_by);
    let upstream = match is_on(Mutation::ReadUpstreamBeforeClaim) {
        true => Vec::new(),
        false => evidence(&world, &plan.upstream, &plan.app, &plan.release.digest).await?,
    };
    if plan.kind != Kind::Rollback {
        objections.extend(missing(plan, &upstream).map(|(why, _)| Objection::No(why)));
    }
    let applies = terraform(&world, plan).await?;
    objections.extend(applies.in_flight.map(Objection::NotYet));
    // An apply that begins later finds this deployment open. What was applied before it halts nothing that is under way.
    objections.extend(applies.lacking.filter(|_| fresh).map(Objection::No));
    objections.extend(place(&world, plan).await);
    objections.extend(targets(&world, plan, fresh).await);
    let event = match objections.first() {
        None => {
            let upstream = upstream.iter().map(|one| (format!("{}/{}", one.environment, plan.app), one.seq));
            let heads: BTreeMap<String, u64> = upstream.chain(applies.head).collect();
            Event::Checked { heads, note: way_back_note(plan) }
        }
        // That the place could not be asked is no rule's word.
        Some(Objection::Unanswered(what)) => open.stopped_by(Cause::Machinery { what: what.clone() }),
        Some(objection) if fresh => Event::Refused { why: objection.text().to_owned() },
        Some(objection) => open.stopped_by(Cause::Rule { what: objection.text().to_owned() }),
    };
    session.decide(&event).await?;
    Ok(())
}

/// Rule 6 again, between a shift's intent and its sending: has anything upstream, or here, turned against it?
pub(super) async fn still_allowed(session: &Session) -> Result<Option<String>, DriveError> {
    let open = session.own()?;
    let plan = &open.plan;
    if plan.kind == Kind::Rollback {
        return Ok(None);
    }
    if let Some(Cause::Rule { what }) = &open.cause {
        return Ok(Some(what.clone()));
    }
    if is_on(Mutation::ReadUpstreamBeforeClaim) {
        return Ok(None);
    }
    let upstream = evidence(&session.world, &plan.upstream, &plan.app, &plan.release.digest).await?;
    let applying = terraform(&session.world, plan).await?.in_flight;
    Ok(missing(plan, &upstream).map(|(why, _)| why).or(applying).or_else(|| frozen(&session.world, plan)))
}

fn way_back_note(plan: &Plan) -> String {
    if plan.has_way_back {
        let versions = plan.components.iter().map(|c| format!("{} {}", c.component, c.before.version));
        format!("way back: {}", versions.collect::<Vec<_>>().join(", "))
    } else {
        "the first deployment here: the ledger records no release to go back to".to_owned()
    }
}

/// What the environment's own state, the calendar and the people say.
fn rules(world: &World, state: &EnvState, plan: &Plan, asked_by: &str) -> Vec<Objection> {
    let mut objections = Vec::new();
    if plan.kind != Kind::Rollback {
        if let Some(why) = held(state, plan).filter(|_| !plan.is_waived("hold")) {
            objections.push(Objection::No(why));
        }
        objections.extend(frozen(world, plan).map(Objection::No));
        objections.extend(not_approved(state, plan, asked_by).map(Objection::NotYet));
        objections.extend(mixed(state, plan).map(Objection::No));
        if plan.release.dirty && !plan.upstream.is_empty() {
            let why = format!("{} was built from a dirty tree; it goes to entry environments only", plan.release.id);
            objections.push(Objection::No(why));
        }
    }
    if plan.way_back_required && !plan.has_way_back && state.serving.is_some() {
        let why = "the ledger records no version to go back to, and this environment demands one".to_owned();
        objections.push(Objection::No(why));
    }
    objections
}

/// An undo goes back to what the plan found, so the components of the app must be on one release there: not so after a deployment
/// that ended Stuck, or where somebody moved an alias by hand. A component that is new here was on none.
fn mixed(state: &EnvState, plan: &Plan) -> Option<String> {
    let serving = state.serving.as_ref()?;
    let known = |one: &&ComponentPlan| serving.components.iter().any(|served| served.component == one.component);
    let mut known = plan.components.iter().filter(known);
    let first = known.next()?;
    let other = known.find(|other| other.before.digest != first.before.digest)?;
    Some(format!(
        "the components of {app} are on different releases in {env} ({} on {}, {} on {}), so there is nothing whole to go back \
         to; `tiers rollback {env}` brings all of them to {} first",
        first.component,
        first.before.digest.short(),
        other.component,
        other.before.digest.short(),
        serving.release.id,
        app = plan.app,
        env = plan.environment,
    ))
}

fn frozen(world: &World, plan: &Plan) -> Option<String> {
    plan.gates_at(At::Before).filter(|gate| !plan.is_waived(&gate.name)).find_map(|gate| match &gate.check {
        Check::Window { freezes } => match window::is_frozen(freezes, world.clock.now()) {
            Ok(None) => None,
            Ok(Some(frozen)) => Some(format!("frozen until {} (`{}`): {}", frozen.until, gate.name, frozen.why)),
            Err(error) => Some(format!("`{}` can't be evaluated: {error}", gate.name)),
        },
        _ => None,
    })
}

fn not_approved(state: &EnvState, plan: &Plan, asked_by: &str) -> Option<String> {
    plan.gates_at(At::Before).filter(|gate| !plan.is_waived(&gate.name)).find_map(|gate| match &gate.check {
        Check::Approval { count, approvers } => {
            let given = state.approvers(&plan.release.digest, asked_by);
            // Who may approve is the policy's word, not that of the command that recorded it.
            let may = |who: &&str| approvers.is_empty() || approvers.iter().any(|name| name == who);
            let have = given.into_iter().filter(may).count();
            (have < *count as usize)
                .then(|| format!("{have} of {count} approvals for {} in {}", plan.release.id, plan.environment))
        }
        _ => None,
    })
}

/// Why this is not the place that the plan was made for: asked before anything is written by somebody who resumes.
pub async fn misplaced(world: &World, plan: &Plan) -> Option<Objection> {
    place(world, plan).await
}

async fn place(world: &World, plan: &Plan) -> Option<Objection> {
    if is_on(Mutation::SkipPlace) {
        return None;
    }
    let here = match world.target.whereabouts().await {
        Ok(here) => here,
        Err(error) => return Some(asked(&error)),
    };
    if let Some(account) = &plan.place.account
        && *account != here.account
    {
        let why = format!(
            "wrong account: {} is declared in {account}, and the caller is in {}",
            plan.environment, here.account
        );
        return Some(Objection::No(why));
    }
    if plan.place.region != here.region {
        let why = format!(
            "wrong region: {} is declared in {}, and calls go to {}",
            plan.environment, plan.place.region, here.region
        );
        return Some(Objection::No(why));
    }
    if plan.place.ledger != world.ledger.id() {
        let why = format!("the plan was made with ledger {}, and this is {}", plan.place.ledger, world.ledger.id());
        return Some(Objection::No(why));
    }
    None
}

async fn targets(world: &World, plan: &Plan, fresh: bool) -> Vec<Objection> {
    let mut objections = Vec::new();
    if plan.kind != Kind::Rollback {
        let release = &plan.release;
        match world.images.preflight(&release.image_uri, &release.digest, &release.architecture).await {
            Ok(()) => {}
            Err(error @ ImageError::Unreachable { .. }) => objections.push(Objection::Unanswered(error.to_string())),
            Err(error) => objections.push(Objection::No(error.to_string())),
        }
    }
    for component in &plan.components {
        if let Err(objection) = target(world, plan, component, fresh).await {
            objections.push(objection);
        }
    }
    objections
}

async fn target(world: &World, plan: &Plan, component: &ComponentPlan, fresh: bool) -> Result<(), Objection> {
    let function = &component.function;
    let look = world.target.look(function, &plan.alias).await.map_err(|error| asked(&error))?;
    match &look.ledger {
        Some(ledger) if ledger == world.ledger.id() => {}
        Some(other) => {
            let why = format!(
                "{function} belongs to ledger {other}, and this is {}: two ledgers for one function",
                world.ledger.id()
            );
            return Err(Objection::No(why));
        }
        None => {
            return Err(Objection::No(format!(
                "{function} was not adopted by this ledger; `tiers adopt {}` does that",
                plan.environment
            )));
        }
    }
    if look.latest.architecture != plan.release.architecture {
        let why =
            format!("{function} runs {}, and the image is {}", look.latest.architecture, plan.release.architecture);
        return Err(Objection::No(why));
    }
    if fresh {
        unchanged(component, &look)?;
    }
    // A rollback leaves the version it comes from behind, whatever state that is in.
    if plan.kind != Kind::Rollback && plan.way_back_required {
        way_back(world, component).await?;
    }
    match &component.target_version {
        None => Ok(()),
        Some(version) => exists(world, function, version, &plan.release.digest).await,
    }
}

/// What the plan was made from is still so.
fn unchanged(component: &ComponentPlan, look: &crate::port::target::Look) -> Result<(), Objection> {
    let before = &component.before;
    let changed = |what: &str, was: &str, is: &str| {
        Err(Objection::No(format!(
            "{} changed since the plan was made: {what} was {was} and is {is}; make a new plan",
            component.function
        )))
    };
    if look.alias.version != before.version {
        return changed("the alias", before.version.as_str(), look.alias.version.as_str());
    }
    if look.alias.weights != before.weights {
        return changed("the alias's weights", &format!("{:?}", before.weights), &format!("{:?}", look.alias.weights));
    }
    if look.latest.digest != before.latest_digest {
        return changed("$LATEST", before.latest_digest.short(), look.latest.digest.short());
    }
    if component.target_version.is_none() && look.latest.fingerprint != component.fingerprint {
        return changed("its settings", "one fingerprint", "another");
    }
    Ok(())
}

/// The recorded version can be gone back to: it exists, runs what was recorded, and its image exists.
async fn way_back(world: &World, component: &ComponentPlan) -> Result<(), Objection> {
    exists(world, &component.function, &component.before.version, &component.before.digest).await
}

async fn exists(
    world: &World,
    function: &str,
    version: &tiers_core::id::Version,
    digest: &tiers_core::id::Digest,
) -> Result<(), Objection> {
    let seen = world.target.look_version(function, version).await.map_err(|error| asked(&error))?;
    if &seen.digest != digest {
        let why = format!(
            "version {version} of {function} runs {}, and {} was recorded",
            seen.digest.short(),
            digest.short()
        );
        return Err(Objection::No(why));
    }
    match seen.readiness {
        Readiness::Ready | Readiness::Idle | Readiness::Changing => Ok(()),
        Readiness::Broken(why) => Err(Objection::No(format!("version {version} of {function} can't serve: {why}"))),
    }
}

fn asked(error: &TargetError) -> Objection {
    match error {
        TargetError::Unreachable { .. } => Objection::Unanswered(error.to_string()),
        TargetError::Absent { .. } | TargetError::Denied { .. } | TargetError::Unfit { .. } => {
            Objection::No(error.to_string())
        }
    }
}
