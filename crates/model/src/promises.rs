//! What must hold in every state, and what must be met in some, so that a search which meets nothing is noticed.

use std::collections::BTreeSet;

use stateright::Property;
use tiers_core::event::Ending;

use crate::bounds::{Bounds, Job};
use crate::model::Deployers;
use crate::place::BEFORE_ALL;
use crate::world::{Place, World, Wrong};

/// When a deployment is over, all components serve one release, the one that the ledger says, or it is Stuck.
pub const UNIT: &str = "unit";
/// No call can land that the ledger does not hold for one that may: a replaced deployer changes nothing once its calls are fenced,
/// and no end leaves a call behind, unless it is Stuck and says so.
pub const NO_STRAY_CALL: &str = "no stray call";
/// A deployment publishes one version of a function at most.
pub const PUBLISHED_ONCE: &str = "published once";
/// Traffic moves only on evidence that was read after the claim and was not revoked before the intent.
pub const EVIDENCE: &str = "evidence before the shift";
/// Where a failure after the shift is a person's to decide about, nobody else undoes it.
pub const PERSON_DECIDES: &str = "a person decides";
/// What somebody put into `$LATEST` by hand is not written over.
pub const THEIRS_STAYS: &str = "theirs stays";
/// No record that may not follow, and no step that the driver does not know.
pub const LEGAL: &str = "no illegal event";

/// All of them that must always hold.
pub const PROMISES: [&str; 7] = [UNIT, NO_STRAY_CALL, PUBLISHED_ONCE, EVIDENCE, PERSON_DECIDES, THEIRS_STAYS, LEGAL];

pub fn all(bounds: &Bounds) -> Vec<Property<Deployers>> {
    let mut properties = vec![
        Property::always(UNIT, unit),
        Property::always(NO_STRAY_CALL, no_stray_call),
        Property::always(PUBLISHED_ONCE, |_, world: &World| published_once(world)),
        Property::always(EVIDENCE, |_, world: &World| world.wrong != Some(Wrong::Evidence)),
        Property::always(PERSON_DECIDES, |_, world: &World| world.wrong != Some(Wrong::Overstep)),
        Property::always(THEIRS_STAYS, |_, world: &World| world.wrong != Some(Wrong::Trampled)),
        Property::always(LEGAL, |_, world: &World| world.wrong != Some(Wrong::Illegal)),
        Property::sometimes("it succeeds", |model, world| ended(model, world, Ending::Succeeded)),
    ];
    if bounds.takeovers > 0 {
        properties.extend([
            Property::sometimes("it is undone", |model, world| ended(model, world, Ending::Failed)),
            Property::sometimes("a replaced deployer is about to send", |model, world| {
                superseded(model, world, |at| matches!(at, Place::Send { .. }))
            }),
            Property::sometimes("a call of a replaced deployer is fenced off", |model, world| {
                let refused = |at| matches!(at, Place::Wait { answers, .. } if answers.iter().any(is_refused_late));
                superseded(model, world, refused)
            }),
        ]);
    }
    if bounds.hands > 0 && bounds.job == Job::Deploy {
        properties.push(Property::sometimes("it is stuck", |model, world| ended(model, world, Ending::Stuck)));
    }
    if bounds.revocation || bounds.holds > 0 {
        properties.push(Property::sometimes("it is refused", |model, world| ended(model, world, Ending::Refused)));
    }
    properties
}

fn is_refused_late(answer: &crate::place::Answer) -> bool {
    *answer == crate::place::Answer::Refused
}

fn ended(model: &Deployers, world: &World, ending: Ending) -> bool {
    let fact = model.fact(world);
    fact.open.is_none() && fact.ending == Some(ending)
}

fn superseded(model: &Deployers, world: &World, at: impl Fn(Place) -> bool) -> bool {
    let open = model.fact(world).open;
    let replaced = |owned: Option<(u8, u8)>| match (owned, open) {
        (Some((own, epoch)), Some((other, current))) => own != other || epoch < current,
        (Some(_), None) => true,
        (None, _) => false,
    };
    world.processes.iter().any(|process| replaced(process.owned) && at(process.at))
}

fn unit(model: &Deployers, world: &World) -> bool {
    let fact = model.fact(world);
    if fact.open.is_some() || fact.ending == Some(Ending::Stuck) {
        return true;
    }
    // An alias that somebody moved by hand is theirs; but no deployment succeeds that could have seen it.
    let theirs = if fact.ending == Some(Ending::Succeeded) { world.by_hand_since } else { world.by_hand };
    (0..2).all(|index| theirs[index] || fact.holds(index, &world.functions))
}

fn no_stray_call(model: &Deployers, world: &World) -> bool {
    let fact = model.fact(world);
    let known = |call: &crate::place::Call| {
        !call.can_land(&world.functions) || fact.tracked.contains(&(call.function, call.resource(), call.token))
    };
    let about_to_send = world.processes.iter().all(|process| match process.at {
        Place::Send { work } => model.bench.get(work).calls.iter().all(known),
        _ => true,
    });
    about_to_send && world.flying.iter().all(|flying| known(&flying.call))
}

fn published_once(world: &World) -> bool {
    world.functions.iter().all(|function| {
        let made = function.versions[..usize::from(function.count)].iter().filter(|version| version.by != BEFORE_ALL);
        let mut seen = BTreeSet::new();
        made.into_iter().all(|version| seen.insert(version.by))
    })
}
