//! The host's API without a port: everything behind the listener, over pipes in memory, with a state folder that goes away.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tiers_core::id::Digest;
use tiers_lambda::model::{Model, Options};
use tiers_oci::properties::craft::{self, Tar};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, split};

use crate::HostConfig;
use crate::api::Api;
use crate::invoker::Invoker;
use crate::logs::LogBook;
use crate::model_store::ModelStore;
use crate::run::{Images, Runner, Spawner};
use crate::state::{Folder, FolderLock, Store};

pub const ACCOUNT: &str = "000000000000";
const REPOSITORY: &str = "local/app";
/// What is in the pipes at once.
const PIPE_BYTES: usize = 64 * 1024;
const DEADLINE: Duration = Duration::from_secs(30);

/// A host that answers and runs nothing: its one image holds no program, so that every invocation ends before a process starts.
pub struct InProcess {
    api: Arc<Api>,
    store: PathBuf,
    /// By digest, as the host knows it.
    pub image_uri: String,
    pub digest: Digest,
    _layouts: tempfile::TempDir,
    _lock: FolderLock,
}

impl InProcess {
    /// To be called within a tokio runtime.
    pub fn open(state: &Path) -> InProcess {
        let (layouts, layout) = craft::layout();
        let digest = craft::image(&layout, &[Tar::default().file("readme", "no program").end()]);
        let config = HostConfig {
            layouts: vec![layout.path().to_owned()],
            settle_ms: 0,
            init_timeout_ms: 100,
            event_retry_ms: 0,
            ..HostConfig::default()
        };
        let (folder, lock) = Folder::open(state).expect("a new folder");
        let models =
            ModelStore::open(Store::open(&folder.store()).expect("a store"), options()).expect("an empty store");
        let images = Images::open(config.layouts.clone(), folder.images(), &models.digests()).expect("an empty folder");
        let logs = Arc::new(LogBook::new(folder.logs()));
        let spawner = Spawner::start().expect("a thread");
        let runner = Runner::new(&config, &folder, Arc::new(images), logs, spawner);
        let invoker = Arc::new(Invoker { models: Arc::new(models), runner: Arc::new(runner) });
        let api = Arc::new(Api { invoker, account: ACCOUNT.to_owned(), event_retry_ms: config.event_retry_ms });
        let image_uri = format!("{REPOSITORY}@{digest}");
        InProcess { api, store: folder.store(), image_uri, digest, _layouts: layouts, _lock: lock }
    }

    /// Sends these bytes on a connection of their own and gives all that comes back.
    pub async fn exchange(&self, sent: &[u8]) -> Vec<u8> {
        let (ours, theirs) = duplex(PIPE_BYTES);
        let (mut reader, mut writer) = split(ours);
        let service = service_fn(|request| {
            let api = Arc::clone(&self.api);
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(TokioIo::new(theirs), service);
        let mut answer = Vec::new();
        let write = async {
            // A host that has heard enough closes its end.
            writer.write_all(sent).await.ok();
            writer.shutdown().await.ok();
        };
        let all = async { tokio::join!(connection, write, reader.read_to_end(&mut answer)) };
        assert!(tokio::time::timeout(DEADLINE, all).await.is_ok(), "no answer within {DEADLINE:?}");
        answer
    }

    /// The state as it is now.
    pub fn model(&self) -> Model {
        self.api.invoker.models.snapshot()
    }

    /// The state as a host finds it that opens the folder now.
    pub fn stored(&self) -> Model {
        let store = Store::open(&self.store).expect("the journal reads");
        ModelStore::open(store, options()).expect("what was stored is a model").snapshot()
    }
}

fn options() -> Options {
    Options { create_ms: 0, update_ms: 0, publish_ms: 0, restore_ms: 0, ..Options::default() }
}
