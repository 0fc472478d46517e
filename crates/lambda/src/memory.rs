//! The model as a [`LambdaApi`], in one process and one thread: for tests, and for a simulation that replays from its seed.
//!
//! It sends what the SDK adapter sends, with the same preconditions, and reads answers and errors through the same code, so
//! that what is shown with it holds for the adapter too. Time, the draw of weighted aliases and what functions do are given
//! from outside; nothing here waits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;

use crate::api::{
    Alias, AliasWrite, ApiError, Caller, Function, Invocation, LambdaApi, NewFunction, Qualifier, Settings,
};
use crate::model::{
    CreateAlias, CreateFunction, DeadLetterConfig, Environment, EphemeralStorage, FunctionCode, ImageConfig,
    ListRequest, Model, Place, Plane, PublishVersion, Resolved, RoutingConfig, UpdateAlias, UpdateFunctionCode,
    UpdateFunctionConfiguration,
};

/// What functions do when they are invoked.
pub type Behaviour = Rc<dyn Fn(&Resolved, &[u8]) -> Invocation>;

/// Milliseconds since 1970, read once for each call.
pub type Clock = Rc<dyn Fn() -> u64>;

/// One account's control plane in one region, shared with whoever else holds the model. Clones are other clients of the same.
#[derive(Clone)]
pub struct ModelLambda {
    model: Rc<RefCell<Model>>,
    place: Place,
    clock: Clock,
    behaviour: Behaviour,
    draws: Rc<dyn Fn() -> f64>,
}

impl ModelLambda {
    /// A client of `place`. Functions answer 200 with an empty JSON object, and weighted aliases spread calls evenly, until
    /// [`behaving`](Self::behaving) and [`drawing`](Self::drawing) say otherwise.
    pub fn new(model: Rc<RefCell<Model>>, place: Place, clock: Clock) -> ModelLambda {
        let calls = Cell::new(0u32);
        // Multiples of the golden ratio modulo one fill [0, 1) evenly from the first few on, and need no seed.
        let draws = move || {
            calls.set(calls.get().wrapping_add(1));
            (f64::from(calls.get()) * 0.618_033_988_749_895).fract()
        };
        ModelLambda { model, place, clock, behaviour: Rc::new(|_, _| answer(b"{}")), draws: Rc::new(draws) }
    }

    /// The same client, with functions that do this.
    pub fn behaving(mut self, behaviour: Behaviour) -> ModelLambda {
        self.behaviour = behaviour;
        self
    }

    /// The same client, with draws in [0, 1) for weighted aliases from here.
    pub fn drawing(mut self, draws: Rc<dyn Fn() -> f64>) -> ModelLambda {
        self.draws = draws;
        self
    }

    /// The model behind it.
    pub fn model(&self) -> &Rc<RefCell<Model>> {
        &self.model
    }

    fn with<T>(&self, call: impl FnOnce(&mut Plane<'_>) -> Result<T, crate::model::ModelError>) -> Result<T, ApiError> {
        let now_ms = (self.clock)();
        let mut model = self.model.borrow_mut();
        Ok(call(&mut model.at(&self.place, now_ms))?)
    }
}

/// An invocation that succeeded with this payload. The version is filled in by [`ModelLambda`].
pub fn answer(payload: &[u8]) -> Invocation {
    Invocation {
        status: 200,
        function_error: None,
        payload: payload.to_vec(),
        executed_version: None,
        log_tail: Some(String::new()),
    }
}

#[async_trait(?Send)]
impl LambdaApi for ModelLambda {
    async fn caller(&self) -> Result<Caller, ApiError> {
        let account = self.place.account.clone();
        Ok(Caller { arn: format!("arn:aws:iam::{account}:user/model"), account })
    }

    fn region(&self) -> String {
        self.place.region.clone()
    }

    async fn get_function(&self, name: &str, qualifier: &Qualifier) -> Result<Function, ApiError> {
        self.with(|plane| plane.get_function(name, Some(qualifier.as_str()))).map(Function::from)
    }

    async fn update_code(&self, name: &str, image_uri: &str, revision: &str) -> Result<Function, ApiError> {
        let request = UpdateFunctionCode {
            function_name: name.to_owned(),
            image_uri: Some(image_uri.to_owned()),
            revision_id: Some(revision.to_owned()),
            ..UpdateFunctionCode::default()
        };
        self.with(|plane| plane.update_function_code(request)).map(Function::from)
    }

    async fn publish(
        &self,
        name: &str,
        code_sha256: &str,
        revision: &str,
        description: &str,
    ) -> Result<Function, ApiError> {
        let request = PublishVersion {
            function_name: name.to_owned(),
            code_sha256: Some(code_sha256.to_owned()),
            description: Some(description.to_owned()),
            revision_id: Some(revision.to_owned()),
        };
        self.with(|plane| plane.publish_version(request)).map(Function::from)
    }

    async fn list_versions(&self, name: &str) -> Result<Vec<Function>, ApiError> {
        let mut versions = Vec::new();
        let mut request = ListRequest { function_name: name.to_owned(), ..ListRequest::default() };
        // Each page costs a request of the quota. A marker always moves on, so there is a last page.
        loop {
            let page = self.with(|plane| plane.list_versions(&request))?;
            versions.extend(page.items.into_iter().filter(|version| version.version != "$LATEST").map(Function::from));
            request.marker = page.next_marker;
            if request.marker.is_none() {
                return Ok(versions);
            }
        }
    }

    async fn get_alias(&self, name: &str, alias: &str) -> Result<Alias, ApiError> {
        self.with(|plane| plane.get_alias(name, alias)).map(Alias::from)
    }

    async fn update_alias(
        &self,
        name: &str,
        alias: &str,
        write: &AliasWrite,
        revision: &str,
    ) -> Result<Alias, ApiError> {
        let request = UpdateAlias {
            function_name: name.to_owned(),
            name: alias.to_owned(),
            function_version: Some(write.version.clone()),
            description: Some(write.description.clone()),
            routing_config: Some(RoutingConfig { additional_version_weights: write.weights.clone() }),
            revision_id: Some(revision.to_owned()),
        };
        self.with(|plane| plane.update_alias(request)).map(Alias::from)
    }

    async fn invoke(&self, name: &str, qualifier: &Qualifier, payload: &[u8]) -> Result<Invocation, ApiError> {
        let draw = (self.draws)();
        let resolved = self.with(|plane| plane.resolve_invoke(name, Some(qualifier.as_str()), draw))?;
        // The model is free again here: a function may call back into it.
        let mut invocation = (self.behaviour)(&resolved, payload);
        invocation.executed_version = Some(resolved.version);
        Ok(invocation)
    }

    async fn create_function(&self, new: &NewFunction) -> Result<Function, ApiError> {
        let settings = &new.settings;
        if let Some(name) = settings.other.keys().find(|name| *name != "PackageType") {
            return Err(ApiError::Invalid(format!(
                "CreateFunction: the setting {name} can be read here and not be made"
            )));
        }
        let request = CreateFunction {
            function_name: new.name.clone(),
            role: settings.role.clone(),
            code: FunctionCode { image_uri: Some(new.image_uri.clone()) },
            package_type: Some("Image".to_owned()),
            description: Some(settings.description.clone()),
            timeout: Some(settings.timeout_s),
            memory_size: Some(settings.memory_mb),
            publish: new.publish,
            environment: Some(Environment { variables: settings.environment.clone() }),
            image_config: Some(image_config(settings)),
            architectures: Some(vec![settings.architecture.clone()]),
            ephemeral_storage: Some(EphemeralStorage { size: settings.ephemeral_mb }),
            dead_letter_config: Some(dead_letter(settings)),
            tags: new.tags.clone(),
            other: BTreeMap::new(),
        };
        self.with(|plane| plane.create_function(request)).map(Function::from)
    }

    async fn update_settings(&self, name: &str, settings: &Settings, revision: &str) -> Result<Function, ApiError> {
        // Neither the architecture nor what stands in `other` can be sent with this operation; both stay as they are.
        let request = UpdateFunctionConfiguration {
            function_name: name.to_owned(),
            revision_id: Some(revision.to_owned()),
            role: Some(settings.role.clone()),
            description: Some(settings.description.clone()),
            timeout: Some(settings.timeout_s),
            memory_size: Some(settings.memory_mb),
            environment: Some(Environment { variables: settings.environment.clone() }),
            image_config: Some(image_config(settings)),
            ephemeral_storage: Some(EphemeralStorage { size: settings.ephemeral_mb }),
            dead_letter_config: Some(dead_letter(settings)),
            other: BTreeMap::new(),
        };
        self.with(|plane| plane.update_function_configuration(request)).map(Function::from)
    }

    async fn create_alias(&self, name: &str, alias: &str, write: &AliasWrite) -> Result<Alias, ApiError> {
        let request = CreateAlias {
            function_name: name.to_owned(),
            name: alias.to_owned(),
            function_version: write.version.clone(),
            description: Some(write.description.clone()),
            routing_config: Some(RoutingConfig { additional_version_weights: write.weights.clone() }),
        };
        self.with(|plane| plane.create_alias(request)).map(Alias::from)
    }

    async fn put_concurrency(&self, name: &str, reserved: u32) -> Result<(), ApiError> {
        self.with(|plane| plane.put_function_concurrency(name, reserved)).map(drop)
    }

    async fn tag(&self, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
        self.with(|plane| plane.tag_resource(arn, tags))
    }

    async fn delete_version(&self, name: &str, version: &str) -> Result<(), ApiError> {
        // Without a number the whole function would go, with every version and alias.
        if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ApiError::Invalid(format!("DeleteFunction: `{version}` is not the number of a version")));
        }
        self.with(|plane| plane.delete_function(name, Some(version)))
    }
}

fn image_config(settings: &Settings) -> ImageConfig {
    ImageConfig {
        entry_point: settings.entry_point.clone(),
        command: settings.command.clone(),
        working_directory: settings.working_directory.clone(),
    }
}

fn dead_letter(settings: &Settings) -> DeadLetterConfig {
    DeadLetterConfig { target_arn: settings.dead_letter_arn.clone().unwrap_or_default() }
}
