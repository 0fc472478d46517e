//! tiers.toml as a person types it. The doc comments here are the descriptions in the JSON Schema and the examples are what
//! the hints of problems show, so that keys, their types and their explanations have one source.
//!
//! Every field may be absent: what is required is said in the schema and checked against it, so that one missing key does
//! not hide the other problems.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::limits;
use super::model::{Architecture, Rollback, WayBack};
use super::spanned::{Either, Spanned};
use crate::gate::{At, Effect};

pub(super) type Text = Option<Spanned<String>>;
pub(super) type Texts = Option<Spanned<Vec<Spanned<String>>>>;
pub(super) type Words = Option<Spanned<OneOrMany<String>>>;
pub(super) type Number = Option<Spanned<i64>>;
pub(super) type Setting = Option<Spanned<Either<i64, FromTfvar>>>;
pub(super) type Variables = BTreeMap<Spanned<String>, Spanned<Either<String, FromTfvar>>>;
pub(super) type Table<T> = BTreeMap<Spanned<String>, T>;

/// One value or a list of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

/// A project and its way from the first environment to the last.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(title = "tiers.toml")]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The project's name: a part of every function's name and the tag `Project`.
    #[schemars(required, example = json!("dr-daily-report"))]
    pub project: Text,
    /// The pattern of function names; must hold `{component}` and `{environment}`, and may hold `{project}`.
    #[schemars(example = json!("{project}-{component}-{environment}"), extend("default" = "{project}-{component}-{environment}"))]
    pub name: Text,
    /// Where the shared ledger is: a folder, or a URL such as `s3://bucket/prefix`. The default, a folder, serves one person on
    /// one machine.
    #[schemars(example = json!("s3://dr-daily-report-ledger"), extend("default" = limits::DEFAULT_LEDGER))]
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
    /// People and their public keys: approvals count only when signed with one of these.
    #[schemars(example = json!({ "alice": "ed25519:0000000000000000000000000000000000000000000000000000000000000000" }))]
    #[serde(default)]
    pub keys: Table<Spanned<String>>,
    /// The environments by name: lower-case letters, digits and hyphens.
    #[schemars(required, example = json!({ "dev": { "on": { "branch": "dev" } } }))]
    pub environments: Option<Spanned<Table<Spanned<Environment>>>>,
    /// The apps by name: what is released as a unit.
    #[schemars(example = json!({ "api": { "paths": ["src/**"], "image": { "dockerfile": "Dockerfile" }, "components": ["api"] } }))]
    #[serde(default)]
    pub apps: Table<Spanned<App>>,
}

/// Tags on what the project creates.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tags {
    /// The names of tags that every resource must carry.
    #[schemars(example = json!(["Project", "Environment", "ManagedBy", "App", "Component", "Owner", "CostCenter"]))]
    pub required: Texts,
    /// The values that a tag may have, by name of the tag.
    #[schemars(example = json!({ "CostCenter": ["research", "product"] }))]
    #[serde(default)]
    pub allowed: Table<Vec<String>>,
}

/// Terraform, where the infrastructure is described. Paths may hold `{environment}`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Terraform {
    /// The folder of the root module.
    #[schemars(required, example = json!("terraform"))]
    pub root: Text,
    /// The backend configuration file of an environment, below the root.
    #[schemars(example = json!("envs/{environment}/backend.hcl"))]
    pub backend: Text,
    /// The file with an environment's values, below the root.
    #[schemars(example = json!("envs/{environment}/terraform.tfvars"))]
    pub var_file: Text,
    /// The program: `terraform`, `tofu`, or a path to one.
    #[schemars(example = json!("tofu"), extend("default" = "terraform"))]
    pub program: Text,
}

/// One environment, its place in the order, and the settings of functions in it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    /// The environments that must have verified a release before it comes here; all of them. None: releases begin here.
    #[schemars(example = json!(["dev"]))]
    pub after: Texts,
    /// What starts a deployment by itself; exactly one of the three. None: only people do.
    #[schemars(example = json!({ "branch": "main" }))]
    pub on: Option<Spanned<On>>,
    /// Lets a branch enter here directly, past the environments before: a recorded exception, for hotfixes.
    #[schemars(example = json!({ "branch": "hotfix/*" }))]
    pub entry: Option<Spanned<Entry>>,
    /// The AWS account, 12 digits in quotes. None: the embedded host on this machine.
    #[schemars(example = json!("123456789012"), extend("pattern" = "^[0-9]{12}$"))]
    pub account: Text,
    /// The AWS region.
    #[schemars(example = json!("eu-central-1"))]
    pub region: Text,
    /// The door that users use. None: the local door, where the environment runs on this machine.
    #[schemars(example = json!("https://api.example.com"))]
    pub url: Text,
    /// Where the secrets come from.
    #[schemars(example = json!({ "doppler": { "project": "dr-daily-report", "config": "dev" } }))]
    pub secrets: Option<Spanned<Secrets>>,
    /// What a failure after the shift leads to.
    #[schemars(example = json!("automatic"), extend("default" = "automatic"))]
    pub rollback: Option<Rollback>,
    /// How many people other than the one who asked must approve.
    #[schemars(example = json!(1), range(min = 0, max = limits::APPROVALS_MAX), extend("default" = 0))]
    pub approvals: Number,
    /// Who may approve. None: anyone, or anyone with a key where the project has keys.
    #[schemars(example = json!(["alice", "bob"]))]
    pub approvers: Texts,
    /// Times in which nothing is deployed.
    #[schemars(example = json!([{ "days": ["fri"], "from": "15:00", "until": "08:00", "zone": "Europe/Berlin", "why": "no weekend surprises" }]))]
    #[serde(default)]
    pub freezes: Vec<Spanned<Freeze>>,
    /// How long a trigger waits for the environments before to verify the release.
    #[schemars(example = json!("30m"), extend("default" = limits::DEFAULT_UPSTREAM_WAIT))]
    pub upstream_wait: Text,
    /// Whether a rollback plan whose targets exist must be in the ledger before traffic moves. Required by default, except where
    /// releases begin.
    #[schemars(example = json!("required"))]
    pub way_back: Option<WayBack>,
    /// How traffic moves to a new version: all at once, canary or linear.
    #[schemars(example = json!({ "canary": "10%", "bake": "5m" }), extend("default" = "all-at-once"))]
    pub shift: Option<Spanned<Either<AllAtOnce, Shift>>>,
    /// Memory of every function, in MB.
    #[schemars(example = json!(512), extend("minimum" = limits::MEMORY_MB.min, "maximum" = limits::MEMORY_MB.max, "default" = limits::DEFAULT_MEMORY_MB))]
    pub memory_mb: Setting,
    /// Timeout of every function, in seconds.
    #[schemars(example = json!(30), extend("minimum" = limits::TIMEOUT_S.min, "maximum" = limits::TIMEOUT_S.max, "default" = limits::DEFAULT_TIMEOUT_S))]
    pub timeout_s: Setting,
    /// How many days logs are kept; one of the values that CloudWatch takes. None: for ever.
    #[schemars(example = json!(30), extend("minimum" = 1, "maximum" = 3653))]
    pub log_retention_days: Setting,
    /// Reserved concurrency of every function; 0 stops them. None: what the account has left.
    #[schemars(example = json!(10), extend("minimum" = limits::CONCURRENCY.min, "maximum" = limits::CONCURRENCY.max))]
    pub concurrency: Setting,
    /// Requests a second that the environment's API lets through. None: no limit of its own.
    #[schemars(example = json!(50), extend("minimum" = limits::RATE_LIMIT.min, "maximum" = limits::RATE_LIMIT.max))]
    pub rate_limit: Setting,
    /// Requests that may come at once. None: twice the rate limit.
    #[schemars(example = json!(100), extend("minimum" = limits::BURST.min, "maximum" = limits::BURST.max))]
    pub burst: Setting,
    /// Environment variables of every function; no secrets.
    #[schemars(example = json!({ "LOG_LEVEL": "info" }))]
    #[serde(default)]
    pub variables: Variables,
}

/// A value that stands in the environment's Terraform variables file, so that it stands in one place.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FromTfvar {
    /// The variable's name.
    #[schemars(required, example = json!("lambda_memory_size"))]
    pub tfvar: Text,
}

/// What starts a deployment by itself; exactly one of the three.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct On {
    /// A push to a branch: a name, or a pattern where `*` is anything but `/` and `**` is anything.
    #[schemars(example = json!("main"))]
    pub branch: Text,
    /// A pushed tag: a name, or a pattern.
    #[schemars(example = json!("v*.*.*"))]
    pub tag: Text,
    /// As soon as this environment, one of those in `after`, has verified a release.
    #[schemars(example = json!("dev"))]
    pub verified: Text,
}

/// Which branches may enter here directly.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// A branch name or a pattern.
    #[schemars(required, example = json!("hotfix/*"))]
    pub branch: Text,
}

/// Where the secrets come from; exactly one.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct Secrets {
    /// A Doppler config.
    #[schemars(example = json!({ "project": "dr-daily-report", "config": "dev" }))]
    pub doppler: Option<Doppler>,
}

/// A Doppler config.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Doppler {
    /// The Doppler project.
    #[schemars(required, example = json!("dr-daily-report"))]
    pub project: Text,
    /// The config in it.
    #[schemars(required, example = json!("prod"))]
    pub config: Text,
}

/// Everything moves at once.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum AllAtOnce {
    AllAtOnce,
}

/// Traffic moves in steps; `canary` or `linear`, not both.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Shift {
    /// This share of the calls goes to the new version first, and after `bake` all of them.
    #[schemars(example = json!("10%"))]
    pub canary: Text,
    /// This share more of the calls goes to the new version every `every`.
    #[schemars(example = json!("10%"))]
    pub linear: Text,
    /// How long a canary is watched.
    #[schemars(example = json!("5m"), extend("default" = limits::DEFAULT_BAKE))]
    pub bake: Text,
    /// The time between the steps of a linear shift.
    #[schemars(example = json!("1m"), extend("default" = limits::DEFAULT_EVERY))]
    pub every: Text,
    /// Names of CloudWatch alarms that stop the shift; `{name}` is the function's name.
    #[schemars(example = json!(["{name}-errors"]))]
    pub alarms: Texts,
    /// In apps of several components, the one that takes the calls from outside: only it is weighted, and the others follow.
    #[schemars(example = json!("api"))]
    pub entry: Words,
    /// Neighbouring releases of an app's components may be mixed while the weights stand.
    #[schemars(extend("default" = false))]
    pub compatible: Option<bool>,
}

/// A time in which nothing is deployed: once (`from` and `until` with dates), or every week (`days`, and times of day).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Freeze {
    /// Days of the week on which it begins.
    #[schemars(example = json!(["fri", "sat"]))]
    pub days: Texts,
    /// The beginning: `2026-12-20 18:00`, or with `days` a time of day, `15:00`.
    #[schemars(required, example = json!("2026-12-20 18:00"))]
    pub from: Text,
    /// The end, exclusive. With `days`, an end at or before the beginning lies on the next day.
    #[schemars(required, example = json!("2027-01-02 08:00"))]
    pub until: Text,
    /// The time zone, by its IANA name.
    #[schemars(required, example = json!("Europe/Berlin"))]
    pub zone: Text,
    /// What people are told who wanted to deploy.
    #[schemars(required, example = json!("end of year"))]
    pub why: Text,
}

/// An app: one artifact, and the components that change together.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct App {
    /// The files that make up the app's source, as globs; those that begin with `!` are left out.
    #[schemars(required, example = json!(["src/**", "Dockerfile", "!src/**/*.md"]))]
    pub paths: Texts,
    /// How its image is made.
    #[schemars(required, example = json!({ "dockerfile": "Dockerfile" }))]
    pub image: Option<Spanned<Image>>,
    /// Its components: a list of names, or a table by name where they differ in something.
    #[schemars(required, example = json!(["api", "worker"]))]
    pub components: Option<Spanned<Either<Vec<Spanned<String>>, Table<Component>>>>,
    /// What is checked while a release is brought into an environment.
    #[serde(default)]
    pub gates: Vec<Spanned<Gate>>,
}

/// The program that makes an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ImageBuilder {
    /// Puts given files into a reproducible image, without a container engine.
    Files,
    Docker,
    Podman,
    Buildah,
}

/// How an image is made: from a Dockerfile, or from given files.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Image {
    /// The program. None: `files` where `files` is given, else the first of docker, podman and buildah that is installed.
    #[schemars(example = json!("podman"))]
    pub builder: Option<Spanned<ImageBuilder>>,
    /// The repository that the image is pushed to. None: the project's name.
    #[schemars(example = json!("dr-daily-report"))]
    pub repository: Text,
    /// The processor of the functions.
    #[schemars(example = json!("arm64"), extend("default" = "x86_64"))]
    pub architecture: Option<Architecture>,
    /// The Dockerfile; the files of `paths` are its context.
    #[schemars(example = json!("Dockerfile"))]
    pub dockerfile: Text,
    /// Build arguments of the Dockerfile; no secrets.
    #[schemars(example = json!({ "PYTHON_VERSION": "3.13" }))]
    #[serde(default)]
    pub args: Table<String>,
    /// The stage of the Dockerfile to build. None: the last.
    #[schemars(example = json!("runtime"))]
    pub target: Text,
    /// Files and folders to put into the image (`files` only).
    #[schemars(example = json!([{ "from": "target/release/bootstrap", "to": "/var/runtime/bootstrap" }]))]
    pub files: Option<Spanned<Vec<Spanned<FileMapping>>>>,
    /// An OCI layout folder with the image to stand on (`files` only). None: an empty image.
    #[schemars(example = json!("images/base"))]
    pub base: Text,
    /// The entry point of the image (`files` only).
    #[schemars(example = json!("/var/runtime/bootstrap"))]
    pub entrypoint: Words,
    /// The command of the image (`files` only).
    #[schemars(example = json!("app.handler"))]
    pub command: Words,
    /// A command that makes the files, run in the tree of the commit before they are collected (`files` only).
    #[schemars(example = json!("cargo build --release --locked"))]
    pub run: Words,
}

/// A file or folder and where it stands in the image.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FileMapping {
    /// Below the root of the repository.
    #[schemars(required, example = json!("target/release/bootstrap"))]
    pub from: Text,
    /// An absolute path in the image.
    #[schemars(required, example = json!("/var/runtime/bootstrap"))]
    pub to: Text,
}

/// A component: a function, in every environment.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Component {
    /// Overrides the image's command.
    #[schemars(example = json!(["app.worker.handler"]))]
    pub command: Words,
    /// The path under which the environment's door reaches it. None: it can't be reached by HTTP.
    #[schemars(example = json!("/api"))]
    pub route: Text,
    /// Settings that differ from the environment's, by environment.
    #[schemars(example = json!({ "prod": { "timeout_s": 300 } }))]
    #[serde(default)]
    pub r#in: Table<Overrides>,
}

/// Settings of one component in one environment.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Overrides {
    /// Memory, in MB.
    #[schemars(example = json!(1024), extend("minimum" = limits::MEMORY_MB.min, "maximum" = limits::MEMORY_MB.max))]
    pub memory_mb: Setting,
    /// Timeout, in seconds.
    #[schemars(example = json!(300), extend("minimum" = limits::TIMEOUT_S.min, "maximum" = limits::TIMEOUT_S.max))]
    pub timeout_s: Setting,
    /// How many days logs are kept.
    #[schemars(example = json!(30), extend("minimum" = 1, "maximum" = 3653))]
    pub log_retention_days: Setting,
    /// Reserved concurrency; 0 stops the function.
    #[schemars(example = json!(10), extend("minimum" = limits::CONCURRENCY.min, "maximum" = limits::CONCURRENCY.max))]
    pub concurrency: Setting,
    /// Environment variables, on top of the environment's.
    #[schemars(example = json!({ "LOG_LEVEL": "debug" }))]
    #[serde(default)]
    pub variables: Variables,
}

/// A check on the way of a release; exactly one of `invoke`, `http`, `command`, `approval` and `window` says what is done.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Gate {
    /// Unique in the app.
    #[schemars(required, example = json!("smoke"))]
    pub name: Text,
    /// Where in a deployment: `before` it, `staged` (against `$LATEST`), `published` (against the new version, before traffic
    /// moves), `live` (through the door that users use). Approvals and windows stand at `before`.
    #[schemars(example = json!("staged"))]
    pub at: Option<Spanned<At>>,
    /// The environments in which it holds. None: all.
    #[schemars(example = json!(["staging", "prod"]))]
    pub r#in: Texts,
    /// What its failure does: one word for all environments, or one by environment (`block` in those that are not named).
    #[schemars(example = json!({ "dev": "withhold" }), extend("default" = "block"))]
    pub effect: Option<Spanned<Either<Effect, Table<Effect>>>>,
    /// Invokes a component's function.
    #[schemars(example = json!({ "component": "api", "path": "/health", "expect": 200 }))]
    pub invoke: Option<Spanned<Invoke>>,
    /// Calls a URL, or a path below the environment's `url`.
    #[schemars(example = json!("/health"))]
    pub http: Option<Spanned<Either<String, Http>>>,
    /// Runs a program in the tree of the commit; passes when it exits with 0.
    #[schemars(example = json!("pytest tests/e2e -v"))]
    pub command: Words,
    /// This many people must approve the release for this environment.
    #[schemars(example = json!(1), range(min = 1, max = limits::APPROVALS_MAX))]
    pub approval: Number,
    /// Passes outside these times.
    #[schemars(example = json!([{ "days": ["sat", "sun"], "from": "00:00", "until": "00:00", "zone": "Europe/Berlin", "why": "weekend" }]))]
    pub window: Option<Spanned<Vec<Spanned<Freeze>>>>,
    /// Not supported yet: alarms are watched only while a canary bakes (`shift`).
    pub alarms: Texts,
    /// For the whole gate, retries included.
    #[schemars(example = json!("60s"))]
    pub timeout: Text,
    /// How many times it is tried again after a failure.
    #[schemars(example = json!(3), range(min = 0, max = limits::RETRIES_MAX), extend("default" = 0))]
    pub retries: Number,
    /// The time between tries.
    #[schemars(example = json!("2s"), extend("default" = limits::DEFAULT_RETRY_AFTER))]
    pub retry_after: Text,
}

/// An invocation of a component's function.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Invoke {
    /// The component.
    #[schemars(required, example = json!("api"))]
    pub component: Text,
    /// Makes the payload an API Gateway event for this path. None: the payload is sent as it is.
    #[schemars(example = json!("/health"))]
    pub path: Text,
    /// The HTTP method of the event.
    #[schemars(example = json!("GET"), extend("default" = "GET"))]
    pub method: Text,
    /// Headers of the event.
    #[schemars(example = json!({ "x-smoke": "1" }))]
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, or the whole event where there is no `path`.
    #[schemars(example = json!({ "ping": true }))]
    pub payload: Option<serde_json::Value>,
    /// What the answer must be. None: a status of 200 to 299 where there is a `path`, and no error of the function.
    #[schemars(example = json!(200))]
    pub expect: Option<Spanned<Either<OneOrMany<i64>, Expect>>>,
}

/// A call of a URL.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    /// A URL, or a path below the environment's `url`.
    #[schemars(required, example = json!("/health"))]
    pub url: Text,
    /// The method.
    #[schemars(example = json!("GET"), extend("default" = "GET"))]
    pub method: Text,
    /// Headers of the request.
    #[schemars(example = json!({ "accept": "application/json" }))]
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, sent as JSON; a text is sent as it is.
    #[schemars(example = json!({ "ping": true }))]
    pub payload: Option<serde_json::Value>,
    /// What the answer must be. None: a status of 200 to 299.
    #[schemars(example = json!(200))]
    pub expect: Option<Spanned<Either<OneOrMany<i64>, Expect>>>,
}

/// What an answer must be: a status, a list of them that are all good, or a table.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// The status codes that are good.
    #[schemars(example = json!(200))]
    pub status: Option<Spanned<OneOrMany<i64>>>,
    /// Headers and their values.
    #[schemars(example = json!({ "content-type": "application/json" }))]
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON pointers (RFC 6901) into the body and the values that must stand there.
    #[schemars(example = json!({ "/status": "ok" }))]
    #[serde(default)]
    pub json: Table<serde_json::Value>,
}
