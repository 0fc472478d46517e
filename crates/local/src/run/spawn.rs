//! Starting processes that cannot outlive the host.
//!
//! Three nets, since a kill -9 of the host leaves no time for anything: the kernel kills each process when the thread that
//! started it ends (PR_SET_PDEATHSIG), which is why one thread starts them all and lives as long as the host; each process leads a
//! group of its own, which is killed as a whole when the host lets go of it; and what a function started beyond that is found
//! by a mark in its environment and killed when the next host opens the same state folder.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::LocalError;

/// In the environment of every function process: the state folder of the host that started it.
pub(crate) const MARK: &str = "TIERS_LOCAL_STATE";

/// The thread that starts processes.
#[derive(Clone, Debug)]
pub(crate) struct Spawner {
    orders: mpsc::Sender<Order>,
}

struct Order {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    /// Starts the thread; it ends, and with it every process that it started, when the last clone is dropped. To be called
    /// within a tokio runtime.
    pub fn start() -> Result<Spawner, LocalError> {
        let (orders, inbox) = mpsc::channel::<Order>();
        let runtime = tokio::runtime::Handle::current();
        let work = move || {
            let _in_runtime = runtime.enter();
            while let Ok(Order { mut command, reply }) = inbox.recv() {
                // Nobody waits any more: the child is killed when it is dropped.
                let _ = reply.send(spawn_now(&mut command));
            }
        };
        let thread = std::thread::Builder::new().name("tiers-local-spawn".to_owned()).spawn(work);
        thread.map_err(LocalError::io("start a thread in", Path::new("this process")))?;
        Ok(Spawner { orders })
    }

    /// Starts a process in a group of its own that dies with this host.
    pub async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        command.process_group(0).kill_on_drop(true);
        die_with_this_process(&mut command);
        let (reply, answer) = oneshot::channel();
        let gone = || io::Error::other("the host is shutting down");
        self.orders.send(Order { command, reply }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// A file that was just written can't be executed while a process that was forked at that moment still holds it open for
/// writing; that ends when the other process has started.
fn spawn_now(command: &mut Command) -> io::Result<Child> {
    let mut tries = 0;
    loop {
        match command.spawn() {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy && tries < 50 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn die_with_this_process(command: &mut Command) {
    let host = rustix::process::getpid();
    let in_child = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The host may have died between the fork and the line above; then nobody would send the signal.
        if rustix::process::getppid() != Some(host) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes two system calls (prctl,
    // getppid) through rustix, and building its errors from an errno or an ErrorKind allocates nothing.
    unsafe { command.pre_exec(in_child) };
}

/// Elsewhere only the process group and the mark help.
#[cfg(not(target_os = "linux"))]
fn die_with_this_process(_command: &mut Command) {}

/// Kills a process and the group that it leads.
pub(crate) fn kill_group(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may be gone already, which is what was wanted.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Kills what a host that died has left: processes whose environment bears the mark of this state folder. Returns how many.
pub(crate) fn kill_leftovers(state: &Path) -> usize {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let mark = [MARK.as_bytes(), b"=", state.as_os_str().as_encoded_bytes()].concat();
    let me = std::process::id();
    let mut killed = 0;
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Other people's processes can't be read, and are none of ours.
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        if pid != me
            && environment.split(|b| *b == 0).any(|variable| variable == mark)
            && let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
        {
            killed += usize::from(rustix::process::kill_process(pid, Signal::KILL).is_ok());
        }
    }
    killed
}
