//! A way to die, or to stand still, at a chosen point: for the crash tests of the real binary, and for the demo's own crash.
//!
//! `TIERS_TRIPWIRE=kill:N` ends this process as `kill -9` would at the N-th point, `stop:N` stops it as SIGSTOP would until it is
//! woken, `term:N` and `int:N` ask it to end. From `full:N` on the disk that holds the ledger is full. Points are counted before and after every append to a folder ledger and every changing call to the local host; the
//! variable has no effect anywhere else, so no deployment into an account can trip over it. `TIERS_TRIPWIRE_COUNT=FILE` writes the
//! number of points passed, so that a test knows how many there are.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::process::Signal;
use tiers_engine::ledger::ObjectLog;
use tiers_engine::port::log::{Create, Log, LogError, Refusal};
use tiers_lambda::api::{
    Alias, AliasWrite, ApiError, Caller, Function, Invocation, LambdaApi, NewFunction, Qualifier, Settings,
};

static PASSED: AtomicU32 = AtomicU32::new(0);

/// What happens at the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wire {
    at: u32,
    hit: Hit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hit {
    Signal(Signal),
    /// No append succeeds from here on.
    FullDisk,
}

fn wire() -> Option<Wire> {
    let text = std::env::var("TIERS_TRIPWIRE").ok()?;
    let (what, at) = text.split_once(':')?;
    let hit = match what {
        "kill" => Hit::Signal(Signal::KILL),
        "stop" => Hit::Signal(Signal::STOP),
        "term" => Hit::Signal(Signal::TERM),
        "int" => Hit::Signal(Signal::INT),
        "full" => Hit::FullDisk,
        _ => return None,
    };
    Some(Wire { at: at.parse().ok()?, hit })
}

/// One point.
fn pass() {
    let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(file) = std::env::var_os("TIERS_TRIPWIRE_COUNT") {
        // Only a test reads it, and it notices a count that is not there.
        let _ = std::fs::write(file, number.to_string());
    }
    if let Some(Wire { at, hit: Hit::Signal(signal) }) = wire()
        && at == number
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    }
}

/// True from the point on at which the disk is full.
fn is_full() -> bool {
    let passed = PASSED.load(Ordering::SeqCst);
    wire().is_some_and(|wire| wire.hit == Hit::FullDisk && wire.at <= passed)
}

fn is_set() -> bool {
    std::env::var_os("TIERS_TRIPWIRE").is_some() || std::env::var_os("TIERS_TRIPWIRE_COUNT").is_some()
}

/// A folder's log with points around its appends.
pub struct WiredLog {
    log: ObjectLog,
    on: bool,
}

/// A folder's log, wired if a test asked for it.
pub fn log(log: ObjectLog) -> WiredLog {
    WiredLog { log, on: is_set() }
}

#[async_trait(?Send)]
impl Log for WiredLog {
    async fn create(&self, key: &str, bytes: Bytes) -> Create {
        if !self.on {
            return self.log.create(key, bytes).await;
        }
        pass();
        if is_full() {
            // What a folder answers then: see the tests with a file system that is really full.
            return Create::Refused(Refusal::Full("no space left on device".to_owned()));
        }
        let created = self.log.create(key, bytes).await;
        pass();
        created
    }
    async fn read(&self, key: &str) -> Result<Option<Bytes>, LogError> {
        self.log.read(key).await
    }
    async fn first(&self, prefix: &str) -> Result<Option<String>, LogError> {
        self.log.first(prefix).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        self.log.list(prefix).await
    }
    async fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        self.log.folders(prefix).await
    }
    fn describe(&self) -> String {
        self.log.describe()
    }
}

/// The local host's API with points around what a deployment changes.
pub struct WiredApi<A> {
    api: A,
    on: bool,
}

/// The local host's API, wired if a test asked for it.
pub fn api<A: LambdaApi>(api: A) -> WiredApi<A> {
    WiredApi { api, on: is_set() }
}

impl<A: LambdaApi> WiredApi<A> {
    async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        if !self.on {
            return call.await;
        }
        pass();
        let answer = call.await;
        pass();
        answer
    }
}

#[async_trait(?Send)]
impl<A: LambdaApi> LambdaApi for WiredApi<A> {
    async fn caller(&self) -> Result<Caller, ApiError> {
        self.api.caller().await
    }
    fn region(&self) -> String {
        self.api.region()
    }
    async fn get_function(&self, name: &str, qualifier: &Qualifier) -> Result<Function, ApiError> {
        self.api.get_function(name, qualifier).await
    }
    async fn update_code(&self, name: &str, image_uri: &str, revision: &str) -> Result<Function, ApiError> {
        self.around(self.api.update_code(name, image_uri, revision)).await
    }
    async fn publish(&self, name: &str, sha: &str, revision: &str, description: &str) -> Result<Function, ApiError> {
        self.around(self.api.publish(name, sha, revision, description)).await
    }
    async fn list_versions(&self, name: &str) -> Result<Vec<Function>, ApiError> {
        self.api.list_versions(name).await
    }
    async fn get_alias(&self, name: &str, alias: &str) -> Result<Alias, ApiError> {
        self.api.get_alias(name, alias).await
    }
    async fn update_alias(&self, name: &str, alias: &str, to: &AliasWrite, revision: &str) -> Result<Alias, ApiError> {
        self.around(self.api.update_alias(name, alias, to, revision)).await
    }
    async fn invoke(&self, name: &str, qualifier: &Qualifier, payload: &[u8]) -> Result<Invocation, ApiError> {
        self.api.invoke(name, qualifier, payload).await
    }
    async fn create_function(&self, new: &NewFunction) -> Result<Function, ApiError> {
        self.api.create_function(new).await
    }
    async fn update_settings(&self, name: &str, settings: &Settings, revision: &str) -> Result<Function, ApiError> {
        self.api.update_settings(name, settings, revision).await
    }
    async fn create_alias(&self, name: &str, alias: &str, write: &AliasWrite) -> Result<Alias, ApiError> {
        self.api.create_alias(name, alias, write).await
    }
    async fn put_concurrency(&self, name: &str, reserved: u32) -> Result<(), ApiError> {
        self.api.put_concurrency(name, reserved).await
    }
    async fn tag(&self, arn: &str, tags: &std::collections::BTreeMap<String, String>) -> Result<(), ApiError> {
        self.api.tag(arn, tags).await
    }
    async fn delete_version(&self, name: &str, version: &str) -> Result<(), ApiError> {
        self.api.delete_version(name, version).await
    }
}
