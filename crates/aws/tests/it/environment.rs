//! Clients made from the environment. A process can't change its own variables safely while it has threads, so each test runs
//! itself once more as a child with the variables that it is about.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use tempfile::TempDir;
use tiers_aws::AwsLambda;
use tiers_lambda::api::{ApiError, LambdaApi};

use crate::socket::hangs_up_after;

/// Set in the child.
const CHILD: &str = "TIERS_TEST_CHILD";

/// In the child: the client of its environment tries a change, and what came of it is told in one line.
async fn tell(profile: Option<&str>) {
    let lambda = AwsLambda::from_environment("eu-west-1", profile).await;
    let error = lambda.update_code("f", "repo@sha256:5f", "r-1").await.expect_err("nobody answers");
    let kind = match error {
        ApiError::Ambiguous(_) => "ambiguous",
        ApiError::Denied(_) => "denied",
        _ => "other",
    };
    println!("TOLD {kind}: {error}");
}

/// In the parent: runs `test` of this file as a child with nothing but these variables, and answers what it told.
fn child(test: &str, variables: &[(&str, &str)]) -> String {
    let program = std::env::current_exe().expect("this test is a program");
    let mut command = Command::new(program);
    command.args(["--exact", &format!("environment::{test}"), "--nocapture"]).env_clear();
    // The instance's own address for credentials is never asked, and no file of the person who runs this is read.
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent").env(CHILD, "1");
    let output = command.envs(variables.iter().copied()).output().expect("the child runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = text.lines().find_map(|line| line.split_once("TOLD ")).map(|(_, told)| told.to_owned());
    told.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)))
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

#[tokio::test]
async fn settings_of_the_environment_cannot_make_a_change_be_sent_again() {
    if is_child() {
        return tell(None).await;
    }
    let (address, seen) = hangs_up_after(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    let told = child(
        "settings_of_the_environment_cannot_make_a_change_be_sent_again",
        &[
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_MAX_ATTEMPTS", "9"),
            ("AWS_RETRY_MODE", "adaptive"),
            ("AWS_ENDPOINT_URL", &address),
        ],
    );
    assert!(told.starts_with("ambiguous: "), "{told}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_any_credentials_a_change_is_denied_and_not_sent() {
    if is_child() {
        return tell(None).await;
    }
    let (address, seen) = hangs_up_after(b"");
    let told = child("without_any_credentials_a_change_is_denied_and_not_sent", &[("AWS_ENDPOINT_URL", &address)]);
    assert!(told.starts_with("denied: ") && told.contains("nothing was sent"), "{told}");
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_profile_may_get_its_credentials_from_a_process() {
    if is_child() {
        return tell(Some("deployer")).await;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let credentials = r#"{"Version":1,"AccessKeyId":"testing","SecretAccessKey":"testing"}"#;
    let answer = folder.path().join("credentials.json");
    std::fs::write(&answer, credentials).expect("it is written");
    let config = folder.path().join("config");
    let text = format!("[profile deployer]\ncredential_process = /bin/cat {}\n", answer.display());
    std::fs::write(&config, text).expect("it is written");
    let (address, seen) = hangs_up_after(b"");
    let path = |path: &Path| path.to_str().expect("a path of letters").to_owned();
    let told = child(
        "a_profile_may_get_its_credentials_from_a_process",
        &[("AWS_CONFIG_FILE", &path(&config)), ("AWS_ENDPOINT_URL", &address), ("PATH", "/bin:/usr/bin")],
    );
    assert!(told.starts_with("ambiguous: "), "{told}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_secure_address_that_does_not_speak_tls_leaves_the_outcome_unknown() {
    if is_child() {
        return tell(None).await;
    }
    let (address, _) = hangs_up_after(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let told = child(
        "a_secure_address_that_does_not_speak_tls_leaves_the_outcome_unknown",
        &[
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_ENDPOINT_URL", &address.replace("http://", "https://")),
        ],
    );
    assert!(told.starts_with("ambiguous: "), "{told}");
}
