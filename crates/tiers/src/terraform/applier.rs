//! Terraform as the lease starts it: one process that waits, one plan, one end.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tiers_core::id::Digest;
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
    /// Of the plan that was shown.
    digest: Digest,
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
        let facts = &planned.request.facts;
        let (plan, digest, is_first) = (planned.saved.file.clone(), facts.plan.clone(), facts.lineage.is_none());
        PlanApplier { terraform, plan, digest, is_first, prepared: RefCell::new(None), nothing, lock_id }
    }

    pub fn terraform(&self) -> &Terraform {
        &self.terraform
    }
}

/// Why a saved plan is not the one that was shown, if so.
fn is_another(plan: &Path, shown: &Digest) -> Option<String> {
    match std::fs::read(plan) {
        Ok(bytes) if Digest::of(&bytes) == *shown => None,
        Ok(_) => Some("the saved plan is not the one that was shown: somebody wrote over it".to_owned()),
        Err(error) => Some(format!("the saved plan can't be read any more: {error}")),
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
        if let Some(why) = is_another(&self.plan, &self.digest) {
            prepared.abandon().await;
            return Outcome::NotStarted { why };
        }
        let _at_work = interrupt::at_work();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_plan_that_was_written_over_or_is_gone_is_not_the_one_that_was_shown() {
        let dir = tempfile::tempdir().expect("a folder");
        let plan = dir.path().join("plan");
        std::fs::write(&plan, "shown").expect("a file");
        let shown = Digest::of(b"shown");
        assert_eq!(is_another(&plan, &shown), None);
        std::fs::write(&plan, "other").expect("a file");
        assert!(is_another(&plan, &shown).is_some_and(|why| why.contains("wrote over it")));
        std::fs::remove_file(&plan).expect("removed");
        assert!(is_another(&plan, &shown).is_some_and(|why| why.contains("can't be read")));
    }
}
