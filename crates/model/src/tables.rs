//! Tables that keep a searched state small: large values are kept once and named by a number, and what the real functions answered
//! is asked once. Equal values have equal numbers, so two states are the same exactly when their numbers are.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, RwLock};

use tiers_core::id::Digest;

/// Values by number.
pub struct Pool<T> {
    inner: RwLock<Inner<T>>,
}

struct Inner<T> {
    numbers: HashMap<String, u32>,
    values: Vec<Arc<T>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Pool<T> {
        Pool { inner: RwLock::new(Inner { numbers: HashMap::new(), values: Vec::new() }) }
    }
}

impl<T> Pool<T> {
    /// The number of the value with this name, which `make` makes if it is new.
    pub fn number(&self, name: &str, make: impl FnOnce() -> T) -> u32 {
        if let Some(number) = self.inner.read().expect("no table is left broken").numbers.get(name) {
            return *number;
        }
        let made = Arc::new(make());
        let mut inner = self.inner.write().expect("no table is left broken");
        if let Some(number) = inner.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(inner.values.len()).expect("fewer values than that");
        inner.values.push(made);
        inner.numbers.insert(name.to_owned(), number);
        number
    }

    /// The value with this number.
    pub fn get(&self, number: u32) -> Arc<T> {
        let inner = self.inner.read().expect("no table is left broken");
        Arc::clone(&inner.values[usize::try_from(number).expect("a small number")])
    }

    pub fn len(&self) -> usize {
        self.inner.read().expect("no table is left broken").values.len()
    }
}

/// The name of a value that can be stored: a hash over all of it.
pub fn name(value: &impl serde::Serialize) -> String {
    Digest::of(&serde_json::to_vec(value).expect("plain data")).hex().to_owned()
}

/// What a function answered.
pub struct Memo<K, V> {
    answers: RwLock<HashMap<K, V>>,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Memo<K, V> {
        Memo { answers: RwLock::new(HashMap::new()) }
    }
}

impl<K: Hash + Eq, V: Copy> Memo<K, V> {
    /// The answer for this key, which `ask` gives the first time.
    pub fn get(&self, key: K, ask: impl FnOnce() -> V) -> V {
        if let Some(answer) = self.answers.read().expect("no table is left broken").get(&key) {
            return *answer;
        }
        let answer = ask();
        self.answers.write().expect("no table is left broken").insert(key, answer);
        answer
    }
}
