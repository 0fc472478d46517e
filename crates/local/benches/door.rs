//! What the host costs, beside the same thing without it:
//!
//! - a request through a door, beside the bare round trip of the same function over the runtime interface;
//! - the control plane's part of a promotion: two functions through three environments, each update, publish and shift on disk
//!   before it is answered.
//!
//! `cargo bench -p tiers-local --bench door [-- REQUESTS]`

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tiers_local::{Client, Environment, Host, HostConfig, Route};
use tiers_oci::{Architecture, Content, Layout, NewFile, NewImage, write_image};

const FUNCTION: &str = env!("CARGO_BIN_EXE_tiers-test-function");
const WARM_UP: usize = 50;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let requests = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(2_000);
    let bare = bare_round_trips(requests)?;
    let dir = tempfile::tempdir()?;
    let uri = image(&dir.path().join("images"))?;
    let config = HostConfig { layouts: vec![dir.path().join("images")], ..HostConfig::default() };
    let host = Host::open(&dir.path().join("state"), config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (listener, port) = runtime.block_on(async {
        let listener = Host::listen(0).await?;
        let port = listener.local_addr()?.port();
        Ok::<_, Failure>((listener, port))
    })?;
    let serving = runtime.spawn(host.serve(listener, std::future::pending()));
    let state = dir.path().join("state");
    let client = runtime.block_on(Client::wait_until_ready(&state, Duration::from_secs(10)))?;
    let mut api = Connection::open(port)?;
    for environment in ["dev", "staging", "prod"] {
        for component in ["api", "worker"] {
            api.create(&format!("{component}-{environment}"), &uri)?;
        }
    }
    let door = runtime.block_on(client.put_environment(&environment("dev", "api-dev")))?;
    let door = door.url.and_then(|url| url.rsplit(':').next()?.parse().ok()).ok_or("the door is closed")?;
    let mut door = Connection::open(door)?;
    let through = times(requests, || door.call("GET", "/version", b"").map(|_| ()))?;
    let invoked = times(requests, || api.call("POST", "/2015-03-31/functions/api-dev/invocations", b"{}").map(|_| ()))?;
    println!("{requests} requests, one after the other, ms        p50     p95     p99");
    show("function alone, over the runtime interface", &bare);
    show("through the door", &through);
    show("through Invoke", &invoked);
    println!("the door adds at the median: {:.3} ms", median(&through) - median(&bare));
    promotion(&mut api, &uri)?;
    runtime.block_on(client.shutdown())?;
    runtime.block_on(serving)??;
    Ok(())
}

/// The same function, with nothing between it and its events.
fn bare_round_trips(requests: usize) -> Result<Vec<f64>, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let mut child = Command::new(FUNCTION)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut taken = Vec::new();
    read_message(&mut stream)?;
    for number in 0..requests + WARM_UP {
        let began = Instant::now();
        let event = "{\"do\":\"version\"}";
        let head = format!(
            "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: {number}\r\ncontent-length: {}\r\n\r\n{event}",
            event.len()
        );
        stream.get_mut().write_all(head.as_bytes())?;
        read_message(&mut stream)?;
        taken.push(began.elapsed().as_secs_f64() * 1000.0);
        stream.get_mut().write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
        // The function asks for the next event.
        read_message(&mut stream)?;
    }
    child.kill()?;
    child.wait()?;
    Ok(taken.split_off(WARM_UP))
}

fn times(requests: usize, mut call: impl FnMut() -> Result<(), Failure>) -> Result<Vec<f64>, Failure> {
    let mut taken = Vec::new();
    for _ in 0..requests + WARM_UP {
        let began = Instant::now();
        call()?;
        taken.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(taken.split_off(WARM_UP))
}

/// The calls that change something in a promotion, without the waits between them.
fn promotion(api: &mut Connection, uri: &str) -> Result<(), Failure> {
    let (mut calls, mut spent) = (0, Duration::ZERO);
    for environment in ["dev", "staging", "prod"] {
        for component in ["api", "worker"] {
            let path = format!("/2015-03-31/functions/{component}-{environment}");
            let steps = [
                ("PUT", format!("{path}/code"), json!({"ImageUri": uri})),
                ("POST", format!("{path}/versions"), json!({})),
                ("PUT", format!("{path}/aliases/live"), json!({"FunctionVersion": "1", "Description": "again"})),
            ];
            for (method, path, body) in steps {
                let began = Instant::now();
                api.call(method, &path, body.to_string().as_bytes())?;
                spent += began.elapsed();
                calls += 1;
                std::thread::sleep(Duration::from_millis(15));
            }
        }
    }
    println!(
        "a promotion of 2 functions through 3 environments: {calls} changes, {:.1} ms",
        spent.as_secs_f64() * 1000.0
    );
    Ok(())
}

/// A connection that stays open. Plain sockets, so that the measuring end costs next to nothing.
struct Connection {
    stream: BufReader<TcpStream>,
    port: u16,
}

impl Connection {
    fn open(port: u16) -> Result<Connection, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: BufReader::new(stream), port })
    }

    fn call(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Value, Failure> {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential=K/20261123/us-east-1/lambda/aws4_request\r\ncontent-length: {}\r\n\r\n",
            self.port,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request)?;
        let (start, body) = read_message(&mut self.stream)?;
        let status = start.split(' ').nth(1).unwrap_or_default();
        if !status.starts_with('2') {
            return Err(format!("{method} {path}: {start} {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }

    /// A function with version 1 behind `live`.
    fn create(&mut self, name: &str, uri: &str) -> Result<(), Failure> {
        let architecture = Architecture::of_this_machine().ok_or("this machine's processor is none of Lambda's")?;
        let new = json!({
            "FunctionName": name, "Role": "arn:aws:iam::000000000000:role/r", "Code": {"ImageUri": uri},
            "MemorySize": 512, "Architectures": [architecture.as_str()],
        });
        self.call("POST", "/2015-03-31/functions", new.to_string().as_bytes())?;
        std::thread::sleep(Duration::from_millis(15));
        let path = format!("/2015-03-31/functions/{name}");
        self.call("POST", &format!("{path}/versions"), b"{}")?;
        std::thread::sleep(Duration::from_millis(15));
        self.call("POST", &format!("{path}/aliases"), br#"{"Name":"live","FunctionVersion":"1"}"#)?;
        Ok(())
    }
}

/// The first line and the body of a message.
fn read_message(stream: &mut BufReader<TcpStream>) -> Result<(String, Vec<u8>), Failure> {
    let mut start = String::new();
    stream.read_line(&mut start)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((start.trim_end().to_owned(), body))
}

fn image(layout: &Path) -> Result<String, Failure> {
    let layout = Layout::open_or_create(layout)?;
    let content = Content::File { from: FUNCTION.into(), executable: true };
    let facts = write_image(
        &layout,
        &NewImage {
            architecture: Architecture::of_this_machine().ok_or("this machine's processor is none of Lambda's")?,
            base: None,
            files: vec![NewFile { path: "/var/runtime/bootstrap".to_owned(), content }],
            entrypoint: Some(vec!["/var/runtime/bootstrap".to_owned()]),
            cmd: None,
            env: Default::default(),
            working_dir: None,
            labels: Default::default(),
        },
    )?;
    Ok(format!("local/app@{}", facts.digest))
}

fn environment(name: &str, function: &str) -> Environment {
    Environment {
        name: name.to_owned(),
        account: None,
        region: None,
        rate_limit_per_s: None,
        burst: None,
        port: 0,
        routes: vec![Route { prefix: "/".to_owned(), function: function.to_owned(), alias: "live".to_owned() }],
    }
}

fn median(times_ms: &[f64]) -> f64 {
    percentile(times_ms, 50)
}

fn percentile(times_ms: &[f64], percent: usize) -> f64 {
    let mut sorted = times_ms.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn show(what: &str, times_ms: &[f64]) {
    let at = |percent| percentile(times_ms, percent);
    println!("{what:<44} {:>7.3} {:>7.3} {:>7.3}", at(50), at(95), at(99));
}
