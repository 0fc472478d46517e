//! The state folder: its layout, its lock, and the journal that lets an acknowledged change survive a kill at any moment.

mod folder;
mod store;

pub(crate) use folder::{Address, Folder, FolderLock, replace, sync_parent};
pub(crate) use store::{Change, Store};
