//! The rules of every `LambdaApi`, run against moto through the SDK: an endpoint that nobody here wrote.
//!
//! What moto gets wrong is written down and asserted, so that a fixed moto is noticed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tiers_aws::AwsLambda;
use tiers_lambda::api::Settings;
use tiers_lambda::conformance::{Fixture, broken};

const START_TIMEOUT: Duration = Duration::from_secs(60);
const REPOSITORY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/worker";

/// One rule that moto 5.2.5 breaks.
struct Wrong {
    rule: &'static str,
    /// What it does instead.
    does: &'static str,
    /// How the suite's finding begins.
    finding: &'static str,
}

const WRONG: &[Wrong] = &[
    Wrong {
        rule: "a_new_description_moves_the_alias_revision",
        does: "an alias's revision never changes",
        finding: "revision: expected something other than \"",
    },
    Wrong {
        rule: "a_new_function_becomes_active_with_what_it_was_made_of",
        does: "the resolved image reads `repository@sha256@sha256:…`",
        finding: "resolved image: expected ",
    },
    Wrong {
        rule: "a_stale_revision_changes_no_code",
        does: "any revision is accepted",
        finding: "UpdateFunctionCode with a stale revision: expected Precondition, found an answer",
    },
    Wrong {
        rule: "a_stale_revision_changes_no_settings",
        does: "any revision is accepted",
        finding: "UpdateFunctionConfiguration with a stale revision: expected Precondition, found an answer",
    },
    Wrong {
        rule: "a_stale_revision_moves_no_alias",
        does: "any revision is accepted",
        finding: "UpdateAlias with a revision that is not the alias's: expected Precondition, found an answer",
    },
    Wrong {
        rule: "a_stale_revision_publishes_nothing",
        does: "any revision is accepted",
        finding: "PublishVersion with a stale revision: expected Precondition, found an answer",
    },
    Wrong {
        rule: "a_token_from_before_the_wait_is_void",
        does: "there is no wait, and any revision is accepted",
        finding: "PublishVersion with the answer's token: expected InProgress or Precondition, found an answer",
    },
    Wrong {
        rule: "a_version_behind_an_alias_cannot_be_deleted",
        does: "it is deleted",
        finding: "deleting the main version: expected Conflict, found an answer",
    },
    Wrong {
        rule: "a_version_freezes_code_and_settings",
        does: "every version tells the newest image's address",
        finding: "version afterwards: expected ",
    },
    Wrong {
        rule: "an_alias_is_read_back_as_it_was_written",
        does: "an alias's revision never changes",
        finding: "revision: expected something other than \"",
    },
    Wrong {
        rule: "an_alias_needs_its_versions",
        does: "weights may name versions that do not exist",
        finding: "UpdateAlias to a version that does not exist: expected NotFound, found an answer",
    },
    Wrong {
        rule: "an_invocation_tells_the_version_that_ran",
        does: "no executed version is told",
        finding: "version: expected Some(\"$LATEST\"), found None",
    },
    Wrong {
        rule: "an_update_of_code_moves_the_revision_and_the_digest",
        does: "a function's revision is never told",
        finding: "revision: expected something other than \"\"",
    },
    Wrong {
        rule: "an_update_to_the_same_digest_moves_the_revision",
        does: "a function's revision is never told",
        finding: "revision: expected something other than \"\"",
    },
    Wrong {
        rule: "another_code_hash_publishes_nothing",
        does: "any code hash is accepted",
        finding: "PublishVersion with the hash of other code: expected Precondition, found an answer",
    },
    Wrong {
        rule: "no_reserved_concurrency_stops_the_function",
        does: "reservations stop nothing",
        finding: "an invocation without concurrency: expected Throttled, found an answer",
    },
    Wrong {
        rule: "numbers_are_never_reused",
        does: "the number of a deleted version is given again",
        finding: "number: expected \"3\", found ",
    },
    Wrong {
        rule: "publishing_moves_the_revision_of_latest",
        does: "a function's revision is never told",
        finding: "revision: expected something other than \"\"",
    },
    Wrong {
        rule: "publishing_the_same_answers_the_old_version_with_its_description",
        does: "an update to the same digest makes a new version",
        finding: "version after an update to the same digest: expected \"1\", found \"2\"",
    },
    Wrong {
        rule: "reserved_concurrency_is_read_back_and_leaves_100",
        does: "a million can be reserved",
        finding: "reserving a million: expected Invalid, found an answer",
    },
    Wrong {
        rule: "settings_are_replaced_and_read_back",
        does: "a function's revision is never told",
        finding: "revision: expected something other than \"\"",
    },
    Wrong {
        rule: "settings_beyond_the_limits_are_refused",
        does: "127 MB of memory are accepted",
        finding: "memory of 127 MB: expected Invalid, found an answer",
    },
    Wrong {
        rule: "weighted_versions_share_role_and_dead_letters",
        does: "any two versions may share an alias",
        finding: "weights over versions with another role or dead-letter queue: expected Invalid, found an answer",
    },
    Wrong {
        rule: "weights_of_one_and_zero_leave_no_choice",
        does: "no executed version is told",
        finding: "the answer names no executed version",
    },
    Wrong {
        rule: "what_does_not_exist_is_not_found",
        does: "a function that does not exist has an empty list of versions",
        finding: "ListVersionsByFunction: expected NotFound, found an answer: []",
    },
    Wrong {
        rule: "wrong_weights_are_refused",
        does: "two additional versions are accepted",
        finding: "two additional versions: expected Invalid, found an answer",
    },
];

/// A moto server, ended with this.
struct Moto {
    server: Child,
    port: u16,
    numbers: Cell<u64>,
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

impl Moto {
    /// `None`, after a loud word, where moto is not installed and this is not the gate.
    fn start() -> Option<Moto> {
        let folder = std::env::var_os("TIERS_STAND_INS").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin"));
        let program = folder.join("moto_server");
        if !program.exists() {
            let missing = "moto[server] is not installed (`cargo xtask setup` does it): the SDK adapter is not tested against moto";
            assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "{missing}");
            eprintln!("WARNING: {missing}");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("MOTO_LAMBDA_STUB_ECR", "false");
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("moto_server starts");
        let moto = Moto { server, port, numbers: Cell::new(0) };
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "moto_server takes no connections");
            std::thread::sleep(Duration::from_millis(50));
        }
        moto.post("/moto-api/config", "", &json!({ "lambda": { "use_docker": false } }));
        moto.ecr("CreateRepository", &json!({ "repositoryName": "worker" }));
        let role = "Action=CreateRole&RoleName=worker&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
        moto.send("/", &moto.headers("iam", "application/x-www-form-urlencoded"), role);
        Some(moto)
    }

    fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    fn ecr(&self, operation: &str, body: &Value) {
        let target = format!("x-amz-target: AmazonEC2ContainerRegistry_V20150921.{operation}\r\n");
        let headers = self.headers("ecr", "application/x-amz-json-1.1") + &target;
        self.send("/", &headers, &body.to_string());
    }

    fn post(&self, path: &str, headers: &str, body: &Value) {
        self.send(path, headers, &body.to_string());
    }

    /// moto reads service and region from the signature's scope and verifies nothing.
    fn headers(&self, service: &str, content_type: &str) -> String {
        let scope = format!("testing/20260101/us-east-1/{service}/aws4_request");
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        format!("authorization: {signature}\r\ncontent-type: {content_type}\r\n")
    }

    fn send(&self, path: &str, headers: &str, body: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("moto takes connections");
        let length = body.len();
        let host = format!("host: 127.0.0.1:{}\r\n", self.port);
        write!(stream, "POST {path} HTTP/1.0\r\n{host}{headers}content-length: {length}\r\n\r\n{body}")
            .expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split_whitespace().nth(1).unwrap_or_default();
        assert!(status.starts_with('2'), "{path} was answered with {answer}");
    }
}

#[async_trait(?Send)]
impl Fixture for Moto {
    async fn new_image(&self) -> String {
        let blob = |kind: &str| {
            let digest = format!("sha256:{:064x}", self.number());
            json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "size": 1, "digest": digest })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": blob("config.v1+json"),
            "layers": [blob("layer.v1.tar+gzip")],
        })
        .to_string();
        let digest: String = Sha256::digest(&manifest).iter().map(|byte| format!("{byte:02x}")).collect();
        let digest = format!("sha256:{digest}");
        let tag = format!("v{}", self.number());
        self.ecr(
            "PutImage",
            &json!({ "repositoryName": "worker", "imageManifest": manifest, "imageTag": tag, "imageDigest": digest }),
        );
        format!("{REPOSITORY}@{digest}")
    }

    async fn delete_image(&self, _: &str) -> bool {
        false
    }

    async fn pause(&self) {}

    fn fresh_name(&self) -> String {
        format!("worker-{}", self.number())
    }

    fn settings(&self) -> Settings {
        Settings {
            role: "arn:aws:iam::123456789012:role/worker".into(),
            memory_mb: 256,
            timeout_s: 30,
            architecture: "x86_64".into(),
            ephemeral_mb: 512,
            ..Settings::default()
        }
    }
}

#[tokio::test]
async fn moto_keeps_the_rules_of_lambda_but_for_those_it_is_known_to_break() {
    let Some(moto) = Moto::start() else { return };
    let endpoint = format!("http://127.0.0.1:{}", moto.port);
    let lambda = AwsLambda::for_endpoint(&endpoint, "us-east-1", "123456789012").expect("a loopback address");
    let broken: BTreeMap<&str, String> = broken(&lambda, &moto, &[]).await;
    let names: Vec<&str> = broken.keys().copied().collect();
    assert_eq!(names, WRONG.iter().map(|wrong| wrong.rule).collect::<Vec<_>>(), "{broken:#?}");
    for Wrong { rule, does, finding } in WRONG {
        assert!(broken[rule].starts_with(finding), "{rule}, known for: {does}; now: {}", broken[rule]);
    }
}
