//! A function for the tests: speaks the Lambda runtime interface over a plain socket and does what its event says, so that every
//! way in which a function can behave is at hand. No dependencies: it starts in a millisecond and runs from any image.
//!
//! An event `{"do":"sleep/100"}`, or one from a door with the path `/sleep/100`, is a command with its arguments.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

/// An answer of the runtime interface.
struct Answer {
    headers: Vec<(String, String)>,
    body: String,
}

struct Runtime {
    stream: BufReader<TcpStream>,
    address: String,
}

impl Runtime {
    fn connect() -> io::Result<Runtime> {
        let address = variable("AWS_LAMBDA_RUNTIME_API");
        let stream = TcpStream::connect(&address)?;
        stream.set_nodelay(true)?;
        Ok(Runtime { stream: BufReader::new(stream), address })
    }

    fn send(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<()> {
        let head = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request)
    }

    fn call(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        self.send(method, path, body)?;
        let mut line = String::new();
        let mut headers = Vec::new();
        self.stream.read_line(&mut line)?;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                None => break,
            }
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, n)| n.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { headers, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn main() -> io::Result<()> {
    let mut runtime = Runtime::connect()?;
    match variable("INIT").as_str() {
        "crash" => std::process::exit(3),
        "hang" => std::thread::sleep(Duration::from_secs(600)),
        "error" => {
            let error = br#"{"errorType":"Config.Missing","errorMessage":"no database"}"#;
            runtime.call("POST", "init/error", error)?;
            std::process::exit(1);
        }
        _ => {}
    }
    loop {
        let event = runtime.call("GET", "invocation/next", b"")?;
        let header = |wanted: &str| event.headers.iter().find(|(name, _)| name == wanted).map(|(_, v)| v.clone());
        let id = header("lambda-runtime-aws-request-id").unwrap_or_default();
        let command = text_field(&event.body, "do").or_else(|| text_field(&event.body, "rawPath")).unwrap_or_default();
        let words: Vec<&str> = command.split('/').filter(|word| !word.is_empty()).collect();
        if words.first() == Some(&"slam") {
            // Its answer is on the way when it goes, and nobody waits for the host to take it.
            runtime.send("POST", &format!("invocation/{id}/response"), b"{}")?;
            std::process::exit(0);
        }
        match act(&words, &event.body, header("lambda-runtime-invoked-function-arn").unwrap_or_default()) {
            Ok(result) => runtime.call("POST", &format!("invocation/{id}/response"), result.as_bytes())?,
            Err(error) => runtime.call("POST", &format!("invocation/{id}/error"), error.as_bytes())?,
        };
        match words.first() {
            // Asks for the next event, gives up waiting, and asks again on another connection.
            Some(&"reconnect") => {
                runtime.send("GET", "invocation/next", b"")?;
                sleep(&words);
                runtime = Runtime::connect()?;
            }
            Some(&"linger") => sleep(&words),
            Some(&"leave") => return Ok(()),
            _ => {}
        }
    }
}

/// What is done with a command, and its result or its error.
fn act(words: &[&str], event: &str, arn: String) -> Result<String, String> {
    let number = || words.get(1).and_then(|word| word.parse::<usize>().ok()).unwrap_or_default();
    match words.first().copied().unwrap_or_default() {
        "echo" => return Ok(event.to_owned()),
        "sleep" => sleep(words),
        "hang" => std::thread::sleep(Duration::from_secs(600)),
        "exit" => std::process::exit(number() as i32),
        "abort" => std::process::abort(),
        "fail" => return Err(r#"{"errorType":"App.Failed","errorMessage":"as asked"}"#.to_owned()),
        "big" => return Ok(format!("\"{}\"", "x".repeat(number()))),
        "print" => {
            for line in 0..number() {
                println!("line {line}");
                eprintln!("error line {line}");
            }
            print!("no end");
            let _ = io::stdout().flush();
        }
        "allocate" => {
            // Each page is touched, or it would not count.
            let mut held = vec![0_u8; number() * 1024 * 1024];
            held.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
            std::thread::sleep(Duration::from_millis(500));
            std::hint::black_box(&held);
        }
        "child" => {
            // One in the group, and one that left it.
            let group = Command::new("/bin/sleep").arg("600").spawn().map(|child| child.id());
            let session = Command::new("/usr/bin/setsid").args(["/bin/sleep", "600"]).spawn().map(|child| child.id());
            let pid = |found: io::Result<u32>| found.unwrap_or_default();
            return Ok(format!(
                r#"{{"pid":{},"group":{},"session":{}}}"#,
                std::process::id(),
                pid(group),
                pid(session)
            ));
        }
        "env" => {
            let all: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
            return Ok(format!("[{}]", all.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(",")));
        }
        "page" => {
            return Ok(r#"{"statusCode":201,"headers":{"x-from":"function"},"cookies":["a=1","b=2"],"body":"aGVsbG8=","isBase64Encoded":true}"#.to_owned());
        }
        _ => {}
    }
    let cwd = std::env::current_dir().unwrap_or_default();
    Ok(format!(
        r#"{{"version":"{}","release":"{}","pid":{},"arn":"{arn}","cwd":{cwd:?}}}"#,
        variable("AWS_LAMBDA_FUNCTION_VERSION"),
        variable("RELEASE"),
        std::process::id(),
    ))
}

fn sleep(words: &[&str]) {
    let ms = words.get(1).and_then(|word| word.parse().ok()).unwrap_or_default();
    std::thread::sleep(Duration::from_millis(ms));
}

/// The value of the first `"name":"…"`; the tests' events have no escapes in theirs.
fn text_field(json: &str, name: &str) -> Option<String> {
    let start = format!("\"{name}\":\"");
    let rest = &json[json.find(&start)? + start.len()..];
    Some(rest[..rest.find('"')?].to_owned())
}
