//! A log in memory, without faults and without an executor: what tests begin with.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bytes::Bytes;

use crate::port::log::{Create, Log, LogError};

/// Objects in an ordered map; share it with `Rc` to play several writers.
#[derive(Debug, Default)]
pub struct MemoryLog {
    objects: RefCell<BTreeMap<String, Bytes>>,
}

impl MemoryLog {
    /// An empty one.
    pub fn new() -> MemoryLog {
        MemoryLog::default()
    }

    /// The objects themselves, for tests that tamper with them.
    pub fn objects(&self) -> std::cell::RefMut<'_, BTreeMap<String, Bytes>> {
        self.objects.borrow_mut()
    }
}

#[async_trait(?Send)]
impl Log for MemoryLog {
    async fn create(&self, key: &str, bytes: Bytes) -> Create {
        let mut objects = self.objects.borrow_mut();
        if objects.contains_key(key) {
            return Create::Exists;
        }
        objects.insert(key.to_owned(), bytes);
        Create::Created
    }

    async fn read(&self, key: &str) -> Result<Option<Bytes>, LogError> {
        Ok(self.objects.borrow().get(key).cloned())
    }

    async fn first(&self, prefix: &str) -> Result<Option<String>, LogError> {
        let objects = self.objects.borrow();
        let first = objects.range(prefix.to_owned()..).next();
        Ok(first.map(|(key, _)| key.clone()).filter(|key| key.starts_with(prefix)))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let objects = self.objects.borrow();
        Ok(objects
            .range(prefix.to_owned()..)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .cloned()
            .collect())
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let keys = self.list(prefix).await?;
        let names = keys.iter().filter_map(|key| key[prefix.len()..].split_once('/'));
        Ok(names.map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>().into_iter().collect())
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }
}
