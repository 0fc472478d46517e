//! The suite against the model, in the two tempers that others meet it in: a local host in a hurry, a service that takes its
//! time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use tiers_lambda::api::{
    Alias, AliasWrite, ApiError, Caller, Function, Invocation, LambdaApi, NewFunction, Qualifier, Settings,
};
use tiers_lambda::conformance::{self, Fixture, RULES};
use tiers_lambda::memory::{self, ModelLambda};
use tiers_lambda::model::{Model, Options, Place, Quotas};

use crate::world;

/// Nothing in the model waits, so every future is ready when it is first asked.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the model waited"),
    }
}

struct InMemory {
    model: Rc<RefCell<Model>>,
    now_ms: Rc<Cell<u64>>,
    made: Cell<u32>,
    pause_ms: u64,
}

impl InMemory {
    fn new(options: Options, pause_ms: u64) -> (ModelLambda, InMemory) {
        let now_ms = Rc::new(Cell::new(1_700_000_000_000));
        let model = Rc::new(RefCell::new(Model::new(options)));
        let place = Place { account: "123456789012".into(), region: "eu-west-1".into() };
        let clock = now_ms.clone();
        let api = ModelLambda::new(model.clone(), place, Rc::new(move || clock.get()));
        (api, InMemory { model, now_ms, made: Cell::new(0), pause_ms })
    }

    fn next(&self) -> u32 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }
}

#[async_trait(?Send)]
impl Fixture for InMemory {
    async fn new_image(&self) -> String {
        let number = self.next();
        self.model.borrow_mut().put_image(self.now_ms.get(), world::REPOSITORY, &world::digest(number));
        world::image(number)
    }

    async fn delete_image(&self, image_uri: &str) -> bool {
        let (repository, digest) = image_uri.split_once('@').expect("an image by digest");
        self.model.borrow_mut().delete_image(self.now_ms.get(), repository, digest)
    }

    async fn pause(&self) {
        self.now_ms.set(self.now_ms.get() + self.pause_ms);
    }

    fn fresh_name(&self) -> String {
        format!("rule-{}", self.next())
    }

    fn settings(&self) -> Settings {
        world::settings()
    }
}

#[test]
fn the_model_in_a_hurry_keeps_every_rule() {
    let (api, fixture) = InMemory::new(Options::default(), 1);
    assert_eq!(now(conformance::broken(&api, &fixture, &[])), Default::default());
}

#[test]
fn the_model_that_takes_its_time_keeps_every_rule() {
    let options = Options { quotas: None, ..Options::like_the_service(7) };
    let (api, fixture) = InMemory::new(options, 500);
    assert_eq!(now(conformance::broken(&api, &fixture, &[])), Default::default());
}

/// An implementation with one fault, over the model.
struct Faulty {
    inner: ModelLambda,
    fault: Fault,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Takes any revision id for the current one, as moto does.
    IgnoresRevisions,
    /// Ignores the code hash of publish.
    IgnoresCodeHash,
    /// Adapters that leave an empty map out.
    KeepsWeights,
    /// Says of what is absent that access was denied.
    HidesAbsence,
    /// Shows only the first page of versions.
    OnePage,
}

#[async_trait(?Send)]
impl LambdaApi for Faulty {
    async fn caller(&self) -> Result<Caller, ApiError> {
        self.inner.caller().await
    }
    fn region(&self) -> String {
        self.inner.region()
    }
    async fn get_function(&self, name: &str, qualifier: &Qualifier) -> Result<Function, ApiError> {
        match (self.fault, self.inner.get_function(name, qualifier).await) {
            (Fault::HidesAbsence, Err(ApiError::NotFound(text))) => Err(ApiError::Denied(text)),
            (_, answer) => answer,
        }
    }
    async fn update_code(&self, name: &str, image_uri: &str, revision: &str) -> Result<Function, ApiError> {
        let current = self.inner.get_function(name, &Qualifier::Latest).await?.revision;
        let revision = if matches!(self.fault, Fault::IgnoresRevisions) { &current } else { revision };
        self.inner.update_code(name, image_uri, revision).await
    }
    async fn publish(
        &self,
        name: &str,
        code_sha256: &str,
        revision: &str,
        description: &str,
    ) -> Result<Function, ApiError> {
        let current = self.inner.get_function(name, &Qualifier::Latest).await?;
        let hash = if matches!(self.fault, Fault::IgnoresCodeHash) { &current.code_sha256 } else { code_sha256 };
        self.inner.publish(name, hash, revision, description).await
    }
    async fn list_versions(&self, name: &str) -> Result<Vec<Function>, ApiError> {
        let mut versions = self.inner.list_versions(name).await?;
        if matches!(self.fault, Fault::OnePage) {
            versions.truncate(49);
        }
        Ok(versions)
    }
    async fn get_alias(&self, name: &str, alias: &str) -> Result<Alias, ApiError> {
        self.inner.get_alias(name, alias).await
    }
    async fn update_alias(
        &self,
        name: &str,
        alias: &str,
        write: &AliasWrite,
        revision: &str,
    ) -> Result<Alias, ApiError> {
        let mut write = write.clone();
        if matches!(self.fault, Fault::KeepsWeights) && write.weights.is_empty() {
            write.weights = self.inner.get_alias(name, alias).await?.weights;
        }
        self.inner.update_alias(name, alias, &write, revision).await
    }
    async fn invoke(&self, name: &str, qualifier: &Qualifier, payload: &[u8]) -> Result<Invocation, ApiError> {
        self.inner.invoke(name, qualifier, payload).await
    }
    async fn create_function(&self, new: &NewFunction) -> Result<Function, ApiError> {
        self.inner.create_function(new).await
    }
    async fn update_settings(&self, name: &str, settings: &Settings, revision: &str) -> Result<Function, ApiError> {
        self.inner.update_settings(name, settings, revision).await
    }
    async fn create_alias(&self, name: &str, alias: &str, write: &AliasWrite) -> Result<Alias, ApiError> {
        self.inner.create_alias(name, alias, write).await
    }
    async fn put_concurrency(&self, name: &str, reserved: u32) -> Result<(), ApiError> {
        self.inner.put_concurrency(name, reserved).await
    }
    async fn tag(&self, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
        self.inner.tag(arn, tags).await
    }
    async fn delete_version(&self, name: &str, version: &str) -> Result<(), ApiError> {
        self.inner.delete_version(name, version).await
    }
}

#[test]
fn the_suite_finds_each_fault_that_is_put_into_an_implementation() {
    let check = |fault, rule: &str| {
        let (inner, fixture) = InMemory::new(Options::default(), 1);
        let broken = now(conformance::broken(&Faulty { inner, fault }, &fixture, &[]));
        assert!(broken.contains_key(rule), "{fault:?} breaks {rule}; found {:?}", broken.keys());
        assert!(broken.len() < RULES.len() / 3, "{fault:?} breaks too much to be told: {:?}", broken.keys());
    };
    check(Fault::IgnoresRevisions, "a_stale_revision_changes_no_code");
    check(Fault::IgnoresRevisions, "a_token_from_before_the_wait_is_void");
    check(Fault::IgnoresCodeHash, "another_code_hash_publishes_nothing");
    check(Fault::KeepsWeights, "empty_weights_clear");
    check(Fault::HidesAbsence, "what_does_not_exist_is_not_found");
    check(Fault::OnePage, "versions_are_listed_oldest_first_over_all_pages");
}

#[test]
#[should_panic(expected = "there is no rule named nothing_at_all")]
fn an_exception_from_a_rule_that_does_not_exist_is_an_error() {
    let (api, fixture) = InMemory::new(Options::default(), 1);
    now(conformance::broken(&api, &fixture, &["nothing_at_all"]));
}

#[test]
fn a_function_sees_its_version_and_settings_and_may_call_back() {
    let (api, fixture) = InMemory::new(Options::default(), 1);
    let again = api.clone();
    let api = api.behaving(Rc::new(move |resolved, payload| {
        let looked = now(again.get_function(&resolved.function_name, &Qualifier::Latest)).expect("it exists");
        let text = format!("{} {} {}", looked.name, resolved.settings.memory_mb, String::from_utf8_lossy(payload));
        memory::answer(text.as_bytes())
    }));
    let settings = Settings { memory_mb: 320, ..world::settings() };
    let image_uri = now(fixture.new_image());
    let tags = Default::default();
    let new = NewFunction { name: "f".into(), image_uri, settings, tags, publish: true };
    assert_eq!(now(api.create_function(&new)).expect("made").version, "1");
    let refused = now(api.invoke("f", &Qualifier::Latest, b"hello")).expect_err("still Pending");
    assert!(matches!(refused, ApiError::InProgress(_)), "{refused:?}");
    (0..30).for_each(|_| now(fixture.pause()));
    let answer = now(api.invoke("f", &Qualifier::Version("1".into()), b"hello")).expect("an answer");
    assert_eq!(String::from_utf8_lossy(&answer.payload), "f 320 hello");
    assert_eq!(answer.executed_version.as_deref(), Some("1"));
}

#[test]
fn draws_spread_a_weighted_alias_evenly_and_may_be_given() {
    let (api, fixture) = InMemory::new(Options::default(), 1);
    let image_uri = now(fixture.new_image());
    let new = NewFunction {
        name: "f".into(),
        image_uri,
        settings: world::settings(),
        tags: Default::default(),
        publish: true,
    };
    now(api.create_function(&new)).expect("made");
    now(fixture.pause());
    (0..30).for_each(|_| now(fixture.pause()));
    let latest = now(api.get_function("f", &Qualifier::Latest)).expect("made");
    let image_uri = now(fixture.new_image());
    now(api.update_code("f", &image_uri, &latest.revision)).expect("accepted");
    (0..30).for_each(|_| now(fixture.pause()));
    let latest = now(api.get_function("f", &Qualifier::Latest)).expect("made");
    now(api.publish("f", &latest.code_sha256, &latest.revision, "")).expect("published");
    (0..30).for_each(|_| now(fixture.pause()));
    let weights = [("2".to_owned(), 0.25)].into();
    let write = AliasWrite { version: "1".into(), description: String::new(), weights };
    now(api.create_alias("f", "live", &write)).expect("made");
    let alias = Qualifier::Alias("live".into());
    let second = |api: &ModelLambda| {
        let ran = |_: &u32| now(api.invoke("f", &alias, b"{}")).expect("an answer").executed_version;
        (0..1000).filter(|n| ran(n).as_deref() == Some("2")).count()
    };
    assert!((240..=260).contains(&second(&api)), "{}", second(&api));
    assert_eq!(second(&api.clone().drawing(Rc::new(|| 0.2499))), 1000);
    assert_eq!(second(&api.drawing(Rc::new(|| 0.25))), 0);
}

#[test]
fn throttling_reaches_the_trait_as_throttled() {
    let quotas = Some(Quotas::default());
    let (api, _) = InMemory::new(Options { quotas, ..Options::default() }, 1);
    let answers: Vec<_> = (0..16).map(|_| now(api.get_alias("nobody", "live"))).collect();
    assert!(answers[..15].iter().all(|answer| matches!(answer, Err(ApiError::NotFound(_)))));
    assert!(matches!(answers[15], Err(ApiError::Throttled(_))), "{:?}", answers[15]);
}
