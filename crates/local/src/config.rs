//! What a host is started with.

use std::path::PathBuf;

use crate::LocalError;

/// Settings of one run of the host. They are not kept in the state folder: whoever starts the host says them each time.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// OCI layout folders; an image's digest or tag is looked up in them in this order. They need not exist yet.
    pub layouts: Vec<PathBuf>,
    /// The account of callers whose access key id does not name one; 12 digits. An access key id of the form
    /// `AKIALOCAL` + 12 digits acts in that account.
    pub account: String,
    /// The region of environments that name none. Callers of Lambda's API say theirs in the signature's scope.
    pub region: String,
    /// How long a function stays `Pending` or `InProgress` after a change, in milliseconds of real time. Lambda takes
    /// seconds; a short while is enough to keep callers honest about waiting.
    pub settle_ms: u64,
    /// Whether the control plane refuses more than Lambda's 15 requests a second with 429 (`GetFunction`: 100).
    pub control_plane_quotas: bool,
    /// A process that served nothing for this long is stopped.
    pub idle_ms: u64,
    /// A process may take this long until it asks for its first event. Lambda allows 10 s.
    pub init_timeout_ms: u64,
    /// The most processes at once, all functions together: the local form of an account's concurrency.
    pub max_processes: usize,
    /// A door waits this long for a function, then answers 503. API Gateway's own limit for HTTP APIs is 30 s.
    pub door_timeout_ms: u64,
    /// An asynchronous event that failed is tried again after this, and after twice this; Lambda waits one and two minutes.
    pub event_retry_ms: u64,
    /// How long requests in flight may take after a shutdown was asked for.
    pub drain_ms: u64,
    /// Days that logs of functions without a setting of their own are kept.
    pub log_retention_days: u32,
}

impl Default for HostConfig {
    fn default() -> HostConfig {
        HostConfig {
            layouts: Vec::new(),
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            settle_ms: 5,
            control_plane_quotas: false,
            idle_ms: 300_000,
            init_timeout_ms: 10_000,
            max_processes: 200,
            door_timeout_ms: 30_000,
            event_retry_ms: 60_000,
            drain_ms: 5_000,
            log_retention_days: 30,
        }
    }
}

impl HostConfig {
    pub(crate) fn check(&self) -> Result<(), LocalError> {
        if !is_account(&self.account) {
            return Err(LocalError::Invalid(format!("`{}` is not an account: expected 12 digits", self.account)));
        }
        if !is_region(&self.region) {
            return Err(LocalError::Invalid(format!(
                "`{}` is not a region: expected lower-case words with hyphens, such as us-east-1",
                self.region
            )));
        }
        if self.max_processes == 0 {
            return Err(LocalError::Invalid("max_processes is 0: no function could run".to_owned()));
        }
        Ok(())
    }
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

pub(crate) fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
