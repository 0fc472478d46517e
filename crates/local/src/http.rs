//! Serving HTTP/1.1 on loopback: one accept loop with a graceful end, used by the API, the doors and the runtime interface.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;

use crate::LocalError;

/// Every answer is small enough to be held as a whole.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A listener on 127.0.0.1; port 0 lets the system choose.
///
/// Errors: [`LocalError::PortTaken`] and other failures to bind, with `what` the port is for.
pub(crate) async fn listen(port: u16, what: &str) -> Result<TcpListener, LocalError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => LocalError::PortTaken { port, what: what.to_owned() },
        _ => LocalError::Invalid(format!("can't listen on 127.0.0.1:{port} for {what}: {e}")),
    })
}

/// Accepts until `stop` resolves, then waits at most `drain` for the requests in flight.
pub(crate) async fn serve<H, F>(listener: TcpListener, drain: Duration, stop: impl Future<Output = ()>, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, say: they come back when connections end.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Answers are written whole; waiting for more bytes would only add delay.
        let _ = stream.set_nodelay(true);
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let answer = handler(request, peer);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        // No timer: an idle connection may stay. On the runtime interface one is idle for as long as a function works, and
        // closing one that a deployer is about to use again would make the outcome of its call unknown.
        // And who closes its end after a request is still answered: a function may send its result and be gone.
        let connection =
            hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A broken connection is the caller's affair; the work behind it is done in tasks of its own.
            let _ = watched.await;
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(drain, graceful.shutdown()).await;
}

/// Whether the `Host` header names this machine. A web page elsewhere can point a name of its own at 127.0.0.1, and the browser
/// would let it read the answers; it can't choose this header.
pub(crate) fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Why a body could not be had.
pub(crate) enum BodyError {
    TooLarge,
    Broken,
}

/// The whole body, up to a limit.
pub(crate) async fn read_body(body: Incoming, limit_bytes: usize) -> Result<Bytes, BodyError> {
    match Limited::new(body, limit_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(e) if e.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}

/// An answer with this status, content type and body.
pub(crate) fn answer(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(content_type));
    answer
}

/// A JSON answer.
pub(crate) fn json<T: serde::Serialize + ?Sized>(status: u16, value: &T) -> Answer {
    match serde_json::to_vec(value) {
        Ok(bytes) => answer(status, "application/json", bytes),
        Err(e) => answer(500, "application/json", format!("{{\"message\":\"can't be written as JSON: {e}\"}}")),
    }
}

/// `%41` becomes `A`; bytes that are no UTF-8 are replaced.
pub(crate) fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The pairs of a query or form, decoded, in their order.
pub(crate) fn query_pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let plus = |text: &str| decode(&text.replace('+', " "));
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => (plus(name), plus(value)),
            None => (plus(pair), String::new()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_count_as_such() {
        let check = |host: Option<&str>, wanted: bool| {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.insert("host", host.parse().expect("a header"));
            }
            assert_eq!(is_for_this_machine(&headers), wanted, "{host:?}");
        };
        for good in ["127.0.0.1:4566", "127.0.0.1", "localhost:80", "LocalHost", "[::1]:80", "[::1]"] {
            check(Some(good), true);
        }
        for bad in ["evil.example", "evil.example:4566", "127.0.0.1.evil.example", "10.0.0.1:80", ""] {
            check(Some(bad), false);
        }
        check(None, false);
    }

    #[test]
    fn queries_are_decoded_in_their_order() {
        let pairs = query_pairs("a=1&b=x+y%21&&flag&a=%F0%9F");
        let wanted = [("a", "1"), ("b", "x y!"), ("flag", ""), ("a", "\u{fffd}")];
        assert_eq!(pairs, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
