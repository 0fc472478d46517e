//! What every implementation of [`LambdaApi`] must do, as rules that run against any of them: the model in process, the local
//! host or an emulator through the SDK, the service itself.
//!
//! A rule makes its own function under a fresh name, so rules need no order and no clean place. It answers what it found
//! broken instead of panicking: what an emulator is known to get wrong can be asserted too, so that a fixed one is noticed.
//! Nothing here knows an async runtime; time passes through the [`Fixture`].

mod aliases;
mod functions;
mod invocations;
mod versions;

use std::collections::BTreeMap;
use std::pin::Pin;

use async_trait::async_trait;

use crate::api::{AliasWrite, ApiError, Function, LambdaApi, NewFunction, Qualifier, Settings, State, UpdateStatus};

/// What a rule needs of the place it runs in.
#[async_trait(?Send)]
pub trait Fixture {
    /// Makes an image that no other call of this was given, as `repository@sha256:…`. Where functions really run, it must
    /// answer invocations.
    async fn new_image(&self) -> String;
    /// Deletes an image. `false` where that cannot be done; rules that need it then have nothing to say.
    async fn delete_image(&self, image_uri: &str) -> bool;
    /// Lets a little time pass: a fraction of what an update takes. Rules call it 500 times at most for one wait.
    async fn pause(&self);
    /// A function name that no other call of this was given.
    fn fresh_name(&self) -> String;
    /// Settings with which functions of these images run; `other` is empty.
    fn settings(&self) -> Settings;
}

/// What a rule found: `Err` says in one sentence what was expected and what was there.
pub type Outcome = Result<(), String>;

type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// One rule.
pub struct Rule {
    /// A sentence in snake case.
    pub name: &'static str,
    run: for<'a> fn(&'a Ground<'a>) -> Running<'a>,
}

impl Rule {
    /// Runs it once.
    ///
    /// # Errors
    /// What is broken.
    pub async fn check(&self, api: &dyn LambdaApi, fixture: &dyn Fixture) -> Outcome {
        (self.run)(&Ground { api, fixture }).await
    }
}

/// Runs every rule but those in `except`, and answers each broken one with its name: empty when all hold.
///
/// # Panics
/// When `except` names a rule that does not exist: a list of exceptions must not outlive what it excepts.
pub async fn broken(api: &dyn LambdaApi, fixture: &dyn Fixture, except: &[&str]) -> BTreeMap<&'static str, String> {
    for name in except {
        assert!(RULES.iter().any(|rule| rule.name == *name), "there is no rule named {name}");
    }
    let mut broken = BTreeMap::new();
    for rule in RULES.iter().filter(|rule| !except.contains(&rule.name)) {
        if let Err(what) = rule.check(api, fixture).await {
            broken.insert(rule.name, what);
        }
    }
    broken
}

macro_rules! rules {
    ($($module:ident :: $name:ident),+ $(,)?) => {
        /// Every rule.
        pub const RULES: &[Rule] = &[$(Rule { name: stringify!($name), run: |ground| Box::pin($module::$name(ground)) }),+];
    };
}

rules![
    functions::a_new_function_becomes_active_with_what_it_was_made_of,
    functions::a_taken_name_is_a_conflict,
    functions::what_does_not_exist_is_not_found,
    functions::an_update_of_code_moves_the_revision_and_the_digest,
    functions::an_update_to_the_same_digest_moves_the_revision,
    functions::a_stale_revision_changes_no_code,
    functions::a_stale_revision_changes_no_settings,
    functions::a_token_from_before_the_wait_is_void,
    functions::an_unknown_image_is_refused,
    functions::settings_beyond_the_limits_are_refused,
    functions::settings_are_replaced_and_read_back,
    functions::tags_are_added_and_read_back,
    functions::reserved_concurrency_is_read_back_and_leaves_100,
    versions::a_version_freezes_code_and_settings,
    versions::publishing_the_same_answers_the_old_version_with_its_description,
    versions::a_changed_setting_alone_makes_a_version,
    versions::publishing_moves_the_revision_of_latest,
    versions::a_stale_revision_publishes_nothing,
    versions::another_code_hash_publishes_nothing,
    versions::numbers_are_never_reused,
    versions::a_version_behind_an_alias_cannot_be_deleted,
    versions::versions_are_listed_oldest_first_over_all_pages,
    aliases::an_alias_is_read_back_as_it_was_written,
    aliases::a_taken_alias_is_a_conflict,
    aliases::a_stale_revision_moves_no_alias,
    aliases::a_new_description_moves_the_alias_revision,
    aliases::empty_weights_clear,
    aliases::wrong_weights_are_refused,
    aliases::an_alias_needs_its_versions,
    aliases::weighted_versions_share_role_and_dead_letters,
    invocations::an_invocation_tells_the_version_that_ran,
    invocations::weights_of_one_and_zero_leave_no_choice,
    invocations::no_reserved_concurrency_stops_the_function,
    invocations::a_deleted_image_ends_the_function,
];

/// The place of one rule, with the steps that rules share.
struct Ground<'a> {
    api: &'a dyn LambdaApi,
    fixture: &'a dyn Fixture,
}

/// How often [`Fixture::pause`] is called for one wait.
const PAUSES: usize = 500;

impl Ground<'_> {
    /// A function of a fresh image, settled.
    async fn function(&self) -> Result<Function, String> {
        self.function_with(self.fixture.settings()).await
    }

    async fn function_with(&self, settings: Settings) -> Result<Function, String> {
        let name = self.fixture.fresh_name();
        let image_uri = self.fixture.new_image().await;
        let new = NewFunction { name: name.clone(), image_uri, settings, tags: BTreeMap::new(), publish: false };
        self.api.create_function(&new).await.map_err(|error| format!("CreateFunction failed: {error}"))?;
        self.settled(&name, &Qualifier::Latest).await
    }

    /// Looks until the state is Active and no update is in progress.
    async fn settled(&self, name: &str, qualifier: &Qualifier) -> Result<Function, String> {
        let mut last = String::new();
        for _ in 0..PAUSES {
            let function = self.look(name, qualifier).await?;
            if function.state == State::Active && function.last_update == UpdateStatus::Successful {
                return Ok(function);
            }
            last = format!("{:?}, {:?}", function.state, function.last_update);
            self.fixture.pause().await;
        }
        Err(format!("{name} {} did not settle in {PAUSES} pauses; the last look says {last}", qualifier.as_str()))
    }

    async fn look(&self, name: &str, qualifier: &Qualifier) -> Result<Function, String> {
        let looked = self.api.get_function(name, qualifier).await;
        looked.map_err(|error| format!("GetFunction of {} failed: {error}", qualifier.as_str()))
    }

    /// Other code, settled.
    async fn recoded(&self, function: &Function) -> Result<Function, String> {
        let image_uri = self.fixture.new_image().await;
        let sent = self.api.update_code(&function.name, &image_uri, &function.revision).await;
        sent.map_err(|error| format!("UpdateFunctionCode failed: {error}"))?;
        self.settled(&function.name, &Qualifier::Latest).await
    }

    /// Other settings, settled.
    async fn reset(&self, function: &Function, settings: &Settings) -> Result<Function, String> {
        let sent = self.api.update_settings(&function.name, settings, &function.revision).await;
        sent.map_err(|error| format!("UpdateFunctionConfiguration failed: {error}"))?;
        self.settled(&function.name, &Qualifier::Latest).await
    }

    /// Publishes `$LATEST` as it is now, and waits for the version.
    async fn published(&self, name: &str, description: &str) -> Result<Function, String> {
        let latest = self.settled(name, &Qualifier::Latest).await?;
        let sent = self.api.publish(name, &latest.code_sha256, &latest.revision, description).await;
        let version = sent.map_err(|error| format!("PublishVersion failed: {error}"))?.version;
        self.settled(name, &Qualifier::Version(version)).await
    }

    /// A function with so many versions of different code.
    async fn with_versions(&self, count: usize) -> Result<(String, Vec<Function>), String> {
        let mut latest = self.function().await?;
        let mut versions = Vec::with_capacity(count);
        for number in 0..count {
            if number > 0 {
                latest = self.recoded(&self.settled(&latest.name, &Qualifier::Latest).await?).await?;
            }
            versions.push(self.published(&latest.name, &format!("release {number}")).await?);
        }
        Ok((latest.name, versions))
    }

    async fn numbers(&self, name: &str) -> Result<Vec<String>, String> {
        let listed = self.api.list_versions(name).await;
        let listed = listed.map_err(|error| format!("ListVersionsByFunction failed: {error}"))?;
        Ok(listed.into_iter().map(|version| version.version).collect())
    }
}

/// An alias at one version, without weights.
fn at(version: &str) -> AliasWrite {
    AliasWrite { version: version.to_owned(), description: String::new(), weights: BTreeMap::new() }
}

/// An alias at `version`, with a share for others.
fn shared(version: &str, weights: &[(&str, f64)]) -> AliasWrite {
    let weights = weights.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect();
    AliasWrite { weights, ..at(version) }
}

/// Fails with what was found where two things should be equal.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    if found == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, found {found:?}")) }
}

/// Fails where two things should differ.
fn differs<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, from: &T) -> Outcome {
    if found != from { Ok(()) } else { Err(format!("{what}: expected something other than {from:?}")) }
}

/// Names the kind of an error, without its text.
fn kind(error: &ApiError) -> &'static str {
    match error {
        ApiError::NotFound(_) => "NotFound",
        ApiError::Precondition(_) => "Precondition",
        ApiError::InProgress(_) => "InProgress",
        ApiError::Conflict(_) => "Conflict",
        ApiError::Throttled(_) => "Throttled",
        ApiError::Denied(_) => "Denied",
        ApiError::Invalid(_) => "Invalid",
        ApiError::Ambiguous(_) => "Ambiguous",
    }
}

/// Fails unless the call was refused with one of these kinds.
fn refused<T: std::fmt::Debug>(what: &str, answer: Result<T, ApiError>, kinds: &[&str]) -> Outcome {
    match answer {
        Err(error) if kinds.contains(&kind(&error)) => Ok(()),
        Err(error) => Err(format!("{what}: expected {}, found {}: {error}", kinds.join(" or "), kind(&error))),
        Ok(answer) => Err(format!("{what}: expected {}, found an answer: {answer:?}", kinds.join(" or "))),
    }
}
