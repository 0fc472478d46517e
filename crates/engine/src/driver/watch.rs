//! What a driver tells whoever watches it: progress, never results. Results are in the ledger.

use tiers_core::event::{Event, GateResult};
use tiers_core::id::{App, Component, Env};

/// Something that happened, or begins.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// A record was appended.
    Recorded {
        environment: &'a Env,
        app: &'a App,
        event: &'a Event,
    },
    /// Work on this began; the words are for people.
    Doing {
        environment: &'a Env,
        app: &'a App,
        what: &'a str,
        components: &'a [Component],
    },
    /// A gate is about to run, or ran.
    GateBegins {
        name: &'a str,
    },
    GateEnded {
        result: &'a GateResult,
    },
    /// Waiting, with the reason.
    Waiting {
        what: &'a str,
        ms: u64,
    },
}

/// Watches a driver.
pub trait Watch {
    /// Called between steps; must be quick.
    fn see(&self, progress: &Progress<'_>);

    /// A person asked to stop: the driver stops before its next effect, and leaves a state that can be resumed.
    fn stop_asked(&self) -> Option<Stop> {
        None
    }
}

/// How a person wants to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Undo what was done.
    Undo,
    /// Leave it as it is, to be resumed.
    Leave,
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Watch for Quiet {
    fn see(&self, _: &Progress<'_>) {}
}
