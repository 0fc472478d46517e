//! Makes plans: what is wanted, what is recorded, and what a look finds, put together into data that leaves no choices.

use futures::StreamExt as _;
use tiers_core::gate::Gate;
use tiers_core::id::{App, Component, DeploymentId, Env, Fingerprint, Version};
use tiers_core::lease::Infrastructure;
use tiers_core::plan::{Before, ComponentPlan, Kind, OnFailure, Place, Plan, Policy, ShiftStep, Waiver};
use tiers_core::record::NotAStream;
use tiers_core::release::Release;
use tiers_core::state::{EnvState, Serving};

use crate::driver::{DriveError, Session, World};
use crate::port::target::TargetError;

/// What somebody wants to be deployed, as far as configuration and the ledger of releases decide it.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub environment: Env,
    pub app: App,
    pub goal: Goal,
    pub place: Place,
    pub policy: Policy,
    pub gates: Vec<Gate>,
    /// Every environment before this one, nearest or not.
    pub upstream: Vec<Env>,
    /// Each component and its function's name here, in the order in which they shift.
    pub components: Vec<(Component, String)>,
    pub alias: String,
    pub shift: Vec<ShiftStep>,
    pub weighted: Vec<Component>,
    pub on_failure: OnFailure,
    pub way_back_required: bool,
    pub waivers: Vec<Waiver>,
    pub secrets: Option<Fingerprint>,
    pub deadline_s: u64,
    /// The Terraform code that must have been applied first.
    pub infrastructure: Option<Infrastructure>,
}

/// What the deployment is for.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each command, never a collection of them")]
pub enum Goal {
    Deploy(Release),
    /// The release that serves, with the settings that are there now.
    ConfigOnly,
    /// To the newest earlier success, or to the one of this release id, digest or commit.
    Rollback {
        to: Option<String>,
    },
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Drive(#[from] DriveError),
    #[error(transparent)]
    Stream(#[from] NotAStream),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("nothing serves in {0} yet, so there is nothing to deploy again or to go back from")]
    NothingServes(Env),
    #[error("the ledger records no earlier release in {0} to go back to")]
    NoWayBack(Env),
    #[error("`{wanted}` never succeeded in {environment}; it can go back to: {known}")]
    NeverSucceeded { environment: Env, wanted: String, known: String },
    #[error(
        "{component} carries weights ({weights}) that no open deployment knows of; somebody's canary, or provisioned \
         concurrency on its way: wait until they are gone, or take them away"
    )]
    Weighted { component: Component, weights: String },
    #[error("{component} carries weights ({weights}): {id} by {owner} is open, and its canary is on")]
    CanaryOn { component: Component, weights: String, id: DeploymentId, owner: String },
}

/// A plan, and whether it would change anything.
#[derive(Clone, Debug)]
pub struct Planned {
    pub plan: Plan,
    /// Digest, settings and secrets are those that serve already.
    pub unchanged: bool,
    pub state: EnvState,
}

/// Looks, and makes the plan.
pub async fn plan(world: &World, wanted: &Wanted) -> Result<Planned, PlanError> {
    let session = Session::load(world, &wanted.environment, &wanted.app).await?;
    let state = session.state;
    let astray = match (&wanted.goal, &state.serving) {
        (Goal::Rollback { .. }, Some(serving)) => is_astray(world, wanted, serving).await,
        _ => false,
    };
    let (kind, release, back_to) = goal(wanted, &state, astray)?;
    let looks = wanted.components.iter().map(|(component, function)| {
        let back_to = back_to.as_ref();
        async move { look(world, wanted, component, function, back_to).await }
    });
    let components: Vec<Result<ComponentPlan, PlanError>> =
        futures::stream::iter(looks).buffered(world.waits.at_once).collect().await;
    let components = components.into_iter().collect::<Result<Vec<_>, _>>();
    let components = components.map_err(|error| of_whom(error, &state))?;
    let plan = Plan {
        environment: wanted.environment.clone(),
        app: wanted.app.clone(),
        kind,
        made_from: session.head.as_ref().map(|head| (head.seq, head.hash.clone())),
        release,
        place: wanted.place.clone(),
        policy: wanted.policy.clone(),
        gates: wanted.gates.clone(),
        upstream: wanted.upstream.clone(),
        components,
        alias: wanted.alias.clone(),
        shift: match kind {
            // A way back is taken at once.
            Kind::Rollback => vec![ShiftStep { percent: 100, bake_s: 0 }],
            Kind::Deploy | Kind::ConfigOnly => wanted.shift.clone(),
        },
        weighted: wanted.weighted.clone(),
        on_failure: wanted.on_failure,
        way_back_required: wanted.way_back_required,
        has_way_back: state.serving.is_some(),
        waivers: wanted.waivers.clone(),
        secrets: wanted.secrets.clone(),
        deadline_s: wanted.deadline_s,
        infrastructure: wanted.infrastructure.clone(),
    };
    let unchanged = state.serving.as_ref().is_some_and(|serving| is_unchanged(&plan, serving));
    Ok(Planned { plan, unchanged, state })
}

/// Weights that the open deployment put there are no riddle.
fn of_whom(error: PlanError, state: &EnvState) -> PlanError {
    match (error, &state.open) {
        (PlanError::Weighted { component, weights }, Some(open)) => {
            PlanError::CanaryOn { component, weights, id: open.id.clone(), owner: open.owner.clone() }
        }
        (error, _) => error,
    }
}

fn goal(wanted: &Wanted, state: &EnvState, astray: bool) -> Result<(Kind, Release, Option<Serving>), PlanError> {
    let nothing = || PlanError::NothingServes(wanted.environment.clone());
    match &wanted.goal {
        Goal::Deploy(release) => Ok((Kind::Deploy, release.clone(), None)),
        Goal::ConfigOnly => Ok((Kind::ConfigOnly, state.serving.as_ref().ok_or_else(nothing)?.release.clone(), None)),
        Goal::Rollback { to } => {
            let target = way_back(wanted, state, astray, to.as_deref())?;
            Ok((Kind::Rollback, target.release.clone(), Some(target)))
        }
    }
}

/// True when an alias does not stand where the ledger says. One that can't be looked at is the plan's business.
async fn is_astray(world: &World, wanted: &Wanted, serving: &Serving) -> bool {
    for served in &serving.components {
        if let Ok(look) = world.target.look_alias(&served.function, &wanted.alias).await
            && (look.version != served.version || !look.weights.is_empty())
        {
            return true;
        }
    }
    false
}

fn way_back(wanted: &Wanted, state: &EnvState, astray: bool, to: Option<&str>) -> Result<Serving, PlanError> {
    let environment = wanted.environment.clone();
    // After a deployment that ended Stuck, and where an alias was moved by hand, what serves by the ledger is itself a place to
    // go back to.
    let stuck = astray || state.last.as_ref().is_some_and(|last| last.ending == tiers_core::event::Ending::Stuck);
    let serving = state.serving.as_ref().ok_or_else(|| PlanError::NothingServes(environment.clone()))?;
    let mut candidates: Vec<&Serving> = Vec::new();
    for earlier in state.serving.iter().filter(|_| stuck).chain(&state.previous) {
        let other = stuck || !earlier.is_same_as(serving);
        if other && !candidates.iter().any(|known| known.is_same_as(earlier)) {
            candidates.push(earlier);
        }
    }
    let Some(text) = to else {
        // Where only settings changed since, the release is the same one, and its verdict is that of the settings now.
        let settings = candidates.first().filter(|earlier| earlier.release.digest == serving.release.digest);
        // The last success that was verified too; one that was only let stand is better than none.
        let verified = candidates.iter().find(|earlier| state.passes(&earlier.release.digest).is_ok());
        let chosen = settings.or(verified).or(candidates.first());
        return chosen.map(|earlier| (*earlier).clone()).ok_or(PlanError::NoWayBack(environment));
    };
    if let Some(found) = candidates.iter().find(|earlier| earlier.release.is_meant_by(text)) {
        return Ok((*found).clone());
    }
    let mut known: Vec<String> = candidates
        .iter()
        .map(|earlier| match state.passes(&earlier.release.digest) {
            Ok(_) => earlier.release.id.to_string(),
            Err(_) => format!("{} (not verified)", earlier.release.id),
        })
        .collect();
    known.dedup();
    let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    Err(PlanError::NeverSucceeded { environment, wanted: text.to_owned(), known })
}

async fn look(
    world: &World,
    wanted: &Wanted,
    component: &Component,
    function: &str,
    back_to: Option<&Serving>,
) -> Result<ComponentPlan, PlanError> {
    let look = world.target.look(function, &wanted.alias).await?;
    let weights: Vec<String> =
        look.alias.weights.iter().map(|(version, weight)| format!("{version}: {weight}")).collect();
    if !weights.is_empty() && back_to.is_none() {
        return Err(PlanError::Weighted { component: component.clone(), weights: weights.join(", ") });
    }
    let live = world.target.look_version(function, &look.alias.version).await?;
    let recorded = back_to.and_then(|serving| serving.components.iter().find(|served| &served.component == component));
    if let (Some(serving), None) = (back_to, recorded) {
        return Err(PlanError::NeverSucceeded {
            environment: wanted.environment.clone(),
            wanted: format!("{component} of {}", serving.release.id),
            known: "releases that had this component".to_owned(),
        });
    }
    let target_version: Option<Version> = recorded.map(|served| served.version.clone());
    let fingerprint = recorded.map_or_else(|| look.latest.fingerprint.clone(), |served| served.fingerprint.clone());
    Ok(ComponentPlan {
        component: component.clone(),
        function: function.to_owned(),
        before: Before {
            version: look.alias.version,
            weights: look.alias.weights,
            digest: live.digest,
            fingerprint: live.fingerprint,
            latest_digest: look.latest.digest,
            latest_image_uri: look.latest.image_uri,
        },
        target_version,
        fingerprint,
    })
}

/// True when digest, settings and secrets are those that serve, and the aliases still point where the ledger says.
fn is_unchanged(plan: &Plan, serving: &Serving) -> bool {
    let same = serving.release.digest == plan.release.digest
        && serving.configuration == plan.configuration()
        && serving.secrets == plan.secrets
        && serving.components.len() == plan.components.len();
    same && plan.components.iter().all(|planned| {
        let recorded = serving.components.iter().find(|served| served.component == planned.component);
        planned.before.weights.is_empty() && recorded.is_some_and(|served| served.version == planned.before.version)
    })
}
