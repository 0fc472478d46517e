//! What is released: one artifact, where it came from, and the fold of an app's `releases/<app>` stream.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{Commit, Digest, InputsId, ReleaseId, SourceId};

/// One build of an app. One per inputs, unless somebody asked for a rebuild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub id: ReleaseId,
    pub source: SourceId,
    pub inputs: InputsId,
    pub digest: Digest,
    /// What the service is told to run: the repository, `@` and the digest.
    pub image_uri: String,
    /// The commit that it was built from; others with the same files have the same source.
    pub commit: Commit,
    /// Built from a working tree with changes that no commit holds.
    pub dirty: bool,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    pub builder: String,
    pub built_by: String,
    pub built_at: Timestamp,
}

/// What is recorded in `releases/<app>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ReleaseEvent {
    /// An artifact exists. Create-only per inputs; `rebuild` is the one exception and says so.
    Built { release: Release, rebuild: bool },
}

/// How many releases the summary state carries; older ones are found by walking the stream.
pub const RECENT_RELEASES: usize = 50;

/// The summary state of `releases/<app>`, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Releases {
    pub count: u64,
    pub recent: Vec<Release>,
}

/// A record that does not follow from the ones before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IllegalRelease(pub String);

impl Releases {
    /// The state after this event.
    pub fn apply(&self, event: &ReleaseEvent) -> Result<Releases, IllegalRelease> {
        let ReleaseEvent::Built { release, rebuild } = event;
        if let Some(first) = self.by_inputs(&release.inputs)
            && !rebuild
        {
            return Err(IllegalRelease(format!("inputs of {} were built before, as {}", release.id, first.id)));
        }
        let mut next = self.clone();
        next.count += 1;
        next.recent.insert(0, release.clone());
        next.recent.truncate(RECENT_RELEASES);
        Ok(next)
    }

    /// The newest release with these inputs among the recent ones.
    pub fn by_inputs(&self, inputs: &InputsId) -> Option<&Release> {
        self.recent.iter().find(|release| &release.inputs == inputs)
    }

    /// True when the summary holds every release there ever was, so that a miss is final.
    pub fn is_complete(&self) -> bool {
        self.count as usize == self.recent.len()
    }

    /// The recent release that this text means: a release id, a digest, or the beginning (8 or more digits) of one or of a
    /// commit.
    pub fn find(&self, text: &str) -> Option<&Release> {
        self.recent.iter().find(|release| release.is_meant_by(text))
    }
}

impl Release {
    /// True when a person who types this text means this release.
    pub fn is_meant_by(&self, text: &str) -> bool {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        self.id.as_str() == text
            || (hex.len() >= 8 && self.digest.hex().starts_with(hex))
            || (text.len() >= 7 && self.commit.as_str().starts_with(text))
    }
}
