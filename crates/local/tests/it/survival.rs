//! What a host's death leaves: no process, and everything that was acknowledged.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tiers_local::{Client, Host, LocalError};

use crate::harness::{Aws, config, environment, images, port_of, send, wait_until_gone};

/// A host in a process of its own.
struct Daemon {
    child: Child,
    aws: Aws,
}

impl Daemon {
    async fn start(dir: &Path) -> Daemon {
        let mut program: PathBuf = std::env::current_exe().expect("this test's path");
        program.pop();
        program.pop();
        program.push("examples/host");
        assert!(program.exists(), "{} is missing: cargo build -p tiers-local --examples", program.display());
        let mut child = Command::new(program)
            .arg("--dir")
            .arg(dir)
            .arg("--layout")
            .arg(&images().layout)
            .args(["--region", "eu-west-1"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("its address");
        Client::wait_until_ready(dir, Duration::from_secs(10)).await.expect("answers");
        Daemon { child, aws: Aws(port_of(line.trim())) }
    }

    /// SIGKILL: it has no time for anything.
    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_host_leaves_no_process_and_forgets_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(dir.path()).await;
    let aws = daemon.aws;
    aws.create_live("f", &images().good, json!({"Environment": {"Variables": {"RELEASE": "one"}}})).await;
    let client = Client::connect(dir.path()).await.expect("connects");
    let door = client.put_environment(&environment("dev", "f")).await.expect("set up");
    client.put_log_retention("f", 7).await.expect("set");
    let pids = aws.invoke("f:live", "child").await.json();
    let busy = tokio::spawn(async move { aws.invoke("f:live", "hang").await.status });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = aws.call("GET", "/2015-03-31/functions/f", Value::Null).await.ok();
    let alias = aws.call("GET", "/2015-03-31/functions/f/aliases/live", Value::Null).await.ok();
    let processes = client.status().await.expect("status").processes;
    let killed: Vec<u64> = processes.iter().map(|process| u64::from(process.pid)).collect();
    assert!(!killed.is_empty());
    daemon.kill();
    assert!(busy.await.is_err(), "its connection broke");
    wait_until_gone(&killed).await;

    let daemon = Daemon::start(dir.path()).await;
    let strays: Vec<u64> = ["group", "session"].iter().filter_map(|name| pids[*name].as_u64()).collect();
    wait_until_gone(&strays).await;
    assert_eq!(daemon.aws.call("GET", "/2015-03-31/functions/f", Value::Null).await.ok(), before);
    assert_eq!(daemon.aws.call("GET", "/2015-03-31/functions/f/aliases/live", Value::Null).await.ok(), alias);
    let reply = send(port_of(door.url.as_deref().expect("open")), "GET", "/", &[], b"").await;
    assert_eq!((reply.status, &reply.json()["release"]), (200, &json!("one")), "the door is where it was");
    let status = Client::connect(dir.path()).await.expect("connects").status().await.expect("status");
    assert_eq!(status.functions[0].log_retention_days, 7);
    daemon.kill();

    // An unpacked image that no function has any more goes with the next start.
    let unpacked = || std::fs::read_dir(dir.path().join("images")).expect("list").count();
    assert_eq!(unpacked(), 3, "the image, its configuration, and the boot they belong to");
    let daemon = Daemon::start(dir.path()).await;
    assert_eq!(daemon.aws.call("DELETE", "/2015-03-31/functions/f", Value::Null).await.status, 204);
    assert_eq!(unpacked(), 3);
    daemon.kill();
    drop(Host::open(dir.path(), config()).expect("opens"));
    assert_eq!(unpacked(), 1);
}

/// Changes go on until the host is killed at some moment; whatever it answered before must be there afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_change_is_lost_wherever_the_kill_comes() {
    let dir = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(dir.path()).await;
    daemon.aws.create_live("f", &images().good, json!({})).await;
    daemon.kill();
    let mut acknowledged = 0_u32;
    for round in 0..6 {
        let daemon = Daemon::start(dir.path()).await;
        let aws = daemon.aws;
        let got = aws.call("GET", "/2015-03-31/functions/f/aliases/live", Value::Null).await.ok();
        let found: u32 = got["Description"].as_str().unwrap_or_default().parse().unwrap_or_default();
        assert!(found >= acknowledged, "{acknowledged} was acknowledged, {found} is there");
        let (tell, mut heard) = tokio::sync::watch::channel(found);
        let writer = tokio::spawn(async move {
            for n in found + 1.. {
                let body = json!({"FunctionVersion": "1", "Description": n.to_string()});
                let reply = aws.call("PUT", "/2015-03-31/functions/f/aliases/live", body).await;
                assert_eq!(reply.status, 200);
                tell.send(n).expect("heard");
            }
        });
        tokio::time::sleep(Duration::from_millis(40 + 13 * round)).await;
        daemon.kill();
        assert!(writer.await.is_err(), "it ends only with the host");
        acknowledged = *heard.borrow_and_update();
        assert!(acknowledged > found, "something was written in each round");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_folder_is_named_and_left_as_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let daemon = Daemon::start(dir.path()).await;
    daemon.aws.create("f", &images().good, json!({})).await;
    daemon.kill();
    let journal =
        std::fs::read_dir(dir.path().join("store")).expect("list").next().expect("one").expect("entry").path();
    let mut bytes = std::fs::read(&journal).expect("read");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&journal, &bytes).expect("write");
    match Host::open(dir.path(), config()) {
        Err(LocalError::Damaged { path, .. }) => assert_eq!(path, journal.canonicalize().expect("a path")),
        other => panic!("{:?}", other.err()),
    }
    assert_eq!(std::fs::read(&journal).expect("read"), bytes);
}
