//! One invocation from its event to its answer: a process is found or started, given the event, and what happened is logged
//! and said in Lambda's words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tiers_lambda::model::{ModelError, Place, Resolved};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::census::Census;
use super::images::Images;
use super::pool::{Concurrency, Pool, Running};
use super::process::{Ending, Process, Starter};
use super::program::Program;
use super::runtime_api::Event;
use super::spawn::Spawner;
use super::version::{FunctionKey, VersionSpec};
use super::wording::{self, Outcome, Report, refused};
use crate::logs::{LogBook, LogFile};
use crate::state::Folder;
use crate::{HostConfig, ProcessStatus};

/// Runs functions.
pub(crate) struct Runner {
    pub images: Arc<Images>,
    logs: Arc<LogBook>,
    starter: Starter,
    pool: Pool,
    concurrency: Arc<Concurrency>,
    /// One for each process that this host may have.
    slots: Arc<Semaphore>,
    init_timeout: Duration,
    idle: Duration,
}

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub request_id: String,
    pub payload: Bytes,
    /// Base64, for the function.
    pub client_context: Option<String>,
}

/// A started invocation holds its share of the function's concurrency.
pub(crate) struct Admitted {
    spec: Arc<VersionSpec>,
    invoked_arn: String,
    _running: Running,
}

/// More fresh processes than this are not tried for one event.
const MOST_STARTS: u32 = 3;

impl Runner {
    /// To be called within a tokio runtime.
    pub fn new(
        config: &HostConfig,
        folder: &Folder,
        images: Arc<Images>,
        logs: Arc<LogBook>,
        spawner: Spawner,
    ) -> Runner {
        Runner {
            images,
            logs,
            starter: Starter { spawner, census: Census::default(), folder: folder.clone() },
            pool: Pool::default(),
            concurrency: Arc::default(),
            slots: Arc::new(Semaphore::new(config.max_processes)),
            init_timeout: Duration::from_millis(config.init_timeout_ms),
            idle: Duration::from_millis(config.idle_ms),
        }
    }

    pub fn processes(&self) -> Vec<ProcessStatus> {
        self.starter.census.list()
    }

    /// Stops processes that have been free for too long; to be called now and then.
    pub fn stop_idle(&self) {
        self.pool.drop_idle(self.idle);
    }

    /// Stops the free processes of a function that is gone.
    pub fn forget(&self, place: &Place, function: &str) {
        self.pool.drop_function(&FunctionKey { place: place.clone(), function: function.to_owned() });
    }

    /// Stops all free processes.
    pub fn stop_all(&self) {
        self.pool.clear();
    }

    /// Lets an invocation begin if the function's reserved concurrency allows.
    ///
    /// Errors: 429 with Reason `ReservedFunctionConcurrentInvocationLimitExceeded`.
    pub fn admit(&self, place: &Place, resolved: &Resolved) -> Result<Admitted, ModelError> {
        let spec = Arc::new(VersionSpec::new(place, resolved));
        let running = self.concurrency.begin(spec.key(), resolved.reserved_concurrency);
        let running = running.ok_or_else(|| ModelError::concurrency_exceeded(true))?;
        Ok(Admitted { spec, invoked_arn: resolved.invoked_arn.clone(), _running: running })
    }

    /// Runs it. To be awaited in a task of its own: an invocation goes on when its caller has gone.
    ///
    /// Errors: 429 with Reason `ConcurrentInvocationLimitExceeded` when every process this host may have is busy.
    pub async fn run(&self, admitted: Admitted, invocation: Invocation) -> Result<Outcome, ModelError> {
        let spec = &admitted.spec;
        let timeout = Duration::from_secs(u64::from(spec.settings.timeout_s));
        let log = self.logs.of(&spec.place, &spec.function, &spec.version);
        for _ in 0..MOST_STARTS {
            let (mut process, init) = match self.pool.take(spec) {
                Some(process) => (process, None),
                None => match self.start(spec, &log, &invocation.request_id, timeout).await? {
                    Ok((process, init)) => (process, Some(init)),
                    Err(outcome) => return Ok(outcome),
                },
            };
            process.capture.line(&format!("START RequestId: {} Version: {}", invocation.request_id, spec.version));
            let began = Instant::now();
            let ending = process.invoke(self.event(&admitted, &invocation, timeout), timeout).await;
            if matches!(ending, Ending::NotTaken) {
                process.capture.line(&format!("process {} ended while it was free; starting another", process.id));
                continue;
            }
            let report = Report { duration: began.elapsed(), init, peak_mb: process.peak_mb(), status: None };
            return Ok(self.finish(process, ending, &invocation.request_id, timeout, report));
        }
        let text = "the process ended before it took the event, three times in a row";
        Ok(refused(spec, &log, &invocation.request_id, "Runtime.ExitError", text))
    }

    fn event(&self, admitted: &Admitted, invocation: &Invocation, timeout: Duration) -> Event {
        let now = Timestamp::now();
        let deadline_ms = now.as_millisecond().saturating_add(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
        let trace = uuid::Uuid::new_v4().simple().to_string();
        let parent = &uuid::Uuid::new_v4().simple().to_string()[..16];
        Event {
            request_id: invocation.request_id.clone(),
            deadline_ms,
            invoked_arn: admitted.invoked_arn.clone(),
            trace_id: format!("Root=1-{:08x}-{};Parent={parent};Sampled=0", now.as_second(), &trace[..24]),
            client_context: invocation.client_context.clone(),
            payload: invocation.payload.clone(),
        }
    }

    /// Room for one more process, made by stopping a free one if need be.
    fn slot(&self) -> Result<OwnedSemaphorePermit, ModelError> {
        loop {
            if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
                return Ok(slot);
            }
            // Each round stops a process, and there are only so many.
            if !self.pool.drop_oldest() {
                return Err(ModelError::concurrency_exceeded(false));
            }
        }
    }

    /// A cold start. The inner error is the answer to the caller when the function can't start.
    async fn start(
        &self,
        spec: &Arc<VersionSpec>,
        log: &Arc<LogFile>,
        request_id: &str,
        timeout: Duration,
    ) -> Result<Result<(Process, Duration), Outcome>, ModelError> {
        let began = Instant::now();
        let slot = self.slot()?;
        let refuse = |kind: &str, text: &str| Ok(Err(refused(spec, log, request_id, kind, text)));
        let image = match self.images.get(&spec.digest).await {
            Ok(image) => image,
            Err(why) => return refuse("Runtime.InvalidImage", &why),
        };
        let program = match Program::find(&image.root, &image.config, &spec.settings) {
            Ok(program) => program,
            Err(problem) => return refuse("Runtime.InvalidEntrypoint", &problem.to_string()),
        };
        let started = Process::start(&self.starter, slot, Arc::clone(spec), &image, &program, Arc::clone(log));
        let mut process = match started.await {
            Ok(process) => process,
            Err(e) => return refuse("Runtime.InvalidEntrypoint", &e.to_string()),
        };
        process.capture.line(&format!("INIT_START Process: {} Image: {}", process.entry.pid, spec.digest));
        // Lambda gives the start 10 s of its own, and a second try within the function's time.
        match process.wait_until_ready(self.init_timeout + timeout).await {
            Ok(()) => Ok(Ok((process, began.elapsed()))),
            Err(ending) => {
                process.capture.line(&format!("START RequestId: {request_id} Version: {}", spec.version));
                let report = Report { duration: began.elapsed(), init: None, peak_mb: process.peak_mb(), status: None };
                Ok(Err(self.finish(process, ending, request_id, timeout, report)))
            }
        }
    }

    /// Writes the end of the invocation into its log, keeps or stops the process, and words the answer.
    fn finish(
        &self,
        process: Process,
        ending: Ending,
        request_id: &str,
        timeout: Duration,
        mut report: Report,
    ) -> Outcome {
        let reusable = matches!(ending, Ending::Response(_) | Ending::Failed(_) | Ending::TooLarge);
        let (failed, payload) = wording::words(&process, ending, request_id, timeout, &mut report);
        let capture = Arc::clone(&process.capture);
        let (version, memory_mb) = (process.spec.version.clone(), process.spec.settings.memory_mb);
        // A process that is of no more use goes first, so that its last words are in the pipe.
        let process = if reusable { Some(process) } else { None };
        capture.drain();
        capture.line(&format!("END RequestId: {request_id}"));
        capture.line(&report.line(request_id, memory_mb));
        let outcome = Outcome { version, failed, payload, log_tail: capture.tail() };
        // Only now may the next event begin its own log.
        if let Some(process) = process {
            self.pool.put(process);
        }
        outcome
    }
}
