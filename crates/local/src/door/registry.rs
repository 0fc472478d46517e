//! Which doors are open, and how they are opened, changed and closed without dropping a request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde_json::json;
use tiers_lambda::model::Place;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::{Door, Setting};
use crate::config::{is_account, is_region};
use crate::invoker::Invoker;
use crate::{Environment, EnvironmentStatus, HostConfig, LocalError, http};

/// Where environments stand among the host's settings.
const PREFIX: &str = "environment/";

/// All doors of a host.
pub(crate) struct Doors {
    invoker: Arc<Invoker>,
    account: String,
    region: String,
    timeout: Duration,
    drain: Duration,
    open: Mutex<BTreeMap<String, Entry>>,
}

/// An environment, with its door if that is open.
struct Entry {
    environment: Environment,
    state: Result<Open, String>,
}

struct Open {
    door: Arc<Door>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Doors {
    pub fn new(invoker: Arc<Invoker>, config: &HostConfig) -> Doors {
        Doors {
            invoker,
            account: config.account.clone(),
            region: config.region.clone(),
            timeout: Duration::from_millis(config.door_timeout_ms),
            drain: Duration::from_millis(config.drain_ms),
            open: Mutex::default(),
        }
    }

    /// Opens the doors that the host had. One that can't be opened (its port is taken now) stays closed and says so in
    /// `status`; the others open.
    ///
    /// Errors: [`LocalError::Invalid`] for a stored environment that does not read.
    pub async fn open_stored(&self) -> Result<(), LocalError> {
        for (name, value) in self.invoker.models.settings(PREFIX) {
            let environment: Environment = serde_json::from_value(value)
                .map_err(|e| LocalError::Invalid(format!("the stored environment `{name}` does not read: {e}")))?;
            let state = match listen(&environment).await {
                Ok(listener) => Ok(self.start(listener, &environment)),
                Err(e) => Err(e.to_string()),
            };
            self.open.lock().await.insert(name, Entry { environment, state });
        }
        Ok(())
    }

    /// Sets an environment up, or changes it. Its door keeps its connections unless its port changes, and then requests in
    /// flight are finished on the old one.
    ///
    /// Errors: [`LocalError::Invalid`], [`LocalError::PortTaken`], and those of the store. Nothing was changed then.
    pub async fn put(&self, mut environment: Environment) -> Result<EnvironmentStatus, LocalError> {
        check(&environment)?;
        let mut open = self.open.lock().await;
        let before = open.get(&environment.name);
        let old_port = before.map(|entry| entry.environment.port);
        if environment.port == 0 {
            environment.port = old_port.unwrap_or_default();
        }
        let keep = old_port == Some(environment.port) && before.is_some_and(|entry| entry.state.is_ok());
        let listener = if keep { None } else { Some(listen(&environment).await?) };
        if let Some(listener) = &listener {
            environment.port = listener.local_addr().map_err(|e| LocalError::Connection(e.to_string()))?.port();
        }
        let models = Arc::clone(&self.invoker.models);
        let (name, value) = (format!("{PREFIX}{}", environment.name), json!(environment));
        let stored = tokio::task::spawn_blocking(move || models.put_setting(&name, Some(value))).await;
        stored.map_err(|e| LocalError::Connection(e.to_string()))??;
        let name = environment.name.clone();
        if let Some(listener) = listener {
            let state = Ok(self.start(listener, &environment));
            let old = open.insert(name.clone(), Entry { environment, state });
            if let Some(Entry { state: Ok(old), .. }) = old {
                // It drains by itself.
                let _ = old.stop.send(true);
            }
        } else if let Some(Entry { environment: held, state: Ok(running) }) = open.get_mut(&name) {
            running.door.change(self.setting(&environment));
            *held = environment;
        }
        Ok(open.get(&name).map(Entry::status).expect("inserted or changed above"))
    }

    /// Takes an environment away. False when there is none of this name.
    ///
    /// Errors: those of the store.
    pub async fn remove(&self, name: &str) -> Result<bool, LocalError> {
        let mut open = self.open.lock().await;
        if !open.contains_key(name) {
            return Ok(false);
        }
        let models = Arc::clone(&self.invoker.models);
        let key = format!("{PREFIX}{name}");
        let stored = tokio::task::spawn_blocking(move || models.put_setting(&key, None)).await;
        stored.map_err(|e| LocalError::Connection(e.to_string()))??;
        if let Some(Entry { state: Ok(running), .. }) = open.remove(name) {
            let _ = running.stop.send(true);
        }
        Ok(true)
    }

    pub async fn status(&self) -> Vec<EnvironmentStatus> {
        self.open.lock().await.values().map(Entry::status).collect()
    }

    /// Closes all doors and waits for the requests in flight, as long as the host drains.
    pub async fn close(&self) {
        let entries = std::mem::take(&mut *self.open.lock().await);
        let running: Vec<Open> = entries.into_values().filter_map(|entry| entry.state.ok()).collect();
        for open in &running {
            let _ = open.stop.send(true);
        }
        for open in running {
            let _ = open.task.await;
        }
    }

    fn setting(&self, environment: &Environment) -> Setting {
        let account = environment.account.clone().unwrap_or_else(|| self.account.clone());
        let region = environment.region.clone().unwrap_or_else(|| self.region.clone());
        Setting::new(environment.clone(), Place { account, region })
    }

    fn start(&self, listener: TcpListener, environment: &Environment) -> Open {
        let door = Arc::new(Door {
            invoker: Arc::clone(&self.invoker),
            port: environment.port,
            timeout: self.timeout,
            setting: RwLock::new(Arc::new(self.setting(environment))),
            requests: AtomicU64::new(0),
            limited: AtomicU64::new(0),
        });
        let (stop, mut stopped) = watch::channel(false);
        let serving = Arc::clone(&door);
        let drain = self.drain;
        let task = tokio::spawn(async move {
            let stop = async move {
                // An error means that the registry is gone, and with it the reason to be open.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            http::serve(listener, drain, stop, move |request, peer| {
                let door = Arc::clone(&serving);
                async move { door.answer(request, peer).await }
            })
            .await;
        });
        Open { door, stop, task }
    }
}

impl Entry {
    fn status(&self) -> EnvironmentStatus {
        let environment = self.environment.clone();
        match &self.state {
            Ok(open) => EnvironmentStatus {
                url: Some(format!("http://127.0.0.1:{}", open.door.port)),
                problem: None,
                requests: open.door.requests.load(Ordering::Relaxed),
                limited: open.door.limited.load(Ordering::Relaxed),
                environment,
            },
            Err(problem) => {
                EnvironmentStatus { url: None, problem: Some(problem.clone()), requests: 0, limited: 0, environment }
            }
        }
    }
}

async fn listen(environment: &Environment) -> Result<TcpListener, LocalError> {
    http::listen(environment.port, &format!("the door of environment {}", environment.name)).await
}

/// What an environment must be to make sense.
fn check(environment: &Environment) -> Result<(), LocalError> {
    let Environment { name, account, region, rate_limit_per_s, burst, routes, .. } = environment;
    let wrong = |why: String| Err(LocalError::Invalid(format!("environment `{name}`: {why}")));
    if !tiers_core::id::is_well_formed(name) {
        return wrong("a name has lower-case letters, digits and single hyphens, at most 40".to_owned());
    }
    if let Some(account) = account.as_ref().filter(|account| !is_account(account)) {
        return wrong(format!("account `{account}` has not 12 digits"));
    }
    if let Some(region) = region.as_ref().filter(|region| !is_region(region)) {
        return wrong(format!("`{region}` is not a region"));
    }
    if rate_limit_per_s.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return wrong("rate_limit_per_s has to be above 0; leave it out for no limit".to_owned());
    }
    if *burst == Some(0) {
        return wrong("burst has to be at least 1".to_owned());
    }
    for route in routes {
        if !route.prefix.starts_with('/') {
            return wrong(format!("the route's prefix `{}` does not begin with /", route.prefix));
        }
        if route.function.is_empty() || route.alias.is_empty() {
            return wrong(format!("the route `{}` names no function or no alias", route.prefix));
        }
    }
    Ok(())
}
