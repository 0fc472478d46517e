//! Terraform as the lease starts it: one process that waits, one plan, one end.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use async_trait::async_trait;
use tiers_core::lease::{Child, Outcome};
use tiers_edge::terraform::{Prepared, Show, Terraform};
use tiers_engine::port::lease::Applier;

use super::interrupt;
use super::planning::brief;

/// Why an apply that Terraform was started for changed nothing, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// The state moved on since the plan was made.
    Stale,
    /// Somebody else holds the backend's lock.
    Locked,
}

/// Applies one saved plan.
pub struct PlanApplier {
    terraform: Terraform,
    plan: PathBuf,
    prepared: RefCell<Option<Prepared>>,
    /// Known after the end.
    pub nothing: Cell<Option<Nothing>>,
    pub lock_id: RefCell<Option<String>>,
}

impl PlanApplier {
    pub fn new(terraform: Terraform, plan: PathBuf) -> PlanApplier {
        let (nothing, lock_id) = (Cell::new(None), RefCell::new(None));
        PlanApplier { terraform, plan, prepared: RefCell::new(None), nothing, lock_id }
    }
}

#[async_trait(?Send)]
impl Applier for PlanApplier {
    async fn prepare(&self) -> Result<Child, String> {
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
            Err(error) => return Outcome::Failed { why: brief(&error) },
        };
        if done.code == Some(0) {
            // The apply is done whether its serial can be read or not.
            let state = self.terraform.state().await.ok().flatten();
            return Outcome::Applied { serial: state.map(|(_, serial)| serial) };
        }
        let why = done.first_error();
        if done.is_stale() {
            self.nothing.set(Some(Nothing::Stale));
            return Outcome::NotStarted { why };
        }
        if done.is_locked() {
            self.nothing.set(Some(Nothing::Locked));
            *self.lock_id.borrow_mut() = done.lock_id().map(str::to_owned);
            return Outcome::NotStarted { why: format!("{why}: {}", done.lock_info()) };
        }
        let asked = if interrupt::asked() { "stopped as asked: " } else { "" };
        // What was killed has no words of its own.
        let words = if why == done.how() { String::new() } else { format!(": {why}") };
        Outcome::Failed { why: format!("{asked}{}{words}", done.how()) }
    }

    async fn abandon(&self) {
        let prepared = self.prepared.borrow_mut().take();
        if let Some(prepared) = prepared {
            prepared.abandon().await;
        }
    }
}
