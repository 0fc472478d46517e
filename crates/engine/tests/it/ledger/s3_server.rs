//! A bucket on a socket, with the manners of S3 that matter to the ledger, and with faults on demand.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What happens to one request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    None,
    /// It takes effect, and the connection ends without an answer.
    Lost,
    /// It takes effect, and the answer is this status.
    Applied(u16),
    /// It has no effect, and the answer is this status and code.
    Status(u16, &'static str),
}

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Vec<u8>>,
    faults: VecDeque<Fault>,
    /// Method and target of every request.
    requests: Vec<String>,
}

/// A running server; its threads end with the test process.
#[derive(Clone)]
pub struct S3Server {
    bucket: Arc<Mutex<Bucket>>,
    pub url: String,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    if_none_match: bool,
    body: Vec<u8>,
}

type Answer = (u16, Vec<u8>);

impl S3Server {
    pub fn start() -> S3Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let server = S3Server { bucket: Arc::default(), url };
        let bucket = server.bucket.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let bucket = bucket.clone();
                std::thread::spawn(move || serve(&stream, &bucket));
            }
        });
        server
    }

    /// What happens to the next requests, in order.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.bucket.lock().expect("no panic").faults.extend(faults);
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.bucket.lock().expect("no panic").requests)
    }

    pub fn keys(&self) -> Vec<String> {
        self.bucket.lock().expect("no panic").objects.keys().cloned().collect()
    }
}

fn serve(stream: &TcpStream, bucket: &Mutex<Bucket>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let mut bucket = bucket.lock().expect("no panic");
        bucket.requests.push(format!("{} {}", request.method, request.path));
        let answer = match bucket.faults.pop_front().unwrap_or(Fault::None) {
            Fault::None => bucket.apply(&request),
            Fault::Lost => {
                bucket.apply(&request);
                return;
            }
            Fault::Applied(status) => {
                bucket.apply(&request);
                error(status, "InternalError")
            }
            Fault::Status(status, code) => error(status, code),
        };
        drop(bucket);
        let (status, body) = answer;
        let mut out = stream;
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nETag: \"e\"\r\n\
             Last-Modified: Mon, 23 Nov 2026 00:00:00 GMT\r\n\r\n",
            body.len()
        );
        if out.write_all(head.as_bytes()).and_then(|()| out.write_all(&body)).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = query.map(|(name, value)| (name.to_owned(), value.replace("%2F", "/"))).collect();
    let mut request = Request { method, path: path.to_owned(), query, if_none_match: false, body: Vec::new() };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(("if-none-match", "*")) => request.if_none_match = true,
            Some(_) => {}
            None => break,
        }
    }
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

impl Bucket {
    fn apply(&mut self, request: &Request) -> Answer {
        let Some(rest) = request.path.strip_prefix("/bucket") else { return error(404, "NoSuchBucket") };
        let key = rest.trim_start_matches('/').to_owned();
        match request.method.as_str() {
            "PUT" if request.if_none_match && self.objects.contains_key(&key) => error(412, "PreconditionFailed"),
            "PUT" => {
                self.objects.insert(key, request.body.clone());
                (200, Vec::new())
            }
            "GET" if key.is_empty() => self.list(request),
            "GET" => self.objects.get(&key).map_or_else(|| error(404, "NoSuchKey"), |bytes| (200, bytes.clone())),
            _ => error(405, "MethodNotAllowed"),
        }
    }

    fn list(&self, request: &Request) -> Answer {
        let asked = |name: &str| request.query.get(name).map_or("", String::as_str);
        let (prefix, after) = (asked("prefix"), asked("continuation-token"));
        let most = asked("max-keys").parse().unwrap_or(1000);
        let mut entries = Vec::new();
        for key in self.objects.keys().filter(|key| key.starts_with(prefix)) {
            let folder = key[prefix.len()..].split_once(asked("delimiter")).filter(|_| !asked("delimiter").is_empty());
            let entry = folder.map_or_else(|| (key.clone(), false), |(name, _)| (format!("{prefix}{name}/"), true));
            if entry.0.as_str() > after && entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        let more = entries.len() > most;
        entries.truncate(most);
        let mut xml = format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>");
        if let Some((last, _)) = entries.last().filter(|_| more) {
            xml += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
        }
        for (name, is_folder) in entries {
            xml += &if is_folder {
                format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>")
            } else {
                format!(
                    "<Contents><Key>{name}</Key><Size>1</Size><ETag>e</ETag>\
                     <LastModified>2026-11-23T00:00:00.000Z</LastModified></Contents>"
                )
            };
        }
        (200, (xml + "</ListBucketResult>").into_bytes())
    }
}

fn error(status: u16, code: &str) -> Answer {
    (status, format!("<Error><Code>{code}</Code><Message>scripted</Message></Error>").into_bytes())
}
