//! How much memory a function's processes hold.
//!
//! The limit is kept by looking at the resident set every 25 ms while an invocation runs, and killing what is above it. A
//! limit of the kernel's would be exact, but RLIMIT_AS fails runtimes that reserve far more than they touch (Go, Node, the
//! JVM), RLIMIT_DATA counts a process, not its children, and control groups need rights that a developer's machine doesn't
//! give. What grows and shrinks between two looks goes unseen; the report's maximum is the kernel's own high-water mark.

use std::fs;
use std::time::Duration;

/// Between two looks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(25);

/// More levels of children than this are not looked at.
const DEPTH: usize = 8;

/// The resident set of a process and its children now, in KB; 0 when it is gone or this system doesn't tell.
pub(crate) fn resident_kb(pid: u32) -> u64 {
    sum(pid, DEPTH)
}

fn sum(pid: u32, depth: usize) -> u64 {
    let own = field_kb(pid, "VmRSS:");
    if depth == 0 {
        return own;
    }
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    own + children.split_whitespace().filter_map(|pid| pid.parse().ok()).map(|pid| sum(pid, depth - 1)).sum::<u64>()
}

/// The most that the process itself ever held, in KB.
pub(crate) fn peak_kb(pid: u32) -> u64 {
    field_kb(pid, "VmHWM:")
}

fn field_kb(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_some_memory_and_a_missing_one_none() {
        let me = std::process::id();
        assert!(resident_kb(me) > 100 && peak_kb(me) >= field_kb(me, "VmRSS:"));
        assert_eq!((resident_kb(u32::MAX), peak_kb(u32::MAX)), (0, 0));
    }
}
