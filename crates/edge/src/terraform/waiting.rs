//! A process that exists and waits before it becomes Terraform: so its id can stand in the ledger before Terraform runs, and it
//! ends without having become anything when we die first.
//!
//! It leads a process group of its own, so a Ctrl-C at the terminal reaches us alone, and Terraform is asked to stop ONCE, by us:
//! a second interrupt makes it give up at once, without writing its state or releasing its lock. When we die, a guard asks the
//! group to end, and ends it after a grace that is long enough to write a state.
//!
//! The program may be a script that starts Terraform. Then the whole group is asked, as a terminal does it, since the one that leads it
//! hands nothing on; and where that one ends first, its Terraform is waited for.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tiers_core::lease::{Child as Known, Process};
use tiers_core::redact::Redactor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::liveness;
use super::said::{Listener, Said, Show, Stream};
use crate::runner::family::{Family, Guard, Mark};

/// Waits for its word, and then becomes the program; a word that never comes is our death.
const WAITS: &str = r#"read -r word || exit 125
[ "$word" = go ] || exit 125
exec "$@" </dev/null"#;

/// Between being asked to end and being ended: enough to write a state and release its lock.
const GRACE_S: u32 = 60;

/// How often somebody's wish to stop is looked for.
const TICK: Duration = Duration::from_millis(50);

const GRACE: Duration = Duration::from_secs(GRACE_S as u64);

/// How long output is still read after the end: what was written is in the pipes already.
const DRAIN: Duration = Duration::from_millis(500);

/// The process, which waits.
pub struct Prepared {
    child: Child,
    word: ChildStdin,
    out: Receiver,
    err: Receiver,
    family: Family,
    redactor: Redactor,
    leader: Pid,
    is_script: bool,
    known: Known,
}

/// How it ended, and what it said.
pub(super) struct Ended {
    pub status: ExitStatus,
    pub said: Said,
    pub redactor: Redactor,
}

impl Prepared {
    pub(super) fn start(
        program: &Path,
        args: &[&str],
        root: &Path,
        env: &[(std::ffi::OsString, std::ffi::OsString)],
        redactor: &Redactor,
    ) -> io::Result<Prepared> {
        let mark = Mark::new();
        let (read_out, out) = io::pipe()?;
        let (read_err, err) = io::pipe()?;
        let guard = Guard::reading(GRACE_S, read_out.try_clone()?.into(), read_err.try_clone()?.into())?;
        let (name, value) = mark.variable();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", WAITS, "waits"])
            .arg(program)
            .args(args)
            .current_dir(root)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .env(name, value)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .process_group(0);
        let mut child = command.spawn()?;
        // The command holds our copies of the writing ends; with them open the output would have no end.
        drop(command);
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let pid = child.id().ok_or_else(missing)?;
        let family = Family::new(pid, mark, guard)?;
        let leader = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(missing)?;
        let word = child.stdin.take().ok_or_else(missing)?;
        // Where a start can't be told, nobody on this machine can look for it either.
        let started = liveness::started(pid).unwrap_or(0);
        let known = Known { group: pid, leader: Process { pid, started } };
        let out = Receiver::from_owned_fd(read_out.into())?;
        let err = Receiver::from_owned_fd(read_err.into())?;
        let is_script = starts_others(program);
        Ok(Prepared { child, word, out, err, family, redactor: redactor.clone(), leader, is_script, known })
    }

    /// The process as the ledger knows it.
    pub fn known(&self) -> Known {
        self.known.clone()
    }

    /// Ends the process without letting it become anything.
    pub async fn abandon(mut self) {
        drop(self.word);
        // It reads the end of its input and exits by itself; the family ends it if it does not.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.child.wait()).await;
    }

    /// Lets it become the program, and reads it to its end. `stop` is asked again and again whether somebody wants to stop.
    pub(super) async fn go(mut self, show: Show, stop: &dyn Fn() -> bool) -> io::Result<Ended> {
        self.word.write_all(b"go\n").await?;
        drop(self.word);
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let (mut out, mut err) = (self.out, self.err);
        let mut listener = Listener::new(&self.redactor, show);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut from_out, mut from_err) = (vec![0; 1 << 14], vec![0; 1 << 14]);
        let (mut out_open, mut err_open, mut asked) = (true, true, false);
        let mut ended: Option<(ExitStatus, Instant)> = None;
        while ended.is_none() || out_open || err_open {
            let drained = ended.map_or_else(
                || Instant::now() + Duration::from_secs(3600),
                // What it started holds its output, and is the one that writes the state.
                |(status, at)| at + if self.is_script && (asked || status.signal().is_some()) { GRACE } else { DRAIN },
            );
            tokio::select! {
                read = out.read(&mut from_out), if out_open => {
                    let length = read?;
                    out_open = length > 0;
                    listener.push(Stream::Out, &from_out[..length]);
                }
                read = err.read(&mut from_err), if err_open => {
                    let length = read?;
                    err_open = length > 0;
                    listener.push(Stream::Err, &from_err[..length]);
                }
                status = self.child.wait(), if ended.is_none() => ended = Some((status?, Instant::now())),
                () = sleep_until(drained), if ended.is_some() => break,
                _ = tick.tick(), if ended.is_none() => {
                    if !asked && stop() {
                        asked = true;
                        let _ = match self.is_script {
                            true => kill_process_group(self.leader, Signal::INT),
                            false => kill_process(self.leader, Signal::INT),
                        };
                    }
                }
            }
        }
        // Providers and whatever else it started are not needed any more.
        self.family.sweep();
        let (status, _) = ended.ok_or_else(missing)?;
        Ok(Ended { status, said: listener.finish(), redactor: self.redactor })
    }
}

/// Whether this is a script, which may start the program in a process of its own.
fn starts_others(program: &Path) -> bool {
    let mut first = [0; 2];
    File::open(program).and_then(|mut file| file.read_exact(&mut first)).is_ok() && &first == b"#!"
}
