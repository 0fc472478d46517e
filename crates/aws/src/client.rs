//! How a client is made: where it talks to, with which credentials, how long it waits and what it may send twice.
//!
//! Three SDK clients share one connection pool. They differ in what a lost answer costs: a read may be asked again, a write
//! never, and an invocation runs as long as the function's own limit allows.

use std::net::IpAddr;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

/// Until the connection stands. A host that answers at all does so well within it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// From the request to the first byte of the answer, for everything but an invocation.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// One attempt at a control-plane call: connecting, sending and reading the answer to its end.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// A read with all its attempts and the pauses between them.
const READS_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a read is sent at most. The caller has a budget of requests too, so this stays small.
const READ_ATTEMPTS: u32 = 3;

/// The pause before a read's second attempt; it doubles, with jitter, up to [`READ_BACKOFF_MAX`].
const READ_BACKOFF: Duration = Duration::from_millis(200);

/// The longest pause between two attempts of a read.
const READ_BACKOFF_MAX: Duration = Duration::from_secs(2);

/// An invocation: Lambda's own limit for a function is 900 s, and a cold start comes before it.
const INVOKE_TIMEOUT: Duration = Duration::from_secs(960);

/// Before the account, in an access key id of the local host.
const KEY_PREFIX: &str = "AKIALOCAL";

/// Lambda and STS in one region, for one account.
#[derive(Clone, Debug)]
pub struct AwsLambda {
    pub(crate) region: String,
    /// Where the client was told to talk to, for messages; `None` means the service's own address.
    pub(crate) endpoint: Option<String>,
    pub(crate) reads: aws_sdk_lambda::Client,
    pub(crate) writes: aws_sdk_lambda::Client,
    pub(crate) invocations: aws_sdk_lambda::Client,
    pub(crate) sts: aws_sdk_sts::Client,
}

/// An endpoint that is not plain HTTP on this machine was given where only the local host is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{endpoint}` is not a plain http address on this machine's loopback interface: {reason}")]
pub struct NotLoopback {
    /// As it was given.
    pub endpoint: String,
    /// What about it is wrong.
    pub reason: &'static str,
}

impl AwsLambda {
    /// A client of the local host at `endpoint` (`http://127.0.0.1:4566`), in a made-up `region` and twelve-digit `account`.
    ///
    /// Its credentials are made up: the access key is [`KEY_PREFIX`] and the account, which is how the host knows the account,
    /// and nothing is read from the environment or from files. It speaks plain HTTP without TLS or proxies.
    ///
    /// # Errors
    /// [`NotLoopback`] for any endpoint that is not `http` on a loopback address or `localhost`.
    pub fn for_endpoint(endpoint: &str, region: &str, account: &str) -> Result<Self, NotLoopback> {
        let http = aws_smithy_http_client::Builder::new().build_http();
        AwsLambda::for_endpoint_through(http, endpoint, region, account)
    }

    /// As [`for_endpoint`](Self::for_endpoint), over an HTTP client of the caller's: one that scripts answers, delays or loses
    /// them.
    ///
    /// # Errors
    /// [`NotLoopback`], as above.
    pub fn for_endpoint_through(
        http: SharedHttpClient,
        endpoint: &str,
        region: &str,
        account: &str,
    ) -> Result<Self, NotLoopback> {
        require_loopback(endpoint)?;
        let credentials = Credentials::new(format!("{KEY_PREFIX}{account}"), "local", None, None, "the local host");
        let shared = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .build();
        Ok(AwsLambda::over(&shared, region, Some(endpoint.to_owned())))
    }

    /// A client of AWS, with credentials, proxies and endpoints as the environment, the shared files and `profile` say
    /// (environment variables, SSO, a credential process, web identity, the container or the instance).
    ///
    /// Nothing is sent yet and nothing is refused yet: wrong or missing credentials show at the first call, as
    /// [`Denied`](tiers_lambda::api::ApiError::Denied).
    pub async fn from_environment(region: &str, profile: Option<&str>) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).region(Region::new(region.to_owned()));
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        let shared = loader.load().await;
        let endpoint = shared.endpoint_url().map(str::to_owned);
        AwsLambda::over(&shared, region, endpoint)
    }

    fn over(shared: &SdkConfig, region: &str, endpoint: Option<String>) -> Self {
        let lambda = |retries: RetryConfig, timeouts: TimeoutConfig| {
            let config = aws_sdk_lambda::config::Builder::from(shared)
                .retry_config(retries)
                .timeout_config(timeouts)
                // A function may think for minutes before its first byte; silence is judged by the timeouts alone.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .build();
            aws_sdk_lambda::Client::from_conf(config)
        };
        let sts = aws_sdk_sts::config::Builder::from(shared)
            .retry_config(read_retries())
            .timeout_config(timeouts(READ_TIMEOUT, ATTEMPT_TIMEOUT, READS_TIMEOUT))
            .build();
        AwsLambda {
            region: region.to_owned(),
            endpoint,
            reads: lambda(read_retries(), timeouts(READ_TIMEOUT, ATTEMPT_TIMEOUT, READS_TIMEOUT)),
            writes: lambda(RetryConfig::disabled(), timeouts(READ_TIMEOUT, ATTEMPT_TIMEOUT, ATTEMPT_TIMEOUT)),
            invocations: lambda(RetryConfig::disabled(), timeouts(INVOKE_TIMEOUT, INVOKE_TIMEOUT, INVOKE_TIMEOUT)),
            sts: aws_sdk_sts::Client::from_conf(sts),
        }
    }
}

fn read_retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(READ_ATTEMPTS)
        .with_initial_backoff(READ_BACKOFF)
        .with_max_backoff(READ_BACKOFF_MAX)
}

/// All four are said, so that nothing of the environment's own settings remains.
fn timeouts(read: Duration, attempt: Duration, operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(read)
        .operation_attempt_timeout(attempt)
        .operation_timeout(operation)
        .build()
}

/// The credentials that go with such an endpoint are worthless, but names, settings and payloads are not: they stay here.
fn require_loopback(endpoint: &str) -> Result<(), NotLoopback> {
    let refuse = |reason| Err(NotLoopback { endpoint: endpoint.to_owned(), reason });
    let Ok(uri) = endpoint.parse::<http::Uri>() else {
        return refuse("it is no address");
    };
    if uri.scheme() != Some(&http::uri::Scheme::HTTP) {
        return refuse("the scheme is not http");
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return refuse("it carries a user name");
    }
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(address) if address.is_loopback() => Ok(()),
        Ok(_) => refuse("the address is not a loopback address"),
        Err(_) if host.eq_ignore_ascii_case("localhost") => Ok(()),
        Err(_) => refuse("the host is a name other than localhost"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use aws_sdk_lambda::config::SharedHttpClient;
    use aws_smithy_runtime_api::client::http::http_client_fn;
    use tiers_lambda::api::{ApiError, LambdaApi};

    use super::*;

    #[tokio::test]
    async fn without_credentials_a_change_is_denied_before_anything_is_sent() {
        let asked = Arc::new(AtomicBool::new(false));
        let witness = asked.clone();
        let http: SharedHttpClient = http_client_fn(move |_, _| {
            witness.store(true, Ordering::SeqCst);
            panic!("a connection was asked for");
        });
        let shared = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .http_client(http)
            .build();
        let lambda = AwsLambda::over(&shared, "eu-west-1", None);
        let error = lambda.update_code("f", "repo@sha256:5f", "r-1").await.expect_err("no credentials");
        assert!(matches!(&error, ApiError::Denied(text) if text.contains("nothing was sent")), "{error:?}");
        assert!(!asked.load(Ordering::SeqCst));
    }
}
