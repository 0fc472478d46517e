//! A moto server as the place of Terraform's states and locks.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

pub const BUCKET: &str = "shop-terraform-state";
pub const TABLE: &str = "shop-terraform-locks";
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A moto server with a bucket and a table of locks, ended with this.
pub struct Moto {
    server: Child,
    port: u16,
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

impl Moto {
    /// `None`, after a loud word, where moto or Terraform is not installed and this is not the gate.
    pub fn start() -> Option<Moto> {
        let folder = std::env::var_os("TIERS_STAND_INS").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin"));
        let program = folder.join("moto_server");
        let terraform = Command::new("terraform").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let missing = [
            (program.exists(), "moto[server] is not installed (`cargo xtask setup` does it)"),
            (
                terraform.is_ok_and(|status| status.success()),
                "there is no terraform on PATH (1.5 or newer; no registry carries it)",
            ),
        ];
        if let Some((_, what)) = missing.iter().find(|(there, _)| !there) {
            let text = format!("{what}: guarded Terraform is not tested against the real program");
            assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "{text}");
            eprintln!("WARNING: {text}");
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let moto = Moto { server: command.spawn().expect("moto_server starts"), port };
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "moto_server takes no connections");
            std::thread::sleep(Duration::from_millis(50));
        }
        moto.send("PUT", &format!("/{BUCKET}"), &moto.headers("s3", ""), "");
        let key = |field: &str, value: &str| json!([{ "AttributeName": "LockID", field: value }]);
        let table = json!({
            "TableName": TABLE, "KeySchema": key("KeyType", "HASH"), "AttributeDefinitions": key("AttributeType", "S"),
            "BillingMode": "PAY_PER_REQUEST",
        });
        moto.dynamo("CreateTable", &table.to_string());
        Some(moto)
    }

    /// The variables with which Terraform finds it.
    pub fn variables(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let all = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing-secret"),
            ("AWS_REGION", "us-east-1"),
        ];
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// Every object, byte for byte.
    pub fn objects(&self) -> BTreeMap<String, String> {
        let listing = self.send("GET", &format!("/{BUCKET}?list-type=2"), &self.headers("s3", ""), "");
        let keys = listing.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        keys.map(|key| (key.to_owned(), self.send("GET", &format!("/{BUCKET}/{key}"), &self.headers("s3", ""), "")))
            .collect()
    }

    /// Writes an object.
    pub fn put(&self, key: &str, content: &str) {
        self.send("PUT", &format!("/{BUCKET}/{key}"), &self.headers("s3", ""), content);
    }

    pub fn delete(&self, key: &str) {
        self.send("DELETE", &format!("/{BUCKET}/{key}"), &self.headers("s3", ""), "");
    }

    /// Takes the lock of a state in the table, as somebody else's Terraform would.
    pub fn lock(&self, key: &str, id: &str) {
        let path = format!("{BUCKET}/{key}");
        let info = json!({
            "ID": id, "Operation": "OperationTypeApply", "Info": "", "Who": "otto@laptop", "Version": "1.11.4",
            "Created": "2026-11-27T11:00:00Z", "Path": path,
        });
        let item = json!({ "LockID": { "S": path }, "Info": { "S": info.to_string() } });
        self.dynamo("PutItem", &json!({ "TableName": TABLE, "Item": item }).to_string());
    }

    fn dynamo(&self, operation: &str, body: &str) {
        let headers = self.headers("dynamodb", "application/x-amz-json-1.0");
        self.send("POST", "/", &format!("{headers}x-amz-target: DynamoDB_20120810.{operation}\r\n"), body);
    }

    /// moto reads service and region from the signature's scope and verifies nothing.
    fn headers(&self, service: &str, content_type: &str) -> String {
        let scope = format!("testing/20260101/us-east-1/{service}/aws4_request");
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let kind = if content_type.is_empty() { String::new() } else { format!("content-type: {content_type}\r\n") };
        format!("authorization: {signature}\r\n{kind}")
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("moto takes connections");
        let host = format!("host: 127.0.0.1:{}\r\n", self.port);
        write!(stream, "{method} {path} HTTP/1.0\r\n{host}{headers}content-length: {}\r\n\r\n{body}", body.len())
            .expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split_whitespace().nth(1).unwrap_or_default();
        assert!(status.starts_with('2'), "{method} {path} was answered with {answer}");
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }
}
