//! What looks mean: compares what was found with what was there and what shall be there. Pure; the looks are made elsewhere.
//!
//! Public because the model check judges its looks with these same functions.

use std::collections::BTreeMap;

use tiers_core::deployment::{Deployment, Part};
use tiers_core::event::{Found, GuardedCall, Resource, Step, Write};
use tiers_core::id::{Digest, Fingerprint, Version};
use tiers_core::plan::{ComponentPlan, Plan};

use crate::mutation::{Mutation, is_on};
use crate::port::target::{AliasLook, LatestLook, Readiness};

/// What a look means for one component, and the write that would bring it on.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Before { write: Write, resource: Resource, before: String, after: String },
    After { version: Option<Version> },
    Foreign { what: String },
    Unseen { why: String },
}

impl Verdict {
    /// As it is recorded.
    pub fn found(&self) -> Found {
        match self {
            Verdict::Before { .. } => Found::Before,
            Verdict::After { version } => Found::After { version: version.clone() },
            Verdict::Foreign { what } => Found::Foreign { what: what.clone() },
            Verdict::Unseen { why } => Found::Unseen { why: why.clone() },
        }
    }
}

/// The words that mark an alias as moved by this deployment.
pub fn signature(ledger: &str, deployment: &Deployment) -> String {
    let ledger = ledger.get(..8).unwrap_or(ledger);
    format!("tiers {ledger}/{}/{}", deployment.id, deployment.epoch)
}

/// Before and after an update of `$LATEST` to the release's code.
pub fn stage(plan: &Plan, component: &ComponentPlan, look: &LatestLook) -> Verdict {
    if look.fingerprint != component.fingerprint {
        return Verdict::Foreign { what: "the settings of $LATEST are not those that were planned with".to_owned() };
    }
    let (before, target) = (&component.before.latest_digest, &plan.release.digest);
    match &look.readiness {
        Readiness::Changing => Verdict::Unseen { why: "$LATEST is still being updated".to_owned() },
        Readiness::Broken(why) if &look.digest == target && before != target => Verdict::Unseen { why: why.clone() },
        _ if &look.digest == target => Verdict::After { version: None },
        _ if &look.digest == before => Verdict::Before {
            write: Write::Code { image_uri: plan.release.image_uri.clone(), digest: target.clone() },
            resource: Resource::Function,
            before: short(before),
            after: short(target),
        },
        _ => Verdict::Foreign {
            what: format!("$LATEST holds {}, which is neither before nor after", look.digest.short()),
        },
    }
}

/// Whether `$LATEST` may be published: it must be what the gates looked at.
pub fn publish(plan: &Plan, component: &ComponentPlan, description: String, look: &LatestLook) -> Verdict {
    let target = &plan.release.digest;
    match holds(look, target, &component.fingerprint) {
        Err(what) => Verdict::Foreign { what },
        Ok(()) if look.readiness == Readiness::Changing => {
            Verdict::Unseen { why: "$LATEST is still being updated".to_owned() }
        }
        Ok(()) => Verdict::Before {
            write: Write::Publish { digest: target.clone(), description },
            resource: Resource::Function,
            before: "$LATEST".to_owned(),
            after: "a numbered version".to_owned(),
        },
    }
}

fn holds(look: &LatestLook, digest: &Digest, fingerprint: &Fingerprint) -> Result<(), String> {
    if &look.digest != digest {
        return Err(format!("$LATEST holds {}, and the gates looked at {}", look.digest.short(), digest.short()));
    }
    if &look.fingerprint != fingerprint && !is_on(Mutation::DigestOnlyPublish) {
        return Err("the settings of $LATEST are not those that the gates looked at".to_owned());
    }
    Ok(())
}

/// Where the alias stands after `steps` steps of the shift; `None` when nothing was published yet.
fn pointing(
    plan: &Plan,
    component: &ComponentPlan,
    part: &Part,
    steps: usize,
) -> Option<(Version, BTreeMap<String, f64>)> {
    let before = (component.before.version.clone(), component.before.weights.clone());
    if steps == 0 {
        return Some(before);
    }
    let new = part.version.clone()?;
    if steps >= plan.shift.len() {
        return Some((new, BTreeMap::new()));
    }
    // Weights between a version and itself are refused by the service, and would mean nothing.
    if !plan.weighted.contains(&component.component) || new == before.0 {
        return Some(before);
    }
    let weight = f64::from(plan.shift[steps - 1].percent) / 100.0;
    Some((before.0, BTreeMap::from([(new.as_str().to_owned(), weight)])))
}

fn stands_at(look: &AliasLook, version: &Version, weights: &BTreeMap<String, f64>) -> bool {
    &look.version == version && same_weights(&look.weights, weights)
}

fn same_weights(left: &BTreeMap<String, f64>, right: &BTreeMap<String, f64>) -> bool {
    // A weight of zero routes nothing; the service keeps six digits.
    let effective = |weights: &BTreeMap<String, f64>| -> Vec<(String, i64)> {
        let micro = weights.iter().map(|(version, weight)| (version.clone(), (weight * 1e6).round() as i64));
        micro.filter(|(_, weight)| *weight != 0).collect()
    };
    effective(left) == effective(right)
}

/// Before and after one step of the shift.
pub fn shift(deployment: &Deployment, component: &ComponentPlan, step: usize, mark: &str, look: &AliasLook) -> Verdict {
    let plan = &deployment.plan;
    let part = deployment.part(&component.component).expect("a part for every component of the plan");
    let (Some(want), Some(prior)) = (pointing(plan, component, part, step + 1), pointing(plan, component, part, step))
    else {
        return Verdict::Unseen { why: "nothing was published yet".to_owned() };
    };
    if stands_at(look, &want.0, &want.1) {
        return Verdict::After { version: None };
    }
    // A component without weights skips the steps between.
    let start = pointing(plan, component, part, 0).expect("where it was is always known");
    if stands_at(look, &prior.0, &prior.1) || stands_at(look, &start.0, &start.1) {
        return point(want, mark, look);
    }
    Verdict::Foreign { what: format!("the alias points at {}, which is neither before nor after", describe(look)) }
}

/// Whether an alias is back where it was recorded, and whether it may be moved there.
pub fn unshift(deployment: &Deployment, component: &ComponentPlan, mark: &str, look: &AliasLook) -> Verdict {
    let mut recorded = (component.before.version.clone(), component.before.weights.clone());
    if is_on(Mutation::RollbackByNumber)
        && let Ok(number @ 2..) = look.version.as_str().parse::<u64>()
        && look.version != recorded.0
    {
        recorded.0 = Version((number - 1).to_string());
    }
    if stands_at(look, &recorded.0, &recorded.1) {
        return Verdict::After { version: None };
    }
    let part = deployment.part(&component.component).expect("a part for every component of the plan");
    let ours = (0..=deployment.plan.shift.len())
        .filter_map(|steps| pointing(&deployment.plan, component, part, steps))
        .any(|(version, weights)| stands_at(look, &version, &weights));
    if ours {
        return point(recorded, mark, look);
    }
    Verdict::Foreign { what: format!("the alias points at {}, which this deployment never wrote", describe(look)) }
}

/// Whether `$LATEST` is back at what was recorded, and whether it is still this deployment's to put back.
pub fn restore(deployment: &Deployment, component: &ComponentPlan, look: &LatestLook) -> Verdict {
    let part = deployment.part(&component.component).expect("a part for every component of the plan");
    let before = &component.before;
    if look.digest == before.latest_digest {
        return Verdict::After { version: None };
    }
    if look.readiness == Readiness::Changing {
        return Verdict::Unseen { why: "$LATEST is still being updated".to_owned() };
    }
    let ours = look.digest == deployment.plan.release.digest && part.function_token.as_ref() == Some(&look.token);
    if !ours && !is_on(Mutation::RestoreUnconditionally) {
        let what = format!("$LATEST holds {} and was touched by others; it is left as it is", look.digest.short());
        return Verdict::Foreign { what };
    }
    Verdict::Before {
        write: Write::Code { image_uri: before.latest_image_uri.clone(), digest: before.latest_digest.clone() },
        resource: Resource::Function,
        before: short(&look.digest),
        after: short(&before.latest_digest),
    }
}

/// Whether the alias stands at the release, as the last look before a success demands.
pub fn last_look(deployment: &Deployment, component: &ComponentPlan, look: &AliasLook) -> Verdict {
    let part = deployment.part(&component.component).expect("a part for every component of the plan");
    match &part.version {
        Some(version) if stands_at(look, version, &BTreeMap::new()) => Verdict::After { version: None },
        _ => Verdict::Foreign { what: format!("the alias points at {}", describe(look)) },
    }
}

/// The verdict of an alias step.
pub fn alias_step(
    deployment: &Deployment,
    component: &ComponentPlan,
    step: Step,
    mark: &str,
    look: &AliasLook,
) -> Verdict {
    match step {
        Step::Shift { number } => shift(deployment, component, number, mark, look),
        Step::Unshift => unshift(deployment, component, mark, look),
        Step::LastLook | Step::Stage | Step::Publish | Step::Restore | Step::Fence => {
            last_look(deployment, component, look)
        }
    }
}

/// The write that makes a late call to the function impossible: an update to the code that it has. The verdict is `After` only
/// where the function holds what this deployment staged, so that its token is this deployment's own again.
pub fn fence_function(
    deployment: &Deployment,
    component: &ComponentPlan,
    look: LatestLook,
) -> (Option<Verdict>, GuardedCall) {
    let ours = look.digest == deployment.plan.release.digest && look.fingerprint == component.fingerprint;
    let verdict = ours.then_some(Verdict::After { version: None });
    let call = GuardedCall {
        component: component.component.clone(),
        resource: Resource::Function,
        before: short(&look.digest),
        after: short(&look.digest),
        write: Write::Code { image_uri: look.image_uri, digest: look.digest },
        token: look.token,
    };
    (verdict, call)
}

/// The write that makes a late call to the alias impossible: it stays where it is, under another description.
pub fn fence_alias(deployment: &Deployment, component: &ComponentPlan, ledger: &str, look: AliasLook) -> GuardedCall {
    let here = describe(&look);
    GuardedCall {
        component: component.component.clone(),
        resource: Resource::Alias,
        before: here.clone(),
        after: here,
        write: Write::Point {
            version: look.version,
            weights: look.weights,
            // Unlike any before, so that the write really changes something even where the alias already carries this
            // deployment's mark: a write that changes nothing may leave the token as it is.
            description: match is_on(Mutation::RepeatedMark) {
                true => "tiers".to_owned(),
                false => format!("{}.{}", signature(ledger, deployment), deployment.intents + 1),
            },
        },
        token: look.token,
    }
}

/// True when a late call, or one of the open intent, may still change this resource of the component.
pub fn may_be_hit(deployment: &Deployment, component: &ComponentPlan, resource: Resource) -> bool {
    let name = &component.component;
    let late = deployment.late.iter().any(|call| &call.component == name && call.resource == resource);
    let mut open = deployment.open_intent.iter().flat_map(|intent| &intent.calls);
    late || open.any(|call| &call.component == name && call.resource == resource)
}

fn point(to: (Version, BTreeMap<String, f64>), mark: &str, look: &AliasLook) -> Verdict {
    let (version, weights) = to;
    let after = AliasLook { version: version.clone(), weights: weights.clone(), ..look.clone() };
    Verdict::Before {
        write: Write::Point { version, weights, description: mark.to_owned() },
        resource: Resource::Alias,
        before: describe(look),
        after: describe(&after),
    }
}

/// `version 7`, or `version 7 with 10% to 8`.
pub fn describe(look: &AliasLook) -> String {
    let weights: Vec<String> =
        look.weights.iter().map(|(version, weight)| format!("{:.0}% to {version}", weight * 100.0)).collect();
    if weights.is_empty() {
        format!("version {}", look.version)
    } else {
        format!("version {} with {}", look.version, weights.join(", "))
    }
}

fn short(digest: &Digest) -> String {
    digest.short().to_owned()
}
