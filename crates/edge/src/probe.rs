//! The `Probe` over the network: one HTTP call with bounds on time and size, and errors that say which part failed.
//!
//! The HTTP client is the one that the ledger's S3 store uses as well, so that there is one TLS stack in the program.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Request, Response, Url};
use tiers_engine::port::probe::{HttpAnswer, HttpCall, Probe, ProbeError};

/// A connection that takes longer will not come; the rest of a gate's time is better spent on another try.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls real URLs. Redirects are answers, cookies are forgotten, and proxies from the environment (`HTTPS_PROXY`, `NO_PROXY`)
/// hold for every host but this machine itself. Needs a tokio runtime with I/O and time.
#[derive(Default)]
pub struct HttpProbe {
    /// Made when first needed: reading the system's certificates takes time, and calls to a local door need none.
    clients: RefCell<[Option<Client>; 4]>,
}

impl HttpProbe {
    pub fn new() -> HttpProbe {
        HttpProbe::default()
    }

    fn client(&self, url: &Url) -> Result<Client, ProbeError> {
        let (tls, here) = (url.scheme() == "https", is_this_machine(url));
        let slot = usize::from(tls) * 2 + usize::from(here);
        if let Some(client) = &self.clients.borrow()[slot] {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .retry(reqwest::retry::never());
        if here {
            builder = builder.no_proxy();
        }
        if !tls {
            // No certificate is looked at, and a machine without a certificate store can still call its own doors.
            builder = builder.tls_certs_only([]);
        }
        let client = builder
            .build()
            .map_err(|error| ProbeError::Tls { host: host(url), cause: format!("no client: {}", causes(&error)) })?;
        self.clients.borrow_mut()[slot] = Some(client.clone());
        Ok(client)
    }
}

#[async_trait(?Send)]
impl Probe for HttpProbe {
    async fn http(&self, call: HttpCall, deadline_ms: u64) -> Result<HttpAnswer, ProbeError> {
        let started = Instant::now();
        let limit = call.body_limit_bytes;
        let request = request(call)?;
        let url = request.url().clone();
        let client = self.client(&url)?;
        let doing = Cell::new("the answer");
        let exchange = async {
            let response = client.execute(request).await.map_err(|error| told(&error, &url, deadline_ms))?;
            doing.set("the rest of the body");
            read(response, limit).await.map_err(|error| told(&error, &url, deadline_ms))
        };
        match tokio::time::timeout(Duration::from_millis(deadline_ms), exchange).await {
            Ok(Ok(answer)) => {
                let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                Ok(HttpAnswer { duration_ms, ..answer })
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ProbeError::TimedOut { host: host(&url), deadline_ms, doing: doing.get().to_owned() }),
        }
    }
}

fn request(call: HttpCall) -> Result<Request, ProbeError> {
    let url = Url::parse(&call.url).map_err(|error| invalid(format!("`{}` is no URL: {error}", shown(&call.url))))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid(format!("`{}` is no http or https URL", shown(&call.url))));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("the URL carries a user name or a password; send them in a header".to_owned()));
    }
    let method = Method::from_bytes(call.method.as_bytes())
        .map_err(|_| invalid(format!("`{}` is no HTTP method", shown(&call.method))))?;
    let mut request = Request::new(method, url);
    for (name, value) in &call.headers {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(format!("`{}` is no header name", shown(name))))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| invalid(format!("the value of header `{name}` has characters that HTTP forbids")))?;
        request.headers_mut().append(key, value);
    }
    *request.body_mut() = call.body.map(Into::into);
    Ok(request)
}

/// Stops reading at the limit; the connection is then closed, not drained.
async fn read(mut response: Response, limit: usize) -> Result<HttpAnswer, reqwest::Error> {
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let mut answer =
        HttpAnswer { status, headers: headers.collect(), body: Vec::new(), truncated: false, duration_ms: 0 };
    while let Some(piece) = response.chunk().await? {
        let room = limit - answer.body.len();
        answer.body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            answer.truncated = true;
            break;
        }
    }
    Ok(answer)
}

/// Says what an error of the client means. It tells little by kind, so the causes below it are looked at.
fn told(error: &reqwest::Error, url: &Url, deadline_ms: u64) -> ProbeError {
    let (host, cause) = (host(url), causes(error));
    if error.is_builder() {
        return invalid(cause);
    }
    if error.is_timeout() {
        let doing = if error.is_connect() { "the connection" } else { "the answer" };
        // The client's only timeout of its own is the one for connecting.
        let waited = u64::try_from(CONNECT_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
        return ProbeError::TimedOut { host, deadline_ms: waited.min(deadline_ms), doing: doing.to_owned() };
    }
    if !error.is_connect() {
        return ProbeError::Broken { host, cause };
    }
    if cause.contains("dns error") {
        return ProbeError::Dns { host, cause };
    }
    use std::io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable, PermissionDenied,
    };
    match io_kind(error) {
        // Once there is a connection, what fails for https is the handshake; its errors have no kind that tells more.
        Some(
            ConnectionRefused | HostUnreachable | NetworkUnreachable | NetworkDown | AddrNotAvailable
            | PermissionDenied,
        ) => ProbeError::Refused { host, cause },
        _ if url.scheme() == "https" => ProbeError::Tls { host, cause },
        _ => ProbeError::Refused { host, cause },
    }
}

fn io_kind(error: &reqwest::Error) -> Option<std::io::ErrorKind> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        source = cause.source();
    }
    None
}

/// The causes below an error, outermost first, without those that only repeat what the next one says. The error itself is left
/// out: it names the whole URL, whose query may hold a secret.
fn causes(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // "client error (Connect)" is the HTTP library speaking of itself.
        if !text.starts_with("client error (") && !texts.iter().any(|other| other.contains(&text)) {
            texts.push(text);
        }
        source = cause.source();
    }
    if texts.is_empty() { "the client does not say why".to_owned() } else { texts.join(": ") }
}

fn invalid(why: String) -> ProbeError {
    ProbeError::Invalid(why)
}

/// Host and port, which is all of a URL that errors name.
fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Of a text that could not be understood, so much that one recognises it, and nothing after a `?`.
fn shown(text: &str) -> String {
    let text = text.split('?').next().unwrap_or_default();
    text.chars().take(80).flat_map(|c| if c.is_control() { '\u{fffd}' } else { c }.to_lowercase()).collect()
}
