//! The place that functions run in, as a port: looks that tell what is there, and writes that carry their guard.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tiers_core::event::Answer;
use tiers_core::id::{Digest, Fingerprint, Token, Version};

/// Who answers there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    pub account: String,
    pub region: String,
}

/// A function and its alias as one look saw them.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub latest: LatestLook,
    pub alias: AliasLook,
    /// The ledger that the function was adopted by, from its tags.
    pub ledger: Option<String>,
}

/// `$LATEST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatestLook {
    pub digest: Digest,
    /// By digest, as the service takes it.
    pub image_uri: String,
    pub fingerprint: Fingerprint,
    pub architecture: String,
    pub token: Token,
    pub readiness: Readiness,
}

/// Whether a function can be worked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// An update or a start is in progress: wait, and look again.
    Changing,
    /// It stopped by itself, for lack of calls: an invoke wakes it up.
    Idle,
    /// The service gave up; the text is its reason.
    Broken(String),
}

/// An alias.
#[derive(Clone, Debug, PartialEq)]
pub struct AliasLook {
    pub version: Version,
    pub weights: BTreeMap<String, f64>,
    pub description: String,
    pub token: Token,
}

/// A numbered version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionLook {
    pub version: Version,
    pub digest: Digest,
    pub fingerprint: Fingerprint,
    pub readiness: Readiness,
}

/// What an invoked function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoked {
    pub function_error: Option<String>,
    pub payload: Vec<u8>,
    pub executed_version: Option<String>,
}

/// Which form of a function is invoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    Latest,
    Version(Version),
    Alias(String),
}

/// Where an alias shall point.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointing {
    pub version: Version,
    pub weights: BTreeMap<String, f64>,
    pub description: String,
}

/// Why a look has no answer. "Denied" is never "absent", and "unreachable" is neither.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("{what} does not exist: {why}")]
    Absent { what: String, why: String },
    #[error("no right to look at {what}: {why}")]
    Denied { what: String, why: String },
    #[error("{what} can't be reached: {why}")]
    Unreachable { what: String, why: String },
    #[error("{what} is not something that can be deployed to: {why}")]
    Unfit { what: String, why: String },
}

impl TargetError {
    /// True when the same look may have an answer a little later.
    pub fn may_pass(&self) -> bool {
        matches!(self, TargetError::Unreachable { .. })
    }
}

/// What became of one guarded write, and what the service said about it. Only a look tells whether it took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub answer: Answer,
    /// The version that the service named in its answer, a hint where to look.
    pub version: Option<Version>,
}

/// The place that functions run in. Looks may be tried again inside; a write is sent ONCE, with exactly the guard it is given.
#[async_trait(?Send)]
pub trait Target {
    async fn whereabouts(&self) -> Result<Whereabouts, TargetError>;

    /// The function and its alias.
    async fn look(&self, function: &str, alias: &str) -> Result<Look, TargetError>;

    /// `$LATEST` alone, for waits.
    async fn look_latest(&self, function: &str) -> Result<LatestLook, TargetError>;

    /// The alias alone.
    async fn look_alias(&self, function: &str, alias: &str) -> Result<AliasLook, TargetError>;

    /// One numbered version; [`TargetError::Absent`] when there is none.
    async fn look_version(&self, function: &str, version: &Version) -> Result<VersionLook, TargetError>;

    /// The newest version that has this code and these settings, if it is newer than `above` or the newest of all: what a
    /// publish whose answer was lost has made, or would return.
    async fn find_version(
        &self,
        function: &str,
        above: &Version,
        digest: &Digest,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Version>, TargetError>;

    /// New code for `$LATEST`.
    async fn stage(&self, function: &str, image_uri: &str, guard: &Token) -> Sent;

    /// Publishes `$LATEST` as a numbered version, if it still has this code and this token.
    async fn seal(&self, function: &str, digest: &Digest, description: &str, guard: &Token) -> Sent;

    /// Moves the alias.
    async fn point(&self, function: &str, alias: &str, to: &Pointing, guard: &Token) -> Sent;

    /// Calls the function and waits for its answer.
    async fn invoke(&self, function: &str, form: &Form, payload: &[u8]) -> Result<Invoked, TargetError>;
}
