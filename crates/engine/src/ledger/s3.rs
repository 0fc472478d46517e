//! Ledgers in S3, and in what speaks its protocol with conditional puts.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
pub use object_store::aws::AwsCredential as S3Credential;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
pub use object_store::{CredentialProvider as S3CredentialSource, StaticCredentialProvider as S3StaticCredentials};

use super::answer;
use super::object::ObjectLog;

/// Where in S3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Place {
    pub bucket: String,
    /// What stands before every key, without slashes at its ends; may be empty.
    pub prefix: String,
    /// `None` takes the environment's (`AWS_REGION`, `AWS_DEFAULT_REGION`).
    pub region: Option<String>,
    /// `None` takes the environment's (`AWS_ENDPOINT_URL`), or the service's own. Plain `http://` is accepted for a stand-in.
    pub endpoint: Option<String>,
}

/// Credentials as `object_store` takes them, for the kinds that it does not find by itself (profiles, SSO).
pub type S3Credentials = Arc<dyn S3CredentialSource<Credential = S3Credential>>;

/// A place or a setting that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    #[error("`{0}` is no place in S3: expected `s3://bucket` or `s3://bucket/prefix`")]
    NotAPlace(String),
    /// Their listings have no order, so the head would not be found.
    #[error("bucket {0} is a directory bucket, which lists in no order; a ledger needs a general purpose bucket")]
    DirectoryBucket(String),
    #[error("the settings for bucket {bucket} can't be used: {why}")]
    Settings { bucket: String, why: String },
}

impl S3Place {
    /// From `s3://bucket` or `s3://bucket/prefix`.
    pub fn parse(url: &str) -> Result<S3Place, S3Error> {
        let not_a_place = || S3Error::NotAPlace(url.to_owned());
        let rest = url.strip_prefix("s3://").ok_or_else(not_a_place)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/=".contains(&b));
        if bucket.is_empty() || !plain(bucket) || !plain(prefix) || prefix.split('/').any(|part| part == "..") {
            return Err(not_a_place());
        }
        Ok(S3Place { bucket: bucket.to_owned(), prefix: prefix.to_owned(), ..S3Place::default() })
    }
}

/// Without credentials given, those of the environment are used: static keys, web identity, a task's or an instance's role.
pub fn s3_log(place: &S3Place, credentials: Option<S3Credentials>) -> Result<ObjectLog, S3Error> {
    if place.bucket.ends_with("--x-s3") {
        return Err(S3Error::DirectoryBucket(place.bucket.clone()));
    }
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&place.bucket)
        // Each send is one request: the ledger sends again itself, and must know of every send that may have landed.
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 0,
            retry_timeout: Duration::from_secs(10),
        })
        .with_client_options(
            ClientOptions::new().with_connect_timeout(Duration::from_secs(5)).with_timeout(Duration::from_secs(15)),
        );
    if let Some(region) = &place.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &place.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(credentials) = credentials {
        builder = builder.with_credentials(credentials);
    }
    let endpoint = place.endpoint.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok());
    builder = builder.with_allow_http(endpoint.is_some_and(|url| url.starts_with("http://")));
    let store = builder
        .build()
        .map_err(|error| S3Error::Settings { bucket: place.bucket.clone(), why: answer::text(&error) })?;
    let url = format!("s3://{}/{}", place.bucket, place.prefix);
    Ok(ObjectLog::bucket(store, &place.prefix, url.trim_end_matches('/').to_owned()))
}
