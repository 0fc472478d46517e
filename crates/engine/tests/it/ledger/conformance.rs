//! Every log is put through the one suite.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use tiers_engine::ledger::{MemoryLog, ObjectLog, conformance};
use tiers_engine::port::log::{Create, Log, LogError};

use super::run;

#[test]
fn the_log_in_memory_conforms() {
    run(conformance::check(&|| Rc::new(MemoryLog::new())));
}

#[test]
fn the_object_store_in_memory_conforms() {
    run(conformance::check(&|| Rc::new(ObjectLog::in_memory())));
}

#[test]
fn a_folder_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = std::cell::Cell::new(0);
    let fresh = || {
        count.set(count.get() + 1);
        let path = folder.path().join(count.get().to_string());
        Rc::new(ObjectLog::folder(&path, true).expect("a local folder")) as Rc<_>
    };
    // Inside a runtime the store works on other threads, so creates at once are at once; the other tests run without one.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(conformance::check(&fresh));
}

/// A log in memory with one fault that it always has.
struct Flawed {
    inner: MemoryLog,
    flaw: Flaw,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    /// The last writer wins, as with a put that has no condition.
    Overwrites,
    /// Says "created" to everyone and keeps the first.
    EverybodyWins,
    /// Equal bytes count as created.
    ForgivesEqualBytes,
    /// A listing ends after its first page.
    OnePage,
    /// A listing has no order, as in a directory bucket.
    Unordered,
    /// A prefix is compared without the slash at its end.
    LoosePrefix,
    /// The last key is given for the first.
    TakesTheLast,
    /// A large object is cut.
    CutsLargeObjects,
    /// An object's name counts as a folder.
    FilesAreFolders,
}

const FLAWS: [Flaw; 9] = [
    Flaw::Overwrites,
    Flaw::EverybodyWins,
    Flaw::ForgivesEqualBytes,
    Flaw::OnePage,
    Flaw::Unordered,
    Flaw::LoosePrefix,
    Flaw::TakesTheLast,
    Flaw::CutsLargeObjects,
    Flaw::FilesAreFolders,
];

#[async_trait(?Send)]
impl Log for Flawed {
    async fn create(&self, key: &str, bytes: Bytes) -> Create {
        let known = self.inner.read(key).await.expect("memory");
        match self.flaw {
            Flaw::Overwrites => {
                self.inner.objects().insert(key.to_owned(), bytes);
                Create::Created
            }
            Flaw::EverybodyWins => {
                self.inner.create(key, bytes).await;
                Create::Created
            }
            Flaw::ForgivesEqualBytes if known.as_ref() == Some(&bytes) => Create::Created,
            _ => self.inner.create(key, bytes).await,
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Bytes>, LogError> {
        let mut found = self.inner.read(key).await?;
        if let (Flaw::CutsLargeObjects, Some(bytes)) = (self.flaw, &mut found) {
            bytes.truncate(1 << 20);
        }
        Ok(found)
    }

    async fn first(&self, prefix: &str) -> Result<Option<String>, LogError> {
        let mut keys = self.list(prefix).await?;
        Ok(if self.flaw == Flaw::TakesTheLast { keys.pop() } else { keys.into_iter().next() })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let prefix = if self.flaw == Flaw::LoosePrefix { prefix.trim_end_matches('/') } else { prefix };
        let mut keys = self.inner.list(prefix).await?;
        match self.flaw {
            Flaw::OnePage => keys.truncate(1000),
            Flaw::Unordered => keys.sort_by_key(|key| key.bytes().rev().collect::<Vec<_>>()),
            _ => {}
        }
        Ok(keys)
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        if self.flaw == Flaw::FilesAreFolders {
            let keys = self.inner.list(prefix).await?;
            let mut names: Vec<String> =
                keys.iter().filter_map(|key| key[prefix.len()..].split('/').next().map(str::to_owned)).collect();
            names.dedup();
            return Ok(names);
        }
        self.inner.folders(prefix).await
    }

    fn describe(&self) -> String {
        format!("a log that {:?}", self.flaw)
    }
}

#[test]
fn the_suite_finds_each_flaw_that_is_put_into_a_log() {
    for flaw in FLAWS {
        let new_log = || Rc::new(Flawed { inner: MemoryLog::new(), flaw }) as Rc<dyn Log>;
        let passed = catch_unwind(AssertUnwindSafe(|| run(conformance::check(&new_log))));
        assert!(passed.is_err(), "the suite passes a log that {flaw:?}");
    }
}
