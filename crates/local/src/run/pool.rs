//! Free processes, and how much of a function runs at once.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::process::Process;
use super::version::{FunctionKey, VersionSpec};

/// The free processes of all versions.
#[derive(Default)]
pub(crate) struct Pool {
    /// By function and version.
    free: Mutex<HashMap<(FunctionKey, String), Vec<Process>>>,
}

impl Pool {
    /// The process that became free last, if one of this version with these settings is there. Those with other settings
    /// (`$LATEST` changed) are let go of.
    pub fn take(&self, spec: &VersionSpec) -> Option<Process> {
        let (found, _stale) = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let processes = free.get_mut(&(spec.key(), spec.version.clone()))?;
            let all = std::mem::take(processes);
            let (mut same, mut stale): (Vec<_>, Vec<_>) = all.into_iter().partition(|process| *process.spec == *spec);
            let mut found = None;
            while let (None, Some(mut process)) = (&found, same.pop()) {
                if process.is_alive() { found = Some(process) } else { stale.push(process) }
            }
            *processes = same;
            (found, stale)
        };
        found.inspect(|process| process.entry.busy.store(true, Ordering::Relaxed))
    }

    /// Takes a process back.
    pub fn put(&self, process: Process) {
        process.entry.busy.store(false, Ordering::Relaxed);
        let key = (process.spec.key(), process.spec.version.clone());
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.entry(key).or_default().push(process);
    }

    /// Lets go of the process that has been free for longest, to make room for another. False when none is free.
    pub fn drop_oldest(&self) -> bool {
        let gone = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            // Each list is in the order in which its processes became free.
            let oldest = free.values_mut().filter(|list| !list.is_empty()).min_by_key(|list| list[0].free_since);
            oldest.map(|list| list.remove(0))
        };
        gone.is_some()
    }

    /// Lets go of processes that have been free for this long, or have ended.
    pub fn drop_idle(&self, idle: Duration) {
        let _gone: Vec<Process> = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let mut gone = Vec::new();
            for list in free.values_mut() {
                let all = std::mem::take(list);
                let keep = |process: &mut Process| process.free_since.elapsed() < idle && process.is_alive();
                for mut process in all {
                    if keep(&mut process) { list.push(process) } else { gone.push(process) }
                }
            }
            free.retain(|_, list| !list.is_empty());
            gone
        };
    }

    /// Lets go of the free processes of a function that was deleted.
    pub fn drop_function(&self, key: &FunctionKey) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.retain(|(of, _), _| of != key);
    }

    /// Lets go of all.
    pub fn clear(&self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// How many invocations of each function run.
#[derive(Debug, Default)]
pub(crate) struct Concurrency {
    running: Mutex<HashMap<FunctionKey, u32>>,
}

/// One running invocation; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    of: Arc<Concurrency>,
    key: FunctionKey,
}

impl Concurrency {
    /// Counts one more, unless `reserved` many run already.
    pub fn begin(self: &Arc<Self>, key: FunctionKey, reserved: Option<u32>) -> Option<Running> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(key.clone()).or_default();
        if reserved.is_some_and(|reserved| *count >= reserved) {
            return None;
        }
        *count += 1;
        Some(Running { of: Arc::clone(self), key })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.of.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiers_lambda::model::Place;

    #[test]
    fn reserved_concurrency_counts_what_runs_and_gives_it_back() {
        let key = |name: &str| FunctionKey {
            place: Place { account: "000000000000".into(), region: "eu-west-1".into() },
            function: name.into(),
        };
        let all = Arc::new(Concurrency::default());
        let one = all.begin(key("f"), Some(2)).expect("first");
        let two = all.begin(key("f"), Some(2)).expect("second");
        assert!(all.begin(key("f"), Some(2)).is_none());
        assert!(all.begin(key("g"), Some(1)).is_some());
        drop(one);
        assert!(all.begin(key("f"), Some(2)).is_some());
        drop(two);
        assert!(all.running.lock().expect("lock").is_empty());
    }
}
