//! What a process is bound to: one version of one function, with the code and the settings that it runs.

use tiers_lambda::api::Settings;
use tiers_lambda::model::{Place, Resolved};

/// A function of a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FunctionKey {
    pub place: Place,
    pub function: String,
}

/// Two specs are equal when a process of one may serve the other: `$LATEST` changes, numbered versions don't.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VersionSpec {
    pub place: Place,
    pub function: String,
    /// `$LATEST` or a number.
    pub version: String,
    /// `sha256:…`.
    pub digest: String,
    pub settings: Settings,
}

impl VersionSpec {
    pub fn new(place: &Place, resolved: &Resolved) -> VersionSpec {
        VersionSpec {
            place: place.clone(),
            function: resolved.function_name.clone(),
            version: resolved.version.clone(),
            digest: resolved.digest.clone(),
            settings: resolved.settings.clone(),
        }
    }

    pub fn key(&self) -> FunctionKey {
        FunctionKey { place: self.place.clone(), function: self.function.clone() }
    }
}
