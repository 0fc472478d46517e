//! A failing world made smaller: actors and kinds of faults are left out as long as the same promise is still broken.

use super::draw::{Drawn, without_fault, without_role};
use super::run::{Outcome, run};
use super::truth::Broken;

/// The smallest failing world that was found.
#[derive(Debug)]
pub struct Smaller {
    pub drawn: Drawn,
    pub outcome: Outcome,
    /// How many worlds were tried.
    pub tried: u32,
}

/// Leaves out of this world what it does not need to break the same promise. The result was run with a trace.
pub fn shrink(drawn: &Drawn, broken: &Broken) -> Smaller {
    let mut smallest = drawn.clone();
    let mut tried = 0;
    let mut still = |smaller: &Drawn| {
        tried += 1;
        run(smaller, false).broken.is_some_and(|other| other.invariant == broken.invariant)
    };
    // Each thing that goes may make another one superfluous; a few rounds are enough for the few things that there are.
    for _ in 0..4 {
        let before = (smallest.roles.len(), smallest.faults);
        for index in (0..smallest.roles.len()).rev() {
            let fewer = without_role(&smallest, index);
            if still(&fewer) {
                smallest = fewer;
            }
        }
        for index in 0..smallest.roles.len() {
            for simpler in simpler_roles(&smallest, index) {
                if still(&simpler) {
                    smallest = simpler;
                }
            }
        }
        for fault in smallest.faults.members().collect::<Vec<_>>() {
            let fewer = without_fault(&smallest, fault);
            if still(&fewer) {
                smallest = fewer;
            }
        }
        if before == (smallest.roles.len(), smallest.faults) {
            break;
        }
    }
    let outcome = run(&smallest, true);
    Smaller { drawn: smallest, outcome, tried }
}

/// The same world with one actor that fewer things befall.
fn simpler_roles(drawn: &Drawn, index: usize) -> Vec<Drawn> {
    let role = &drawn.roles[index];
    let mut simpler = Vec::new();
    let mut add = |change: &dyn Fn(&mut super::draw::Role)| {
        let mut other = drawn.clone();
        change(&mut other.roles[index]);
        simpler.push(other);
    };
    if role.doom.is_some() {
        add(&|role| role.doom = None);
    }
    if role.outage.is_some() {
        add(&|role| role.outage = None);
    }
    if role.jump.is_some() || role.wrong_ms != 0 {
        add(&|role| (role.jump, role.wrong_ms) = (None, 0));
    }
    simpler
}
