//! The project as resolved: every default filled in, every name expanded, every reference known to exist.
//!
//! Nothing outside the parser makes these values from text, so whoever holds a [`Project`] need not check it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gate::{Freeze, Gate};
use crate::id::{App, Component, Env};

/// A whole tiers.toml, resolved. Serialises to the shape that `--json` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    pub name: String,
    /// The pattern of component names, with `{project}`, `{component}` and `{environment}`.
    pub name_pattern: String,
    pub ledger: Ledger,
    /// The git ref from which gates, approvals and keys are read; `None`: the commit that is deployed, which means that whoever
    /// can change that commit can change its gates.
    pub policy: Option<String>,
    /// One person on one machine: a folder ledger may stand before a real account.
    pub solo: bool,
    /// Names of tags that every resource must carry.
    pub required_tags: Vec<String>,
    /// By name of a tag, the values that it may have.
    pub allowed_tags: BTreeMap<String, Vec<String>>,
    pub terraform: Option<Terraform>,
    #[serde(default)]
    pub check: Check,
    /// Names of people and their ed25519 public keys, 64 hexadecimal digits each.
    pub keys: BTreeMap<String, String>,
    /// In an order in which every environment stands behind those it comes after; otherwise as written.
    pub environments: Vec<Environment>,
    /// As written.
    pub apps: Vec<AppConfig>,
}

/// Where the ledger is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ledger {
    /// A folder, relative to the folder of tiers.toml unless absolute.
    Folder(String),
    /// `s3://bucket/prefix` and the like.
    Url(String),
}

/// `[terraform]`. The texts may hold `{environment}`; [`Terraform::expand`] fills it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terraform {
    pub root: String,
    pub backend: Option<String>,
    pub var_file: Option<String>,
    /// `terraform` or `tofu`, or a path.
    pub program: String,
    /// Types and addresses whose change always counts as breaking.
    pub protected: Vec<String>,
    /// Environments in which a person agrees to every apply.
    pub ask: Vec<Env>,
    pub applied_first: AppliedFirst,
}

/// `[check]`. Paths are relative to the folder of tiers.toml.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Files, folders and globs that are not looked at.
    pub leave_out: Vec<String>,
    /// The file of findings that are known.
    pub baseline: Option<String>,
    pub ignore: Vec<Ignore>,
}

/// Findings of one rule that somebody accepted. That there is such a rule is for the caller to check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignore {
    pub rule: String,
    /// A file, a folder or a glob; empty: everywhere.
    pub path: String,
    /// Never empty.
    pub reason: String,
}

/// One environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    pub name: Env,
    /// Those that verify a release before it comes here. Empty: an entry environment.
    pub after: Vec<Env>,
    /// What starts a deployment by itself; `None`: only people do.
    pub on: Option<Trigger>,
    /// The branches from which this environment, though it comes after others, may be entered directly: a hotfix.
    pub entry_branch: Option<String>,
    pub place: Place,
    /// The door that users use, without a trailing slash; `None`: the local door, or none.
    pub url: Option<String>,
    pub secrets: Option<Secrets>,
    pub rollback: Rollback,
    /// How many people other than the one who asked must approve.
    pub approvals: u32,
    /// Who may approve; empty: anyone (with a key, where the project has keys).
    pub approvers: Vec<String>,
    pub freezes: Vec<Freeze>,
    /// How long a trigger waits for evidence from the environments before.
    pub upstream_wait_s: u64,
    pub way_back: WayBack,
    pub shift: Shift,
    /// Requests a second that the environment's API lets through; `None`: no limit of its own.
    pub rate_limit: Option<u32>,
    /// Requests at once on top of the rate; twice the rate unless set.
    pub burst: Option<u32>,
    /// Of every component that does not say otherwise.
    pub settings: Settings,
}

/// Where an environment's functions run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Place {
    /// The embedded host on this machine.
    Local,
    /// An AWS account (12 digits) and region.
    Aws { account: String, region: String },
}

/// What starts a deployment by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// A push to a branch that matches the pattern.
    Branch(String),
    /// A pushed tag that matches the pattern.
    Tag(String),
    /// As soon as this environment verified a release.
    Verified(Env),
}

/// What a failure after the shift leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Rollback {
    /// Undoes what was moved.
    Automatic,
    /// Stops, says so, and leaves the deployment open until a person decides.
    Manual,
}

/// Whether a rollback plan with targets that exist must stand in the ledger before traffic moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum WayBack {
    /// Refused without one; the first deployment ever says that there is none.
    Required,
    /// Goes on without one, and says so.
    Optional,
}

/// Whether a release waits until the Terraform code of its commit is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum AppliedFirst {
    /// Refused where something else was applied last; an environment that tiers never applied has nothing to compare.
    #[default]
    Required,
    /// Goes on, and says so.
    Optional,
}

/// Where an environment's secrets come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Secrets {
    Doppler { project: String, config: String },
}

/// How the `live` alias moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Shift {
    AllAtOnce,
    /// `percent` (1 to 99) of the calls for `bake_s` seconds, then all.
    Canary {
        percent: u8,
        bake_s: u64,
        alarms: Vec<String>,
        entries: Vec<Component>,
        compatible: bool,
    },
    /// `percent` more every `every_s` seconds until all.
    Linear {
        percent: u8,
        every_s: u64,
        alarms: Vec<String>,
        entries: Vec<Component>,
        compatible: bool,
    },
}

/// The settings of one function in one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub memory_mb: u32,
    pub timeout_s: u32,
    /// `None`: kept for ever.
    pub log_retention_days: Option<u32>,
    /// Reserved concurrency; `None`: shares the account's; 0 stops the function.
    pub concurrency: Option<u32>,
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
}

/// One app: what is released as a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppConfig {
    pub name: App,
    /// Globs; those that begin with `!` exclude. Never empty.
    pub paths: Vec<String>,
    pub image: Image,
    /// As written; never empty.
    pub components: Vec<ComponentConfig>,
    /// Per environment, in the order in which they run: by place, then as written. Approvals and freezes of the environment
    /// are among them, at `before`.
    pub gates: BTreeMap<Env, Vec<Gate>>,
}

/// One component of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentConfig {
    pub name: Component,
    /// Overrides the image's command; empty: the image's own.
    pub command: Vec<String>,
    /// The path prefix under which the environment's door reaches it; `None`: not reachable by HTTP.
    pub route: Option<String>,
    /// The function's name per environment.
    pub names: BTreeMap<Env, String>,
    pub settings: BTreeMap<Env, Settings>,
}

/// How an app's image is made. These are the build settings that are a part of the inputs' identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Image {
    /// With a container builder from a Dockerfile (path in the repository).
    Dockerfile {
        dockerfile: String,
        repository: String,
        builder: Builder,
        args: BTreeMap<String, String>,
        target: Option<String>,
        architecture: Architecture,
    },
    /// From given files, reproducibly and without a container engine.
    Files {
        repository: String,
        files: Vec<FileMapping>,
        /// An OCI layout folder to stand on.
        base: Option<String>,
        entrypoint: Vec<String>,
        command: Vec<String>,
        /// A program with arguments that makes the files, run in the materialised tree; empty: nothing to run.
        run: Vec<String>,
        architecture: Architecture,
    },
}

/// The program that builds a Dockerfile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Builder {
    /// The first of docker, podman and buildah that is on PATH.
    Auto,
    Docker,
    Podman,
    Buildah,
}

/// A file or folder and where it stands in the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMapping {
    /// Relative to the root of the materialised tree.
    pub from: String,
    /// Absolute, in the image.
    pub to: String,
}

/// The processor of the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
pub enum Architecture {
    #[serde(rename = "x86_64")]
    X86_64,
    #[serde(rename = "arm64")]
    Arm64,
}

/// What kind of ref was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefKind {
    Branch,
    Tag,
}

/// Why a pushed ref concerns an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MatchedBy {
    /// Its `on`.
    On,
    /// Its `entry`: the deployment is a recorded waiver.
    Entry,
}

/// An environment that a pushed ref concerns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Triggered<'a> {
    pub environment: &'a Environment,
    pub by: MatchedBy,
}

/// What the caller read elsewhere and the text alone doesn't tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Per environment, the values of its Terraform variables as text; an environment that is absent was not read.
    pub tfvars: BTreeMap<String, BTreeMap<String, String>>,
}

impl Environment {
    /// True where releases begin: it comes after no other.
    pub fn is_entry(&self) -> bool {
        self.after.is_empty()
    }

    /// True where the functions run on the embedded host.
    pub fn is_local(&self) -> bool {
        self.place == Place::Local
    }
}

impl Terraform {
    /// One of its texts with `{environment}` filled in.
    pub fn expand(text: &str, env: &Env) -> String {
        text.replace("{environment}", env.as_str())
    }
}

impl Image {
    /// An image of nothing, where the file did not say.
    pub(super) fn none(project: &str) -> Image {
        Image::Files {
            repository: project.to_owned(),
            files: Vec::new(),
            base: None,
            entrypoint: Vec::new(),
            command: Vec::new(),
            run: Vec::new(),
            architecture: Architecture::X86_64,
        }
    }

    /// The repository that the image is pushed to.
    pub fn repository(&self) -> &str {
        match self {
            Image::Dockerfile { repository, .. } | Image::Files { repository, .. } => repository,
        }
    }

    /// The processor that it is made for.
    pub fn architecture(&self) -> Architecture {
        match self {
            Image::Dockerfile { architecture, .. } | Image::Files { architecture, .. } => *architecture,
        }
    }
}

impl Architecture {
    /// As Lambda writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "arm64",
        }
    }

    /// As OCI manifests and Go write it.
    pub fn as_oci(self) -> &'static str {
        match self {
            Architecture::X86_64 => "amd64",
            Architecture::Arm64 => "arm64",
        }
    }
}
