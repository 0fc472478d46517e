//! What the control plane remembers, and the handle through which one call at one moment works on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::images::Images;
use super::names;
use super::quota::{Buckets, Quota, Quotas};
use crate::api::Settings;

/// One account in one region: the world of one control plane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// 12 digits.
    pub account: String,
    pub region: String,
}

/// How the model behaves where the service takes its own time or has limits of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Revision ids follow from it.
    pub seed: u64,
    /// From `CreateFunction` to Active.
    pub create_ms: u64,
    /// From the start of an update to Successful.
    pub update_ms: u64,
    /// From `PublishVersion` to an Active version.
    pub publish_ms: u64,
    /// From the rejected first invocation of an Inactive function to Active.
    pub restore_ms: u64,
    /// Without an invocation for so long, an Active function or version becomes Inactive. `None`: never.
    pub idle_after_ms: Option<u64>,
    /// Whether an `UpdateAlias` that changes nothing moves the alias's revision. The service does not say; `false` is the
    /// harder case for a deployer that wants to void an older token.
    pub same_alias_write_moves_revision: bool,
    /// Request rates of the control plane; `None`: never throttled.
    pub quotas: Option<Quotas>,
    /// Concurrent executions of an account in a region; 100 of them stay unreserved.
    pub account_concurrency: u32,
}

impl Default for Options {
    /// A control plane in a hurry: durations of a few milliseconds, no throttling, nothing becomes idle. For a local host.
    fn default() -> Options {
        Options {
            seed: 0,
            create_ms: 20,
            update_ms: 20,
            publish_ms: 20,
            restore_ms: 20,
            idle_after_ms: None,
            same_alias_write_moves_revision: false,
            quotas: None,
            account_concurrency: 1000,
        }
    }
}

impl Options {
    /// Durations and quotas of the order of the real service's, for a simulation over virtual time.
    pub fn like_the_service(seed: u64) -> Options {
        Options {
            seed,
            create_ms: 8_000,
            update_ms: 4_000,
            publish_ms: 3_000,
            restore_ms: 10_000,
            idle_after_ms: Some(14 * 24 * 3_600_000),
            quotas: Some(Quotas::default()),
            ..Options::default()
        }
    }
}

/// The whole state: every place, the images that exist, and the options. Equal states answer equal calls equally.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub options: Options,
    pub(super) images: Images,
    /// By account, then region.
    pub(super) planes: BTreeMap<String, BTreeMap<String, PlaneState>>,
}

/// One place's part of the state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct PlaneState {
    /// The latest moment seen: time never goes back, whatever the caller's clock does.
    pub now_ms: u64,
    /// How many things with revisions were ever made here.
    pub made: u64,
    pub buckets: Option<Buckets>,
    pub functions: BTreeMap<String, FunctionState>,
}

/// A function with all that hangs on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FunctionState {
    pub latest: Form,
    /// What `$LATEST` runs where that is not what it shows: during an update and after a failed one.
    pub serving: Option<Content>,
    pub update: Update,
    /// By number.
    pub versions: BTreeMap<u64, Form>,
    /// The highest number ever given; numbers are never given twice.
    pub last_number: u64,
    pub aliases: BTreeMap<String, AliasState>,
    pub tags: BTreeMap<String, String>,
    pub reserved_concurrency: Option<u32>,
}

/// `$LATEST` or a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Form {
    pub content: Content,
    pub revision: Revision,
    pub phase: Phase,
    pub last_modified_ms: u64,
    /// When it last became Active or was invoked.
    pub last_used_ms: u64,
}

/// Code and configuration: what a version freezes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Content {
    /// As it was given.
    pub image_uri: String,
    pub repository: String,
    /// `sha256:…`.
    pub digest: String,
    pub settings: Settings,
}

impl Content {
    /// Whether publishing one after the other makes no new version. The description is no part of it: `PublishVersion` gives
    /// every version its own.
    pub fn is_same_release(&self, other: &Content) -> bool {
        let mut mine = self.settings.clone();
        mine.description.clone_from(&other.settings.description);
        self.digest == other.digest && mine == other.settings
    }

    /// `CodeSha256`: the digest's hexadecimal digits.
    pub fn code_sha256(&self) -> &str {
        self.digest.strip_prefix("sha256:").unwrap_or(&self.digest)
    }
}

/// `State`, with what moves it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Until then; `restoring` when it comes back from Inactive.
    Pending {
        until_ms: u64,
        restoring: bool,
    },
    Active,
    /// Not invoked for long.
    Idle,
    /// Inactive because its image is gone.
    ImageGone,
    /// It never became Active: its image was gone before.
    Failed,
}

/// `LastUpdateStatus` of `$LATEST`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Update {
    Successful,
    InProgress {
        until_ms: u64,
    },
    /// Its image was gone when it should have ended.
    Failed,
}

/// An alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AliasState {
    pub version: String,
    pub description: String,
    pub weights: BTreeMap<String, f64>,
    pub revision: Revision,
    pub provisioned: Option<Provisioned>,
}

/// Provisioned concurrency of an alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Provisioned {
    pub executions: u32,
    /// While the service moves capacity from this version to the alias's own, it reports weights that nobody set.
    pub moving: Option<(String, u64)>,
}

/// A revision id that never repeats: a stream of its own for each thing, and a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Revision {
    stream: u64,
    count: u64,
}

impl Revision {
    /// Moves on.
    pub fn bump(&mut self) {
        self.count += 1;
    }

    /// As the service shows it: 36 characters in the form of a random UUID.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"revision");
        hash.update(self.stream.to_le_bytes());
        hash.update(self.count.to_le_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        // Version 4 and the RFC's variant, so that whatever parses a UUID is content.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

/// The control plane of one place at one moment: every operation is a method of it.
pub struct Plane<'m> {
    pub(super) place: &'m Place,
    pub(super) state: &'m mut PlaneState,
    pub(super) images: &'m Images,
    pub(super) options: &'m Options,
    pub(super) now_ms: u64,
}

impl Model {
    /// An empty world.
    pub fn new(options: Options) -> Model {
        Model { options, ..Model::default() }
    }

    /// The control plane of `place` at `now_ms` (milliseconds since 1970). A moment before one that this place has seen counts
    /// as that one.
    pub fn at<'m>(&'m mut self, place: &'m Place, now_ms: u64) -> Plane<'m> {
        if !self.planes.get(&place.account).is_some_and(|regions| regions.contains_key(&place.region)) {
            let regions = self.planes.entry(place.account.clone()).or_default();
            regions.insert(place.region.clone(), PlaneState::default());
        }
        let Model { options, images, planes } = self;
        let state = planes.get_mut(&place.account).and_then(|regions| regions.get_mut(&place.region));
        let state = state.expect("inserted above");
        state.now_ms = state.now_ms.max(now_ms);
        let now_ms = state.now_ms;
        Plane { place, state, images, options, now_ms }
    }

    /// Drops everything that is known of a place, as if it had never been asked for.
    pub fn forget(&mut self, place: &Place) {
        if let Some(regions) = self.planes.get_mut(&place.account) {
            regions.remove(&place.region);
            if regions.is_empty() {
                self.planes.remove(&place.account);
            }
        }
    }

    /// The places that were ever asked for.
    pub fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (account, regions) in &self.planes {
            places.extend(regions.keys().map(|region| Place { account: account.clone(), region: region.clone() }));
        }
        places
    }
}

impl Plane<'_> {
    /// Counts one request against the quota. Every operation of this crate does so itself; a host calls it for operations
    /// that the model does not know.
    ///
    /// # Errors
    /// `TooManyRequestsException` with Reason `CallerRateLimitExceeded`.
    pub fn charge(&mut self, quota: Quota) -> Result<(), ModelError> {
        let Some(quotas) = &self.options.quotas else { return Ok(()) };
        let buckets = self.state.buckets.get_or_insert_with(|| Buckets::full(quotas, self.now_ms));
        if buckets.take(quota, quotas, self.now_ms) { Ok(()) } else { Err(ModelError::rate_exceeded()) }
    }

    /// The revision of a thing that is made now.
    pub(super) fn first_revision(&mut self) -> Revision {
        self.state.made += 1;
        let mut hash = Sha256::new();
        hash.update(self.options.seed.to_le_bytes());
        hash.update(self.place.account.as_bytes());
        hash.update([0]);
        hash.update(self.place.region.as_bytes());
        hash.update([0]);
        hash.update(self.state.made.to_le_bytes());
        let mut stream = [0; 8];
        stream.copy_from_slice(&hash.finalize()[..8]);
        Revision { stream: u64::from_le_bytes(stream), count: 0 }
    }

    /// The function of this name, with time passed for its `$LATEST`.
    pub(super) fn function(&mut self, name: &str) -> Result<&mut FunctionState, ModelError> {
        let Plane { place, state, images, options, now_ms } = self;
        match state.functions.get_mut(name) {
            Some(function) => {
                function.settle(images, options, *now_ms);
                Ok(function)
            }
            None => Err(ModelError::function_not_found(&names::function_arn(place, name, None))),
        }
    }

    /// The function and the number of one of its versions, with time passed for both.
    pub(super) fn version(&mut self, name: &str, version: &str) -> Result<(&mut FunctionState, u64), ModelError> {
        let arn = names::function_arn(self.place, name, Some(version));
        let Plane { images, options, now_ms, .. } = *self;
        let function = self.function(name)?;
        match names::version_number(version).filter(|number| function.versions.contains_key(number)) {
            Some(number) => {
                function.settle_version(number, images, options, now_ms);
                Ok((function, number))
            }
            None => Err(ModelError::function_not_found(&arn)),
        }
    }

    /// The name in any of the forms that [`FunctionRef`](names::FunctionRef) takes, for operations that take no qualifier.
    pub(super) fn plain_name(&self, text: &str) -> Result<String, ModelError> {
        let parsed = names::FunctionRef::parse(text, self.place)?;
        match parsed.qualifier {
            None | Some("$LATEST") => Ok(parsed.name.to_owned()),
            Some(_) => Err(ModelError::invalid(format!("This operation does not take a qualifier: {text}"))),
        }
    }
}
