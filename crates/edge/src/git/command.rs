//! One call of git: hardened against what the caller's environment and configuration could change, and bounded in time.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::error::GitError;

/// The most that one answer may have: the listing of a tree with some million files.
const ANSWER_LIMIT_BYTES: u64 = 512 << 20;

/// Of what git complains, this much is kept.
const COMPLAINT_LIMIT_BYTES: u64 = 64 << 10;

/// Variables of git's that are let through: where its configuration is, and where its own programs are. All others would
/// change which repository, which index or which objects are meant (as in hooks, where git sets them).
const KEPT: &[&str] = &[
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_COUNT",
    "GIT_CEILING_DIRECTORIES",
    "GIT_EXEC_PATH",
];
const KEPT_NUMBERED: &[&str] = &["GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"];

/// Settings that must not depend on the user's.
const SETTINGS: &[&str] = &[
    "core.quotePath=false",
    // A program that is named in the repository's configuration, started by `status`.
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.pager=cat",
    "core.warnAmbiguousRefs=true",
    "log.showSignature=false",
    "color.ui=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
];

/// How git is called.
#[derive(Clone, Debug)]
pub(super) struct Git {
    pub program: PathBuf,
    pub limit: Duration,
    /// Set on top: a temporary index and folder of objects.
    pub env: Vec<(OsString, OsString)>,
}

/// What git answered.
pub(super) struct Answer {
    pub status: ExitStatus,
    pub output: Vec<u8>,
    pub complaint: String,
}

impl Git {
    pub fn new(program: impl Into<PathBuf>) -> Git {
        Git { program: program.into(), limit: Duration::from_secs(120), env: Vec::new() }
    }

    fn command(&self, folder: &Path, args: &[&OsStr]) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if is_unwanted(&name) {
                command.env_remove(name);
            }
        }
        command
            .current_dir(folder)
            .args(["--no-pager", "--literal-pathspecs", "--no-replace-objects"])
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .args(args)
            // Messages are compared with, so they have to be in one language.
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that filters which git starts end with it.
            .process_group(0);
        command
    }

    /// Runs git to its end and keeps what it says; `input` is fed to its standard input.
    ///
    /// Errors: [`GitError::NoGit`], [`GitError::TimedOut`], [`GitError::Unexpected`] for an answer that is too long.
    pub fn ask<A: AsRef<OsStr>>(&self, folder: &Path, args: &[A], input: Vec<u8>) -> Result<Answer, GitError> {
        let mut running = self.start(folder, args, input)?;
        let mut output = Vec::new();
        let read = (&mut running.output).take(ANSWER_LIMIT_BYTES + 1).read_to_end(&mut output);
        if output.len() as u64 > ANSWER_LIMIT_BYTES {
            running.kill();
            let why = format!("more than {ANSWER_LIMIT_BYTES} bytes");
            return Err(GitError::Unexpected { command: running.name.clone(), why });
        }
        let (status, complaint) = running.finish()?;
        read.map_err(|e| GitError::Unexpected { command: shown(args), why: e.to_string() })?;
        Ok(Answer { status, output, complaint })
    }

    /// As [`Git::ask`], where anything but success is an error.
    ///
    /// Errors: [`GitError::Failed`] besides.
    pub fn tell<A: AsRef<OsStr>>(&self, folder: &Path, args: &[A]) -> Result<Vec<u8>, GitError> {
        self.tell_with(folder, args, Vec::new())
    }

    /// As [`Git::tell`], with something on standard input.
    ///
    /// Errors: as [`Git::tell`].
    pub fn tell_with<A: AsRef<OsStr>>(&self, folder: &Path, args: &[A], input: Vec<u8>) -> Result<Vec<u8>, GitError> {
        let answer = self.ask(folder, args, input)?;
        if answer.status.success() { Ok(answer.output) } else { Err(answer.failed(args)) }
    }

    /// Starts git and leaves its output to the caller.
    ///
    /// Errors: [`GitError::NoGit`].
    pub fn start<A: AsRef<OsStr>>(&self, folder: &Path, args: &[A], input: Vec<u8>) -> Result<Running, GitError> {
        let args: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        let no_git = |cause| GitError::NoGit { program: self.program.display().to_string(), cause };
        let mut command = self.command(folder, &args);
        command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        let mut child = command.spawn().map_err(no_git)?;
        let (Some(output), Some(complaint)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(no_git(io::ErrorKind::BrokenPipe.into()));
        };
        // Fed from a thread of its own: git may fill its output before it has read all of its input.
        let feeder = child.stdin.take().map(|mut pipe| {
            thread::spawn(move || {
                // Git that ended early closes the pipe; its status says why.
                let _ = pipe.write_all(&input);
            })
        });
        let complaint = thread::spawn(move || {
            let mut kept = Vec::new();
            let mut complaint = complaint;
            let _ = (&mut complaint).take(COMPLAINT_LIMIT_BYTES).read_to_end(&mut kept);
            let _ = io::copy(&mut complaint, &mut io::sink());
            String::from_utf8_lossy(&kept).trim().to_owned()
        });
        let watchdog = Watchdog::start(child.id(), self.limit);
        Ok(Running { name: shown(&args), child, output, complaint: Some(complaint), feeder, watchdog })
    }
}

impl Answer {
    /// The error that a failure is when nothing better is known about it.
    pub fn failed<A: AsRef<OsStr>>(&self, args: &[A]) -> GitError {
        let message = if self.complaint.is_empty() { "it gave no reason".to_owned() } else { self.complaint.clone() };
        GitError::Failed { command: shown(args), status: self.status.to_string(), message }
    }
}

/// The subcommand and its arguments, for people.
fn shown<A: AsRef<OsStr>>(args: &[A]) -> String {
    let words: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
    words.join(" ")
}

fn is_unwanted(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("GIT_")
        && !KEPT.contains(&name.as_ref())
        && !KEPT_NUMBERED.iter().any(|prefix| name.starts_with(prefix))
}

/// A git that runs. Dropped, it is ended.
pub(super) struct Running {
    pub name: String,
    child: Child,
    pub output: std::process::ChildStdout,
    complaint: Option<JoinHandle<String>>,
    feeder: Option<JoinHandle<()>>,
    watchdog: Watchdog,
}

impl Running {
    /// Waits for the end. The output must have been read, or git may wait for that.
    ///
    /// Errors: [`GitError::TimedOut`], [`GitError::Unexpected`].
    pub fn finish(mut self) -> Result<(ExitStatus, String), GitError> {
        let status = self.child.wait().map_err(|e| GitError::Unexpected {
            command: self.name.clone(),
            why: format!("its end was not seen: {e}"),
        })?;
        self.watchdog.call_off();
        if let Some(feeder) = self.feeder.take() {
            let _ = feeder.join();
        }
        let complaint = self.complaint.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        if self.watchdog.bit() {
            return Err(GitError::TimedOut { command: self.name.clone(), limit_s: self.watchdog.limit.as_secs() });
        }
        Ok((status, complaint))
    }

    pub fn kill(&mut self) {
        kill_group(self.child.id());
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once it was waited for, its id may belong to somebody else.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

/// Ends a process group when the time is over.
struct Watchdog {
    limit: Duration,
    bit: Arc<AtomicBool>,
    call_off: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    fn start(leader: u32, limit: Duration) -> Watchdog {
        let (call_off, called_off) = mpsc::channel::<()>();
        let bit = Arc::new(AtomicBool::new(false));
        let seen = bit.clone();
        let thread = thread::spawn(move || {
            if called_off.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                seen.store(true, Ordering::SeqCst);
                kill_group(leader);
            }
        });
        Watchdog { limit, bit, call_off: Some(call_off), thread: Some(thread) }
    }

    fn bit(&self) -> bool {
        self.bit.load(Ordering::SeqCst)
    }

    fn call_off(&mut self) {
        self.call_off.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.call_off();
    }
}

fn kill_group(leader: u32) {
    if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_that_say_where_configuration_is_get_through() {
        for kept in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_12", "PATH", "HOME"] {
            assert!(!is_unwanted(OsStr::new(kept)), "{kept}");
        }
        for dropped in
            ["GIT_DIR", "GIT_INDEX_FILE", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_WORK_TREE", "GIT_TRACE"]
        {
            assert!(is_unwanted(OsStr::new(dropped)), "{dropped}");
        }
    }
}
