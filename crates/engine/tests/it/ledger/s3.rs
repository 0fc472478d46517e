//! The ledger in a bucket: over a socket with faults, and over moto, which nobody here wrote.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tiers_core::event::Ending;
use tiers_core::id::Digest;
use tiers_core::record::Actor;
use tiers_core::summary;
use tiers_engine::driver::{Claim, Driven, Session, World, claim, drive, take_over};
use tiers_engine::ledger::{
    Append, Ledger, ObjectLog, S3Credential, S3Error, S3Place, S3StaticCredentials, conformance, s3_log,
};
use tiers_engine::planner::Goal;
use tiers_engine::port::clock::SystemClock;
use tiers_engine::port::ids::SystemIds;
use tiers_engine::port::log::{Create, Log, LogError, Refusal};
use tiers_engine::port::seen::SeenInMemory;

use super::s3_server::{Fault, S3Server};
use super::{actor, draft, fill, fold, stream};
use crate::world::{Small, block};

fn log(endpoint: &str, bucket: &str, prefix: &str) -> ObjectLog {
    let place = S3Place {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        region: Some("us-east-1".to_owned()),
        endpoint: Some(endpoint.to_owned()),
    };
    let credential = S3Credential { key_id: "test".to_owned(), secret_key: "test".to_owned(), token: None };
    s3_log(&place, Some(Arc::new(S3StaticCredentials::new(credential)))).expect("good settings")
}

fn in_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

async fn ledger(endpoint: &str, bucket: &str, prefix: &str) -> Ledger {
    let log = Rc::new(log(endpoint, bucket, prefix));
    let seen = Rc::new(SeenInMemory::default());
    Ledger::init(log, Rc::new(SystemClock), Rc::new(SystemIds), seen, actor("one")).await.expect("a ledger")
}

#[test]
fn a_bucket_conforms() {
    let server = S3Server::start();
    let count = Cell::new(0);
    in_runtime(conformance::check(&|| {
        count.set(count.get() + 1);
        Rc::new(log(&server.url, "bucket", &format!("team/{}", count.get())))
    }));
}

#[test]
fn the_head_of_a_stream_is_two_requests_and_an_append_is_one() {
    let server = S3Server::start();
    in_runtime(async {
        let ledger = ledger(&server.url, "bucket", "").await;
        let heads = fill(&ledger, &stream(), 5).await;
        server.requests();
        assert_eq!(ledger.head(&stream()).await, Ok(Some(heads[4].clone())));
        assert_eq!(server.requests(), ["GET /bucket", &format!("GET /bucket/{}", stream().key(5))]);
        let ended = ledger.append(&stream(), Some(&heads[4]), draft(Some(&heads[4]), 1)).await;
        assert!(matches!(ended, Ok(Append::Created(_))), "{ended:?}");
        assert_eq!(server.requests(), [format!("PUT /bucket/{}", stream().key(6))]);
        assert_eq!(ledger.verify(None, &[], &fold).await.expect("readable").findings, []);
    });
}

#[test]
fn a_prefix_keeps_ledgers_in_one_bucket_apart() {
    let server = S3Server::start();
    in_runtime(async {
        let one = ledger(&server.url, "bucket", "one").await;
        let two = ledger(&server.url, "bucket", "one-more").await;
        assert_ne!(one.id(), two.id());
        fill(&one, &stream(), 1).await;
        assert_eq!(two.head(&stream()).await, Ok(None));
        assert_eq!((one.streams().await, two.streams().await), (Ok(vec![stream()]), Ok(vec![])));
        assert_eq!(server.keys(), ["one-more/genesis.json", "one/genesis.json", "one/prod/app/9999999/998.json"]);
        assert_eq!(one.describe(), "s3://bucket/one");
    });
}

/// One append under these faults must end with one record, our own, at its place.
#[track_caller]
fn check_created(faults: &[Fault], puts: usize) {
    let server = S3Server::start();
    in_runtime(async {
        let ledger = ledger(&server.url, "bucket", "").await;
        server.requests();
        server.script(faults.iter().copied());
        let ended = ledger.append(&stream(), None, draft(None, 1)).await;
        assert!(matches!(ended, Ok(Append::Created(_))), "{faults:?}: {ended:?}");
        let sent = server.requests().iter().filter(|request| request.starts_with("PUT")).count();
        assert_eq!(sent, puts, "{faults:?}");
        assert_eq!(server.keys().len(), 2, "{faults:?}");
    });
}

#[test]
fn lost_answers_conflicts_and_false_failures_end_with_one_record() {
    check_created(&[Fault::Lost], 1);
    check_created(&[Fault::Applied(500)], 1);
    check_created(&[Fault::Applied(503)], 1);
    check_created(&[Fault::Status(503, "SlowDown")], 2);
    check_created(&[Fault::Status(409, "ConditionalRequestConflict")], 2);
    // The read after the failure fails as well.
    check_created(&[Fault::Status(500, "InternalError"), Fault::Status(500, "InternalError")], 2);
    check_created(&[Fault::Applied(500), Fault::Status(503, "SlowDown")], 2);
}

#[test]
fn each_answer_of_the_service_has_one_meaning() {
    let server = S3Server::start();
    let log = log(&server.url, "bucket", "");
    in_runtime(async {
        let answer = async |fault: Fault| {
            server.script([fault]);
            log.create("a/b.json", "x".into()).await
        };
        assert!(matches!(answer(Fault::Status(403, "AccessDenied")).await, Create::Refused(Refusal::Denied(_))));
        assert!(matches!(answer(Fault::Status(401, "Unauthorized")).await, Create::Refused(Refusal::Denied(_))));
        assert!(matches!(answer(Fault::Status(400, "ExpiredToken")).await, Create::Refused(Refusal::Other(_))));
        assert!(matches!(answer(Fault::Status(404, "NoSuchBucket")).await, Create::Refused(Refusal::Other(_))));
        assert!(matches!(answer(Fault::Status(429, "TooManyRequests")).await, Create::Unknown(_)));
        assert!(matches!(answer(Fault::Status(500, "InternalError")).await, Create::Unknown(_)));
        assert_eq!(answer(Fault::Status(412, "PreconditionFailed")).await, Create::Exists);
        assert_eq!(answer(Fault::Status(409, "ConditionalRequestConflict")).await, Create::Exists);
        assert_eq!(server.keys(), Vec::<String>::new());

        let read = async |fault: Fault| {
            server.script([fault]);
            log.read("a/b.json").await
        };
        assert_eq!(read(Fault::None).await, Ok(None));
        assert!(matches!(read(Fault::Status(403, "AccessDenied")).await, Err(LogError::Denied { .. })));
        assert!(matches!(read(Fault::Status(404, "NoSuchBucket")).await, Err(LogError::NoPlace { .. })));
        assert!(matches!(read(Fault::Status(503, "SlowDown")).await, Err(LogError::Unavailable { .. })));
        assert!(matches!(read(Fault::Lost).await, Err(LogError::Unavailable { .. })));

        let first = async |fault: Fault| {
            server.script([fault]);
            log.first("a/").await
        };
        assert_eq!(first(Fault::None).await, Ok(None));
        assert!(matches!(first(Fault::Status(403, "AccessDenied")).await, Err(LogError::Denied { .. })));
        assert!(matches!(first(Fault::Status(404, "NoSuchBucket")).await, Err(LogError::NoPlace { .. })));
        assert!(matches!(first(Fault::Status(503, "SlowDown")).await, Err(LogError::Unavailable { .. })));
    });
}

#[test]
fn places_in_s3_are_read_strictly() {
    let place = S3Place::parse("s3://team-ledger/a/b/").expect("a place");
    assert_eq!((place.bucket.as_str(), place.prefix.as_str()), ("team-ledger", "a/b"));
    assert_eq!(S3Place::parse("s3://team-ledger").expect("a place").prefix, "");
    for bad in ["", "s3://", "s3:///a", "http://team-ledger", "s3://team ledger", "s3://b/../c", "s3://b/a?b"] {
        assert_eq!(S3Place::parse(bad), Err(S3Error::NotAPlace(bad.to_owned())));
    }
    let directory = S3Place::parse("s3://fast--use1-az4--x-s3").expect("a place");
    assert!(matches!(s3_log(&directory, None), Err(S3Error::DirectoryBucket(_))));
}

/// moto, with a fresh bucket: an endpoint that was started for us, or one of our own.
struct Moto {
    endpoint: String,
    server: Option<Child>,
}

impl Drop for Moto {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            server.kill().ok();
            server.wait().ok();
        }
    }
}

impl Moto {
    /// `None`, after a loud word, where moto is not there and this is not the gate.
    fn reach() -> Option<Moto> {
        if let Ok(endpoint) = std::env::var("TIERS_TEST_MOTO") {
            return Some(Moto { endpoint, server: None });
        }
        let folder = std::env::var_os("TIERS_STAND_INS").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin"));
        let program = folder.join("moto_server");
        if !program.exists() {
            let missing = "moto[server] is not installed (`cargo xtask setup` does it): the ledger is not tested against moto's S3";
            assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "{missing}");
            eprintln!("WARNING: {missing}");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("moto_server starts");
        let moto = Moto { endpoint: format!("http://{address}"), server: Some(server) };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "moto_server takes no connections");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(moto)
    }

    /// moto reads the service from the signature's scope and verifies nothing.
    fn make_bucket(&self, name: &str) {
        let host = self.endpoint.strip_prefix("http://").expect("moto speaks plain HTTP");
        let mut stream = TcpStream::connect(host).expect("it takes connections");
        let scope =
            "AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        write!(
            stream,
            "PUT /{name} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {scope}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[test]
fn motos_s3_conforms_and_holds_a_ledger() {
    let Some(moto) = Moto::reach() else { return };
    let bucket = format!("ledger-{}", std::process::id());
    moto.make_bucket(&bucket);
    let count = Cell::new(0);
    in_runtime(async {
        let fresh = || {
            count.set(count.get() + 1);
            Rc::new(log(&moto.endpoint, &bucket, &format!("suite/{}", count.get()))) as Rc<dyn Log>
        };
        conformance::check(&fresh).await;

        let ledger = ledger(&moto.endpoint, &bucket, "team").await;
        fill(&ledger, &stream(), 12).await;
        let head = ledger.head(&stream()).await.expect("readable").expect("not empty");
        assert_eq!(head.seq, 12);
        let verified = ledger.verify(None, &[], &fold).await.expect("readable");
        assert_eq!((verified.records, verified.findings), (12, vec![]));

        let nowhere = log(&moto.endpoint, "no-such-bucket-anywhere", "");
        assert!(matches!(nowhere.first("prod/app/").await, Err(LogError::NoPlace { .. })));
        assert!(matches!(nowhere.read("genesis.json").await, Err(LogError::NoPlace { .. })));
        assert!(matches!(nowhere.create("genesis.json", "x".into()).await, Create::Refused(_)));
    });
}

fn ending(driven: Driven) -> Ending {
    match driven {
        Driven::Ended(ended) => ended.ending,
        Driven::AsksPerson(cause) => panic!("asks a person: {}", cause.text()),
    }
}

/// The whole loop on a bucket: planner, claim, driver, a failure that is undone, and a second process with a connection of its
/// own that finds a deployment standing and takes it over.
#[test]
fn deployments_go_through_three_environments_on_a_ledger_in_motos_s3() {
    let Some(moto) = Moto::reach() else { return };
    let bucket = format!("deployments-{}", std::process::id());
    moto.make_bucket(&bucket);
    // One thread of the runtime does the waiting for sockets; this one plays the processes.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let connect = || Rc::new(log(&moto.endpoint, &bucket, "team")) as Rc<dyn Log>;
    let small = Small::on(connect());
    let both = |content: &str| vec![Digest::of(content.as_bytes()).hex().to_owned(); 2];
    let (one, two) = (small.release("one"), small.release("two"));
    for environment in ["dev", "staging", "prod"] {
        assert_eq!(ending(small.deploy(environment, Goal::Deploy(one.clone()))), Ending::Succeeded);
        assert_eq!(small.live(environment), both("one"));
    }
    small.gates.fail("prod", "live", "two");
    for (environment, expected) in
        [("dev", Ending::Succeeded), ("staging", Ending::Succeeded), ("prod", Ending::Failed)]
    {
        assert_eq!(ending(small.deploy(environment, Goal::Deploy(two.clone()))), expected, "{environment}");
    }
    assert_eq!((small.live("staging"), small.live("prod")), (both("two"), both("one")));

    let wanted = small.wanted("dev", Goal::Deploy(small.release("three")));
    let plan = small.plan(&wanted).plan;
    let left = block(claim(&small.world, &plan)).expect("answered");
    assert!(matches!(left, Claim::Claimed(..)), "claimed, and then its process is gone");
    let seen = Rc::new(SeenInMemory::default());
    let ledger =
        block(Ledger::open(connect(), small.clock.clone(), Rc::new(SystemIds), seen)).expect("the same ledger");
    assert_eq!(ledger.id(), small.world.ledger.id());
    let otto = Actor { who: "otto".into(), host: "elsewhere".into(), via: "test".into() };
    let other = World { ledger, ids: Rc::new(SystemIds), actor: otto, ..small.world.clone() };
    let outdated = block(claim(&other, &plan)).expect("answered");
    assert!(matches!(outdated, Claim::Outdated | Claim::Busy { .. }), "one deployment at a time");
    let mut session = block(Session::load(&other, &"dev".into(), &"app".into())).expect("readable");
    assert!(block(take_over(&mut session, "its runner died", None)).expect("taken over"));
    assert_eq!(ending(block(drive(&mut session)).expect("driven")), Ending::Succeeded);
    assert_eq!(small.live("dev"), both("three"));

    let verified = block(other.ledger.verify(None, &[], &summary::after)).expect("readable");
    assert_eq!(verified.findings, []);
    assert_eq!(verified.heads.len(), 3, "a stream for each environment");
    assert!(verified.records > 60, "{}", verified.records);
}
