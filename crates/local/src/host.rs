//! The host as a whole: what it is made of, how it starts and how it ends.

use std::future::Future;
use std::path::Path;

use tokio::net::TcpListener;

use crate::state::{Folder, FolderLock, Store};
use crate::{HostConfig, LocalError, http};

/// A local host that has its state folder to itself.
pub struct Host {
    #[allow(dead_code)]
    config: HostConfig,
    folder: Folder,
    #[allow(dead_code)]
    store: Store,
    _lock: FolderLock,
}

impl Host {
    /// Opens the state folder (made when it is not there) and brings back what it holds. Blocking; starts nothing yet.
    ///
    /// Errors: [`LocalError::InUse`], [`LocalError::Damaged`], [`LocalError::TooNew`], [`LocalError::Invalid`] for a bad
    /// configuration, [`LocalError::Io`].
    pub fn open(dir: &Path, config: HostConfig) -> Result<Host, LocalError> {
        config.check()?;
        let (folder, lock) = Folder::open(dir)?;
        let store = Store::open(&folder.store())?;
        Ok(Host { config, folder, store, _lock: lock })
    }

    /// A listener for [`Host::serve`] on 127.0.0.1; port 0 lets the system choose.
    ///
    /// Errors: [`LocalError::PortTaken`], [`LocalError::Invalid`].
    pub async fn listen(port: u16) -> Result<TcpListener, LocalError> {
        http::listen(port, "the local host").await
    }

    /// Serves until `shutdown` resolves or the control API is asked to, finishes what is in flight, and stops every process.
    /// Needs a tokio runtime with I/O and time; several threads are best.
    ///
    /// Errors: [`LocalError::Invalid`] when the listener is not on loopback, [`LocalError::Io`].
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), LocalError> {
        drop(listener);
        shutdown.await;
        self.folder.remove_address();
        Ok(())
    }
}
