//! What to do next, from the state alone: the same answer for whoever started, resumed or took over.

use crate::deployment::{Deployment, Latest, Part, Phase};
use crate::event::{Cause, Ending, Step};
use crate::gate::At;
use crate::id::Component;
use crate::plan::Kind;

/// Idle looks before a step forward is given up.
pub const MAX_TRIES: u32 = 6;
/// Idle looks before an undo, or a fence, is left to a person.
pub const MAX_UNDO_TRIES: u32 = 12;

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum NextEffect {
    /// Look at the place, and read everything that the deployment depends on.
    Check,
    /// An intent has no outcome: look, without sending anything.
    Settle,
    /// Make late calls impossible.
    Fence {
        components: Vec<Component>,
    },
    /// Look at these components, write where that is needed, look again.
    Write {
        step: Step,
        components: Vec<Component>,
    },
    Gates {
        at: At,
    },
    Bake {
        step: usize,
        seconds: u64,
    },
    /// See every component on the release.
    LastLook,
    /// Record that it goes backwards from here.
    Undo {
        cause: Cause,
    },
    /// Nothing can be done without a person; the deployment stays open.
    AskPerson {
        cause: Cause,
    },
    End {
        ending: Ending,
        why: String,
    },
}

/// The next effect of this deployment.
pub fn next(deployment: &Deployment) -> NextEffect {
    if deployment.open_intent.is_some() {
        return NextEffect::Settle;
    }
    if fences(deployment) {
        return fence(deployment);
    }
    if deployment.is_undoing() {
        return backwards(deployment);
    }
    if let Some(cause) = &deployment.cause {
        if deployment.plan.kind == Kind::Rollback && deployment.phase == Phase::Live {
            let why = format!("{}; there is no rollback of a rollback", cause.text());
            return NextEffect::End { ending: Ending::Stuck, why };
        }
        return undo_or_ask(deployment, cause.clone());
    }
    if let Some(cause) = given_up(deployment) {
        return undo_or_ask(deployment, cause);
    }
    if deployment.must_check {
        return NextEffect::Check;
    }
    forwards(deployment)
}

/// True while calls of an earlier owner stand in the way.
fn fences(deployment: &Deployment) -> bool {
    deployment.must_fence || deployment.phase == Phase::Closing && !deployment.late.is_empty()
}

/// Why going forward is given up: so many tries brought nothing. `None` while there are tries left, and for one that goes back.
pub(crate) fn given_up(deployment: &Deployment) -> Option<Cause> {
    let what = match fences(deployment) {
        true if deployment.tries >= MAX_UNDO_TRIES => UNFENCED.to_owned(),
        false if deployment.tries >= MAX_TRIES => {
            let last = deployment.stalled.as_deref().unwrap_or("no reason was seen");
            format!("{} tries brought nothing forward; the last one: {last}", deployment.tries)
        }
        _ => return None,
    };
    (!deployment.is_undoing()).then_some(Cause::Machinery { what })
}

const UNFENCED: &str = "a call of an earlier owner may still land, and could not be made impossible";

fn undo_or_ask(deployment: &Deployment, cause: Cause) -> NextEffect {
    match deployment.waits_for_person() {
        true => NextEffect::AskPerson { cause },
        false => NextEffect::Undo { cause },
    }
}

fn fence(deployment: &Deployment) -> NextEffect {
    if deployment.tries >= MAX_UNDO_TRIES {
        let cause = Cause::Machinery { what: UNFENCED.to_owned() };
        return match deployment.is_undoing() {
            true => NextEffect::End { ending: Ending::Stuck, why: cause.text() },
            false => undo_or_ask(deployment, cause),
        };
    }
    let mut components: Vec<Component> = deployment.late.iter().map(|call| call.component.clone()).collect();
    components.sort();
    components.dedup();
    NextEffect::Fence { components }
}

fn forwards(deployment: &Deployment) -> NextEffect {
    let select = |wanted: &dyn Fn(&Part) -> bool| -> Vec<Component> {
        deployment.parts.iter().filter(|part| wanted(part)).map(|part| part.component.clone()).collect()
    };
    match deployment.phase {
        Phase::Claimed => NextEffect::Check,
        Phase::Staging => NextEffect::Write { step: Step::Stage, components: select(&|part| !part.staged) },
        Phase::Staged => NextEffect::Gates { at: At::Staged },
        Phase::Publishing => {
            NextEffect::Write { step: Step::Publish, components: select(&|part| part.version.is_none()) }
        }
        Phase::Published => NextEffect::Gates { at: At::Published },
        Phase::Shifting { step } => NextEffect::Write {
            step: Step::Shift { number: step },
            components: select(&|part| deployment.plan.shifts(&part.component, step) && part.steps_done <= step),
        },
        Phase::Baking { step } => {
            NextEffect::Bake { step, seconds: deployment.plan.shift.get(step).map_or(0, |step| step.bake_s) }
        }
        Phase::Live => NextEffect::Gates { at: At::Live },
        Phase::Closing if deployment.parts.iter().all(|part| part.confirmed) => {
            NextEffect::End { ending: Ending::Succeeded, why: String::new() }
        }
        Phase::Closing => NextEffect::LastLook,
        Phase::Undoing | Phase::Restoring => unreachable!("backwards() has these"),
    }
}

fn backwards(deployment: &Deployment) -> NextEffect {
    let cause = deployment.cause.clone().unwrap_or(Cause::Machinery { what: "no cause was recorded".to_owned() });
    let exhausted = deployment.tries >= MAX_UNDO_TRIES;
    if deployment.phase == Phase::Undoing {
        if exhausted {
            let last = deployment.stalled.as_deref().unwrap_or("no reason was seen");
            let why = format!("{}; and going back did not work: {last}", cause.text());
            return NextEffect::End { ending: Ending::Stuck, why };
        }
        // Once one alias may have moved, every component is looked at: the unit is what counts.
        let open = |part: &&Part| !part.back && part.foreign.is_none();
        let components = deployment.parts.iter().rev().filter(open).map(|part| part.component.clone()).collect();
        return NextEffect::Write { step: Step::Unshift, components };
    }
    // `$LATEST` is restored as far as that works; users don't see it, so it decides no ending.
    let open = |part: &&Part| part.touched_function && part.latest == Latest::Untouched;
    let components: Vec<Component> = deployment.parts.iter().filter(open).map(|p| p.component.clone()).collect();
    if !components.is_empty() && !exhausted {
        return NextEffect::Write { step: Step::Restore, components };
    }
    let mixed = deployment.may_have_moved() && deployment.parts.iter().any(|p| p.foreign.is_some() && !p.back);
    if mixed || !deployment.late.is_empty() {
        return NextEffect::End { ending: Ending::Stuck, why: cause.text() };
    }
    NextEffect::End { ending: cause.ending(deployment.may_have_moved()), why: cause.text() }
}
