//! Whether processes of this machine are there. On Linux, where the kernel tells a boot, a namespace of process ids and the time at
//! which a process started; elsewhere nothing can be told, and that is said.

use std::fs;
use std::io;

use async_trait::async_trait;
use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process, test_kill_process_group};
use tiers_core::lease::{Child, Holder, Machine, Process};
use tiers_engine::port::lease::{Life, Processes};

/// This machine's processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalProcesses;

/// Where this process runs.
pub fn here() -> Machine {
    let text = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned());
    Machine {
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        boot: text("/proc/sys/kernel/random/boot_id"),
        namespace: namespace.unwrap_or_default(),
    }
}

/// This process.
pub fn this_process() -> Process {
    let pid = u32::try_from(getpid().as_raw_nonzero().get()).unwrap_or(0);
    Process { pid, started: started(pid).unwrap_or(0) }
}

/// When this process started, in ticks since the boot.
pub(super) fn started(pid: u32) -> io::Result<u64> {
    Ok(stat(pid)?.1)
}

/// The state's letter and the start of a process: the fields 3 and 22 of `/proc/PID/stat` (proc(5)).
fn stat(pid: u32) -> io::Result<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "an unknown form of /proc/PID/stat");
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, rest) = text.rsplit_once(')').ok_or_else(broken)?;
    let mut fields = rest.split_whitespace();
    let state = fields.next().and_then(|field| field.chars().next()).ok_or_else(broken)?;
    let start = fields.nth(18).and_then(|field| field.parse().ok()).ok_or_else(broken)?;
    Ok((state, start))
}

#[async_trait(?Send)]
impl Processes for LocalProcesses {
    fn machine(&self) -> Machine {
        here()
    }

    async fn look(&self, holder: &Holder, child: Option<&Child>) -> Life {
        let leader = child.map(|child| &child.leader);
        for process in std::iter::once(&holder.process).chain(leader) {
            match look_at(process) {
                Life::Gone => {}
                other => return other,
            }
        }
        child.map_or(Life::Gone, |child| look_at_group(child.group))
    }
}

fn look_at(process: &Process) -> Life {
    let Some(pid) = number(process.pid) else { return Life::Unknown(format!("{} is no process id", process.pid)) };
    // Asked of the kernel, since /proc may hide other people's processes.
    match test_kill_process(pid) {
        Err(Errno::SRCH) => return Life::Gone,
        Ok(()) | Err(Errno::PERM) => {}
        Err(error) => return Life::Unknown(format!("process {} can't be looked for: {error}", process.pid)),
    }
    match stat(process.pid) {
        // Another process got the number.
        Ok((_, start)) if start != process.started => Life::Gone,
        // It ended, and its parent has not asked how.
        Ok(('Z' | 'X', _)) => Life::Gone,
        Ok(_) => Life::Alive,
        Err(error) => {
            Life::Unknown(format!("process {} is there, and when it started can't be read: {error}", process.pid))
        }
    }
}

fn look_at_group(group: u32) -> Life {
    let Some(pid) = number(group) else { return Life::Unknown(format!("{group} is no process group")) };
    match test_kill_process_group(pid) {
        Err(Errno::SRCH) => Life::Gone,
        // A number is not given again while a group of it lives; a new group of the same number is only taken for the old one.
        Ok(()) | Err(Errno::PERM) => Life::Alive,
        Err(error) => Life::Unknown(format!("process group {group} can't be looked for: {error}")),
    }
}

fn number(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn holder(process: Process) -> Holder {
        Holder { machine: here(), process, ci: None }
    }

    fn look(process: Process, child: Option<&Child>) -> Life {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(LocalProcesses.look(&holder(process), child))
    }

    #[test]
    fn a_process_is_known_by_its_number_and_its_start() {
        let this = this_process();
        assert!(here().sees(&here()) && this.started > 0);
        assert_eq!(look(this.clone(), None), Life::Alive);
        assert_eq!(look(Process { started: this.started + 1, ..this }, None), Life::Gone, "the number was given again");
    }

    #[test]
    fn a_process_that_ended_is_gone_before_and_after_its_parent_asked() {
        let mut child = Command::new("/bin/true").stdin(Stdio::null()).spawn().expect("a program");
        let process = Process { pid: child.id(), started: started(child.id()).expect("its start") };
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while look(process.clone(), None) != Life::Gone {
            assert!(std::time::Instant::now() < until, "a zombie counts as alive");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child.wait().expect("an end");
        assert_eq!(look(process, None), Life::Gone);
    }

    #[test]
    fn what_is_left_of_a_group_counts_as_alive() {
        use std::os::unix::process::CommandExt as _;
        let mut leader = Command::new("/bin/sh")
            .args(["-c", "sleep 300 & echo $!; exit 0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let process = Process { pid: leader.id(), started: started(leader.id()).expect("its start") };
        let mut line = String::new();
        let mut out = std::io::BufReader::new(leader.stdout.take().expect("its output"));
        std::io::BufRead::read_line(&mut out, &mut line).expect("a number");
        leader.wait().expect("an end");
        let child = Child { group: process.pid, leader: process.clone() };
        assert_eq!(look(process.clone(), Some(&child)), Life::Alive);
        let left = Pid::from_raw(line.trim().parse().expect("a number")).expect("a number");
        rustix::process::kill_process(left, rustix::process::Signal::KILL).expect("it was alive");
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while look(process.clone(), Some(&child)) != Life::Gone {
            assert!(std::time::Instant::now() < until, "an empty group counts as alive");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}
