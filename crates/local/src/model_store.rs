//! The Lambda model with its journal: a change is on disk before anybody hears of it, or it did not happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use tiers_lambda::model::{ListRequest, Model, ModelError, Options, Page, Place, Plane};

use crate::LocalError;
use crate::state::{Change, Store};

/// What the host remembers: the model, and settings of its own beside it.
pub(crate) struct ModelStore {
    /// Taken for as long as a change takes, the disk included; readers don't wait for it.
    store: Mutex<Store>,
    /// Only ever holds what is on disk, apart from what follows from the passing of time.
    model: Mutex<Model>,
    settings: Mutex<BTreeMap<String, Value>>,
}

/// Why a change did not happen.
#[derive(Debug)]
pub(crate) enum ChangeError {
    /// The service would refuse it.
    Refused(ModelError),
    /// The host could not keep it.
    Local(LocalError),
}

impl From<ModelError> for ChangeError {
    fn from(error: ModelError) -> ChangeError {
        ChangeError::Refused(error)
    }
}

impl From<LocalError> for ChangeError {
    fn from(error: LocalError) -> ChangeError {
        ChangeError::Local(error)
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

impl ModelStore {
    /// Puts the model together from what the store holds.
    ///
    /// Errors: [`LocalError::Damaged`] for a piece that is not one.
    pub fn open(store: Store, options: Options) -> Result<ModelStore, LocalError> {
        let mut model = Model::new(options);
        let mut settings = BTreeMap::new();
        for (name, value) in store.values() {
            let known = model.restore_part(name, value);
            match known.map_err(|why| LocalError::damaged(store.path(), format!("`{name}`: {why}")))? {
                true => {}
                false => drop(settings.insert(name.clone(), value.clone())),
            }
        }
        Ok(ModelStore { store: Mutex::new(store), model: Mutex::new(model), settings: Mutex::new(settings) })
    }

    /// A look at one place, which changes nothing that would have to be kept.
    pub fn look<T>(&self, place: &Place, look: impl FnOnce(&mut Plane<'_>) -> T) -> T {
        look(&mut locked(&self.model).at(place, now_ms()))
    }

    /// The state as it is now, to be looked at in peace; looking at it counts against no quota.
    pub fn snapshot(&self) -> Model {
        let mut model = locked(&self.model).clone();
        model.options.quotas = None;
        model
    }

    /// The digests, in hexadecimal, of everything that a function or a version may run.
    pub fn digests(&self) -> BTreeSet<String> {
        let mut model = self.snapshot();
        let mut found = BTreeSet::new();
        for place in model.places() {
            let mut plane = model.at(&place, now_ms());
            for function in every_page("", |list| plane.list_functions(list)) {
                let versions = every_page(&function.function_name, |list| plane.list_versions(list));
                found.extend(versions.into_iter().map(|version| version.code_sha256));
            }
        }
        found
    }

    /// A change of the model; it is on disk when this returns. Blocking.
    ///
    /// Errors: what the model refuses, and [`LocalError`] when it can't be written. Nothing was changed then.
    pub fn change<T>(&self, change: impl FnOnce(&mut Model, u64) -> Result<T, ChangeError>) -> Result<T, ChangeError> {
        let mut store = locked(&self.store);
        let before = locked(&self.model).clone();
        let mut after = before.clone();
        let answer = change(&mut after, now_ms())?;
        store.apply(after.changed_parts(&before))?;
        *locked(&self.model) = after;
        Ok(answer)
    }

    /// A setting of the host's own; `None` takes it out. On disk when this returns. Blocking.
    ///
    /// Errors: those of [`Store::apply`].
    pub fn put_setting(&self, name: &str, value: Option<Value>) -> Result<(), LocalError> {
        let mut store = locked(&self.store);
        store.apply(Change::from([(name.to_owned(), value.clone())]))?;
        let mut settings = locked(&self.settings);
        match value {
            Some(value) => drop(settings.insert(name.to_owned(), value)),
            None => drop(settings.remove(name)),
        }
        Ok(())
    }

    /// The settings whose names begin so, without that beginning.
    pub fn settings(&self, prefix: &str) -> Vec<(String, Value)> {
        let settings = locked(&self.settings);
        let found = settings.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        found.map(|(name, value)| (name[prefix.len()..].to_owned(), value.clone())).collect()
    }

    pub fn setting(&self, name: &str) -> Option<Value> {
        locked(&self.settings).get(name).cloned()
    }
}

/// All items of a paged list. Each page begins where the one before ended, so there is a last one.
pub(crate) fn every_page<T>(
    function: &str,
    mut list: impl FnMut(&ListRequest) -> Result<Page<T>, ModelError>,
) -> Vec<T> {
    let mut request = ListRequest { function_name: function.to_owned(), ..ListRequest::default() };
    let mut all = Vec::new();
    while let Ok(page) = list(&request) {
        all.extend(page.items);
        match page.next_marker {
            Some(marker) => request.marker = Some(marker),
            None => break,
        }
    }
    all
}

/// A panic of another thread under the lock is a bug, but no reason to stop: each holder leaves whole values behind.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiers_lambda::model::{CreateFunction, FunctionCode};

    #[test]
    fn a_change_that_a_full_disk_refuses_did_not_happen() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = Place { account: "000000000000".into(), region: "eu-west-1".into() };
        let digest = format!("sha256:{}", "a".repeat(64));
        let create = |models: &ModelStore| {
            models.change(|model, now_ms| {
                model.put_image(now_ms, "app", &digest);
                let code = FunctionCode { image_uri: Some(format!("app@{digest}")) };
                let role = "arn:aws:iam::000000000000:role/r".to_owned();
                let new = CreateFunction { function_name: "f".into(), role, code, ..CreateFunction::default() };
                Ok(model.at(&place, now_ms).create_function(new)?)
            })
        };
        let mut store = Store::open(dir.path()).expect("opens");
        store.fill_disk();
        let models = ModelStore::open(store, Options::default()).expect("opens");
        assert!(matches!(create(&models), Err(ChangeError::Local(LocalError::Io { .. }))));
        assert!(models.digests().is_empty());
        let models = ModelStore::open(Store::open(dir.path()).expect("reopens"), Options::default()).expect("opens");
        create(&models).expect("made");
        assert_eq!(models.digests().len(), 1);
    }
}
