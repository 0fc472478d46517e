//! Which processes are alive, for `status`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use crate::ProcessStatus;

/// The list of processes; each is on it for as long as its entry lives.
#[derive(Debug, Default)]
pub(crate) struct Census {
    entries: Mutex<Vec<Weak<Entry>>>,
}

/// A living process.
#[derive(Debug)]
pub(crate) struct Entry {
    pub pid: u32,
    pub function: String,
    pub version: String,
    pub busy: AtomicBool,
    pub invocations: AtomicU64,
    pub started: Instant,
}

impl Census {
    pub fn enter(&self, pid: u32, function: &str, version: &str) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            pid,
            function: function.to_owned(),
            version: version.to_owned(),
            busy: AtomicBool::new(true),
            invocations: AtomicU64::new(0),
            started: Instant::now(),
        });
        let mut entries = self.entries();
        entries.retain(|entry| entry.strong_count() > 0);
        entries.push(Arc::downgrade(&entry));
        drop(entries);
        entry
    }

    pub fn list(&self) -> Vec<ProcessStatus> {
        let mut found: Vec<ProcessStatus> =
            self.entries().iter().filter_map(Weak::upgrade).map(|e| e.status()).collect();
        found.sort_by(|a, b| (&a.function, &a.version, a.pid).cmp(&(&b.function, &b.version, b.pid)));
        found
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn status(&self) -> ProcessStatus {
        ProcessStatus {
            pid: self.pid,
            function: self.function.clone(),
            version: self.version.clone(),
            busy: self.busy.load(Ordering::Relaxed),
            invocations: self.invocations.load(Ordering::Relaxed),
            age_s: self.started.elapsed().as_secs(),
        }
    }
}
