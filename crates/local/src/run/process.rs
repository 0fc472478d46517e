//! One process of one version: started, given one event at a time, and killed with its group when it is let go of.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::AbortHandle;

use super::capture::Capture;
use super::census::{Census, Entry};
use super::environment::{self, ProcessFacts};
use super::images::Image;
use super::memory;
use super::program::Program;
use super::runtime_api::{Event, Report, RuntimeApi};
use super::spawn::{Spawner, kill_group};
use super::version::VersionSpec;
use crate::LocalError;
use crate::http;
use crate::logs::LogFile;
use crate::state::Folder;

/// After a process has ended, for an answer that it sent before.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// How an event, or the start before it, ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Response(Bytes),
    /// The function reported an error; the process goes on.
    Failed(Bytes),
    /// The answer was larger than 6 MB; the process goes on.
    TooLarge,
    /// The process reported that it can't start.
    InitFailed(Bytes),
    TimedOut,
    OutOfMemory,
    Exited(ExitStatus),
    /// The process was gone before it took the event: another one may be given it.
    NotTaken,
}

/// What every start needs of the host.
pub(crate) struct Starter {
    pub spawner: Spawner,
    pub census: Census,
    pub folder: Folder,
}

/// A living process.
pub(crate) struct Process {
    pub spec: Arc<VersionSpec>,
    /// 8 hexadecimal digits.
    pub id: String,
    pub capture: Arc<Capture>,
    pub entry: Arc<Entry>,
    /// When it last became free.
    pub free_since: Instant,
    pid: u32,
    child: Child,
    events: mpsc::Sender<Event>,
    reports: mpsc::UnboundedReceiver<Report>,
    /// It asked for an event and has not been given one.
    ready: bool,
    /// Until then it may still be busy with what it does after its last answer.
    deadline: tokio::time::Instant,
    tasks: [AbortHandle; 2],
    tmp: PathBuf,
    _slot: OwnedSemaphorePermit,
}

impl Process {
    /// Starts a process, which holds its slot for as long as it lives; it is not ready yet.
    ///
    /// Errors: whatever keeps the operating system from starting it.
    pub async fn start(
        starter: &Starter,
        slot: OwnedSemaphorePermit,
        spec: Arc<VersionSpec>,
        image: &Image,
        program: &Program,
        log: Arc<LogFile>,
    ) -> Result<Process, LocalError> {
        let id = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        let Starter { spawner, census, folder } = starter;
        let tmp = folder.tmp().join(&id);
        std::fs::create_dir_all(&tmp).map_err(LocalError::io("create the folder", &tmp))?;
        let cannot = LocalError::io("start", &program.path);
        let listener = http::listen(0, "the runtime interface").await?;
        let port = listener.local_addr().map_err(LocalError::io("listen for", &program.path))?.port();
        let facts = ProcessFacts {
            root: &image.root,
            runtime_api: format!("127.0.0.1:{port}"),
            process: &id,
            state: folder.root(),
            tmp: &tmp,
        };
        let variables = environment::variables(&image.config, program, &spec, &facts);
        let (output, command) =
            command(program, variables).map_err(LocalError::io("make a pipe for", &program.path))?;
        let child = spawner.spawn(command).await.map_err(cannot)?;
        let pid = child.id().unwrap_or_default();
        let (events, inbox) = mpsc::channel(1);
        let (outbox, reports) = mpsc::unbounded_channel();
        let api = Arc::new(RuntimeApi::new(inbox, outbox));
        let capture = Arc::new(Capture::new(output, log, id.clone()));
        let reader = Arc::clone(&capture);
        let tasks = [
            tokio::spawn(api.serve(listener)).abort_handle(),
            tokio::spawn(async move { reader.run().await }).abort_handle(),
        ];
        let entry = census.enter(pid, &spec.function, &spec.version);
        let now = tokio::time::Instant::now();
        Ok(Process {
            spec,
            id,
            capture,
            entry,
            free_since: Instant::now(),
            pid,
            child,
            events,
            reports,
            ready: false,
            deadline: now,
            tasks,
            tmp,
            _slot: slot,
        })
    }

    /// Waits until a fresh process asks for its first event.
    pub async fn wait_until_ready(&mut self, limit: Duration) -> Result<(), Ending> {
        let deadline = tokio::time::Instant::now() + limit;
        self.until_ready(deadline).await
    }

    /// Gives it an event and waits for how that ends. After an ending that is neither `Response`, `Failed` nor `TooLarge` the
    /// process is of no more use.
    pub async fn invoke(&mut self, event: Event, timeout: Duration) -> Ending {
        if !self.ready {
            // Still at what it does after its last answer, for as long as that invocation had; the new event's own time begins
            // when it is free.
            if self.until_ready(self.deadline).await.is_err() {
                return Ending::NotTaken;
            }
        }
        self.ready = false;
        let request_id = event.request_id.clone();
        let deadline = tokio::time::Instant::now() + timeout;
        self.deadline = deadline;
        if self.events.send(event).await.is_err() {
            return Ending::NotTaken;
        }
        let mut taken = false;
        loop {
            let ending = match self.next_report(deadline).await {
                Ok(Report::Taken) => {
                    taken = true;
                    continue;
                }
                Ok(Report::Ready) => continue,
                Ok(Report::Response { request_id: id, payload }) if id == request_id => Ending::Response(payload),
                Ok(Report::Failed { request_id: id, payload }) if id == request_id => Ending::Failed(payload),
                Ok(Report::TooLarge { request_id: id }) if id == request_id => Ending::TooLarge,
                // Of an event that is over; the runtime interface lets none of these through.
                Ok(Report::Response { .. } | Report::Failed { .. } | Report::TooLarge { .. }) => continue,
                Ok(Report::InitFailed { payload }) => Ending::InitFailed(payload),
                Err(Ending::Exited(_)) if !taken => Ending::NotTaken,
                Err(ending) => ending,
            };
            self.entry.invocations.fetch_add(1, Ordering::Relaxed);
            self.free_since = Instant::now();
            return ending;
        }
    }

    async fn until_ready(&mut self, deadline: tokio::time::Instant) -> Result<(), Ending> {
        loop {
            match self.next_report(deadline).await? {
                Report::Ready => {
                    self.ready = true;
                    return Ok(());
                }
                Report::InitFailed { payload } => return Err(Ending::InitFailed(payload)),
                _ => {}
            }
        }
    }

    /// The next thing that the process says, or the end of waiting: it exited, holds too much memory, or its time is up.
    async fn next_report(&mut self, deadline: tokio::time::Instant) -> Result<Report, Ending> {
        let limit_kb = u64::from(self.spec.settings.memory_mb) * 1024;
        loop {
            let look = tokio::time::sleep(memory::LOOK_EVERY);
            tokio::select! {
                biased;
                Some(report) = self.reports.recv() => return Ok(report),
                status = self.child.wait() => {
                    // What it said before it went may still be on its way through the socket.
                    let last = tokio::time::timeout(LAST_WORDS, self.reports.recv()).await;
                    return match last {
                        Ok(Some(report)) => Ok(report),
                        _ => Err(status.map_or(Ending::NotTaken, Ending::Exited)),
                    };
                }
                () = tokio::time::sleep_until(deadline) => return Err(Ending::TimedOut),
                () = look => {
                    if limit_kb > 0 && memory::resident_kb(self.pid) > limit_kb {
                        return Err(Ending::OutOfMemory);
                    }
                }
            }
        }
    }

    /// Whether it is still there. A process that ended while nobody looked is found out here.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The most memory it ever held, in MB, rounded up.
    pub fn peak_mb(&self) -> u64 {
        memory::peak_kb(self.pid).div_ceil(1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        kill_group(self.pid);
        for task in &self.tasks {
            task.abort();
        }
        // What can't be removed now goes when the folder is opened the next time.
        let _ = std::fs::remove_dir_all(&self.tmp);
    }
}

/// The command, and the reading end of the pipe that both its outputs share.
fn command(
    program: &Program,
    variables: impl IntoIterator<Item = (String, String)>,
) -> io::Result<(pipe::Receiver, Command)> {
    let (reader, writer) = io::pipe()?;
    let receiver = pipe::Receiver::from_owned_fd(reader.into())?;
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .current_dir(&program.directory)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    Ok((receiver, command))
}

/// As Lambda words it: `exit status 1`, `signal: killed`.
pub(crate) fn exit_text(status: ExitStatus) -> String {
    const NAMES: [(i32, &str); 7] = [
        (4, "illegal instruction"),
        (6, "aborted"),
        (7, "bus error"),
        (8, "floating point exception"),
        (9, "killed"),
        (11, "segmentation fault"),
        (15, "terminated"),
    ];
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => {
            let name = NAMES.iter().find(|(number, _)| *number == signal).map(|(_, name)| (*name).to_owned());
            format!("signal: {}", name.unwrap_or_else(|| signal.to_string()))
        }
        (None, None) => "no reason given".to_owned(),
    }
}
