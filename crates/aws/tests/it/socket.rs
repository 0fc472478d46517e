//! The same promises over real connections: what the operating system does to a request is not in any script.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tiers_aws::AwsLambda;
use tiers_lambda::api::{ApiError, LambdaApi};

/// A server that reads each request's head, answers with these bytes and hangs up. Counts the requests.
pub fn hangs_up_after(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("its address"));
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
            let mut head = Vec::new();
            let mut chunk = [0; 4096];
            // A TLS greeting, which begins with 0x16, has no end that this server knows.
            while head.first() != Some(&0x16) && !head.windows(4).any(|window| window == b"\r\n\r\n") {
                match stream.read(&mut chunk) {
                    Ok(read) if read > 0 => head.extend_from_slice(&chunk[..read]),
                    _ => break,
                }
            }
            counter.fetch_add(1, Ordering::SeqCst);
            stream.write_all(answer).ok();
            stream.shutdown(Shutdown::Both).ok();
        }
    });
    (address, seen)
}

async fn update_code(address: &str) -> ApiError {
    let lambda = AwsLambda::for_endpoint(address, "eu-west-1", "123456789012").expect("a loopback address");
    lambda.update_code("f", "repo@sha256:5f", "r-1").await.expect_err("an error")
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_leaves_the_outcome_unknown() {
    let (address, seen) = hangs_up_after(b"");
    let error = update_code(&address).await;
    assert!(matches!(error, ApiError::Ambiguous(_)), "{error:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_yes_that_breaks_off_leaves_the_outcome_unknown() {
    let (address, seen) = hangs_up_after(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"FunctionName\":");
    let error = update_code(&address).await;
    assert!(matches!(error, ApiError::Ambiguous(_)), "{error:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_no_that_breaks_off_is_still_a_no() {
    let (address, seen) = hangs_up_after(b"HTTP/1.1 412 Precondition Failed\r\ncontent-length: 900\r\n\r\n{\"Type\":");
    let error = update_code(&address).await;
    assert!(matches!(error, ApiError::Precondition(_)), "{error:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_host_that_is_not_there_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address");
    let error = update_code(&format!("http://{closed}")).await;
    assert!(matches!(&error, ApiError::Ambiguous(text) if text.contains(&closed.to_string())), "{error:?}");
}
