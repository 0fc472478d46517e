//! What an apply is about: where it goes, which plan it carries out, and from which files that was made.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{Commit, Digest, Env};
use crate::terraform::Class;

/// The identity of a Terraform backend: where a state lies. Holds no credentials; values that may be one are left out, or kept
/// as a hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Backend {
    /// As Terraform names it: `s3`, `gcs`, `local`.
    pub kind: String,
    pub settings: BTreeMap<String, String>,
}

/// How many resources a plan does what to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub create: u32,
    pub update: u32,
    pub replace: u32,
    pub delete: u32,
    /// Dropped from the state, left as it is.
    pub forget: u32,
    pub import: u32,
    /// Known under another address from now on.
    pub moved: u32,
    /// Outputs that change.
    pub outputs: u32,
}

/// What a plan does to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Create,
    Update,
    Replace,
    Delete,
    Forget,
    Import,
    Move,
}

/// One resource that a plan changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub address: String,
    pub action: Action,
}

/// What is recorded of an apply, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub environment: Env,
    pub backend: Backend,
    /// The sha256 of the saved plan.
    pub plan: Digest,
    /// Of the state that the plan was made from; `None` where there was none yet.
    pub lineage: Option<String>,
    pub serial: Option<u64>,
    pub counts: Counts,
    /// The hash over the path and content of every file of the root module and of the local modules below the same folder.
    pub tree: Digest,
    /// The hash of the environment's var-file.
    pub var_file: Option<Digest>,
    /// The commit that was checked out; `None` outside of git.
    pub commit: Option<Commit>,
    /// The tree had changes that no commit holds.
    pub dirty: bool,
    /// The program with its version: `terraform 1.11.4`.
    pub program: String,
}

/// Who agreed to a plan before it was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreed {
    /// Nobody had to: it changes nothing.
    Unneeded,
    /// Flags alone, as the rules allow there.
    Flags,
    /// A person at a terminal, who was shown the plan.
    Person,
}

/// One apply as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub facts: Facts,
    /// Every resource that the plan changes; the summary state keeps only the counts.
    pub changes: Vec<Change>,
    /// The addresses that made the plan breaking, as it was judged then, once each; `None` in records from before this was kept.
    /// Programs from before it leave it unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaking: Option<Vec<String>>,
    /// `None` in records from before this was kept; programs from before it leave it unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Agreed>,
    /// The commit that says who has to be asked; `None` where no commit said it, and in records from before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// The epoch of the last apply in this environment when the plan was made; 0 when there was none. An apply that came in
    /// between makes the plan outdated.
    pub made_after: u32,
}

impl Request {
    /// The addresses that made the plan breaking; where that was not kept, those that it destroys, replaces or drops.
    pub fn breaking(&self) -> Vec<&str> {
        match &self.breaking {
            Some(addresses) => addresses.iter().map(String::as_str).collect(),
            None => {
                let breaks = |one: &&Change| matches!(one.action, Action::Replace | Action::Delete | Action::Forget);
                self.changes.iter().filter(breaks).map(|one| one.address.as_str()).collect()
            }
        }
    }

    /// What kind of plan it was.
    pub fn class(&self) -> Class {
        Class::of(!self.breaking().is_empty(), &self.facts.counts)
    }
}

impl Counts {
    /// True when nothing is changed.
    pub fn is_empty(&self) -> bool {
        *self == Counts::default()
    }
}

impl fmt::Display for Counts {
    /// `2 to create, 1 to replace`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.create, "to create"),
            (self.update, "to update"),
            (self.replace, "to replace"),
            (self.delete, "to delete"),
            (self.forget, "to forget"),
            (self.import, "to import"),
            (self.moved, "to move"),
            (self.outputs, if self.outputs == 1 { "output to change" } else { "outputs to change" }),
        ];
        let parts: Vec<String> =
            all.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        if parts.is_empty() { f.write_str("nothing to change") } else { f.write_str(&parts.join(", ")) }
    }
}

impl fmt::Display for Backend {
    /// The kind and what tells one state from another: `s3 bucket/key`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |key: &str| self.settings.get(key).map(String::as_str);
        match (self.kind.as_str(), value("bucket"), value("key").or(value("prefix"))) {
            ("s3" | "gcs", Some(bucket), Some(key)) => write!(f, "{} {bucket}/{key}", self.kind),
            _ => {
                let pairs: Vec<String> = self.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(f, "{} {}", self.kind, pairs.join(" "))
            }
        }
    }
}
