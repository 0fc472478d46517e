//! The Lambda runtime interface: what a function's process talks to, one listener a process.
//!
//! Source: "Using the Lambda runtime API for custom runtimes", version 2018-06-01.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, watch};

use crate::http::{self, Answer, BodyError};

/// Of a synchronous answer, with the little that surrounds it. Source: "Lambda quotas".
const RESPONSE_LIMIT_BYTES: usize = 6 * 1024 * 1024 + 100;

/// One event for the process.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub request_id: String,
    pub deadline_ms: i64,
    pub invoked_arn: String,
    pub trace_id: String,
    /// Base64, as the caller sent it.
    pub client_context: Option<String>,
    pub payload: Bytes,
}

/// What the process said.
#[derive(Debug)]
pub(crate) enum Report {
    /// It asks for the next event: it has started, or is done with the one before.
    Ready,
    /// The event was handed to it.
    Taken,
    Response {
        request_id: String,
        payload: Bytes,
    },
    Failed {
        request_id: String,
        payload: Bytes,
    },
    TooLarge {
        request_id: String,
    },
    InitFailed {
        payload: Bytes,
    },
}

/// The process's side of the line; the host's side is the other ends of the two channels.
pub(crate) struct RuntimeApi {
    events: Mutex<mpsc::Receiver<Event>>,
    reports: mpsc::UnboundedSender<Report>,
    /// The event that the process works on.
    current: StdMutex<Option<Event>>,
    /// Counts the calls of `next`.
    turn: watch::Sender<u64>,
}

impl RuntimeApi {
    pub fn new(events: mpsc::Receiver<Event>, reports: mpsc::UnboundedSender<Report>) -> RuntimeApi {
        let turn = watch::Sender::new(0);
        RuntimeApi { events: Mutex::new(events), reports, current: StdMutex::default(), turn }
    }

    /// Answers the process until the task is aborted.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        http::serve(listener, Duration::ZERO, std::future::pending(), move |request, _| {
            let api = Arc::clone(&self);
            async move { api.answer(request).await }
        })
        .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let Some(rest) = path.strip_prefix("/2018-06-01/runtime/") else { return unknown(&path) };
        let parts: Vec<&str> = rest.split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => {
                let id = (*id).to_owned();
                self.outcome(id, request, |request_id, payload| Report::Response { request_id, payload }).await
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                let id = (*id).to_owned();
                self.outcome(id, request, |request_id, payload| Report::Failed { request_id, payload }).await
            }
            (&Method::POST, ["init", "error"]) => {
                let payload = http::read_body(request.into_body(), RESPONSE_LIMIT_BYTES).await.unwrap_or_default();
                self.say(Report::InitFailed { payload });
                accepted()
            }
            _ => unknown(&path),
        }
    }

    /// A client that gives up waiting and asks again on another connection is no second client: its last call counts, and an
    /// event that went to a call before is given to it again.
    async fn next(&self) -> Answer {
        let mut turns = self.turn.subscribe();
        let mut mine = 0;
        self.turn.send_modify(|turn| {
            *turn += 1;
            mine = *turn;
        });
        let event = tokio::select! {
            biased;
            _ = turns.wait_for(|turn| *turn != mine) => {
                return http::json(409, &error("the process has asked again since", "Superseded"));
            }
            event = self.take_event() => event,
        };
        let Some(event) = event else {
            return http::json(500, &error("the host is stopping this process", "ShuttingDown"));
        };
        let mut answer = http::answer(200, "application/json", event.payload);
        let headers = answer.headers_mut();
        set(headers, "lambda-runtime-aws-request-id", &event.request_id);
        set(headers, "lambda-runtime-deadline-ms", &event.deadline_ms.to_string());
        set(headers, "lambda-runtime-invoked-function-arn", &event.invoked_arn);
        set(headers, "lambda-runtime-trace-id", &event.trace_id);
        if let Some(context) = &event.client_context {
            set(headers, "lambda-runtime-client-context", context);
        }
        answer
    }

    async fn take_event(&self) -> Option<Event> {
        let mut events = self.events.lock().await;
        if let Some(event) = self.current().clone() {
            return Some(event);
        }
        self.say(Report::Ready);
        let event = events.recv().await?;
        *self.current() = Some(event.clone());
        self.say(Report::Taken);
        Some(event)
    }

    async fn outcome(
        &self,
        id: String,
        request: Request<Incoming>,
        say: impl FnOnce(String, Bytes) -> Report,
    ) -> Answer {
        let is_mine = |event: &mut Event| event.request_id == id;
        if !self.current().as_mut().is_some_and(is_mine) {
            return http::json(400, &error("Invalid request ID", "InvalidRequestID"));
        }
        let body = http::read_body(request.into_body(), RESPONSE_LIMIT_BYTES).await;
        if matches!(body, Err(BodyError::Broken)) {
            // The process broke off in the middle; what becomes of it decides how the invocation ends.
            return http::json(400, &error("the body ended early", "InvalidRequest"));
        }
        // Only the first of two answers to one event counts.
        if self.current().take_if(|event| event.request_id == id).is_none() {
            return http::json(400, &error("Invalid request ID", "InvalidRequestID"));
        }
        match body {
            Ok(payload) => {
                self.say(say(id, payload));
                accepted()
            }
            Err(_) => {
                self.say(Report::TooLarge { request_id: id });
                http::json(
                    413,
                    &error("Exceeded maximum allowed payload size (6291556 bytes).", "RequestEntityTooLarge"),
                )
            }
        }
    }

    fn say(&self, report: Report) {
        // Nobody listens any more when the process is being stopped.
        let _ = self.reports.send(report);
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Event>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accepted() -> Answer {
    http::answer(202, "application/json", "{\"status\":\"OK\"}\n")
}

fn unknown(path: &str) -> Answer {
    http::json(404, &error(&format!("`{path}` is no part of the runtime interface"), "NotFound"))
}

fn error(message: &str, kind: &str) -> serde_json::Value {
    serde_json::json!({"errorMessage": message, "errorType": kind})
}

/// Header values that are no header values are left out: they came from a caller.
fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
