//! A way through the search in words, for whoever looks at a counterexample.

use stateright::Path;

use crate::model::Deployers;
use crate::place::{Call, Change};
use crate::world::{Action, NOBODY, Place, Takeover, World};

/// One line a step: who does what, and what the ledger and the place look like after it.
pub fn tell(model: &Deployers, path: Path<World, Action>) -> Vec<String> {
    let steps = path.into_vec();
    let mut lines = Vec::with_capacity(steps.len());
    for (number, window) in steps.windows(2).enumerate() {
        let ((before, Some(action)), (after, _)) = (&window[0], &window[1]) else { continue };
        let mut line = format!("{:>3}  {}", number + 1, words(model, before, *action));
        if before.ledger != after.ledger {
            let fact = model.fact(after);
            let phase = fact.state.open.as_ref().map(|open| format!("{:?}, epoch {}", open.phase, open.epoch));
            let phase = phase.unwrap_or_else(|| format!("ended {:?}", fact.ending));
            line = format!("{line}  [ledger: {phase}]");
        }
        if before.functions != after.functions {
            let alias = |index: usize| after.functions[index].alias.version;
            let code = |index: usize| after.functions[index].code;
            line = format!("{line}  [aliases at {} and {}, code {} and {}]", alias(0), alias(1), code(0), code(1));
        }
        lines.push(line);
    }
    lines
}

fn words(model: &Deployers, before: &World, action: Action) -> String {
    match action {
        Action::Plan { process } => format!("deployer {process} looks and plans"),
        Action::TakeOver { process, why } => {
            let why = match why {
                Takeover::GoOn => "to go on",
                Takeover::GoBack => "to go back",
                Takeover::Overdue => "and finds weights that should be gone",
            };
            format!("deployer {process} takes over {why}")
        }
        Action::Step { process } => {
            format!("deployer {process} {}", doing(model, before.processes[usize::from(process)].at))
        }
        Action::GatesFail { process } => format!("deployer {process} sees a gate fail"),
        Action::GiveUp { process } => format!("deployer {process} gets no answer and waits no longer"),
        Action::Land { flying } if flying.by == NOBODY => format!("a late call lands: {}", call(&flying.call)),
        Action::Land { flying } => format!("a call of deployer {} lands: {}", flying.by, call(&flying.call)),
        Action::Hand { function, hand } => format!("somebody changes function {function} by hand: {hand:?}"),
        Action::Hold => "somebody holds the environment".to_owned(),
        Action::Revoke if before.revoked == 0 => "somebody revokes the evidence upstream".to_owned(),
        Action::Revoke => "who revoked looks downstream, and halts what stands on it".to_owned(),
    }
}

fn doing(model: &Deployers, at: Place) -> String {
    match at {
        Place::NotStarted | Place::Gone => "does nothing".to_owned(),
        Place::Claim { .. } => "claims".to_owned(),
        Place::Ready => "looks at what comes next".to_owned(),
        Place::Append { event, .. } => format!("appends {:?}", model.ledger.event_of(event).kind()),
        Place::ReadUpstream { .. } => "reads the evidence again".to_owned(),
        Place::ReadHead { .. } => "looks whether the head is still its own".to_owned(),
        Place::Send { work } => {
            let calls: Vec<String> = model.bench.get(work).calls.iter().map(call).collect();
            format!("sends: {}", calls.join("; "))
        }
        Place::Wait { .. } => "looks what became of its calls".to_owned(),
        Place::Gates { at, .. } => format!("runs the gates at {at:?}"),
        Place::Bake { .. } => "lets the weights bake".to_owned(),
    }
}

fn call(call: &Call) -> String {
    let what = match call.change {
        Change::Code { code } => format!("code {code}"),
        Change::Publish { code, .. } => format!("publish code {code}"),
        Change::Point { version, percent: 0, .. } => format!("alias to version {version}"),
        Change::Point { version, second, percent, .. } => format!("alias to {version}, {percent}% to {second}"),
    };
    format!("{what} of function {} with token {}", call.function, call.token)
}
