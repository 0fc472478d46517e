//! `[[apps.NAME.gates]]` as typed.

// The attributes of `tables` are read only where the schema is made.
#[cfg(any(test, feature = "schema"))]
use crate::config::limits;
#[cfg(any(test, feature = "schema"))]
use serde_json::json;

use std::collections::BTreeMap;

use super::super::read::{tables, words};
use super::super::spanned::{Either, OneOrMany, Spanned, Table};
use super::{Freeze, Number, Text, Texts, Words};
use crate::gate::{At, Effect};

tables! {
    /// A check on the way of a release; exactly one of `invoke`, `http`, `command`, `approval` and `window` says what is done.
    pub(in super::super) struct Gate {
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
        #[schemars(example = json!("2s"), extend("default" = "1s"))]
        pub retry_after: Text,
    }

    /// An invocation of a component's function.
    pub(in super::super) struct Invoke {
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
        #[schemars(default, example = json!({ "x-smoke": "1" }))]
        pub headers: BTreeMap<String, String>,
        /// The body, or the whole event where there is no `path`.
        #[schemars(example = json!({ "ping": true }))]
        pub payload: Option<serde_json::Value>,
        /// What the answer must be. None: a status of 200 to 299 where there is a `path`, and no error of the function.
        #[schemars(example = json!(200))]
        pub expect: Option<Spanned<Either<OneOrMany<i64>, Expect>>>,
    }

    /// A call of a URL.
    pub(in super::super) struct Http {
        /// A URL, or a path below the environment's `url`.
        #[schemars(required, example = json!("/health"))]
        pub url: Text,
        /// The method.
        #[schemars(example = json!("GET"), extend("default" = "GET"))]
        pub method: Text,
        /// Headers of the request.
        #[schemars(default, example = json!({ "accept": "application/json" }))]
        pub headers: BTreeMap<String, String>,
        /// The body, sent as JSON; a text is sent as it is.
        #[schemars(example = json!({ "ping": true }))]
        pub payload: Option<serde_json::Value>,
        /// What the answer must be. None: a status of 200 to 299.
        #[schemars(example = json!(200))]
        pub expect: Option<Spanned<Either<OneOrMany<i64>, Expect>>>,
    }

    /// What an answer must be: a status, a list of them that are all good, or a table.
    pub(in super::super) struct Expect {
        /// The status codes that are good.
        #[schemars(example = json!(200))]
        pub status: Option<Spanned<OneOrMany<i64>>>,
        /// Headers and their values.
        #[schemars(default, example = json!({ "content-type": "application/json" }))]
        pub headers: BTreeMap<String, String>,
        /// JSON pointers (RFC 6901) into the body and the values that must stand there.
        #[schemars(default, example = json!({ "/status": "ok" }))]
        pub json: Table<serde_json::Value>,
    }
}

words!(At, Effect);
