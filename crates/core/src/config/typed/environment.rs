//! `[environments.NAME]` as typed.

// The attributes of `tables` are read only where the schema is made.
#[cfg(any(test, feature = "schema"))]
use crate::config::limits;
#[cfg(any(test, feature = "schema"))]
use serde_json::json;

use serde::Deserialize;

use super::super::model::{AppliedFirst, Rollback, WayBack};
use super::super::read::{tables, words};
use super::super::spanned::{Either, Spanned};
use super::{Number, Setting, Text, Texts, Variables, Words};

tables! {
    /// One environment, its place in the order, and the settings of functions in it.
    pub(in super::super) struct Environment {
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
        #[schemars(default, example = json!([{ "days": ["fri"], "from": "15:00", "until": "08:00", "zone": "Europe/Berlin", "why": "no weekend surprises" }]))]
        pub freezes: Vec<Spanned<Freeze>>,
        /// How long a trigger waits for the environments before to verify the release.
        #[schemars(example = json!("30m"), extend("default" = "30m"))]
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
        #[schemars(default, example = json!({ "LOG_LEVEL": "info" }))]
        pub variables: Variables,
    }

    /// A value that stands in the environment's Terraform variables file, so that it stands in one place.
    pub(in super::super) struct FromTfvar {
        /// The variable's name.
        #[schemars(required, example = json!("lambda_memory_size"))]
        pub tfvar: Text,
    }

    /// What starts a deployment by itself; exactly one of the three.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
    pub(in super::super) struct On {
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
    pub(in super::super) struct Entry {
        /// A branch name or a pattern.
        #[schemars(required, example = json!("hotfix/*"))]
        pub branch: Text,
    }

    /// Where the secrets come from; exactly one.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
    pub(in super::super) struct Secrets {
        /// A Doppler config.
        #[schemars(example = json!({ "project": "dr-daily-report", "config": "dev" }))]
        pub doppler: Option<Doppler>,
    }

    /// A Doppler config.
    pub(in super::super) struct Doppler {
        /// The Doppler project.
        #[schemars(required, example = json!("dr-daily-report"))]
        pub project: Text,
        /// The config in it.
        #[schemars(required, example = json!("prod"))]
        pub config: Text,
    }
}

/// Everything moves at once.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema), schemars(inline))]
pub(in super::super) enum AllAtOnce {
    AllAtOnce,
}

tables! {
    /// Traffic moves in steps; `canary` or `linear`, not both.
    pub(in super::super) struct Shift {
        /// This share of the calls goes to the new version first, and after `bake` all of them.
        #[schemars(example = json!("10%"))]
        pub canary: Text,
        /// This share more of the calls goes to the new version every `every`.
        #[schemars(example = json!("10%"))]
        pub linear: Text,
        /// How long a canary is watched.
        #[schemars(example = json!("5m"), extend("default" = "5m"))]
        pub bake: Text,
        /// The time between the steps of a linear shift.
        #[schemars(example = json!("1m"), extend("default" = "1m"))]
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
    pub(in super::super) struct Freeze {
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
}

words!(AllAtOnce, AppliedFirst, Rollback, WayBack);
