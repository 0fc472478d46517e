//! The searches by name: those that every test run makes, and larger ones for whoever has the time.

use tiers_core::plan::OnFailure;

use crate::bounds::{Bounds, Job};

/// A search with a name.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    pub bounds: Bounds,
    /// A search that meets fewer states has lost something that it was to show.
    pub at_least: usize,
}

const fn case(name: &'static str, at_least: usize, bounds: Bounds) -> Case {
    Case { name, bounds, at_least }
}

const ONE: Bounds = Bounds::SMALLEST;

/// Searched by every run of the tests.
pub const SMALL: [Case; 9] = [
    case("a lost answer", 300_000, Bounds { lost_answers: 1, failing_gates: 1, ..ONE }),
    case("two takeovers", 1_000_000, Bounds { takeovers: 2, ..ONE }),
    case("a hand", 200_000, Bounds { hands: 1, ..ONE }),
    case("evidence revoked", 80_000, Bounds { revocation: true, ..ONE }),
    case("a hold", 50_000, Bounds { holds: 1, ..ONE }),
    case("a canary", 20_000, Bounds { canary: true, failing_gates: 1, ..ONE }),
    case(
        "a person decides",
        60_000,
        Bounds { on_failure: OnFailure::Manual, failing_gates: 1, revocation: true, ..ONE },
    ),
    case("a rollback", 30_000, Bounds { job: Job::Rollback, lost_answers: 1, failing_gates: 1, ..ONE }),
    case("another deployment", 20_000, Bounds { another: true, failing_gates: 1, ..ONE }),
];

/// Searched by `cargo xtask model`, beside the small ones.
pub const LARGE: [Case; 6] = [
    case("two lost answers", 3_000_000, Bounds { lost_answers: 2, failing_gates: 1, ..ONE }),
    case("a hand and a lost answer", 1_000_000, Bounds { hands: 1, lost_answers: 1, ..ONE }),
    case("two takeovers of a canary", 1_000_000, Bounds { takeovers: 2, canary: true, ..ONE }),
    case("a canary, revoked", 1_000_000, Bounds { canary: true, lost_answers: 1, revocation: true, ..ONE }),
    case("two takeovers, a hold", 1_000_000, Bounds { takeovers: 2, holds: 1, ..ONE }),
    case("lost, and another after it", 500_000, Bounds { another: true, lost_answers: 1, failing_gates: 1, ..ONE }),
];
