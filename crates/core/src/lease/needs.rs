//! What a release needs of the infrastructure: that the Terraform code of its commit was applied before the release comes.

use serde::{Deserialize, Serialize};

use super::event::Outcome;
use super::request::Facts;
use super::state::{Attempt, LeaseState};
use crate::id::{Commit, Digest, Env};

/// The Terraform code that belongs to a release in one environment, as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Infrastructure {
    /// The commit whose files these are.
    pub commit: Commit,
    /// As an apply records it.
    pub tree: Digest,
    /// The hash of the environment's var-file; `None` where the commit holds none.
    pub var_file: Option<Digest>,
    /// What was applied last when the plan was made, where its history holds this commit: newer infrastructure will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<Commit>,
    /// What was applied last and this commit each hold what the other lacks: to apply this one would take the other's changes back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
}

impl Infrastructure {
    /// Why what was applied last, whole, is neither this code nor newer one; `None` where it is. An environment that was never
    /// applied with this program says nothing: somebody else keeps its infrastructure.
    pub fn lacking(&self, state: &LeaseState, environment: &Env) -> Option<String> {
        let Some(applied) = state.applied.get(environment) else {
            // One that was begun and not carried out says that what is there is not what the code describes.
            let begun = state.last.get(environment)?;
            return Some(self.never(begun, environment));
        };
        let since = state.last.get(environment).filter(|last| last.epoch > applied.epoch);
        if let Some(tried) = since.filter(|tried| self.differs(&tried.facts).is_some()) {
            return Some(format!(
                "what is there is not known to be the infrastructure of commit {}: an apply of other code by {} {} in {environment}",
                self.commit.short(),
                tried.by,
                ended(&tried.outcome)
            ));
        }
        let facts = &applied.facts;
        let differs = self.differs(facts)?;
        let is_newer = facts.commit.is_some() && facts.commit == self.part_of && !facts.dirty;
        if is_newer {
            return None;
        }
        let of = match (&facts.commit, facts.dirty) {
            (Some(commit), false) => format!("commit {}", commit.short()),
            (Some(commit), true) => format!("commit {} and changes", commit.short()),
            (None, _) => "no commit".to_owned(),
        };
        Some(format!(
            "the infrastructure of commit {} is not there: {differs} from what {} applied in {environment} ({of})",
            self.commit.short(),
            applied.by,
        ))
    }

    /// What to do where it is lacking, in words.
    pub fn advice(&self, environment: &Env) -> String {
        match self.apart {
            true => format!(
                "commit {} lacks what was applied there, so merge that first, then `tiers tf apply {environment}`",
                self.commit.short()
            ),
            false => format!("`tiers tf apply {environment}` first"),
        }
    }

    fn differs(&self, facts: &Facts) -> Option<&'static str> {
        match (facts.tree == self.tree, &self.var_file) {
            (false, _) => Some("its Terraform code differs"),
            (true, Some(values)) if facts.var_file.as_ref() != Some(values) => {
                Some("the values of its environment differ")
            }
            (true, _) => None,
        }
    }

    fn never(&self, begun: &Attempt, environment: &Env) -> String {
        format!(
            "the infrastructure of commit {} is not there: no apply in {environment} was carried out, and that of {} {}",
            self.commit.short(),
            begun.by,
            ended(&begun.outcome)
        )
    }
}

fn ended(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Applied { .. } => "was carried out",
        Outcome::Failed { .. } => "failed",
        Outcome::NotStarted { .. } => "never started",
        Outcome::Unknown { .. } => "ended unknown",
    }
}
