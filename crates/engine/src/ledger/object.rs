//! The log over the `object_store` crate: one code path for a folder, for memory and for S3.
//!
//! The crate's own retries are switched off where it has any: the ledger sends again itself, through its clock, because it must
//! know whether an earlier send may have landed before it believes a refusal.

use std::path::Path as FsPath;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use super::answer;
use super::folder::{Folder, FolderError};
use crate::port::log::{Create, Log, LogError};

/// A ledger's place in an object store.
pub struct ObjectLog {
    store: Arc<dyn ObjectStore>,
    listing: Listing,
    /// What stands before every key: empty, or with a slash at its end.
    root: String,
    place: String,
}

/// How keys are listed, which no two kinds of stores do alike.
enum Listing {
    /// By reading two small directories, without the metadata of every file.
    Folder(Folder),
    /// By pages of a service that lists in lexicographic order.
    Pages(Arc<dyn PaginatedListStore>),
    /// By everything below a prefix, for stores that hold little.
    Whole,
}

/// Some of what lies below a prefix, as keys relative to the root, folders with a slash at their end.
struct Page {
    keys: Vec<String>,
    folders: Vec<String>,
    next: Option<String>,
}

impl ObjectLog {
    /// A folder on a local disk. It must exist unless `create` is set.
    pub fn folder(path: &FsPath, create: bool) -> Result<ObjectLog, FolderError> {
        let folder = Folder::open(path, create)?;
        let store = object_store::local::LocalFileSystem::new_with_prefix(folder.path())
            .map_err(|error| FolderError::Unusable { path: path.to_owned(), why: answer::text(&error) })?
            .with_fsync(true);
        let place = folder.path().display().to_string();
        Ok(ObjectLog { store: Arc::new(store), listing: Listing::Folder(folder), root: String::new(), place })
    }

    /// An empty store in memory, gone with the process.
    pub fn in_memory() -> ObjectLog {
        let store = Arc::new(object_store::memory::InMemory::new());
        ObjectLog { store, listing: Listing::Whole, root: String::new(), place: "memory".to_owned() }
    }

    /// A bucket of a service that lists in lexicographic order and offers conditional puts. `prefix` is empty or lies below
    /// the bucket's root; `store` must not send a put again by itself. `place` is for messages.
    pub fn bucket<S: ObjectStore + PaginatedListStore>(store: S, prefix: &str, place: String) -> ObjectLog {
        let prefix = prefix.trim_matches('/');
        let root = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let store = Arc::new(store);
        ObjectLog { store: store.clone(), listing: Listing::Pages(store), root, place }
    }

    fn path(&self, key: &str) -> Path {
        Path::from(format!("{}{key}", self.root))
    }

    fn relative<'a>(&self, path: &'a Path) -> Option<&'a str> {
        path.as_ref().strip_prefix(self.root.as_str())
    }

    async fn page(
        &self,
        pages: &dyn PaginatedListStore,
        prefix: &str,
        options: PaginatedListOptions,
    ) -> Result<Page, LogError> {
        let full = format!("{}{prefix}", self.root);
        let page = pages.list_paginated(Some(&full), options).await.map_err(|error| answer::of_read(prefix, &error))?;
        let keys = page.result.objects.iter().filter_map(|object| self.relative(&object.location));
        let folders = page.result.common_prefixes.iter().filter_map(|path| self.relative(path));
        let keys = keys.map(str::to_owned).collect();
        Ok(Page { keys, folders: folders.map(|path| format!("{path}/")).collect(), next: page.page_token })
    }

    /// All pages; with a delimiter, keys that have none after the prefix, and the folders.
    async fn pages(
        &self,
        pages: &dyn PaginatedListStore,
        prefix: &str,
        delimiter: Option<&'static str>,
    ) -> Result<Page, LogError> {
        let mut all = Page { keys: Vec::new(), folders: Vec::new(), next: None };
        loop {
            let delimiter = delimiter.map(Into::into);
            let options = PaginatedListOptions { delimiter, page_token: all.next, ..Default::default() };
            let page = self.page(pages, prefix, options).await?;
            if page.next.is_some() && page.keys.is_empty() && page.folders.is_empty() {
                return Err(empty_page(prefix));
            }
            all.keys.extend(page.keys);
            all.folders.extend(page.folders);
            all.next = page.next;
            if all.next.is_none() {
                return Ok(all);
            }
        }
    }

    async fn whole(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let below = self.path(prefix);
        let listed = self.store.list(Some(&below)).try_collect::<Vec<_>>().await;
        let objects = listed.map_err(|error| answer::of_read(prefix, &error))?;
        let keys = objects.iter().filter_map(|object| self.relative(&object.location));
        Ok(sorted(keys.filter(|key| key.starts_with(prefix)).map(str::to_owned).collect()))
    }
}

#[async_trait(?Send)]
impl Log for ObjectLog {
    async fn create(&self, key: &str, bytes: Bytes) -> Create {
        if let Listing::Folder(folder) = &self.listing
            && let Err(refusal) = folder.check_links()
        {
            return Create::Refused(refusal);
        }
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let result = self.store.put_opts(&self.path(key), bytes.into(), options).await;
        match (result, &self.listing) {
            (Ok(_), _) => Create::Created,
            (Err(object_store::Error::AlreadyExists { .. }), Listing::Folder(folder)) => folder.confirm(key),
            (Err(error), Listing::Folder(folder)) => folder.judge(key, &error),
            (Err(error), _) => answer::of_create(&error),
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Bytes>, LogError> {
        let result = async { self.store.get(&self.path(key)).await?.bytes().await };
        match result.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { source, .. }) => {
                match &self.listing {
                    Listing::Folder(folder) => folder.check_absent(key)?,
                    _ => answer::check_absent(key, &*source)?,
                }
                Ok(None)
            }
            Err(error) => Err(answer::of_read(key, &error)),
        }
    }

    async fn first(&self, prefix: &str) -> Result<Option<String>, LogError> {
        match &self.listing {
            Listing::Folder(folder) => folder.first(prefix),
            Listing::Whole => Ok(self.whole(prefix).await?.into_iter().next()),
            Listing::Pages(pages) => {
                let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
                let page = self.page(&**pages, prefix, options).await?;
                match (page.keys.into_iter().next(), page.next) {
                    (None, Some(_)) => Err(empty_page(prefix)),
                    (first, _) => Ok(first),
                }
            }
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        match &self.listing {
            Listing::Folder(folder) => folder.list(prefix),
            Listing::Pages(pages) => Ok(sorted(self.pages(&**pages, prefix, None).await?.keys)),
            Listing::Whole => self.whole(prefix).await,
        }
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, LogError> {
        let below = match &self.listing {
            Listing::Folder(folder) => return folder.folders(prefix),
            Listing::Pages(pages) => self.pages(&**pages, prefix, Some("/")).await?.folders,
            Listing::Whole => self.whole(prefix).await?,
        };
        let names = below.iter().filter_map(|path| Some(path.strip_prefix(prefix)?.split_once('/')?.0.to_owned()));
        let mut names = sorted(names.collect());
        names.dedup();
        Ok(names)
    }

    fn describe(&self) -> String {
        self.place.clone()
    }
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort_unstable();
    keys
}

/// A page without keys and with a successor: services of general purpose buckets send none, so nothing may be concluded.
fn empty_page(prefix: &str) -> LogError {
    LogError::Unavailable { key: prefix.to_owned(), why: "a page of the listing came empty".to_owned() }
}
