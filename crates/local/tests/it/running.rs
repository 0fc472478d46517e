//! Functions as processes: what they get, how they end, and what Lambda says of each.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tiers_local::{HostConfig, LogQuery, read_logs};

use crate::harness::{Reply, config, images, is_alive, start, start_with, wait_until_gone};

fn log_of(reply: &Reply) -> String {
    let text = STANDARD.decode(reply.header("x-amz-log-result").expect("a log")).expect("Base64");
    String::from_utf8(text).expect("UTF-8")
}

/// The error that an invocation ended with.
fn error_of(reply: &Reply) -> (String, String) {
    assert_eq!((reply.status, reply.header("x-amz-function-error")), (200, Some("Unhandled")));
    let body = reply.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (text("errorType"), text("errorMessage"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_gets_what_the_real_one_gets_and_its_process_is_used_again() {
    let host = start().await;
    let aws = host.aws;
    let more = json!({"Environment": {"Variables": {"RELEASE": "one"}}, "ImageConfig": {"Command": ["app.handler"]}});
    aws.create_live("f", &images().good, more).await;
    let reply = aws.invoke("f:live", "print/2").await;
    let log = log_of(&reply);
    assert_eq!((reply.status, reply.header("x-amz-executed-version")), (200, Some("1")));
    assert!(reply.header("x-amz-function-error").is_none());
    let first = reply.json();
    assert_eq!((&first["version"], &first["release"]), (&json!("1"), &json!("one")));
    assert!(first["arn"].as_str().expect("an ARN").ends_with(":function:f:live"), "{first}");
    assert!(first["cwd"].as_str().expect("a folder").ends_with("/var/task"), "{first}");
    let id = reply.header("x-amzn-requestid").expect("an id").to_owned();
    let order = [
        format!("START RequestId: {id} Version: 1"),
        "line 0".into(),
        "error line 1".into(),
        "no end".into(),
        format!("END RequestId: {id}"),
        format!("REPORT RequestId: {id}\tDuration: "),
        "Init Duration: ".into(),
    ];
    let mut rest = log.as_str();
    for part in &order {
        let at = rest.find(part).unwrap_or_else(|| panic!("`{part}` is not where it belongs in {log}"));
        rest = &rest[at + part.len()..];
    }
    let again = aws.invoke("f:live", "").await;
    assert_eq!(again.json()["pid"], first["pid"], "a warm process");
    assert!(!log_of(&again).contains("Init Duration"));

    let variables = aws.invoke("f", "env").await.json();
    let has = |text: &str| variables.as_array().expect("a list").iter().any(|v| v.as_str() == Some(text));
    for text in [
        "AWS_LAMBDA_FUNCTION_NAME=f",
        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
        "AWS_REGION=eu-west-1",
        "_HANDLER=app.handler",
        "AWS_ACCESS_KEY_ID=AKIALOCAL000000000000",
    ] {
        assert!(has(text), "{text} is not among {variables}");
    }
    assert!(!variables.to_string().contains("CARGO"), "nothing of the host's own environment");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_in_lambdas_words() {
    let host = start().await;
    let aws = host.aws;
    aws.create("f", &images().good, json!({"Timeout": 1, "MemorySize": 128})).await;
    let (kind, text) = error_of(&aws.invoke("f", "fail").await);
    assert_eq!((kind.as_str(), text.as_str()), ("App.Failed", "as asked"));
    let (kind, text) = error_of(&aws.invoke("f", "exit/7").await);
    assert_eq!(kind, "Runtime.ExitError");
    assert!(text.ends_with("Error: Runtime exited with error: exit status 7"), "{text}");
    let (_, text) = error_of(&aws.invoke("f", "exit/0").await);
    assert!(text.ends_with("Runtime exited without providing a reason"), "{text}");
    let (_, text) = error_of(&aws.invoke("f", "abort").await);
    assert!(text.ends_with("signal: aborted"), "{text}");
    let (kind, _) = error_of(&aws.invoke("f", "allocate/300").await);
    assert_eq!(kind, "Runtime.OutOfMemory");
    let (kind, _) = error_of(&aws.invoke("f", &format!("big/{}", 7 * 1024 * 1024)).await);
    assert_eq!(kind, "Function.ResponseSizeTooLarge");
    assert!(error_of(&aws.invoke("f", "fail").await).0 == "App.Failed", "and it still runs");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_never_answers_is_killed_with_its_group() {
    let host = start().await;
    let aws = host.aws;
    aws.create("f", &images().good, json!({"Timeout": 1})).await;
    let pids = aws.invoke("f", "child").await.json();
    let pid = |name: &str| pids[name].as_u64().expect("a pid");
    assert!(is_alive(pid("group")));
    let began = Instant::now();
    let reply = aws.invoke("f", "hang").await;
    assert!(began.elapsed() >= Duration::from_secs(1) && began.elapsed() < Duration::from_secs(10));
    let (kind, text) = error_of(&reply);
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(text.ends_with("Error: Task timed out after 1.00 seconds"), "{text}");
    assert!(log_of(&reply).contains("Status: timeout"));
    wait_until_gone(&[pid("pid"), pid("group")]).await;
    assert_eq!(aws.invoke("f", "").await.status, 200, "a fresh process serves the next one");
    let dir = host.stop().await;
    // The one that left the group is found when the folder is opened again.
    assert!(is_alive(pid("session")));
    drop(tiers_local::Host::open(dir.path(), config()).expect("opens"));
    wait_until_gone(&[pid("session")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_cannot_start_says_why() {
    let host = start_with(HostConfig { init_timeout_ms: 1_000, ..config() }).await;
    let aws = host.aws;
    let images = images();
    aws.create("empty", &images.no_bootstrap, json!({})).await;
    let (kind, text) = error_of(&aws.invoke("empty", "").await);
    assert_eq!(kind, "Runtime.InvalidEntrypoint");
    assert!(text.contains("fork/exec /var/runtime/bootstrap: no such file or directory"), "{text}");
    aws.create("script", &images.foreign_interpreter, json!({})).await;
    let (_, text) = error_of(&aws.invoke("script", "").await);
    assert!(text.contains("needs its own root file system"), "{text}");
    let init = |how: &str| json!({"Environment": {"Variables": {"INIT": how}}, "Timeout": 1});
    aws.create("crash", &images.good, init("crash")).await;
    let (kind, text) = error_of(&aws.invoke("crash", "").await);
    assert_eq!(kind, "Runtime.ExitError");
    assert!(text.contains("exit status 3"), "{text}");
    aws.create("error", &images.good, init("error")).await;
    assert_eq!(error_of(&aws.invoke("error", "").await), ("Config.Missing".to_owned(), "no database".to_owned()));
    aws.create("hang", &images.good, init("hang")).await;
    assert_eq!(error_of(&aws.invoke("hang", "").await).0, "Sandbox.Timedout");
    let other = if std::env::consts::ARCH == "x86_64" { "arm64" } else { "x86_64" };
    aws.create("other", &images.good, json!({"Architectures": [other]})).await;
    let (_, text) = error_of(&aws.invoke("other", "").await);
    assert!(text.contains("the function's architecture is"), "{text}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_at_once_is_limited_by_reserved_concurrency_and_by_the_host() {
    let host = start_with(HostConfig { max_processes: 3, ..config() }).await;
    let aws = host.aws;
    aws.create("f", &images().good, json!({})).await;
    aws.create("g", &images().good, json!({})).await;
    aws.call("PUT", "/2017-10-31/functions/f/concurrency", json!({"ReservedConcurrentExecutions": 2})).await.ok();
    let busy: Vec<_> = (0..2).map(|_| tokio::spawn(async move { aws.invoke("f", "sleep/2000").await })).collect();
    host.wait_until_busy(2).await;
    let reply = aws.invoke("f", "").await;
    assert_eq!((reply.status, reply.header("x-amzn-errortype")), (429, Some("TooManyRequestsException")));
    assert_eq!(reply.json()["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    let more = tokio::spawn(async move { aws.invoke("g", "sleep/2000").await });
    host.wait_until_busy(3).await;
    let reply = aws.invoke("g", "").await;
    assert_eq!((reply.status, &reply.json()["Reason"]), (429, &json!("ConcurrentInvocationLimitExceeded")));
    for task in busy.into_iter().chain([more]) {
        assert_eq!(task.await.expect("no panic").status, 200);
    }
    assert_eq!(aws.invoke("g", "").await.status, 200, "room again");
    aws.call("PUT", "/2017-10-31/functions/f/concurrency", json!({"ReservedConcurrentExecutions": 0})).await.ok();
    assert_eq!(aws.invoke("f", "").await.status, 429);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_serves_one_configuration_and_idle_ones_are_stopped() {
    let host = start_with(HostConfig { idle_ms: 2_500, ..config() }).await;
    let aws = host.aws;
    let release = |name: &str| json!({"Environment": {"Variables": {"RELEASE": name}}});
    aws.create("f", &images().good, release("one")).await;
    let one = aws.invoke("f", "").await.json();
    aws.call("PUT", "/2015-03-31/functions/f/configuration", release("two")).await.ok();
    aws.settled("f").await;
    let two = aws.invoke("f", "").await.json();
    assert_eq!((&one["release"], &two["release"]), (&json!("one"), &json!("two")));
    let pid = |value: &Value| value["pid"].as_u64().expect("a pid");
    wait_until_gone(&[pid(&one)]).await;
    assert!(is_alive(pid(&two)));
    wait_until_gone(&[pid(&two)]).await;
    // The host hears of an end a moment after the kernel knows it.
    let until = Instant::now() + Duration::from_secs(10);
    while !host.client.status().await.expect("status").processes.is_empty() {
        assert!(Instant::now() < until, "a process that ended is still listed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_works_on_or_leaves_after_its_answer_does_no_harm() {
    let host = start().await;
    let aws = host.aws;
    aws.create("f", &images().good, json!({})).await;
    let first = aws.invoke("f", "linger/1000").await.json();
    let began = Instant::now();
    let second = aws.invoke("f", "").await.json();
    assert_eq!(first["pid"], second["pid"], "it is waited for, not started twice");
    assert!(began.elapsed() >= Duration::from_millis(500));
    let patient = aws.invoke("f", "reconnect/100").await.json();
    for wait_ms in [0, 200] {
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let reply = aws.invoke("f", "").await;
        assert_eq!(
            (reply.header("x-amz-function-error"), &reply.json()["pid"]),
            (None, &patient["pid"]),
            "no event is lost"
        );
    }
    let slammed = aws.invoke("f", "slam").await;
    assert_eq!((slammed.status, slammed.json()), (200, json!({})), "{}", log_of(&slammed));
    let left = aws.invoke("f", "leave").await.json();
    let next = aws.invoke("f", "").await;
    assert_eq!(next.status, 200);
    assert!(next.header("x-amz-function-error").is_none());
    assert_ne!(next.json()["pid"], left["pid"]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_accepted_at_once_and_tried_again() {
    let host = start_with(HostConfig { event_retry_ms: 50, ..config() }).await;
    let aws = host.aws;
    aws.create("f", &images().good, json!({})).await;
    let path = "/2015-03-31/functions/f/invocations";
    let kind = |kind: &'static str| [("x-amz-invocation-type", kind)];
    let reply = aws.call_with("POST", path, &kind("Event"), json!({"do": "fail"})).await;
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    let query = LogQuery { function: Some("f".to_owned()), ..LogQuery::default() };
    let starts = || {
        let lines = read_logs(host.dir.path(), &query).expect("logs");
        lines.iter().filter(|line| line.text.starts_with("START")).count()
    };
    for _ in 0..200 {
        if starts() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(starts(), 3);
    assert_eq!(aws.call_with("POST", path, &kind("DryRun"), json!({})).await.status, 204);
    assert_eq!(aws.call_with("POST", path, &kind("Later"), json!({})).await.status, 400);
    let no_json = crate::harness::send(
        aws.0,
        "POST",
        path,
        &[("authorization", &crate::harness::signature("K", "lambda"))],
        b"{",
    )
    .await;
    assert_eq!((no_json.status, no_json.header("x-amzn-errortype")), (400, Some("InvalidRequestContentException")));
    assert_eq!(starts(), 3);
    host.stop().await;
}
