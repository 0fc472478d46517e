//! The ledger over stores that fail, race and lie: a rig with scripted faults, and the suites that use it.

mod append;
mod conformance;
mod folder;
mod head;
mod open;
mod race;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3")]
mod s3_server;
mod seen;
mod verify;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tiers_core::id::DeploymentId;
use tiers_core::record::{Actor, Record, Stream};
use tiers_engine::ledger::{Append, Draft, Head, Ledger, MemoryLog};
use tiers_engine::port::clock::Clock;
use tiers_engine::port::ids::Ids;
use tiers_engine::port::log::{Create, Log, LogError, Refusal};
use tiers_engine::port::seen::SeenInMemory;

/// Time moves when somebody sleeps; what was slept is kept.
#[derive(Default)]
pub struct TestClock {
    pub slept_ms: RefCell<Vec<u64>>,
}

#[async_trait(?Send)]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let ms = 1_790_000_000_000 + self.slept_ms.borrow().iter().sum::<u64>();
        Timestamp::from_millisecond(i64::try_from(ms).expect("small")).expect("in range")
    }

    async fn sleep_ms(&self, ms: u64) {
        self.slept_ms.borrow_mut().push(ms);
    }
}

/// Nonces that name their writer and count.
pub struct TestIds {
    writer: &'static str,
    drawn: Cell<u64>,
}

impl Ids for TestIds {
    fn nonce(&self) -> String {
        self.drawn.set(self.drawn.get() + 1);
        format!("{}-{}", self.writer, self.drawn.get())
    }

    fn deployment(&self, _now: Timestamp) -> DeploymentId {
        DeploymentId(format!("d-{}", self.nonce()))
    }
}

/// What happens to one create.
#[derive(Clone, Debug)]
pub enum OnCreate {
    Pass,
    /// It takes effect, and the answer is lost: a timeout, or a 5xx that succeeded.
    LostAfter,
    /// It never arrives, and no answer comes.
    LostBefore,
    /// No answer, and it arrives after so many more calls.
    Late(u32),
    /// "Exists", though nothing is there yet: S3's 409.
    Conflict,
    Refuse(Refusal),
    /// Somebody else's object lands just before.
    Rival(Bytes),
}

/// A log in memory with a script of faults; without one it has none.
#[derive(Default)]
pub struct FaultyLog {
    pub inner: MemoryLog,
    pub on_create: RefCell<VecDeque<OnCreate>>,
    pub on_read: RefCell<VecDeque<Option<LogError>>>,
    /// Every create that was sent.
    pub sent: RefCell<Vec<(String, Bytes)>>,
    pub reads: Cell<u32>,
    pub firsts: Cell<u32>,
    late: RefCell<Vec<(u32, String, Bytes)>>,
}

impl FaultyLog {
    pub fn script(&self, faults: impl IntoIterator<Item = OnCreate>) {
        self.on_create.borrow_mut().extend(faults);
    }

    pub fn fail_reads(&self, faults: impl IntoIterator<Item = LogError>) {
        self.on_read.borrow_mut().extend(faults.into_iter().map(Some));
    }

    async fn land(&self, key: &str, bytes: &Bytes) -> Create {
        self.inner.create(key, bytes.clone()).await
    }

    async fn tick(&self) {
        let mut late = std::mem::take(&mut *self.late.borrow_mut());
        for (calls, key, bytes) in &mut late {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                self.land(key, bytes).await;
            }
        }
        late.retain(|(calls, _, _)| *calls > 0);
        self.late.borrow_mut().append(&mut late);
    }
}

#[async_trait(?Send)]
impl Log for FaultyLog {
    async fn create(&self, key: &str, bytes: Bytes) -> Create {
        self.tick().await;
        self.sent.borrow_mut().push((key.to_owned(), bytes.clone()));
        let fault = self.on_create.borrow_mut().pop_front().unwrap_or(OnCreate::Pass);
        match fault {
            OnCreate::Pass => self.land(key, &bytes).await,
            OnCreate::LostAfter => {
                self.land(key, &bytes).await;
                Create::Unknown("the answer was lost".to_owned())
            }
            OnCreate::LostBefore => Create::Unknown("no answer came".to_owned()),
            OnCreate::Late(calls) => {
                self.late.borrow_mut().push((calls, key.to_owned(), bytes));
                Create::Unknown("no answer came in time".to_owned())
            }
            OnCreate::Conflict => Create::Exists,
            OnCreate::Refuse(refusal) => Create::Refused(refusal),
            OnCreate::Rival(other) => {
                self.land(key, &other).await;
                self.land(key, &bytes).await
            }
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Bytes>, LogError> {
        self.tick().await;
        self.reads.set(self.reads.get() + 1);
        let fault = self.on_read.borrow_mut().pop_front().flatten();
        match fault {
            Some(error) => Err(error),
            None => self.inner.read(key).await,
        }
    }

    async fn first(&self, prefix: &str) -> Result<Option<String>, LogError> {
        self.tick().await;
        self.firsts.set(self.firsts.get() + 1);
        self.inner.first(prefix).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        self.inner.list(prefix).await
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        self.inner.folders(prefix).await
    }

    fn describe(&self) -> String {
        "a log with faults".to_owned()
    }
}

/// One writer's view of a log.
pub struct Writer {
    pub ledger: Ledger,
    pub clock: Rc<TestClock>,
}

/// A writer with its own identities and its own memory of heads, over a log that it may share with others.
pub async fn writer(log: Rc<dyn Log>, name: &'static str) -> Writer {
    let clock = Rc::new(TestClock::default());
    let seen = Rc::new(SeenInMemory::default());
    let ids = Rc::new(TestIds { writer: name, drawn: Cell::new(0) });
    let ledger = Ledger::init(log, clock.clone(), ids, seen, actor(name)).await.expect("the genesis meets no fault");
    Writer { ledger, clock }
}

pub fn actor(name: &str) -> Actor {
    Actor { who: name.to_owned(), host: "test".to_owned(), via: "tiers test".to_owned() }
}

pub fn stream() -> Stream {
    "prod/app".parse().expect("well formed")
}

/// The fold of these tests: the summary adds up what the events add.
pub fn fold(state: &Value, record: &Record) -> Result<Value, String> {
    let add = record.event["add"].as_i64().ok_or("the event adds nothing")?;
    Ok(json!({ "sum": state["sum"].as_i64().unwrap_or(0) + add }))
}

pub fn draft(after: Option<&Head>, add: i64) -> Draft {
    let sum = after.map_or(0, |head| head.record.state["sum"].as_i64().expect("a number"));
    Draft {
        at: Timestamp::from_millisecond(1_790_000_000_000).expect("in range"),
        actor: actor("erika"),
        deployment: Some(DeploymentId("d-1".to_owned())),
        epoch: 0,
        event: json!({ "add": add }),
        state: json!({ "sum": sum + add }),
    }
}

/// Appends that must succeed; returns the heads, the oldest first.
pub async fn fill(ledger: &Ledger, stream: &Stream, count: i64) -> Vec<Head> {
    let mut heads: Vec<Head> = Vec::new();
    let mut after = ledger.head(stream).await.expect("a readable stream");
    for add in 1..=count {
        match ledger.append(stream, after.as_ref(), draft(after.as_ref(), add)).await {
            Ok(Append::Created(head)) => {
                after = Some(head.clone());
                heads.push(head);
            }
            other => panic!("append {add} ended as {other:?}"),
        }
    }
    heads
}

/// Runs a future that waits for nothing but this thread.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}
