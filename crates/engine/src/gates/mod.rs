//! Gates as the driver sees them: run one, get its result. The real runner is built from the probe, runner and target ports.

mod run;

pub use run::RunGates;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tiers_core::event::GateResult;
use tiers_core::gate::Gate;
use tiers_core::id::{App, Component, Env};
use tiers_core::release::Release;

use crate::port::target::Form;

/// What a gate is run against.
#[derive(Clone, Debug)]
pub struct GatePlace<'a> {
    pub environment: &'a Env,
    pub app: &'a App,
    pub release: &'a Release,
    /// Each component's function and the form of it that is to be looked at.
    pub functions: BTreeMap<Component, (String, Form)>,
}

/// Runs gates, retries and the gate's own deadline included. Never fails: a gate that can't be run has errored.
#[async_trait(?Send)]
pub trait Gates {
    async fn run(&self, gate: &Gate, place: &GatePlace<'_>) -> GateResult;
}
