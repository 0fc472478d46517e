//! A process and everything it starts, ended as one.
//!
//! Three rings. The *process group*: a job leads one of its own, and signals go to the group. The *mark*: a variable
//! `TIERS_JOB` that descendants inherit, by which those that left the group (a daemon in a session of its own) are found at the
//! deadline; only Linux shows environments, and whoever clears its environment escapes. The *guard*: a shell that waits on a
//! pipe whose other end only we hold. When we die, however we die, the pipe closes and the guard ends the group. The kernel's
//! parent-death signal would reach only the direct child, and would fire as well when merely the thread that spawned it ends.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process_group};

/// The variable that marks all descendants of a job.
const MARK: &str = "TIERS_JOB";

/// Reads the group's id, then waits until we are gone: `TERM`, a grace of as many seconds as its argument says, `KILL`. Its own
/// group keeps a Ctrl-C from it. It looks every second, so that a group that ended early is not mistaken for a later one.
///
/// Its own output is, where the job asked for that, the reading end of the job's output: with us gone nobody reads that, and
/// whoever writes to a pipe without a reader is ended by a signal, in the middle of putting things in order.
const GUARD: &str = r#"read -r group || exit 0
read -r end
kill -s TERM -- "-$group" 2>/dev/null || exit 0
left=$1
while [ "$left" -gt 0 ]; do
  cat <&1 >/dev/null 2>/dev/null
  cat <&2 >/dev/null 2>/dev/null
  sleep 1
  kill -s 0 -- "-$group" 2>/dev/null || exit 0
  left=$((left - 1))
done
kill -s KILL -- "-$group" 2>/dev/null"#;

/// The value of the mark of one job, unique on this machine.
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn new() -> Mark {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Mark(format!("{}-{count}-{}", std::process::id(), since.as_nanos()))
    }

    pub(crate) fn variable(&self) -> (&'static str, &str) {
        (MARK, &self.0)
    }
}

/// Stands by until it is told of a group, and ends that group when we die. Dropping it calls it off.
pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    /// `grace_s` lies between the group's being asked to end and its being ended.
    pub(crate) fn start(grace_s: u32) -> io::Result<Guard> {
        Guard::reading(grace_s, Stdio::null(), Stdio::null())
    }

    /// One that goes on reading from these two pipes when we are gone. They must not block.
    pub(crate) fn reading(grace_s: u32, one: Stdio, other: Stdio) -> io::Result<Guard> {
        let shell = Command::new("/bin/sh")
            .args(["-c", GUARD, "guard", &grace_s.to_string()])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(one)
            .stderr(other)
            .process_group(0)
            .spawn()?;
        Ok(Guard { shell })
    }

    fn watch(&mut self, group: Pid) -> io::Result<()> {
        let Some(pipe) = self.shell.stdin.as_mut() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        pipe.write_all(format!("{}\n", group.as_raw_nonzero()).as_bytes())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // It is ended before its pipe closes (fields are dropped after this), so it can't take our leave for our death.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// A running job's group. Dropped while the job may still run, it ends the whole family at once: that is how a cancelled gate
/// leaves nothing behind.
pub(crate) struct Family {
    group: Pid,
    mark: Mark,
    over: bool,
    _guard: Guard,
}

impl Family {
    /// `leader` is the id of a child that was started as the leader of a group of its own.
    pub(crate) fn new(leader: u32, mark: Mark, mut guard: Guard) -> io::Result<Family> {
        let group = i32::try_from(leader).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        let told = guard.watch(group);
        let family = Family { group, mark, over: false, _guard: guard };
        told.map(|()| family)
    }

    /// Asks the group to end.
    pub(crate) fn ask_to_end(&self) {
        let _ = kill_process_group(self.group, Signal::TERM);
    }

    /// Ends what is left of the group of a job that came to its own end. A daemon that made itself a session is let live: the
    /// job meant it to.
    pub(crate) fn sweep(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        self.over = true;
    }

    /// Ends the group and everything else that carries the mark.
    pub(crate) fn end(&mut self) {
        self.sweep();
        strays::end(MARK, &self.mark.0);
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if !self.over {
            self.end();
        }
    }
}

#[cfg(target_os = "linux")]
mod strays {
    use rustix::process::{Pid, Signal, kill_process};

    /// One that forks while we look is found in the next round.
    const ROUNDS: usize = 3;

    pub(crate) fn end(name: &str, value: &str) {
        let mark = format!("{name}={value}").into_bytes();
        for _ in 0..ROUNDS {
            let marked: Vec<Pid> = marked_by(&mark);
            if marked.is_empty() {
                return;
            }
            for process in marked {
                let _ = kill_process(process, Signal::KILL);
            }
        }
    }

    fn marked_by(mark: &[u8]) -> Vec<Pid> {
        let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
        processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|id| {
                // Unreadable ones belong to others or are gone; a zombie's environment is empty.
                std::fs::read(format!("/proc/{id}/environ"))
                    .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|variable| variable == mark))
            })
            .filter_map(Pid::from_raw)
            .collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod strays {
    pub(crate) fn end(_name: &str, _value: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_guard_ends_the_whole_group_when_we_are_gone() {
        let mut leader = Command::new("/bin/sh")
            .args(["-c", "sleep 300 & sleep 300 & wait"])
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let group = Pid::from_raw(i32::try_from(leader.id()).expect("an id")).expect("an id");
        let mut guard = Guard::start(2).expect("a guard");
        guard.watch(group).expect("a guard that listens");
        // The kernel closes our end of the pipe when we die; closing it is all that the guard can see of that.
        drop(guard.shell.stdin.take());
        leader.wait().expect("an end");
        let until = Instant::now() + Duration::from_secs(10);
        while rustix::process::test_kill_process_group(group).is_ok() {
            assert!(Instant::now() < until, "the group outlived us");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_guard_that_is_called_off_ends_nothing() {
        let mut leader = Command::new("/bin/sleep").arg("300").process_group(0).spawn().expect("a program");
        let group = Pid::from_raw(i32::try_from(leader.id()).expect("an id")).expect("an id");
        let mut guard = Guard::start(2).expect("a guard");
        guard.watch(group).expect("a guard that listens");
        drop(guard);
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(leader.try_wait().expect("a state"), None);
        leader.kill().expect("a kill");
        leader.wait().expect("an end");
    }
}
