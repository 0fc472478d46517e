//! What a caller may say about a repository: corrections of what was discovered, the tags it demands, what to keep quiet about.

use std::collections::{BTreeMap, BTreeSet};

/// All settings of a check. The default is a repository about which nothing is known.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The project's name, for `{project}` in the naming pattern.
    pub project: Option<String>,
    /// The naming pattern of tiers.toml (`{project}-{component}-{environment}`). `None` checks no names against a pattern.
    pub name_pattern: Option<String>,
    /// Declared environments, in order. Where there are any, the report's list of environments is theirs.
    pub environments: Vec<EnvironmentOverride>,
    /// Declared root modules, with what their files are called. Others are found as if nothing had been said.
    pub terraform: Vec<TerraformOverride>,
    pub tags: TagPolicy,
    /// Findings to keep quiet about, from tiers.toml.
    pub suppress: Vec<Suppression>,
    /// Components whose image a deployer other than Terraform moves; empty when not known.
    pub deployed_components: Vec<String>,
    /// Names of variables that a secrets provider is known to supply (`TF_VAR_` names without the prefix).
    pub supplied_variables: Vec<String>,
    /// Files and folders; what is found elsewhere is not reported. Empty: everything is.
    pub only: Vec<String>,
    /// Fingerprints of findings that are known and not reported again; see [`crate::baseline`].
    pub baseline: BTreeSet<String>,
}

/// An environment as tiers.toml declares it.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentOverride {
    pub name: String,
    /// 12 digits.
    pub account: Option<String>,
    pub region: Option<String>,
}

/// Where tiers.toml says that a root module and its files are. `{environment}` stands for the name of an environment.
#[derive(Clone, Debug, Default)]
pub struct TerraformOverride {
    /// From the root of the repository; may hold `{environment}`.
    pub root: String,
    /// From the root module's folder.
    pub backend: Option<String>,
    /// From the root module's folder.
    pub var_file: Option<String>,
}

/// The tags that every taggable resource must carry.
#[derive(Clone, Debug, Default)]
pub struct TagPolicy {
    pub required: Vec<String>,
    /// Tag name to the values it may have. `{environment}` stands for the environment's name.
    pub allowed: BTreeMap<String, Vec<String>>,
}

/// One entry of tiers.toml that silences a rule.
#[derive(Clone, Debug, Default)]
pub struct Suppression {
    /// A rule's id.
    pub rule: String,
    /// A path or a folder, with `*` and `**`; empty means everywhere.
    pub path: String,
    /// Why; an entry with no reason silences nothing.
    pub reason: String,
}
