//! Doors: events in, answers out, limits, and shifts under load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tiers_local::{HostConfig, Route};
use tokio::sync::watch;

use crate::harness::{Connection, config, environment, images, port_of, send, start, start_with};

#[tokio::test(flavor = "multi_thread")]
async fn requests_become_events_and_results_become_answers() {
    let host = start().await;
    host.aws.create_live("f", &images().good, json!({})).await;
    let mut dev = environment("dev", "f");
    dev.routes.push(Route { prefix: "/none".into(), function: "absent".into(), alias: "live".into() });
    let door = host.client.put_environment(&dev).await.expect("set up");
    let port = port_of(door.url.as_deref().expect("open"));
    let echo = send(port, "POST", "/echo/x?a=1", &[("content-type", "text/plain"), ("cookie", "c=1")], b"hello").await;
    let event = echo.json();
    assert_eq!((echo.status, echo.header("content-type")), (200, Some("application/json")));
    assert_eq!((&event["rawPath"], &event["body"]), (&json!("/echo/x"), &json!("hello")));
    assert_eq!(event["requestContext"]["http"]["method"], "POST");
    assert_eq!((&event["cookies"], &event["queryStringParameters"]), (&json!(["c=1"]), &json!({"a": "1"})));
    assert_eq!(event["requestContext"]["apiId"], "dev");
    let page = send(port, "GET", "/page", &[], b"").await;
    assert_eq!((page.status, page.header("x-from"), page.body.as_ref()), (201, Some("function"), b"hello".as_slice()));
    assert_eq!(page.headers.get_all("set-cookie").iter().count(), 2);
    let failed = send(port, "GET", "/fail", &[], b"").await;
    assert_eq!((failed.status, failed.json()), (502, json!({"message": "Internal Server Error"})));
    assert!(failed.header("x-tiers-reason").expect("a reason").contains("App.Failed"));
    let absent = send(port, "GET", "/none/x", &[], b"").await;
    assert_eq!(absent.status, 500);
    assert!(absent.header("x-tiers-reason").expect("a reason").contains("Function not found"));
    dev.routes.remove(0);
    host.client.put_environment(&dev).await.expect("changed");
    let unrouted = send(port, "GET", "/page", &[], b"").await;
    assert_eq!((unrouted.status, unrouted.json()), (404, json!({"message": "Not Found"})));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_limit_answers_429_and_a_slow_function_503() {
    let host = start_with(HostConfig { door_timeout_ms: 1_500, ..config() }).await;
    host.aws.create_live("f", &images().good, json!({})).await;
    let mut dev = environment("dev", "f");
    dev.rate_limit_per_s = Some(0.5);
    dev.burst = Some(3);
    let door = host.client.put_environment(&dev).await.expect("set up");
    let port = port_of(door.url.as_deref().expect("open"));
    let slow = send(port, "GET", "/sleep/4000", &[], b"").await;
    assert_eq!((slow.status, slow.json()), (503, json!({"message": "Service Unavailable"})));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(send(port, "GET", "/", &[], b"").await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    let limited = send(port, "GET", "/", &[], b"").await;
    assert_eq!(limited.json(), json!({"message": "Too Many Requests"}));
    let status = host.client.status().await.expect("status");
    assert_eq!((status.environments[0].requests, status.environments[0].limited), (6, 3));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_share_the_requests_out() {
    let host = start().await;
    let aws = host.aws;
    aws.create_live("f", &images().good, json!({})).await;
    let two = json!({"Environment": {"Variables": {"RELEASE": "two"}}});
    aws.call("PUT", "/2015-03-31/functions/f/configuration", two).await.ok();
    aws.settled("f").await;
    aws.publish("f").await;
    let weights = json!({"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.3}}});
    aws.call("PUT", "/2015-03-31/functions/f/aliases/live", weights).await.ok();
    let door = host.client.put_environment(&environment("dev", "f")).await.expect("set up");
    let mut connection = Connection::open(port_of(door.url.as_deref().expect("open"))).await;
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..400 {
        let version = connection.send("GET", "/", &[], b"").await.expect("an answer").json()["version"].to_string();
        *seen.entry(version).or_default() += 1;
    }
    // 400 draws at 0.3: 120, and six standard deviations are 55.
    let two = seen.get("\"2\"").copied().unwrap_or_default();
    assert!((65..=175).contains(&two), "{seen:?}");
    host.stop().await;
}

/// Clients with open connections call all the time while the alias goes back and forth; one has a slow request in flight at
/// every shift.
#[tokio::test(flavor = "multi_thread")]
async fn a_shift_drops_no_connection_and_fails_no_request() {
    let host = start().await;
    let aws = host.aws;
    aws.create_live("f", &images().good, json!({})).await;
    let two = json!({"Environment": {"Variables": {"RELEASE": "two"}}});
    aws.call("PUT", "/2015-03-31/functions/f/configuration", two).await.ok();
    aws.settled("f").await;
    aws.publish("f").await;
    let door = host.client.put_environment(&environment("dev", "f")).await.expect("set up");
    let port = port_of(door.url.as_deref().expect("open"));
    let (stop, stopped) = watch::channel(false);
    let answers = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = ["/", "/", "/", "/sleep/150"]
        .into_iter()
        .map(|path| {
            let (answers, stopped) = (Arc::clone(&answers), stopped.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(port).await;
                let mut seen: BTreeMap<String, u32> = BTreeMap::new();
                while !*stopped.borrow() {
                    let reply = connection.send("GET", path, &[], b"").await.expect("the connection stays");
                    assert_eq!(reply.status, 200, "{:?}", reply.body);
                    *seen.entry(reply.json()["version"].to_string()).or_default() += 1;
                    answers.fetch_add(1, Ordering::Relaxed);
                }
                seen
            })
        })
        .collect();
    for shift in 0..12 {
        aws.alias("PUT", "f", if shift % 2 == 0 { "2" } else { "1" }).await;
        let enough = answers.load(Ordering::Relaxed) + 30;
        for _ in 0..1000 {
            if answers.load(Ordering::Relaxed) >= enough {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    stop.send(true).expect("they listen");
    for (number, client) in clients.into_iter().enumerate() {
        let seen = client.await.expect("no panic");
        assert!(number == 3 || seen.len() == 2, "both versions served: {seen:?}");
    }
    // A request that begins after the answer of a shift meets the new version.
    for version in ["1", "2", "1"] {
        aws.alias("PUT", "f", version).await;
        assert_eq!(send(port, "GET", "/", &[], b"").await.json()["version"], version);
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_are_finished_when_the_door_moves_and_when_the_host_ends() {
    let host = start().await;
    host.aws.create_live("f", &images().good, json!({})).await;
    let mut dev = environment("dev", "f");
    let door = host.client.put_environment(&dev).await.expect("set up");
    let old = port_of(door.url.as_deref().expect("open"));
    let slow = |port: u16| tokio::spawn(async move { send(port, "GET", "/sleep/1500", &[], b"").await.status });
    let first = slow(old);
    host.wait_until_busy(1).await;
    let free = tiers_local::Host::listen(0).await.expect("a port");
    dev.port = free.local_addr().expect("an address").port();
    let taken = host.client.put_environment(&dev).await.expect_err("the port is in use").to_string();
    assert!(taken.contains("taken by another program"), "{taken}");
    drop(free);
    let moved = host.client.put_environment(&dev).await.expect("moved");
    assert_eq!(moved.url, Some(format!("http://127.0.0.1:{}", dev.port)));
    assert_eq!(first.await.expect("no panic"), 200);
    let second = slow(dev.port);
    host.wait_until_busy(1).await;
    host.stop().await;
    assert_eq!(second.await.expect("no panic"), 200);
}
