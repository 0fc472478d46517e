//! The `Runner` over real processes.

use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tiers_core::redact::Redactor;
use tiers_engine::port::runner::{How, Job, JobEnd, Output, RunError, Runner};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until};

use super::capture::Capture;
use super::environment;
use super::family::{Family, Guard, Mark};
use super::program;

/// Between asking a job to end and ending it.
const GRACE: Duration = Duration::from_secs(2);

/// The same, when we are gone and cannot do it ourselves.
const GUARD_GRACE_S: u32 = 2;

/// How long the output of a job that is over is still read: what it wrote is in the pipe already, and a daemon that kept the
/// pipe open must not keep us.
const DRAIN: Duration = Duration::from_millis(200);

/// How long a killed process may take to be gone; one in uninterruptible sleep may take longer, and is left to the system.
const GONE: Duration = Duration::from_secs(2);

/// Runs jobs as processes of this machine. Needs a tokio runtime with I/O and time (one thread is enough) and `/bin/sh`.
///
/// A job leads a process group of its own, reads nothing from standard input, writes standard output and standard error into
/// one pipe (so their order is kept), and sees only the variables of [`INHERITED`](super::INHERITED), those of `also`, and its
/// own. At its deadline the group gets `SIGTERM`, two seconds later `SIGKILL`, together with every process that carries the
/// job's mark `TIERS_JOB`. When it ended by itself, what is left of its group is ended. When the future is dropped, or this
/// process dies, the group is ended too.
#[derive(Clone, Debug, Default)]
pub struct SystemRunner {
    redactor: Redactor,
    also: Vec<String>,
    grace: Option<Duration>,
}

impl SystemRunner {
    /// With the secrets that must not appear in any output.
    pub fn new(redactor: Redactor) -> SystemRunner {
        SystemRunner { redactor, ..SystemRunner::default() }
    }

    /// Names of further variables that jobs inherit from us.
    pub fn also<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> SystemRunner {
        self.also.extend(names.into_iter().map(Into::into));
        self
    }

    /// Another grace than two seconds between `SIGTERM` and `SIGKILL`: Terraform, say, needs time to write its state.
    pub fn grace_ms(mut self, grace_ms: u64) -> SystemRunner {
        self.grace = Some(Duration::from_millis(grace_ms));
        self
    }

    async fn start(&self, job: &Job) -> Result<(Child, Receiver, Family), RunError> {
        // Absolute, since a relative program would otherwise be looked for below the folder twice.
        let cwd = std::path::absolute(&job.cwd).map_err(|error| bad_folder(job, &error.to_string()))?;
        match cwd.metadata() {
            Ok(about) if about.is_dir() => {}
            Ok(_) => return Err(bad_folder(job, "it is no folder")),
            Err(error) => return Err(bad_folder(job, &error.to_string())),
        }
        let variables = environment::build(&self.also, &job.env);
        let search = variables.get(std::ffi::OsStr::new("PATH")).cloned().unwrap_or_default();
        let file = program::find(&job.program, &cwd, &search)?;
        let failed = |what: &str, error: io::Error| RunError::Spawn {
            program: job.program.clone(),
            cause: format!("{what}: {error}"),
        };
        let mark = Mark::new();
        let guard = Guard::start(GUARD_GRACE_S).map_err(|error| failed("its guard, /bin/sh", error))?;
        let (read, write) = io::pipe().map_err(|error| failed("its output pipe", error))?;
        let read = Receiver::from_owned_fd(read.into()).map_err(|error| failed("its output pipe", error))?;
        let (name, value) = mark.variable();
        let mut command = Command::new(&file);
        command
            .args(&job.args)
            .current_dir(&cwd)
            .env_clear()
            .envs(&variables)
            .env(name, value)
            .stdin(Stdio::null())
            .stdout(write.try_clone().map_err(|error| failed("its output pipe", error))?)
            .stderr(write)
            .process_group(0)
            .kill_on_drop(true);
        let child = spawn(&mut command).await.map_err(|error| program::spawn_error(&job.program, &file, &error))?;
        // The command holds our copies of the pipe's writing end; with them open the output would have no end.
        drop(command);
        let leader = child.id().ok_or_else(|| failed("its process id", io::ErrorKind::NotFound.into()))?;
        let family = Family::new(leader, mark, guard).map_err(|error| failed("its guard, /bin/sh", error))?;
        Ok((child, read, family))
    }
}

/// A file that was written a moment ago is "busy" while a process that some thread forked meanwhile still holds the writer's
/// descriptor, up to its exec; that passes by itself.
async fn spawn(command: &mut Command) -> io::Result<Child> {
    const TRIES: usize = 20;
    for _ in 1..TRIES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            settled => return settled,
        }
    }
    command.spawn()
}

#[async_trait(?Send)]
impl Runner for SystemRunner {
    async fn run(&self, job: Job) -> Result<JobEnd, RunError> {
        let started = Instant::now();
        let (child, pipe, family) = self.start(&job).await?;
        let capture = Capture::new(job.output_limit_bytes, &self.redactor);
        let deadline = started + Duration::from_millis(job.timeout_ms);
        let running = Running { child, family, output: Reading { pipe: Some(pipe), capture } };
        let (how, output) = running.finish(deadline, self.grace.unwrap_or(GRACE)).await.map_err(|error| {
            RunError::Spawn { program: job.program.clone(), cause: format!("waiting for it: {error}") }
        })?;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(JobEnd { how, output, duration_ms })
    }
}

struct Running {
    child: Child,
    family: Family,
    output: Reading,
}

impl Running {
    async fn finish(mut self, deadline: Instant, grace: Duration) -> io::Result<(How, Output)> {
        let how = match self.wait_until(deadline).await? {
            Some(how) => {
                self.family.sweep();
                how
            }
            None => {
                self.family.ask_to_end();
                let asked = self.wait_until(Instant::now() + grace).await;
                self.family.end();
                if asked?.is_none() {
                    self.wait_until(Instant::now() + GONE).await?;
                }
                How::TimedOut
            }
        };
        self.output.read_until(Instant::now() + DRAIN).await;
        Ok((how, self.output.capture.finish()))
    }

    /// Reads output while the child runs; `None` when the time is over first.
    async fn wait_until(&mut self, end: Instant) -> io::Result<Option<How>> {
        let mut over = pin!(sleep_until(end));
        loop {
            tokio::select! {
                // The child's end comes first: a job that made it just in time is not timed out.
                biased;
                status = self.child.wait() => return status.map(|status| Some(how(status))),
                () = &mut over => return Ok(None),
                () = self.output.read_once() => {}
            }
        }
    }
}

struct Reading {
    /// `None` once the output has ended.
    pipe: Option<Receiver>,
    capture: Capture,
}

impl Reading {
    /// Takes what there is; waits for ever when there will be no more.
    async fn read_once(&mut self) {
        let Some(pipe) = &mut self.pipe else { return std::future::pending().await };
        let mut buffer = [0; 16 * 1024];
        match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => self.pipe = None,
            Ok(count) => self.capture.push(&buffer[..count]),
        }
    }

    async fn read_until(&mut self, end: Instant) {
        let mut over = pin!(sleep_until(end));
        while self.pipe.is_some() {
            tokio::select! {
                biased;
                () = &mut over => return,
                () = self.read_once() => {}
            }
        }
    }
}

fn how(status: std::process::ExitStatus) -> How {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => How::Exited(code),
        (None, Some(signal)) => How::Signalled(signal),
        // Neither can't be: `wait` answers only for a process that has ended.
        (None, None) => How::Signalled(0),
    }
}

fn bad_folder(job: &Job, cause: &str) -> RunError {
    RunError::Folder { program: job.program.clone(), cwd: job.cwd.display().to_string(), cause: cause.to_owned() }
}
