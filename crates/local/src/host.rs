//! The host as a whole: what it is made of, how it starts and how it ends.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use tiers_lambda::model::{Options, Quotas};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::api::Api;
use crate::control::{Control, retention_days};
use crate::door::Doors;
use crate::invoker::Invoker;
use crate::logs::{self, LogBook};
use crate::model_store::ModelStore;
use crate::run::{Images, Runner, Spawner, kill_leftovers};
use crate::state::{Address, Folder, FolderLock, Store};
use crate::{HostConfig, LocalError, http};

/// A local host that has its state folder to itself.
pub struct Host {
    config: HostConfig,
    folder: Folder,
    models: ModelStore,
    images: Images,
    token: String,
    _lock: FolderLock,
}

const STOP_IDLE_EVERY: Duration = Duration::from_secs(1);
const SWEEP_LOGS_EVERY: Duration = Duration::from_secs(3600);

impl Host {
    /// Opens the state folder (made when it is not there), brings back what it holds, and kills processes that an earlier host
    /// left behind. Blocking; starts nothing yet.
    ///
    /// Errors: [`LocalError::InUse`], [`LocalError::Damaged`], [`LocalError::TooNew`], [`LocalError::Invalid`] for a bad
    /// configuration, [`LocalError::Io`].
    pub fn open(dir: &Path, config: HostConfig) -> Result<Host, LocalError> {
        config.check()?;
        let (folder, lock) = Folder::open(dir)?;
        kill_leftovers(folder.root());
        empty(&folder.tmp())?;
        let store = Store::open(&folder.store())?;
        let options = Options {
            // Another one each time, so that a folder that was set up anew never repeats the revisions of the one before.
            seed: uuid::Uuid::new_v4().as_u64_pair().0,
            create_ms: config.settle_ms,
            update_ms: config.settle_ms,
            publish_ms: config.settle_ms,
            restore_ms: config.settle_ms,
            quotas: config.control_plane_quotas.then(Quotas::default),
            ..Options::default()
        };
        let models = ModelStore::open(store, options)?;
        let images = Images::open(config.layouts.clone(), folder.images(), &models.digests())?;
        let token = folder.token()?;
        Ok(Host { config, folder, models, images, token, _lock: lock })
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
    /// Errors: [`LocalError::Invalid`] when the listener is not on loopback or a stored environment does not read,
    /// [`LocalError::Io`].
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), LocalError> {
        let local = listener.local_addr().map_err(LocalError::io("listen for", self.folder.root()))?;
        if !local.ip().is_loopback() {
            let text =
                format!("{local} is not a loopback address: the host verifies no signature and must not be reached");
            return Err(LocalError::Invalid(text));
        }
        let Host { config, folder, models, images, token, _lock } = self;
        let address = Address { pid: std::process::id(), port: local.port() };
        let logs = Arc::new(LogBook::new(folder.logs()));
        let runner = Runner::new(&config, &folder, Arc::new(images), logs, Spawner::start()?);
        let invoker = Arc::new(Invoker { models: Arc::new(models), runner: Arc::new(runner) });
        let doors = Arc::new(Doors::new(Arc::clone(&invoker), &config));
        doors.open_stored().await?;
        let (stop, stopped) = watch::channel(false);
        let control = Arc::new(Control {
            invoker: Arc::clone(&invoker),
            doors: Arc::clone(&doors),
            token,
            endpoint: address.endpoint(),
            started: Instant::now(),
            started_at: Timestamp::now(),
            log_retention_days: config.log_retention_days,
            shutdown: stop,
        });
        let (account, event_retry_ms) = (config.account.clone(), config.event_retry_ms);
        let api = Arc::new(Api { invoker: Arc::clone(&invoker), account, event_retry_ms });
        let chores = tokio::spawn(chores(Arc::clone(&invoker), folder.clone(), config.log_retention_days));
        // Last: whoever finds the address finds a host that answers.
        folder.write_address(&address)?;
        let drain = Duration::from_millis(config.drain_ms);
        http::serve(listener, drain, until(shutdown, stopped), move |request, _| {
            let (api, control) = (Arc::clone(&api), Arc::clone(&control));
            async move {
                if !http::is_for_this_machine(request.headers()) {
                    let text = "the Host header has to name this machine: localhost or a loopback address";
                    return http::json(403, &json!({"message": text}));
                }
                let for_control = request.uri().path().starts_with("/_tiers/");
                if for_control { control.answer(request).await } else { api.answer(request).await }
            }
        })
        .await;
        doors.close().await;
        chores.abort();
        invoker.runner.stop_all();
        folder.remove_address();
        Ok(())
    }
}

/// Either of the two ways to end.
async fn until(shutdown: impl Future<Output = ()>, mut asked: watch::Receiver<bool>) {
    tokio::select! {
        () = shutdown => {}
        // An error would mean that nobody can ask any more, which is no reason to end.
        Ok(_) = asked.wait_for(|asked| *asked) => {}
    }
}

/// What has to be done now and then: processes that are free for too long, logs that are too old.
async fn chores(invoker: Arc<Invoker>, folder: Folder, default_days: u32) {
    let mut swept: Option<Instant> = None;
    loop {
        if swept.is_none_or(|at| at.elapsed() >= SWEEP_LOGS_EVERY) {
            swept = Some(Instant::now());
            let (invoker, folder) = (Arc::clone(&invoker), folder.clone());
            let days = move |function: &str| retention_days(&invoker, function, default_days);
            let work = move || logs::sweep(&folder.logs(), Timestamp::now(), days);
            let _ = tokio::task::spawn_blocking(work).await;
        }
        invoker.runner.stop_idle();
        tokio::time::sleep(STOP_IDLE_EVERY).await;
    }
}

fn empty(dir: &Path) -> Result<(), LocalError> {
    fs::remove_dir_all(dir).map_err(LocalError::io("empty the folder", dir))?;
    fs::create_dir_all(dir).map_err(LocalError::io("create the folder", dir))
}
