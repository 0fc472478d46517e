//! What to do next, from the state alone: the same answer for whoever started, resumed or took over.

use crate::deployment::{Deployment, Latest, MAX_UNDO_TRIES, Part, Phase, UNFENCED};
use crate::event::{Cause, Ending, Step};
use crate::gate::At;
use crate::id::Component;
use crate::plan::Kind;

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
    if deployment.must_fence_first() {
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
    if let Some(cause) = deployment.given_up() {
        return undo_or_ask(deployment, cause);
    }
    if deployment.must_check {
        return NextEffect::Check;
    }
    forwards(deployment)
}

fn undo_or_ask(deployment: &Deployment, cause: Cause) -> NextEffect {
    match deployment.waits_for_person() {
        true => NextEffect::AskPerson { cause },
        false => NextEffect::Undo { cause },
    }
}

fn fence(deployment: &Deployment) -> NextEffect {
    if let Some(cause) = deployment.given_up() {
        return undo_or_ask(deployment, cause);
    }
    if deployment.tries >= MAX_UNDO_TRIES {
        return NextEffect::End { ending: Ending::Stuck, why: UNFENCED.to_owned() };
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
