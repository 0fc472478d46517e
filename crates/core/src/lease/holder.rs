//! Who holds the lease, told so exactly that somebody else can find out whether it is still there.

use serde::{Deserialize, Serialize};

/// Where processes can be looked for: the same numbers mean the same processes only within one boot and one namespace of
/// process ids (a container has its own, on the same kernel).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its name, for people; it proves nothing.
    pub host: String,
    /// The kernel's identity of this boot; empty where there is none to be had, and then nobody can look.
    pub boot: String,
    /// The namespace of process ids, as the kernel names it; empty where there is none to be had.
    pub namespace: String,
}

/// One process. Numbers are given again, so the time of its start is a part of its identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// In the kernel's own unit, ticks since the boot.
    pub started: u64,
}

/// A run of a CI system, by which it can be asked whether it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiRun {
    /// `github`.
    pub system: String,
    /// What the run belongs to: `owner/repository`.
    pub project: String,
    pub run: String,
    /// Runs can be started again under the same number.
    pub attempt: String,
    /// Where people see it.
    pub url: String,
}

/// The process that holds the lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub machine: Machine,
    pub process: Process,
    pub ci: Option<CiRun>,
}

/// Terraform's process, the leader of a group of its own. It is known before Terraform is started in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The process group's id.
    pub group: u32,
    pub leader: Process,
}

impl Machine {
    /// True when processes of `other` can be looked for from here.
    pub fn sees(&self, other: &Machine) -> bool {
        let known = !self.boot.is_empty() && !self.namespace.is_empty();
        known && self.boot == other.boot && self.namespace == other.namespace
    }
}

impl Holder {
    /// In a few words, for people: the process and the machine, with the CI run where there is one.
    pub fn text(&self) -> String {
        let process = format!("process {} on {}", self.process.pid, self.machine.host);
        match &self.ci {
            None => process,
            Some(run) => format!("{process}, {}", run.text()),
        }
    }
}

impl CiRun {
    /// In a few words, for people.
    pub fn text(&self) -> String {
        if self.url.is_empty() {
            format!("run {} of {} (attempt {})", self.run, self.project, self.attempt)
        } else {
            format!("{} (attempt {})", self.url, self.attempt)
        }
    }
}
