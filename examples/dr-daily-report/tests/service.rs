//! The service as its callers see it: events of API Gateway in, answers out, and the real binary behind a runtime interface.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dr_daily_report::app::{App, Place};
use dr_daily_report::{api, worker};
use lambda_http::Body;
use serde_json::{Value, json};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn app(root: &Path, environment: &str, component: &str) -> App {
    App::load(&Place { root: root.to_owned(), environment: environment.to_owned(), component: component.to_owned() })
}

/// The event of an HTTP API, payload 2.0.
fn event(method: &str, path: &str) -> Value {
    let (raw_path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": raw_path, "rawQueryString": query,
        "headers": {"host": "api.example", "accept": "*/*"},
        "queryStringParameters": query.split('&').filter_map(|pair| pair.split_once('=')).collect::<std::collections::BTreeMap<_, _>>(),
        "requestContext": {
            "accountId": "123456789012", "apiId": "api", "domainName": "api.example", "domainPrefix": "api",
            "http": {"method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
            "requestId": "q-1", "routeKey": "$default", "stage": "$default",
            "time": "20/Nov/2026:10:00:00 +0000", "timeEpoch": 1_795_168_800_000_i64
        },
        "isBase64Encoded": false
    })
}

/// Status, headers and body of an answer.
fn call(app: &App, method: &str, path: &str) -> (u16, Vec<(String, String)>, Value) {
    let request = lambda_http::request::from_str(&event(method, path).to_string()).expect("an event");
    let response = api::answer(app, &request);
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect();
    let Body::Text(body) = response.body() else { panic!("no text") };
    (response.status().as_u16(), headers, serde_json::from_str(body).expect("JSON"))
}

fn check(path: &str, status: u16, pointer: &str, value: Value) {
    let (got, _, body) = call(&app(Path::new(ROOT), "staging", "telegram-api"), "GET", path);
    assert_eq!((got, body.pointer(pointer)), (status, Some(&value)), "{path}: {body}");
}

/// A copy of settings and data in which one file has another content.
fn changed(file: &str, change: impl FnOnce(&str) -> String) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for name in ["config/service.json", "data/reports.json"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(name)).expect("a file");
        std::fs::create_dir_all(copy.path().join(name).parent().expect("a folder")).expect("a folder");
        std::fs::write(copy.path().join(name), text).expect("a file");
    }
    let text = std::fs::read_to_string(copy.path().join(file)).expect("a file");
    std::fs::write(copy.path().join(file), change(&text)).expect("a file");
    copy
}

#[test]
fn every_answer_says_which_release_gave_it() {
    let app = app(Path::new(ROOT), "staging", "telegram-api");
    for (method, path) in [("GET", "/api/v1/health"), ("GET", "/nowhere"), ("POST", "/api/v1/health")] {
        let (_, headers, body) = call(&app, method, path);
        assert_eq!((&body["release"], &body["environment"]), (&json!("1.0.0"), &json!("staging")), "{path}");
        for header in [("x-release", "1.0.0"), ("x-environment", "staging"), ("x-component", "telegram-api")] {
            assert!(headers.contains(&(header.0.to_owned(), header.1.to_owned())), "{path}: {headers:?}");
        }
    }
}

#[test]
fn health_search_and_ticker_answer() {
    check("/api/v1/health", 200, "/status", json!("ok"));
    check("/api/v1/health/", 200, "/reports", json!(40));
    check("/api/v1/reports/search?q=bank&limit=2", 200, "/count", json!(2));
    check("/api/v1/reports/search?q=nvidia", 200, "/reports/0/ticker", json!("NVDA"));
    check("/api/v1/reports/search?q=nothing-has-this", 200, "/total", json!(0));
    check("/api/v1/reports/ptt", 200, "/latest/date", json!("2026-11-20"));
}

#[test]
fn errors_have_a_code_and_a_message() {
    check("/api/v1/reports/search", 400, "/error/code", json!("missing_query"));
    check("/api/v1/reports/search?q=a&limit=0", 400, "/error/code", json!("bad_limit"));
    check("/api/v1/reports/search?q=a&limit=21", 400, "/error/message", json!("limit has to be a number from 1 to 20"));
    check("/api/v1/reports/XYZ", 404, "/error/message", json!("there is no report on XYZ"));
    check("/api/v1/reports/", 404, "/error/code", json!("not_found"));
    check("/api/v1health", 404, "/error/message", json!("there is nothing at /api/v1health"));
    let (status, headers, _) = call(&app(Path::new(ROOT), "dev", "telegram-api"), "DELETE", "/api/v1/health");
    assert_eq!(status, 405);
    assert!(headers.contains(&("allow".to_owned(), "GET".to_owned())));
}

#[test]
fn an_environment_changes_the_limits_of_search() {
    let limit = |environment: &str| {
        let app = app(Path::new(ROOT), environment, "telegram-api");
        call(&app, "GET", "/api/v1/reports/search?q=a").2["count"].clone()
    };
    assert_eq!((limit("staging"), limit("prod")), (json!(5), json!(10)));
}

#[test]
fn data_in_another_schema_makes_the_release_unhealthy_everywhere() {
    let root = changed("data/reports.json", |text| text.replace("\"ticker\"", "\"symbol\""));
    for environment in ["dev", "staging", "prod"] {
        let app = app(root.path(), environment, "telegram-api");
        let (status, _, body) = call(&app, "GET", "/api/v1/health");
        assert_eq!((status, &body["status"]), (503, &json!("unhealthy")));
        let reason = body["reason"].as_str().expect("a reason");
        assert!(reason.starts_with("data/reports.json is wrong: unknown field `symbol`"), "{reason}");
        assert_eq!(call(&app, "GET", "/api/v1/reports/PTT").0, 503);
        let failed = worker::digest(&app, &json!({})).expect_err("no digest");
        assert!(matches!(failed, worker::Failure::Unhealthy(_)), "{failed}");
    }
}

#[test]
fn a_setting_for_prod_alone_can_break_search_there_while_health_stays_good() {
    let root = changed("config/service.json", |text| {
        text.replace(r#""search": { "default_limit": 10 }"#, r#""search": { "ranking": "relevance" }"#)
    });
    for (environment, search) in [("dev", 200), ("staging", 200), ("prod", 500)] {
        let app = app(root.path(), environment, "telegram-api");
        assert_eq!(call(&app, "GET", "/api/v1/health").0, 200, "{environment}");
        assert_eq!(call(&app, "GET", "/api/v1/reports/search?q=bank").0, search, "{environment}");
    }
}

#[test]
fn the_worker_sums_up_the_day_that_it_is_asked_for() {
    let app = app(Path::new(ROOT), "dev", "report-worker");
    let digest = worker::digest(&app, &json!({"date": "2026-11-18"})).expect("a digest");
    assert_eq!((&digest["status"], &digest["reports"]), (&json!("ok"), &json!(10)));
    assert_eq!(digest["markets"], json!({"SET": 7, "US": 3}));
    let scheduled =
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "time": "2026-11-19T01:00:00Z", "detail": {}});
    assert_eq!(worker::digest(&app, &scheduled).expect("a digest")["date"], json!("2026-11-19"));
    assert_eq!(worker::digest(&app, &json!({})).expect("a digest")["date"], json!("2026-11-20"));
    let empty = worker::digest(&app, &json!({"date": "2026-11-22"})).expect("a digest");
    assert_eq!((&empty["status"], &empty["best"]), (&json!("empty"), &Value::Null));
    for wrong in [json!({"date": "20 November"}), json!({"date": 5}), json!({"time": "yesterday!"})] {
        assert!(matches!(worker::digest(&app, &wrong), Err(worker::Failure::BadEvent(_))), "{wrong}");
    }
}

/// Plays the runtime interface for one event; answers the path and the body of what the function sent back.
fn serve_once(listener: &TcpListener, event: &Value) -> (String, Value) {
    let until = Instant::now() + Duration::from_secs(20);
    listener.set_nonblocking(true).expect("a listener that does not wait");
    let mut given = false;
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                assert!(error.kind() == ErrorKind::WouldBlock && Instant::now() < until, "no call came: {error}");
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
        };
        stream.set_nonblocking(false).expect("a stream that waits");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
        while let Some((path, body)) = read_request(&mut reader) {
            if path.ends_with("/invocation/next") {
                if given {
                    // The second `next` is never answered: the function waits, as it does when it is idle.
                    break;
                }
                given = true;
                give(&mut stream, event);
            } else {
                return (path, serde_json::from_slice(&body).expect("JSON"));
            }
        }
    }
}

fn give(stream: &mut TcpStream, event: &Value) {
    let body = event.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: q-1\r\n\
         Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:x:1:function:f\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("an event given");
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut path, mut length, mut chunked) = (None, 0, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.trim().to_ascii_lowercase();
        if lower.is_empty() {
            break;
        }
        if path.is_none() {
            path = line.split(' ').nth(1).map(str::to_owned);
        } else if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        } else if lower == "transfer-encoding: chunked" {
            chunked = true;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let mut piece = vec![0; usize::from_str_radix(size.trim(), 16).ok()? + 2];
        reader.read_exact(&mut piece).ok()?;
        chunked = piece.len() > 2;
        body.extend_from_slice(&piece[..piece.len() - 2]);
    }
    Some((path?, body))
}

/// Starts the real binary as a component and gives it one event.
fn invoke(component: &[&str], event: &Value) -> (String, Value) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut function = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .args(component)
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().expect("an address").to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "f")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("LAMBDA_TASK_ROOT", ROOT)
        .env("ENVIRONMENT", "prod")
        .env("COMPONENT", "report-worker")
        .stdout(Stdio::null())
        .spawn()
        .expect("the function");
    let sent = serve_once(&listener, event);
    function.kill().expect("a kill");
    function.wait().expect("an end");
    sent
}

#[test]
fn the_binary_serves_both_components_over_the_runtime_interface() {
    let (path, answer) = invoke(&["telegram-api"], &event("GET", "/api/v1/reports/search?q=bank&limit=1"));
    assert_eq!(path, "/2018-06-01/runtime/invocation/q-1/response");
    assert_eq!((&answer["statusCode"], &answer["headers"]["x-release"]), (&json!(200), &json!("1.0.0")), "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!((&body["count"], &body["environment"]), (&json!(1), &json!("prod")));

    let (_, digest) = invoke(&[], &json!({"date": "2026-11-20"}));
    assert_eq!((&digest["reports"], &digest["component"]), (&json!(10), &json!("report-worker")));

    let (path, failure) = invoke(&[], &json!({"date": "soon"}));
    assert_eq!(path, "/2018-06-01/runtime/invocation/q-1/error");
    assert_eq!(failure["errorType"], json!("BadEvent"));
}

#[test]
fn an_unknown_component_is_refused_with_the_known_ones() {
    let told = Command::new(env!("CARGO_BIN_EXE_bootstrap")).arg("web").output().expect("the function");
    assert!(!told.status.success());
    let text = String::from_utf8_lossy(&told.stderr);
    assert!(text.contains("`web` is no component of this app: expected telegram-api or report-worker"), "{text}");
}
