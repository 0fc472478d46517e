//! A plan: everything that a deployment will do, decided before it starts, so that carrying it out leaves no choices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gate::{At, Effect, Gate};
use crate::id::{App, Component, Digest, Env, Fingerprint, Version};
use crate::lease::Infrastructure;
use crate::release::Release;

/// Why the deployment is made, which decides its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Stage, publish and shift a release.
    Deploy,
    /// The same release again with the settings that are there now.
    ConfigOnly,
    /// Only the shift, to versions that an earlier deployment recorded.
    Rollback,
}

/// What is to be compared with what was declared, before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `local`, or `aws`.
    pub target: String,
    /// As declared; `None` where the local host answers with its own.
    pub account: Option<String>,
    pub region: String,
    /// The ledger's UUID, which the functions carry as a tag.
    pub ledger: String,
}

/// The commit that gates, approvals and keys were read from, and the hash of what was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub commit: String,
    pub hash: Digest,
}

/// What one component was before, and where it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentPlan {
    pub component: Component,
    /// The function's name in this environment.
    pub function: String,
    pub before: Before,
    /// For a rollback: the recorded version to go to.
    pub target_version: Option<Version>,
    /// Settings that the staged and published function must have: what was seen when the plan was made.
    pub fingerprint: Fingerprint,
}

/// A component as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// Where the alias points.
    pub version: Version,
    /// Weights on the alias, in parts of 1; normally empty.
    pub weights: BTreeMap<String, f64>,
    /// The digest that the alias's version runs.
    pub digest: Digest,
    pub fingerprint: Fingerprint,
    /// The digest that `$LATEST` holds.
    pub latest_digest: Digest,
    /// As the service takes it, to put `$LATEST` back.
    pub latest_image_uri: String,
}

/// One move of the alias. The last one of a plan always has 100 percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftStep {
    pub percent: u32,
    /// How long the weights stay before the next step.
    pub bake_s: u64,
}

/// What happens when a check fails after traffic moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Undo at once.
    Automatic,
    /// Stop, say so, and leave the deployment open until a person decides.
    Manual,
}

/// A person's recorded exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// A gate's name, `upstream:<environment>` for the evidence of that environment, or `terraform:<environment>` for
    /// infrastructure that is not applied there.
    pub what: String,
    pub by: String,
    pub reason: String,
}

/// Everything a deployment will do. Immutable; hashed into the claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub environment: Env,
    pub app: App,
    pub kind: Kind,
    /// The head of the environment's stream that it was made from: sequence and hash; `None` for an empty stream.
    pub made_from: Option<(u64, Digest)>,
    pub release: Release,
    pub place: Place,
    pub policy: Policy,
    /// In the order in which they run.
    pub gates: Vec<Gate>,
    /// Every environment before this one, whose evidence for the digest must be good.
    pub upstream: Vec<Env>,
    /// In the order in which they are shifted; undone the other way round.
    pub components: Vec<ComponentPlan>,
    pub alias: String,
    pub shift: Vec<ShiftStep>,
    /// Which components carry weights before the last step; empty when there is only one step.
    pub weighted: Vec<Component>,
    pub on_failure: OnFailure,
    /// Refuse to move traffic without a rollback plan whose targets exist.
    pub way_back_required: bool,
    /// False for the first deployment ever: there is nothing recorded to go back to but what was found.
    pub has_way_back: bool,
    pub waivers: Vec<Waiver>,
    /// The fingerprint of the secrets that the functions were given, if they are managed.
    pub secrets: Option<Fingerprint>,
    /// How long one owner may be silent before anyone may take over without asking.
    pub deadline_s: u64,
    /// The Terraform code that must have been applied here first, where that is demanded. Plans from before this was looked at
    /// have none, and keep their hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<Infrastructure>,
}

impl Plan {
    /// The hash that the claim and the plan's reader compare.
    pub fn hash(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("a plan is plain data"))
    }

    /// The gates at this point, in order.
    pub fn gates_at(&self, at: At) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(move |gate| gate.at == at)
    }

    /// True when there is anything to run at this point.
    pub fn has_gates_at(&self, at: At) -> bool {
        self.gates_at(at).next().is_some()
    }

    /// True when a person waived this gate or this environment's evidence.
    pub fn is_waived(&self, what: &str) -> bool {
        self.waivers.iter().any(|waiver| waiver.what == what)
    }

    /// The hash of the gate definitions, recorded with the evidence.
    pub fn gates_hash(&self) -> Digest {
        Digest::of(&serde_json::to_vec(&self.gates).expect("gates are plain data"))
    }

    /// True when some gate's outcome can count as evidence here.
    pub fn has_counting_gates(&self) -> bool {
        self.gates.iter().any(counts)
    }

    /// The plan of this component.
    pub fn component(&self, component: &Component) -> Option<&ComponentPlan> {
        self.components.iter().find(|part| &part.component == component)
    }

    /// True when this component takes part in this step of the shift.
    pub fn shifts(&self, component: &Component, step: usize) -> bool {
        step + 1 >= self.shift.len() || self.weighted.contains(component)
    }

    /// The hash over every component's settings: with digest and secrets, a deployment's identity.
    pub fn configuration(&self) -> Fingerprint {
        let all: BTreeMap<&str, &str> =
            self.components.iter().map(|part| (part.component.as_str(), part.fingerprint.as_str())).collect();
        Fingerprint(Digest::of(&serde_json::to_vec(&all).expect("plain data")).hex().to_owned())
    }
}

/// True for a gate whose outcome is evidence about the digest: it blocks or withholds, and looks at the release itself.
pub fn counts(gate: &Gate) -> bool {
    gate.effect != Effect::Advise && gate.at != At::Before
}
