//! `Invoke`: synchronously, as an event, or dry.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Incoming;
use serde::de::IgnoredAny;
use tiers_lambda::model::ModelError;

use super::Api;
use super::failure::{Failure, set};
use super::request::ApiRequest;
use crate::http::{self, Answer};
use crate::run::Invocation;

/// Source: "Lambda quotas", invocation payload.
const REQUEST_LIMIT_BYTES: usize = 6_291_456;
const EVENT_LIMIT_BYTES: usize = 1_048_576;

/// An asynchronous event is tried this often, as the service does by default.
const EVENT_TRIES: u32 = 3;

impl Api {
    pub(super) async fn invoke(
        self: &Arc<Self>,
        request: &ApiRequest,
        function: &str,
        headers: &HeaderMap,
        body: Incoming,
        request_id: &str,
    ) -> Result<Answer, Failure> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let kind = header("x-amz-invocation-type").unwrap_or("RequestResponse");
        let limit = if kind == "Event" { EVENT_LIMIT_BYTES } else { REQUEST_LIMIT_BYTES };
        let payload = http::read_body(body, limit).await.map_err(|_| Failure::too_large(limit, "InvokeFunction"))?;
        let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
        serde_json::from_slice::<IgnoredAny>(&payload).map_err(|e| Failure::bad_body(&e))?;
        let qualifier = request.query("Qualifier");
        let client_context = header("x-amz-client-context").map(str::to_owned);
        let invocation = Invocation { request_id: request_id.to_owned(), payload, client_context };
        match kind {
            "RequestResponse" => {
                let admitted = self.invoker.admit(&request.place, function, qualifier)?;
                let outcome = self.invoker.run(admitted, invocation).await?;
                let mut answer = http::answer(200, "application/json", outcome.payload);
                set(&mut answer, "x-amz-executed-version", &outcome.version);
                if outcome.failed {
                    set(&mut answer, "x-amz-function-error", "Unhandled");
                }
                if header("x-amz-log-type") == Some("Tail") {
                    set(&mut answer, "x-amz-log-result", &STANDARD.encode(&outcome.log_tail));
                }
                Ok(answer)
            }
            "Event" => {
                // Whether there is room for it is asked when its turn comes.
                self.invoker.resolve(&request.place, function, qualifier)?;
                self.queue(request, function, qualifier, invocation);
                Ok(http::answer(202, "application/json", ""))
            }
            "DryRun" => {
                self.invoker.resolve(&request.place, function, qualifier)?;
                Ok(http::answer(204, "application/json", ""))
            }
            other => {
                let text = format!("`{other}` is not an invocation type: expected RequestResponse, Event or DryRun");
                Err(Failure::new(400, "InvalidParameterValueException", text))
            }
        }
    }

    /// Runs an event in the background. Events wait in memory: those that have not run when the host ends are lost.
    fn queue(self: &Arc<Self>, request: &ApiRequest, function: &str, qualifier: Option<&str>, invocation: Invocation) {
        let (api, place) = (Arc::clone(self), request.place.clone());
        let (function, qualifier) = (function.to_owned(), qualifier.map(str::to_owned));
        tokio::spawn(async move {
            for tried in 1..=EVENT_TRIES {
                let again = Invocation {
                    request_id: invocation.request_id.clone(),
                    payload: invocation.payload.clone(),
                    client_context: invocation.client_context.clone(),
                };
                let outcome: Result<_, ModelError> = match api.invoker.admit(&place, &function, qualifier.as_deref()) {
                    Ok(admitted) => api.invoker.run(admitted, again).await,
                    Err(e) => Err(e),
                };
                if outcome.is_ok_and(|outcome| !outcome.failed) || tried == EVENT_TRIES {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(api.event_retry_ms * u64::from(tried))).await;
            }
        });
    }
}
