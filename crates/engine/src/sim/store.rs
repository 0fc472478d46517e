//! The ledger's store with an object store's real manners: a create wins once; its answer may be lost after it took effect; it
//! may land after its process is gone; a 409 may win nothing; listings are consistent, as S3's are.

use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;

use super::net::{ActorId, Leaves, Net};
use super::rng::Rng;
use super::weather::{Fate, Service};
use super::world::{Shared, env_of_key};
use crate::port::log::{Create, Log, LogError, Refusal};

/// The store as one process reaches it.
pub struct SimLog {
    pub shared: Rc<Shared>,
    pub actor: ActorId,
    pub rng: Rng,
}

fn unavailable(key: &str) -> LogError {
    LogError::Unavailable { key: key.to_owned(), why: "no answer".to_owned() }
}

impl SimLog {
    /// A question; trouble with its answer is all the trouble that it can have.
    async fn ask<T: 'static>(
        &self,
        key: &str,
        env: Option<usize>,
        find: impl Fn(&Shared) -> Result<T, LogError> + 'static,
    ) -> Result<T, LogError> {
        let Leaves::After(lies_ms) = self.shared.net.leaves(self.actor) else { return Net::never().await };
        let weather = &self.shared.weather;
        let fate = self.shared.fate(&self.rng, self.actor, (Service::Store, false), env, || format!("read {key}"));
        let why = |fate| match fate {
            Fate::Denied => Err(LogError::Denied { key: key.to_owned(), why: "403".to_owned() }),
            _ => Err(unavailable(key)),
        };
        let route = weather.route(&self.rng, fate, Err(unavailable(key)), why);
        let shared = Rc::clone(&self.shared);
        self.shared.net.send(self.actor, lies_ms, route, move || (find(&shared), false)).await
    }
}

#[async_trait(?Send)]
impl Log for SimLog {
    async fn create(&self, key: &str, bytes: Bytes) -> Create {
        let Leaves::After(lies_ms) = self.shared.net.leaves(self.actor) else { return Net::never().await };
        let (weather, env) = (&self.shared.weather, env_of_key(key));
        let fate = self.shared.fate(&self.rng, self.actor, (Service::Store, true), env, || format!("create {key}"));
        let refused = |fate| match fate {
            Fate::Conflict => Create::Exists,
            Fate::Denied => Create::Refused(Refusal::Denied("403".to_owned())),
            _ => Create::Unknown("503 slow down".to_owned()),
        };
        let route = weather.route(&self.rng, fate, Create::Unknown("no answer".to_owned()), refused);
        let (shared, actor, at) = (Rc::clone(&self.shared), self.actor, key.to_owned());
        if fate != Fate::Fine {
            shared.net.tell(|| format!("{} creates {key}: {fate:?}", shared.net.name(actor)));
        }
        let effect = move || {
            let created = shared.objects.create(&at, bytes.clone()).now_or_never().expect("memory answers at once");
            let won = created == Create::Created;
            if won {
                shared.landed(actor, &at, &bytes);
            }
            (created, won)
        };
        self.shared.net.send(self.actor, lies_ms, route, effect).await
    }

    async fn read(&self, key: &str) -> Result<Option<Bytes>, LogError> {
        let at = key.to_owned();
        let find = move |shared: &Shared| shared.objects.read(&at).now_or_never().expect("memory answers at once");
        self.ask(key, env_of_key(key), find).await
    }

    async fn first(&self, prefix: &str) -> Result<Option<String>, LogError> {
        let from = prefix.to_owned();
        let find = move |shared: &Shared| shared.objects.first(&from).now_or_never().expect("memory answers at once");
        let first = self.ask(prefix, env_of_key(prefix), find).await;
        // What a process looked at is what it was answered, not what was read for an answer that got lost.
        if let (Ok(Some(key)), Some(env)) = (&first, env_of_key(prefix)) {
            self.shared.truth.borrow_mut().saw_head(self.actor, env, key);
        }
        first
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let from = prefix.to_owned();
        let find = move |shared: &Shared| shared.objects.list(&from).now_or_never().expect("memory answers at once");
        self.ask(prefix, env_of_key(prefix), find).await
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let from = prefix.to_owned();
        let find = move |shared: &Shared| shared.objects.folders(&from).now_or_never().expect("memory answers at once");
        self.ask(prefix, env_of_key(prefix), find).await
    }

    fn describe(&self) -> String {
        "the simulated store".to_owned()
    }
}
