//! The client of the control API: what the `tiers` program uses to speak to a host that runs for a state folder.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::types::{Environment, EnvironmentStatus, LogRetention, Status};
use crate::LocalError;
use crate::state::{Address, Folder};

/// Carries the token that proves access to the state folder.
pub(crate) const TOKEN_HEADER: &str = "x-tiers-token";

const ANSWER_LIMIT_BYTES: usize = 16 * 1024 * 1024;
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// Speaks to the host of one state folder. One connection a call; the calls are few.
#[derive(Clone, Debug)]
pub struct Client {
    dir: PathBuf,
    address: Address,
    token: String,
}

impl Client {
    /// Finds the host of this folder and asks whether it answers.
    ///
    /// Errors: [`LocalError::NotRunning`] when there is none, [`LocalError::Io`], [`LocalError::Damaged`].
    pub async fn connect(dir: &Path) -> Result<Client, LocalError> {
        let folder = Folder::at(dir);
        let not_running = |why: &str| LocalError::NotRunning { dir: dir.to_owned(), why: why.to_owned() };
        let address = folder.address()?.ok_or_else(|| not_running("it has left no address"))?;
        let token = folder.read_token()?.ok_or_else(|| not_running("the folder has no token"))?;
        let client = Client { dir: dir.to_owned(), address, token };
        client.status().await?;
        Ok(client)
    }

    /// As [`Client::connect`], trying again until the host answers or `timeout` is over.
    ///
    /// Errors: those of [`Client::connect`], the last one.
    pub async fn wait_until_ready(dir: &Path, timeout: Duration) -> Result<Client, LocalError> {
        let until = Instant::now() + timeout;
        loop {
            match Client::connect(dir).await {
                Ok(client) => return Ok(client),
                Err(e @ (LocalError::NotRunning { .. } | LocalError::Connection(_))) if Instant::now() >= until => {
                    return Err(e);
                }
                Err(LocalError::NotRunning { .. } | LocalError::Connection(_)) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// `http://127.0.0.1:<port>`: what the AWS SDK, boto3 and the aws command take as their endpoint.
    pub fn endpoint(&self) -> String {
        self.address.endpoint()
    }

    /// `GET /_tiers/status`.
    pub async fn status(&self) -> Result<Status, LocalError> {
        self.call(Method::GET, "/_tiers/status", None::<&()>).await
    }

    /// `PUT /_tiers/environments/{name}`: sets an environment up or changes it; answers it as it runs, with its door's URL.
    ///
    /// Errors: [`LocalError::Refused`] with 400 for a bad environment and 409 when its port is taken.
    pub async fn put_environment(&self, environment: &Environment) -> Result<EnvironmentStatus, LocalError> {
        let path = format!("/_tiers/environments/{}", environment.name);
        self.call(Method::PUT, &path, Some(environment)).await
    }

    /// `DELETE /_tiers/environments/{name}`: closes the door; functions stay.
    pub async fn remove_environment(&self, name: &str) -> Result<(), LocalError> {
        let path = format!("/_tiers/environments/{name}");
        self.call::<(), serde_json::Value>(Method::DELETE, &path, None).await.map(|_| ())
    }

    /// `PUT /_tiers/log-retention/{function}`, in days, for the function of this name in every account and region.
    pub async fn put_log_retention(&self, function: &str, days: u32) -> Result<(), LocalError> {
        let path = format!("/_tiers/log-retention/{function}");
        self.call::<_, serde_json::Value>(Method::PUT, &path, Some(&LogRetention { days })).await.map(|_| ())
    }

    /// `POST /_tiers/shutdown`: answers at once; the host then finishes what is in flight and ends.
    pub async fn shutdown(&self) -> Result<(), LocalError> {
        self.call::<(), serde_json::Value>(Method::POST, "/_tiers/shutdown", None).await.map(|_| ())
    }

    async fn call<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<A, LocalError> {
        tokio::time::timeout(ANSWER_WAIT, self.send(method, path, body))
            .await
            .map_err(|_| LocalError::Connection(format!("no answer within {} s", ANSWER_WAIT.as_secs())))?
    }

    async fn send<B: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<A, LocalError> {
        let broken = |e: &dyn std::fmt::Display| LocalError::Connection(e.to_string());
        let stream =
            TcpStream::connect(("127.0.0.1", self.address.port)).await.map_err(|e| LocalError::NotRunning {
                dir: self.dir.clone(),
                why: format!("nothing listens on 127.0.0.1:{} ({e})", self.address.port),
            })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
        let driver = tokio::spawn(connection);
        let bytes = match body {
            Some(body) => serde_json::to_vec(body).map_err(|e| broken(&e))?,
            None => Vec::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("127.0.0.1:{}", self.address.port))
            .header("content-type", "application/json")
            .header(TOKEN_HEADER, &self.token)
            .body(Full::new(Bytes::from(bytes)))
            .map_err(|e| LocalError::Invalid(format!("`{path}` can't be asked for: {e}")))?;
        let answer = sender.send_request(request).await.map_err(|e| broken(&e))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_LIMIT_BYTES).collect().await.map_err(|e| broken(&e))?;
        driver.abort();
        let bytes = body.to_bytes();
        if !status.is_success() {
            return Err(LocalError::Refused { status: status.as_u16(), message: refusal(&bytes) });
        }
        serde_json::from_slice(&bytes).map_err(|e| LocalError::Connection(format!("its answer is not understood: {e}")))
    }
}

fn refusal(body: &[u8]) -> String {
    serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|value| value.get("message").and_then(|m| m.as_str().map(str::to_owned)))
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}
