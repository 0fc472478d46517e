//! Terraform as the lease starts it: one process that waits, one plan, one end.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tiers_core::lease::{Child, Outcome};
use tiers_edge::terraform::{Prepared, Show, Terraform};
use tiers_engine::port::lease::Applier;

use super::interrupt;
use super::planning::{Planned, brief};

/// How long the state that a failed apply left is asked for.
const LOOK: Duration = Duration::from_secs(20);

/// Why an apply that Terraform was started for changed nothing, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// The state moved on since the plan was made.
    Stale,
    /// The backend's lock could not be had.
    Locked,
}

/// Applies one saved plan.
pub struct PlanApplier {
    terraform: Terraform,
    plan: PathBuf,
    /// There was no state when the plan was made.
    is_first: bool,
    prepared: RefCell<Option<Prepared>>,
    /// Known after the end.
    pub nothing: Cell<Option<Nothing>>,
    pub lock_id: RefCell<Option<String>>,
}

impl PlanApplier {
    pub fn new(terraform: Terraform, planned: &Planned) -> PlanApplier {
        let (nothing, lock_id) = (Cell::new(None), RefCell::new(None));
        let (plan, is_first) = (planned.file.clone(), planned.request.facts.lineage.is_none());
        PlanApplier { terraform, plan, is_first, prepared: RefCell::new(None), nothing, lock_id }
    }

    pub fn terraform(&self) -> &Terraform {
        &self.terraform
    }
}

#[async_trait(?Send)]
impl Applier for PlanApplier {
    async fn prepare(&self) -> Result<Child, String> {
        // Terraform compares the state with the plan's, unless there was none then: it would write over one that came since.
        if self.is_first && self.terraform.state().await.map_err(|error| brief(&error))?.is_some() {
            self.nothing.set(Some(Nothing::Stale));
            return Err("the plan was made where there was no state, and there is one now".to_owned());
        }
        let prepared = self.terraform.prepare_apply(&self.plan).map_err(|error| brief(&error))?;
        let known = prepared.known();
        *self.prepared.borrow_mut() = Some(prepared);
        Ok(known)
    }

    async fn start(&self) -> Outcome {
        let Some(prepared) = self.prepared.borrow_mut().take() else {
            return Outcome::NotStarted { why: "there is no process to start it in".to_owned() };
        };
        let done = match self.terraform.go(prepared, Show::Live, &interrupt::asked).await {
            Ok(done) => done,
            // It was let go, so what it did is not known.
            Err(error) => return Outcome::Failed { why: brief(&error), lineage: None },
        };
        if done.code == Some(0) {
            // The apply is done whether its state can be read or not.
            let (lineage, serial) = self.terraform.state().await.ok().flatten().unzip();
            return Outcome::Applied { serial, lineage };
        }
        let why = done.first_error();
        if done.is_stale() {
            self.nothing.set(Some(Nothing::Stale));
            return Outcome::NotStarted { why };
        }
        if done.has_no_lock() {
            self.nothing.set(Some(Nothing::Locked));
            *self.lock_id.borrow_mut() = done.lock_id();
            return Outcome::NotStarted { why: format!("{why}: {}", done.lock_info()) };
        }
        let asked = if interrupt::asked() { "stopped as asked: " } else { "" };
        // What was killed has no words of its own.
        let words = if why == done.how() { String::new() } else { format!(": {why}") };
        // Where the backend is what failed, the record of the end does not wait for it.
        let state = tokio::time::timeout(LOOK, self.terraform.state()).await;
        let lineage = state.ok().and_then(Result::ok).flatten().map(|(lineage, _)| lineage);
        Outcome::Failed { why: format!("{asked}{}{words}", done.how()), lineage }
    }

    async fn abandon(&self) {
        let prepared = self.prepared.borrow_mut().take();
        if let Some(prepared) = prepared {
            prepared.abandon().await;
        }
    }
}
