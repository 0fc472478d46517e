//! A host, images for it, and a plain HTTP client that signs as AWS clients do (in form: the host verifies nothing).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tiers_local::{Client, Environment, Host, HostConfig, LocalError, Route};
use tiers_oci::{Architecture, Content, Layout, NewFile, NewImage, write_image};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

pub const REGION: &str = "eu-west-1";

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    /// The answer of a call that has to work.
    pub fn ok(self) -> Value {
        assert!(self.status < 300, "{} {:?}", self.status, String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

/// One connection that stays open.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    port: u16,
}

impl Connection {
    pub async fn open(port: u16) -> Connection {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        Connection { sender, port }
    }

    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, hyper::Error> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", format!("127.0.0.1:{}", self.port));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request");
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// One request on a connection of its own.
pub async fn send(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    Connection::open(port).await.send(method, path, headers, body).await.expect("an answer")
}

/// As an AWS client signs, with everything but the signature right.
pub fn signature(key: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20261123/{REGION}/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
    )
}

/// The API of a host.
#[derive(Clone, Copy)]
pub struct Aws(pub u16);

impl Aws {
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.call_with(method, path, &[], body).await
    }

    pub async fn call_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Reply {
        let signature = signature("AKIDEXAMPLE", "lambda");
        let mut all = vec![("authorization", signature.as_str())];
        all.extend_from_slice(headers);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        send(self.0, method, path, &all, &body).await
    }

    /// A function, active, with more settings than the least.
    pub async fn create(&self, name: &str, image_uri: &str, more: Value) {
        let mut input = json!({
            "FunctionName": name, "Role": "arn:aws:iam::000000000000:role/local", "PackageType": "Image",
            "Code": {"ImageUri": image_uri}, "Timeout": 5, "MemorySize": 256,
            "Architectures": [Architecture::of_this_machine().expect("one of Lambda's").as_str()],
        });
        let fields = input.as_object_mut().expect("an object");
        fields.extend(more.as_object().cloned().unwrap_or_default());
        self.call("POST", "/2015-03-31/functions", input).await.ok();
        self.settled(name).await;
    }

    /// Waits as a deployer does, and gives the configuration.
    pub async fn settled(&self, name: &str) -> Value {
        for _ in 0..500 {
            let got = self.call("GET", &format!("/2015-03-31/functions/{name}/configuration"), Value::Null).await.ok();
            if got["State"] == "Active" && got["LastUpdateStatus"] == "Successful" {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("{name} never settled")
    }

    /// Publishes what there is and waits for the version; its number.
    pub async fn publish(&self, name: &str) -> String {
        let path = format!("/2015-03-31/functions/{name}");
        let made = self.call("POST", &format!("{path}/versions"), json!({})).await.ok();
        let version = made["Version"].as_str().expect("a number").to_owned();
        for _ in 0..500 {
            let got = self.call("GET", &format!("{path}/configuration?Qualifier={version}"), Value::Null).await.ok();
            if got["State"] == "Active" {
                return version;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("version {version} of {name} never became active")
    }

    pub async fn alias(&self, method: &str, name: &str, version: &str) {
        let path = format!("/2015-03-31/functions/{name}/aliases");
        let path = if method == "PUT" { format!("{path}/live") } else { path };
        self.call(method, &path, json!({"Name": "live", "FunctionVersion": version})).await.ok();
    }

    /// A function with version 1 behind `live`.
    pub async fn create_live(&self, name: &str, image_uri: &str, more: Value) {
        self.create(name, image_uri, more).await;
        let version = self.publish(name).await;
        self.alias("POST", name, &version).await;
    }

    pub async fn invoke(&self, name: &str, command: &str) -> Reply {
        let headers = [("x-amz-log-type", "Tail")];
        let path = format!("/2015-03-31/functions/{name}/invocations");
        self.call_with("POST", &path, &headers, json!({"do": command})).await
    }
}

/// A layout with the test function in it, shared by all tests: the image, and others that can't run.
pub struct Images {
    pub layout: PathBuf,
    pub good: String,
    pub no_bootstrap: String,
    pub foreign_interpreter: String,
    _dir: TempDir,
}

pub fn images() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a folder");
        let layout = Layout::open_or_create(dir.path().join("images")).expect("a layout");
        let program = PathBuf::from(env!("CARGO_BIN_EXE_tiers-test-function"));
        let bootstrap = NewFile {
            path: "/var/runtime/bootstrap".to_owned(),
            content: Content::File { from: program, executable: true },
        };
        let task = NewFile { path: "/var/task".to_owned(), content: Content::Folder };
        let script = NewFile {
            path: "/var/runtime/bootstrap".to_owned(),
            content: Content::Bytes { bytes: b"#!/var/lang/bin/python3.13\n".to_vec(), executable: true },
        };
        let uri = |files: Vec<NewFile>, tag: &str| {
            let facts = write_image(&layout, &image(files)).expect("an image");
            layout.tag(&facts.digest, Some(tag)).expect("a tag");
            format!("local/app@{}", facts.digest)
        };
        Images {
            good: uri(vec![bootstrap, task.clone()], "good"),
            no_bootstrap: uri(vec![task], "empty"),
            foreign_interpreter: uri(vec![script], "script"),
            layout: layout.path().to_owned(),
            _dir: dir,
        }
    })
}

fn image(files: Vec<NewFile>) -> NewImage {
    NewImage {
        architecture: Architecture::of_this_machine().expect("one of Lambda's"),
        base: None,
        files,
        entrypoint: Some(vec!["/var/runtime/bootstrap".to_owned()]),
        cmd: None,
        env: Default::default(),
        working_dir: None,
        labels: Default::default(),
    }
}

/// A host that runs in the test's own process.
pub struct Running {
    pub aws: Aws,
    pub client: Client,
    pub dir: TempDir,
    pub task: JoinHandle<Result<(), LocalError>>,
}

/// Settings of a host in tests.
pub fn config() -> HostConfig {
    HostConfig {
        layouts: vec![images().layout.clone()],
        region: REGION.to_owned(),
        drain_ms: 10_000,
        ..HostConfig::default()
    }
}

pub async fn start() -> Running {
    start_with(config()).await
}

pub async fn start_with(config: HostConfig) -> Running {
    start_in(tempfile::tempdir().expect("a folder"), config).await
}

pub async fn start_in(dir: TempDir, config: HostConfig) -> Running {
    let host = Host::open(dir.path(), config).expect("opens");
    let listener = Host::listen(0).await.expect("listens");
    let port = listener.local_addr().expect("an address").port();
    let task = tokio::spawn(host.serve(listener, std::future::pending()));
    let client = Client::wait_until_ready(dir.path(), Duration::from_secs(10)).await.expect("answers");
    Running { aws: Aws(port), client, dir, task }
}

impl Running {
    /// Waits at most 10 s until so many processes are at work.
    pub async fn wait_until_busy(&self, wanted: usize) {
        for _ in 0..1000 {
            let processes = self.client.status().await.expect("status").processes;
            if processes.iter().filter(|process| process.busy).count() == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never {wanted} busy processes");
    }

    /// Ends the host and waits for its end.
    pub async fn stop(self) -> TempDir {
        self.client.shutdown().await.expect("accepted");
        self.task.await.expect("no panic").expect("a good end");
        self.dir
    }
}

/// An environment with one route.
pub fn environment(name: &str, function: &str) -> Environment {
    Environment {
        name: name.to_owned(),
        account: None,
        region: None,
        rate_limit_per_s: None,
        burst: None,
        port: 0,
        routes: vec![Route { prefix: "/".to_owned(), function: function.to_owned(), alias: "live".to_owned() }],
    }
}

/// The port of a URL of the host.
pub fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in {url}"))
}

pub fn is_alive(pid: u64) -> bool {
    // A zombie is dead: it only waits to be noticed.
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    status.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
}

/// Waits at most 5 s for processes to be gone.
pub async fn wait_until_gone(pids: &[u64]) {
    for _ in 0..500 {
        if !pids.iter().any(|pid| is_alive(*pid)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still alive: {:?}", pids.iter().filter(|pid| is_alive(**pid)).collect::<Vec<_>>());
}
