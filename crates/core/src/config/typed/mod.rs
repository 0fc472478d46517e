//! tiers.toml as a person types it. The doc comments here are the descriptions in the JSON Schema and the examples are what
//! the hints of problems show, so that keys, their types and their explanations have one source.
//!
//! Every field may be absent: what is required is said in the schema and checked against it, so that one missing key does
//! not hide the other problems.

mod app;
mod environment;
mod gate;

// The attributes of `tables` are read only where the schema is made.
#[cfg(any(test, feature = "schema"))]
use serde_json::json;

use super::model::AppliedFirst;
use super::read::tables;
use super::spanned::{Either, OneOrMany, Spanned, Table};

pub(super) use app::{App, Component, FileMapping, Image, ImageBuilder, Overrides};
pub(super) use environment::{AllAtOnce, Entry, Environment, Freeze, FromTfvar, On, Secrets, Shift};
pub(super) use gate::{Expect, Gate, Http, Invoke};

pub(super) type Text = Option<Spanned<String>>;
pub(super) type Texts = Option<Spanned<Vec<Spanned<String>>>>;
pub(super) type Words = Option<Spanned<OneOrMany<String>>>;
pub(super) type Number = Option<Spanned<i64>>;
pub(super) type Setting = Option<Spanned<Either<i64, FromTfvar>>>;
pub(super) type Variables = Table<Spanned<Either<String, FromTfvar>>>;

tables! {
    /// A project and its way from the first environment to the last.
    #[schemars(title = "tiers.toml")]
    pub(super) struct File {
        /// The project's name: a part of every function's name and the tag `Project`.
        #[schemars(required, example = json!("dr-daily-report"))]
        pub project: Text,
        /// The pattern of function names; must hold `{component}` and `{environment}`, and may hold `{project}`.
        #[schemars(example = json!("{project}-{component}-{environment}"), extend("default" = "{project}-{component}-{environment}"))]
        pub name: Text,
        /// Where the shared ledger is: a folder, or a URL such as `s3://bucket/prefix`. The default, a folder, serves one person on
        /// one machine.
        #[schemars(example = json!("s3://dr-daily-report-ledger"), extend("default" = ".tiers/ledger"))]
        pub ledger: Text,
        /// The git ref from which gates, approvals and keys are read. Without it they are read from the commit that is deployed, and
        /// whoever can change that commit can change its gates.
        #[schemars(example = json!("origin/main"))]
        pub policy: Text,
        /// One person deploys from one machine: allows a folder as ledger for environments in a real account.
        #[schemars(extend("default" = false))]
        pub solo: Option<bool>,
        /// Tags on what the project creates.
        pub tags: Option<Tags>,
        /// Terraform, where the infrastructure is described.
        pub terraform: Option<Terraform>,
        /// What `tiers check` passes over, and the findings that are accepted.
        pub check: Option<Check>,
        /// People and their public keys: approvals count only when signed with one of these.
        #[schemars(default, example = json!({ "alice": "ed25519:0000000000000000000000000000000000000000000000000000000000000000" }))]
        pub keys: Table<Spanned<String>>,
        /// The environments by name: lower-case letters, digits and hyphens.
        #[schemars(required, example = json!({ "dev": { "on": { "branch": "dev" } } }))]
        pub environments: Option<Spanned<Table<Spanned<Environment>>>>,
        /// The apps by name: what is released as a unit.
        #[schemars(default, example = json!({ "api": { "paths": ["src/**"], "image": { "dockerfile": "Dockerfile" }, "components": ["api"] } }))]
        pub apps: Table<Spanned<App>>,
    }

    /// Tags on what the project creates.
    pub(super) struct Tags {
        /// The names of tags that every resource must carry.
        #[schemars(example = json!(["Project", "Environment", "ManagedBy", "App", "Component", "Owner", "CostCenter"]))]
        pub required: Texts,
        /// The values that a tag may have, by name of the tag.
        #[schemars(default, example = json!({ "CostCenter": ["research", "product"] }))]
        pub allowed: Table<Vec<String>>,
    }

    /// Terraform, where the infrastructure is described. Paths may hold `{environment}`.
    pub(super) struct Terraform {
        /// The folder of the root module.
        #[schemars(required, example = json!("terraform"))]
        pub root: Text,
        /// The backend configuration file of an environment, below the root.
        #[schemars(example = json!("envs/{environment}/backend.hcl"))]
        pub backend: Text,
        /// The file with an environment's values, as a path from the root. One outside of the repository is in no commit, and no release
        /// is held to it.
        #[schemars(example = json!("envs/{environment}/terraform.tfvars"))]
        pub var_file: Text,
        /// The program: `terraform`, `tofu`, or a path to one.
        #[schemars(example = json!("tofu"), extend("default" = "terraform"))]
        pub program: Text,
        /// Types of resources, and addresses with everything below them, whose change always counts as breaking.
        #[schemars(example = json!(["aws_rds_cluster", "module.network"]))]
        pub protected: Texts,
        /// Environments in which a person at a terminal agrees to every apply, whatever flags are given. Those that no other comes
        /// after, unless it is said here; read from the policy's commit.
        #[schemars(example = json!(["prod"]))]
        pub ask: Texts,
        /// Whether a release is refused in an environment where `tiers tf apply` did not yet apply the Terraform code of its commit.
        /// Read from the policy's commit.
        #[schemars(example = json!("optional"), extend("default" = "required"))]
        pub applied_first: Option<AppliedFirst>,
    }

    /// What `tiers check` passes over, and the findings that are accepted.
    pub(super) struct Check {
        /// Paths that are not looked at: files, folders, or globs with `*` and `**`.
        #[schemars(example = json!(["examples", "legacy/**"]))]
        pub leave_out: Texts,
        /// The file of findings that the repository has lived with so far; `tiers check --update-baseline` writes it.
        #[schemars(example = json!(".tiers-baseline.json"))]
        pub baseline: Text,
        /// Findings that are accepted, each with the reason.
        #[schemars(default, example = json!([{ "rule": "name-collides", "path": "terraform/legacy", "reason": "goes away with the move" }]))]
        pub ignore: Vec<Spanned<Ignore>>,
    }

    /// Findings of one rule that are accepted.
    pub(super) struct Ignore {
        /// The rule's id, as `tiers check` prints it.
        #[schemars(required, example = json!("name-collides"))]
        pub rule: Text,
        /// A file, a folder, or a glob with `*` and `**`. None: everywhere.
        #[schemars(example = json!("terraform/legacy"))]
        pub path: Text,
        /// Why, for whoever reads it next year.
        #[schemars(required, example = json!("goes away with the move"))]
        pub reason: Text,
    }
}
