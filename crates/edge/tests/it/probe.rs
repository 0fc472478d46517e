//! Calls to servers that answer well, slowly, too much, wrongly or not at all.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tiers_edge::probe::HttpProbe;
use tiers_engine::port::probe::{HttpAnswer, HttpCall, Probe, ProbeError};

/// A server for one connection: reads the request's head and body, then does what the test says.
fn server(serve: impl FnOnce(&mut TcpStream) + Send + 'static) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let seen = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body");
        serve(&mut stream);
        head + &String::from_utf8_lossy(&body)
    });
    (address, seen)
}

fn answers(text: &'static str) -> (String, JoinHandle<String>) {
    server(move |stream| stream.write_all(text.as_bytes()).expect("an answer"))
}

fn get(url: &str) -> HttpCall {
    HttpCall { method: "GET".into(), url: url.into(), headers: Vec::new(), body: None, body_limit_bytes: 100 }
}

fn send(call: HttpCall, deadline_ms: u64) -> Result<HttpAnswer, ProbeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(HttpProbe::new().http(call, deadline_ms))
}

#[test]
fn an_answer_has_status_headers_and_body() {
    let (address, seen) = answers("HTTP/1.1 503 Down\r\nX-Release: r-1\r\nContent-Length: 4\r\n\r\nbusy");
    let call = HttpCall {
        method: "POST".into(),
        headers: vec![("X-Smoke".into(), "1".into())],
        body: Some(b"{\"a\":1}".to_vec()),
        ..get(&format!("http://{address}/api/v1/search?q=a%20b"))
    };
    let answer = send(call, 5000).expect("an answer");
    assert_eq!((answer.status, answer.body.as_slice(), answer.truncated), (503, b"busy".as_slice(), false));
    assert!(answer.headers.contains(&("x-release".into(), "r-1".into())), "{:?}", answer.headers);
    let seen = seen.join().expect("a server");
    assert!(seen.starts_with("POST /api/v1/search?q=a%20b HTTP/1.1\r\n"), "{seen}");
    assert!(seen.to_lowercase().contains("x-smoke: 1\r\n") && seen.ends_with("{\"a\":1}"), "{seen}");
}

#[test]
fn a_redirect_is_an_answer() {
    let (address, _) = answers("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(send(get(&format!("http://{address}/")), 5000).expect("an answer").status, 302);
}

#[test]
fn of_a_long_body_only_so_much_is_read() {
    let (address, _) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        // Stops by itself when the client hangs up.
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let answer = send(get(&format!("http://{address}/")), 5000).expect("an answer");
    assert_eq!((answer.body.len(), answer.truncated), (100, true));
}

#[test]
fn a_deadline_says_what_was_waited_for() {
    let (address, _) = server(|_| thread::sleep(Duration::from_millis(900)));
    let error = send(get(&format!("http://{address}/")), 200).expect_err("no answer");
    assert_eq!(error.to_string(), format!("{address} took longer than 200 ms, waiting for the answer"));
    let (address, _) = server(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").expect("a head");
        thread::sleep(Duration::from_millis(900));
    });
    let error = send(get(&format!("http://{address}/")), 200).expect_err("no answer");
    assert_eq!(error.to_string(), format!("{address} took longer than 200 ms, waiting for the rest of the body"));
}

#[test]
fn nobody_listening_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let error = send(get(&format!("http://{address}/")), 5000).expect_err("no answer");
    assert!(matches!(&error, ProbeError::Refused { host, .. } if *host == address.to_string()), "{error}");
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
}

#[test]
fn a_name_without_an_address_is_told_as_such() {
    // RFC 6761: `invalid` never resolves.
    let error = send(get("http://no-such-host.invalid/"), 20_000).expect_err("no answer");
    assert!(matches!(&error, ProbeError::Dns { host, .. } if host == "no-such-host.invalid:80"), "{error}");
}

#[test]
fn a_server_that_speaks_no_tls_is_told_as_such() {
    let (address, _) = answers("HTTP/1.1 400 Bad Request\r\n\r\n");
    let error = send(get(&format!("https://{address}/")), 5000).expect_err("no answer");
    assert!(matches!(error, ProbeError::Tls { .. }), "{error}");
}

#[test]
fn a_connection_that_breaks_is_told_as_such() {
    let (address, _) = server(|_| {});
    let error = send(get(&format!("http://{address}/")), 5000).expect_err("no answer");
    assert!(matches!(error, ProbeError::Broken { .. }), "{error}");
    let (address, _) = answers("220 mail ready\r\n");
    let error = send(get(&format!("http://{address}/")), 5000).expect_err("no answer");
    assert!(matches!(error, ProbeError::Broken { .. }), "{error}");
}

#[test]
fn a_request_that_can_not_be_sent_says_what_is_wrong_and_shows_no_secret() {
    let told = |call: HttpCall| {
        let error = send(call, 5000).expect_err("no answer");
        assert!(!error.may_try_again());
        error.to_string()
    };
    assert_eq!(
        told(get("/health?token=hunter2")),
        "the request can't be sent: `/health` is no URL: relative URL without a base"
    );
    assert!(told(get("ftp://x/")).ends_with("`ftp://x/` is no http or https URL"));
    assert!(told(get("http://me:hunter2@x/")).ends_with("carries a user name or a password; send them in a header"));
    let header = |name: &str, value: &str| HttpCall { headers: vec![(name.into(), value.into())], ..get("http://x/") };
    assert!(told(header("a b", "1")).ends_with("`a b` is no header name"));
    let told = told(header("token", "hunter2\n"));
    assert!(told.ends_with("the value of header `token` has characters that HTTP forbids"), "{told}");
}
