//! Gates as data: what is checked, where in a deployment, with which effect. Running them is the engine's and the edge's work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::Component;

/// Where in a deployment a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// Before anything is claimed or changed: approvals and windows.
    Before,
    /// Against `$LATEST`, after every component has the new code.
    Staged,
    /// Against the numbered version, before the alias moves.
    Published,
    /// Through the door that users use, after the alias moved.
    Live,
}

/// What a gate's failure does in one environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Stops the deployment, which is undone.
    Block,
    /// The deployment stands, the release counts as not verified, promotion stops.
    Withhold,
    /// Noted, nothing else.
    Advise,
}

/// One gate of one app as it holds in ONE environment: effects and places are already resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Unique in the app.
    pub name: String,
    pub at: At,
    pub effect: Effect,
    pub check: Check,
    /// For the whole gate, retries included.
    pub timeout_s: u32,
    /// How many times it is tried again after a failure, within the timeout.
    pub retries: u32,
    /// Between tries.
    pub retry_after_ms: u32,
}

/// What a gate does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Check {
    /// Invokes the component's function; `path` makes the payload an API Gateway v2 event.
    Invoke { component: Component, request: Request, expect: Expect },
    /// Calls a URL; a path alone is taken below the environment's `url` (or its local door).
    Http { url: String, request: Request, expect: Expect },
    /// A program with arguments, run in the source tree of the deployed commit; passes when it exits with 0.
    Command { program: Vec<String>, output_limit_kb: u32 },
    /// This many people other than the one who asked must have approved this digest for this environment.
    Approval {
        count: u32,
        /// Who may approve; empty: anybody.
        #[serde(default)]
        approvers: Vec<String>,
    },
    /// Passes outside every freeze.
    Window { freezes: Vec<Freeze> },
}

/// A request of an `invoke` or `http` gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `GET` when empty.
    #[serde(default)]
    pub method: String,
    /// With a leading slash and, if wanted, a query. `None` for an invoke gate that sends its payload as it is.
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body of the request, or the whole event where `path` is `None`.
    #[serde(default)]
    pub payload: Option<serde_json::Value>,
}

/// What the answer must look like; an empty expectation accepts any answer that is no error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// HTTP status codes that pass; empty means 200 to 299.
    #[serde(default)]
    pub status: Vec<u16>,
    /// Header names (in any case) and the value that each must have.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// RFC 6901 JSON pointers into the body (or into the invoke's result) and the value that must stand there.
    #[serde(default)]
    pub json: BTreeMap<String, serde_json::Value>,
}

/// A time in which nothing is deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Freeze {
    /// From one civil time to another in a time zone (IANA name), the end exclusive.
    Between { from: String, until: String, zone: String, why: String },
    /// Every week on these days (`mon` to `sun`) between two times of day (`HH:MM`), the end exclusive; an end at or before
    /// the start lies on the next day.
    Weekly { days: Vec<String>, from: String, until: String, zone: String, why: String },
}
