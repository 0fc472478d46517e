//! Lambda as one process reaches it: the pure model behind a network. The real adapter, [`LambdaTarget`], stands on it.
//!
//! [`LambdaTarget`]: crate::lambda_target::LambdaTarget

use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use futures::FutureExt as _;
use tiers_core::event::{Resource, Write};
use tiers_core::id::{Digest, Token, Version};
use tiers_lambda::api::{
    Alias, AliasWrite, ApiError, Caller, Function, Invocation, LambdaApi, NewFunction, Qualifier, Settings,
};
use tiers_lambda::memory::ModelLambda;

use super::net::{ActorId, Leaves, Net};
use super::rng::Rng;
use super::truth::Call;
use super::weather::{Fate, Service};
use super::world::{Shared, env_of_function};

/// The control plane as one process reaches it.
pub struct SimLambda {
    pub shared: Rc<Shared>,
    pub actor: ActorId,
    pub rng: Rng,
    /// The model at the place that this process's credentials lead to.
    pub plane: ModelLambda,
    /// Not the place that is declared.
    pub astray: bool,
}

fn unclear() -> ApiError {
    ApiError::Ambiguous("no answer".to_owned())
}

fn refusal(fate: Fate) -> ApiError {
    match fate {
        Fate::Denied => ApiError::Denied("403".to_owned()),
        Fate::Conflict => ApiError::InProgress("409 an update is in progress".to_owned()),
        _ => ApiError::Throttled("429".to_owned()),
    }
}

/// What a client made of its answer at once.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the model answers at once")
}

impl SimLambda {
    async fn ask<T: 'static>(
        &self,
        function: &str,
        find: impl Fn(&ModelLambda) -> Result<T, ApiError> + 'static,
    ) -> Result<T, ApiError> {
        let Leaves::After(lies_ms) = self.shared.net.leaves(self.actor) else { return Net::never().await };
        let (weather, env) = (&self.shared.weather, env_of_function(function));
        let fate =
            self.shared.fate(&self.rng, self.actor, (Service::Lambda, false), env, || format!("look at {function}"));
        let route = weather.route(&self.rng, fate, Err(unclear()), |fate| Err(refusal(fate)));
        let plane = self.plane.clone();
        self.shared.net.send(self.actor, lies_ms, route, move || (find(&plane), false)).await
    }

    /// A call that changes something.
    async fn change<T: 'static>(
        &self,
        function: &str,
        resource: Resource,
        write: Write,
        token: &str,
        act: impl Fn(&ModelLambda) -> Result<T, ApiError> + 'static,
    ) -> Result<T, ApiError> {
        let Leaves::After(lies_ms) = self.shared.net.leaves(self.actor) else { return Net::never().await };
        let (weather, env) = (&self.shared.weather, env_of_function(function));
        let call = Rc::new(Call::new(function, resource, write, Token(token.to_owned()), self.astray));
        let fate = self.shared.fate(&self.rng, self.actor, (Service::Lambda, true), env, || call.to_string());
        let route = weather.route(&self.rng, fate, Err(unclear()), |fate| Err(refusal(fate)));
        let (shared, actor) = (Rc::clone(&self.shared), self.actor);
        shared.net.tell(|| format!("{} sends {call}: {fate:?}", shared.net.name(actor)));
        let intent = shared.sent(actor, &call);
        let plane = self.plane.clone();
        let effect = move || {
            let before = shared.peek(&call.function);
            let answer = act(&plane);
            if answer.is_ok() {
                shared.took_effect(actor, &call, intent.as_deref(), &before);
            } else {
                shared.net.tell(|| format!("{} is refused {call}", shared.net.name(actor)));
            }
            let took_effect = answer.is_ok();
            (answer, took_effect)
        };
        self.shared.net.send(self.actor, lies_ms, route, effect).await
    }
}

#[async_trait(?Send)]
impl LambdaApi for SimLambda {
    async fn caller(&self) -> Result<Caller, ApiError> {
        self.ask("", |plane| at_once(plane.caller())).await
    }

    fn region(&self) -> String {
        self.plane.region()
    }

    async fn get_function(&self, name: &str, qualifier: &Qualifier) -> Result<Function, ApiError> {
        let (function, form) = (name.to_owned(), qualifier.clone());
        self.ask(name, move |plane| at_once(plane.get_function(&function, &form))).await
    }

    async fn update_code(&self, name: &str, image_uri: &str, revision: &str) -> Result<Function, ApiError> {
        let digest = image_uri.rsplit_once('@').and_then(|(_, digest)| digest.parse().ok());
        let digest = digest.unwrap_or_else(|| Digest::of(b"no digest"));
        let write = Write::Code { image_uri: image_uri.to_owned(), digest };
        let (function, uri, guard) = (name.to_owned(), image_uri.to_owned(), revision.to_owned());
        let act = move |plane: &ModelLambda| at_once(plane.update_code(&function, &uri, &guard));
        self.change(name, Resource::Function, write, revision, act).await
    }

    async fn publish(
        &self,
        name: &str,
        code_sha256: &str,
        revision: &str,
        description: &str,
    ) -> Result<Function, ApiError> {
        let digest = format!("sha256:{code_sha256}").parse().unwrap_or_else(|_| Digest::of(b"no digest"));
        let write = Write::Publish { digest, description: description.to_owned() };
        let (function, code, guard, text) =
            (name.to_owned(), code_sha256.to_owned(), revision.to_owned(), description.to_owned());
        let act = move |plane: &ModelLambda| at_once(plane.publish(&function, &code, &guard, &text));
        self.change(name, Resource::Function, write, revision, act).await
    }

    async fn list_versions(&self, name: &str) -> Result<Vec<Function>, ApiError> {
        let function = name.to_owned();
        self.ask(name, move |plane| at_once(plane.list_versions(&function))).await
    }

    async fn get_alias(&self, name: &str, alias: &str) -> Result<Alias, ApiError> {
        let (function, alias) = (name.to_owned(), alias.to_owned());
        self.ask(name, move |plane| at_once(plane.get_alias(&function, &alias))).await
    }

    async fn update_alias(
        &self,
        name: &str,
        alias: &str,
        write: &AliasWrite,
        revision: &str,
    ) -> Result<Alias, ApiError> {
        let point = Write::Point {
            version: Version(write.version.clone()),
            weights: write.weights.clone(),
            description: write.description.clone(),
        };
        let (function, alias, to, guard) = (name.to_owned(), alias.to_owned(), write.clone(), revision.to_owned());
        let act = move |plane: &ModelLambda| at_once(plane.update_alias(&function, &alias, &to, &guard));
        self.change(name, Resource::Alias, point, revision, act).await
    }

    async fn invoke(&self, name: &str, qualifier: &Qualifier, payload: &[u8]) -> Result<Invocation, ApiError> {
        let (function, form, payload) = (name.to_owned(), qualifier.clone(), payload.to_vec());
        self.ask(name, move |plane| at_once(plane.invoke(&function, &form, &payload))).await
    }

    async fn create_function(&self, _: &NewFunction) -> Result<Function, ApiError> {
        Err(ApiError::Invalid("nobody makes functions while the world runs".to_owned()))
    }

    async fn update_settings(&self, _: &str, _: &Settings, _: &str) -> Result<Function, ApiError> {
        Err(ApiError::Invalid("a deployer changes no settings".to_owned()))
    }

    async fn create_alias(&self, _: &str, _: &str, _: &AliasWrite) -> Result<Alias, ApiError> {
        Err(ApiError::Invalid("a deployer makes no alias".to_owned()))
    }

    async fn put_concurrency(&self, _: &str, _: u32) -> Result<(), ApiError> {
        Err(ApiError::Invalid("a deployer has no unguarded call".to_owned()))
    }

    async fn tag(&self, _: &str, _: &BTreeMap<String, String>) -> Result<(), ApiError> {
        Err(ApiError::Invalid("a deployer has no unguarded call".to_owned()))
    }

    async fn delete_version(&self, _: &str, _: &str) -> Result<(), ApiError> {
        Err(ApiError::Invalid("a deployer deletes nothing".to_owned()))
    }
}
