//! The rules of every `LambdaApi`, run against the local host through the SDK: the same client code that talks to AWS.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tiers_aws::AwsLambda;
use tiers_lambda::api::{LambdaApi, Settings};
use tiers_lambda::conformance::{Fixture, broken};
use tiers_local::{Host, HostConfig};
use tiers_oci::{Architecture, Content, Layout, NewFile, NewImage, write_image};
use tokio::sync::oneshot;

const ACCOUNT: &str = "755283537543";
/// Long enough that a client which does not wait meets an update in progress.
const SETTLE_MS: u64 = 40;

/// A host on a thread of its own, ended with this.
struct Running {
    endpoint: String,
    layout: Layout,
    numbers: Cell<u64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Running {
    fn start() -> Running {
        let folder = TempDir::new().expect("a temporary folder");
        let layout = Layout::open_or_create(folder.path().join("layout")).expect("a layout");
        let config =
            HostConfig { layouts: vec![layout.path().to_owned()], settle_ms: SETTLE_MS, ..HostConfig::default() };
        let host = Host::open(&folder.path().join("state"), config).expect("a host");
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = Host::listen(0).await.expect("a free port");
                tell.send(listener.local_addr().expect("its address")).expect("somebody waits");
                host.serve(listener, async { drop(stopped.await) }).await.expect("the host serves");
            });
        });
        let address = told.recv().expect("the host listens");
        Running {
            endpoint: format!("http://{address}"),
            layout,
            numbers: Cell::new(0),
            stop: Some(stop),
            thread: Some(thread),
            _folder: folder,
        }
    }

    fn client(&self) -> AwsLambda {
        AwsLambda::for_endpoint(&self.endpoint, "ap-southeast-1", ACCOUNT).expect("a loopback address")
    }

    fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the host ends");
        }
    }
}

/// The test function of the local host's crate, which is built here as an example so that it is at hand.
fn function_program() -> Vec<u8> {
    let test = std::env::current_exe().expect("this test is a program");
    let built = test.ancestors().nth(2).map(PathBuf::from).expect("the folder of what is built");
    let path = built.join("examples").join("test-function");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{} is read: {error}", path.display()))
}

#[async_trait(?Send)]
impl Fixture for Running {
    async fn new_image(&self) -> String {
        let file = |path: &str, bytes, executable| NewFile {
            path: path.to_owned(),
            content: Content::Bytes { bytes, executable },
        };
        let image = NewImage {
            architecture: Architecture::of_this_machine().expect("a machine that Lambda knows"),
            base: None,
            files: vec![
                file("bootstrap", function_program(), true),
                file("number", self.number().to_string().into_bytes(), false),
            ],
            entrypoint: Some(vec!["/bootstrap".into()]),
            cmd: None,
            env: BTreeMap::new(),
            working_dir: None,
            labels: BTreeMap::new(),
        };
        let facts = write_image(&self.layout, &image).expect("an image");
        format!("registry.local/worker@{}", facts.digest)
    }

    async fn delete_image(&self, _: &str) -> bool {
        false
    }

    async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(SETTLE_MS / 8)).await;
    }

    fn fresh_name(&self) -> String {
        format!("worker-{}", self.number())
    }

    fn settings(&self) -> Settings {
        Settings {
            role: format!("arn:aws:iam::{ACCOUNT}:role/worker"),
            memory_mb: 256,
            timeout_s: 30,
            architecture: Architecture::of_this_machine().expect("a machine that Lambda knows").as_str().to_owned(),
            ephemeral_mb: 512,
            ..Settings::default()
        }
    }
}

#[tokio::test]
async fn the_local_host_keeps_every_rule_of_lambda() {
    let host = Running::start();
    let broken = broken(&host.client(), &host, &[]).await;
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test]
async fn the_local_host_knows_the_caller_by_its_key() {
    let host = Running::start();
    let caller = host.client().caller().await.expect("a caller");
    assert_eq!(caller.account, ACCOUNT);
}
