//! Identities that are drawn at random, as a port, so that a seed replays a run.

use tiers_core::id::DeploymentId;

/// Draws identities.
pub trait Ids {
    /// Never drawn before by anyone: tells one append from every other, and names a ledger.
    fn nonce(&self) -> String;

    /// A deployment's identity; in lexicographic order of `now`.
    fn deployment(&self, now: jiff::Timestamp) -> DeploymentId;
}

/// The machine's source of randomness: UUIDs, version 7.
#[cfg(feature = "store")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

#[cfg(feature = "store")]
impl Ids for SystemIds {
    fn nonce(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    fn deployment(&self, now: jiff::Timestamp) -> DeploymentId {
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        let context = uuid::NoContext;
        DeploymentId(format!(
            "d-{}",
            uuid::Uuid::new_v7(uuid::Timestamp::from_unix(context, seconds, nanoseconds)).simple()
        ))
    }
}
