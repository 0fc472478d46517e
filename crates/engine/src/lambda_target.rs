//! Lambda's API as a [`Target`]: what its answers mean for a deployer. The same code runs against AWS, the local host and the
//! model in the simulation.

use std::rc::Rc;

use async_trait::async_trait;
use tiers_core::event::Answer;
use tiers_core::id::{Digest, Fingerprint, Token, Version};
use tiers_lambda::api::{Alias, AliasWrite, ApiError, Function, LambdaApi, Qualifier, State, UpdateStatus};
use tiers_lambda::fingerprint::fingerprint;

use crate::port::clock::Clock;
use crate::port::target::{
    AliasLook, Form, Invoked, LatestLook, Look, Pointing, Readiness, Sent, Target, TargetError, VersionLook,
    Whereabouts,
};

/// The tag by which a function belongs to one ledger.
pub const LEDGER_TAG: &str = "tiers:ledger";

/// How often a look is asked again, and how long it waits before the first time; doubles up to [`MAX_WAIT_MS`].
const LOOK_TRIES: u32 = 6;
const FIRST_WAIT_MS: u64 = 100;
const MAX_WAIT_MS: u64 = 2_000;

/// Deploys through a [`LambdaApi`].
pub struct LambdaTarget {
    api: Rc<dyn LambdaApi>,
    clock: Rc<dyn Clock>,
}

impl LambdaTarget {
    /// A target that talks to this API and waits by this clock.
    pub fn new(api: Rc<dyn LambdaApi>, clock: Rc<dyn Clock>) -> LambdaTarget {
        LambdaTarget { api, clock }
    }

    /// Asks until there is an answer or the tries are spent. For looks only.
    async fn patiently<T>(
        &self,
        what: &str,
        mut ask: impl AsyncFnMut() -> Result<T, ApiError>,
    ) -> Result<T, TargetError> {
        let mut wait_ms = FIRST_WAIT_MS;
        let mut tries = 1;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.may_look_again() && tries < LOOK_TRIES => {
                    self.clock.sleep_ms(wait_ms).await;
                    wait_ms = (wait_ms * 2).min(MAX_WAIT_MS);
                    tries += 1;
                }
                Err(error) => return Err(target_error(what, error)),
            }
        }
    }

    /// A function as the service describes it, in one of its forms.
    pub async fn function(&self, name: &str, qualifier: &Qualifier) -> Result<Function, TargetError> {
        let what = format!("function {name} ({})", qualifier.as_str());
        self.patiently(&what, async || self.api.get_function(name, qualifier).await).await
    }

    /// An alias as the service describes it.
    pub async fn alias(&self, name: &str, alias: &str) -> Result<Alias, TargetError> {
        let what = format!("alias {alias} of {name}");
        self.patiently(&what, async || self.api.get_alias(name, alias).await).await
    }
}

#[async_trait(?Send)]
impl Target for LambdaTarget {
    async fn whereabouts(&self) -> Result<Whereabouts, TargetError> {
        let caller = self.patiently("the account", async || self.api.caller().await).await?;
        Ok(Whereabouts { account: caller.account, region: self.api.region() })
    }

    async fn look(&self, function: &str, alias: &str) -> Result<Look, TargetError> {
        let latest = self.function(function, &Qualifier::Latest).await?;
        let alias = self.alias(function, alias).await?;
        let ledger = latest.tags.get(LEDGER_TAG).cloned();
        Ok(Look { latest: latest_look(&latest)?, alias: alias_look(alias), ledger })
    }

    async fn look_latest(&self, function: &str) -> Result<LatestLook, TargetError> {
        latest_look(&self.function(function, &Qualifier::Latest).await?)
    }

    async fn look_alias(&self, function: &str, alias: &str) -> Result<AliasLook, TargetError> {
        Ok(alias_look(self.alias(function, alias).await?))
    }

    async fn look_version(&self, function: &str, version: &Version) -> Result<VersionLook, TargetError> {
        let seen = self.function(function, &Qualifier::Version(version.as_str().to_owned())).await?;
        version_look(&seen)
    }

    async fn find_version(
        &self,
        function: &str,
        above: &Version,
        digest: &Digest,
        settings: &Fingerprint,
    ) -> Result<Option<Version>, TargetError> {
        let what = format!("versions of {function}");
        let versions = self.patiently(&what, async || self.api.list_versions(function).await).await?;
        let number = |text: &str| text.parse::<u64>().unwrap_or(0);
        let newest = versions.iter().map(|version| number(&version.version)).max().unwrap_or(0);
        let fits = |version: &&Function| {
            let at = number(&version.version);
            (at > number(above.as_str()) || at == newest)
                && version.code_sha256 == digest.hex()
                && fingerprint(&version.settings) == settings.as_str()
        };
        Ok(versions.iter().filter(fits).max_by_key(|v| number(&v.version)).map(|v| Version(v.version.clone())))
    }

    async fn stage(&self, function: &str, image_uri: &str, guard: &Token) -> Sent {
        sent(self.api.update_code(function, image_uri, guard.as_str()).await.map(|_| None))
    }

    async fn seal(&self, function: &str, digest: &Digest, description: &str, guard: &Token) -> Sent {
        let published = self.api.publish(function, digest.hex(), guard.as_str(), description).await;
        sent(published.map(|version| Some(Version(version.version))))
    }

    async fn point(&self, function: &str, alias: &str, to: &Pointing, guard: &Token) -> Sent {
        let write = AliasWrite {
            version: to.version.as_str().to_owned(),
            description: to.description.clone(),
            weights: to.weights.clone(),
        };
        sent(self.api.update_alias(function, alias, &write, guard.as_str()).await.map(|_| None))
    }

    async fn invoke(&self, function: &str, form: &Form, payload: &[u8]) -> Result<Invoked, TargetError> {
        let qualifier = match form {
            Form::Latest => Qualifier::Latest,
            Form::Version(version) => Qualifier::Version(version.as_str().to_owned()),
            Form::Alias(alias) => Qualifier::Alias(alias.clone()),
        };
        let what = format!("function {function} ({})", qualifier.as_str());
        let answer =
            self.api.invoke(function, &qualifier, payload).await.map_err(|error| target_error(&what, error))?;
        Ok(Invoked {
            function_error: answer.function_error,
            payload: answer.payload,
            executed_version: answer.executed_version,
        })
    }
}

fn sent(result: Result<Option<Version>, ApiError>) -> Sent {
    match result {
        Ok(version) => Sent { answer: Answer::Accepted, version },
        Err(error) if error.is_refusal() => Sent { answer: Answer::Refused { why: error.to_string() }, version: None },
        Err(error) => Sent { answer: Answer::Unclear { why: error.to_string() }, version: None },
    }
}

fn target_error(what: &str, error: ApiError) -> TargetError {
    let what = what.to_owned();
    let why = error.to_string();
    match error {
        ApiError::NotFound(_) => TargetError::Absent { what, why },
        ApiError::Denied(_) => TargetError::Denied { what, why },
        ApiError::Invalid(_) | ApiError::Precondition(_) | ApiError::Conflict(_) => TargetError::Unfit { what, why },
        ApiError::InProgress(_) | ApiError::Throttled(_) | ApiError::Ambiguous(_) => {
            TargetError::Unreachable { what, why }
        }
    }
}

/// The digest of an image function, from the bare hexadecimal `CodeSha256` or the resolved image.
fn digest_of(function: &Function) -> Result<Digest, TargetError> {
    let resolved =
        function.resolved_image_uri.as_deref().and_then(|uri| uri.rsplit_once('@')).map(|(_, digest)| digest);
    let bare = format!("sha256:{}", function.code_sha256);
    let digest = resolved.and_then(|text| text.parse().ok()).or_else(|| bare.parse().ok());
    digest.ok_or_else(|| TargetError::Unfit {
        what: format!("function {} ({})", function.name, function.version),
        why: format!(
            "it runs no image by digest (code hash `{}`, image `{}`)",
            function.code_sha256, function.image_uri
        ),
    })
}

fn latest_look(function: &Function) -> Result<LatestLook, TargetError> {
    let digest = digest_of(function)?;
    let repository = function.image_uri.split('@').next().unwrap_or(&function.image_uri);
    // A tag may be re-pushed; putting `$LATEST` back goes by digest.
    let repository = match repository.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => repository,
    };
    Ok(LatestLook {
        image_uri: format!("{repository}@{digest}"),
        digest,
        fingerprint: Fingerprint(fingerprint(&function.settings)),
        architecture: function.settings.architecture.clone(),
        token: Token(function.revision.clone()),
        readiness: readiness(function),
    })
}

fn version_look(function: &Function) -> Result<VersionLook, TargetError> {
    Ok(VersionLook {
        version: Version(function.version.clone()),
        digest: digest_of(function)?,
        fingerprint: Fingerprint(fingerprint(&function.settings)),
        readiness: readiness(function),
    })
}

fn alias_look(alias: Alias) -> AliasLook {
    AliasLook {
        version: Version(alias.version),
        weights: alias.weights,
        description: alias.description,
        token: Token(alias.revision),
    }
}

/// Source: facts on `State` and `LastUpdateStatus` in the Lambda API reference; unknown values are waited for, not guessed.
fn readiness(function: &Function) -> Readiness {
    let reason = |reason: &Option<tiers_lambda::api::Reason>| {
        reason.as_ref().map_or_else(|| "no reason given".to_owned(), |r| format!("{}: {}", r.code, r.text))
    };
    match (&function.state, &function.last_update) {
        (State::Failed, _) => Readiness::Broken(reason(&function.state_reason)),
        (_, UpdateStatus::Failed) => Readiness::Broken(reason(&function.last_update_reason)),
        (State::Pending, _) | (_, UpdateStatus::InProgress) => Readiness::Changing,
        (State::Inactive, _) => match &function.state_reason {
            Some(why) if why.code != "Idle" => Readiness::Broken(format!("{}: {}", why.code, why.text)),
            _ => Readiness::Idle,
        },
        (State::Active, UpdateStatus::Successful | UpdateStatus::Other(_)) => Readiness::Ready,
        (State::Other(_), _) => Readiness::Changing,
    }
}
