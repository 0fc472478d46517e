//! The control API and its client.

use std::time::Duration;

use serde_json::json;
use tiers_local::{Client, Host, LocalError};

use crate::harness::{config, environment, images, send, start, start_in};

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_runs_and_settings_are_checked() {
    let host = start().await;
    host.aws.create_live("f", &images().good, json!({})).await;
    host.client.put_environment(&environment("dev", "f")).await.expect("set up");
    host.client.put_log_retention("f", 7).await.expect("set");
    let first = host.aws.invoke("f:live", "").await.json();
    let status = host.client.status().await.expect("status");
    assert_eq!((status.pid, status.endpoint.clone()), (std::process::id(), host.client.endpoint()));
    let function = &status.functions[0];
    assert_eq!((function.name.as_str(), function.log_retention_days), ("f", 7));
    assert_eq!((function.aliases[0].name.as_str(), function.aliases[0].version.as_str()), ("live", "1"));
    let process = &status.processes[0];
    assert_eq!((u64::from(process.pid), process.busy), (first["pid"].as_u64().expect("a pid"), false));
    for (change, wanted) in [
        (json!({"name": "Dev"}), "a name has lower-case letters"),
        (json!({"name": "dev", "rate_limit_per_s": 0.0}), "rate_limit_per_s"),
        (json!({"name": "dev", "burst": 0}), "burst"),
        (json!({"name": "dev", "account": "12"}), "12 digits"),
        (json!({"name": "dev", "routes": [{"prefix": "x", "function": "f"}]}), "does not begin with /"),
    ] {
        let bad = serde_json::from_value(change.clone()).expect("an environment");
        match host.client.put_environment(&bad).await {
            Err(LocalError::Refused { status: 400, message }) => assert!(message.contains(wanted), "{message}"),
            other => panic!("{change}: {other:?}"),
        }
    }
    assert!(matches!(host.client.put_log_retention("f", 0).await, Err(LocalError::Refused { status: 400, .. })));
    host.client.remove_environment("dev").await.expect("removed");
    assert!(matches!(host.client.remove_environment("dev").await, Err(LocalError::Refused { status: 404, .. })));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_api_needs_the_folders_token() {
    let host = start().await;
    for headers in [&[][..], &[("x-tiers-token", "guess")][..]] {
        let reply = send(host.aws.0, "POST", "/_tiers/shutdown", headers, b"").await;
        assert_eq!(reply.status, 403);
    }
    assert!(!host.task.is_finished());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_host_a_folder_and_a_clear_word_when_none_runs() {
    let host = start().await;
    match Host::open(host.dir.path(), config()) {
        Err(LocalError::InUse { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{:?}", other.err()),
    }
    let taken = Host::listen(host.aws.0).await.expect_err("taken").to_string();
    assert!(taken.contains("is taken by another program"), "{taken}");
    let dir = host.stop().await;
    let none = Client::connect(dir.path()).await.expect_err("none runs");
    assert!(matches!(none, LocalError::NotRunning { .. }), "{none}");
    let none = Client::wait_until_ready(dir.path(), Duration::from_millis(50)).await;
    assert!(matches!(none, Err(LocalError::NotRunning { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_somebody_elses_for_this_machine_is_refused() {
    let host = start().await;
    let headers = [("host", "evil.example:80")];
    let mut connection = crate::harness::Connection::open(host.aws.0).await;
    let reply = connection.send("POST", "/", &headers, b"Action=GetCallerIdentity").await.expect("an answer");
    assert_eq!(reply.status, 403);
    assert!(reply.json()["message"].as_str().expect("a text").contains("Host header"));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_whose_port_was_taken_meanwhile_says_so_and_can_be_opened_again() {
    let host = start().await;
    let dev = environment("dev", "f");
    let port = host.client.put_environment(&dev).await.expect("set up").environment.port;
    let dir = host.stop().await;
    let squatter = Host::listen(port).await.expect("free now");
    let host = start_in(dir, config()).await;
    let found = host.client.status().await.expect("status").environments.remove(0);
    assert_eq!(found.url, None);
    assert!(
        found.problem.expect("a problem").contains("is taken by another program (for the door of environment dev)")
    );
    assert!(matches!(host.client.put_environment(&dev).await, Err(LocalError::Refused { status: 409, .. })));
    drop(squatter);
    let open = host.client.put_environment(&dev).await.expect("open again");
    assert_eq!(open.url, Some(format!("http://127.0.0.1:{port}")));
    host.stop().await;
}
