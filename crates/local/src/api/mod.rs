//! AWS's own protocols on one port: Lambda's REST-JSON and STS's Query.

mod caller;
mod failure;
mod invoke;
mod operations;
mod request;
mod sts;

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;

use caller::Caller;
use failure::{Failure, set};
use request::ApiRequest;

use crate::http::{self, Answer};
use crate::invoker::Invoker;

pub use caller::KEY_PREFIX;

/// Answers for AWS.
pub(crate) struct Api {
    pub invoker: Arc<Invoker>,
    /// Of callers whose key names none.
    pub account: String,
    /// Between an asynchronous event's first failure and its second try; twice that before the third.
    pub event_retry_ms: u64,
}

/// Of a request other than `Invoke`, which has limits of its own. Source: 4 KB of variables and 50 tags are far below it.
const BODY_LIMIT_BYTES: usize = 1024 * 1024;

impl Api {
    /// Any request that is not the control API's.
    pub async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        let request_id = uuid::Uuid::new_v4().to_string();
        let caller = Caller::of(request.headers(), request.uri(), &self.account);
        let is_query = request.uri().path() == "/";
        match caller {
            Err(failure) if is_query => sts::failure(&failure, &request_id),
            Err(failure) => failure.answer(&request_id),
            Ok(caller) if is_query => {
                let form = http::read_body(request.into_body(), BODY_LIMIT_BYTES).await.unwrap_or_default();
                sts::answer(&caller, &String::from_utf8_lossy(&form), &request_id)
            }
            Ok(caller) => match self.lambda(caller, request, &request_id).await {
                Ok(mut answer) => {
                    set(&mut answer, "x-amzn-requestid", &request_id);
                    answer
                }
                Err(failure) => failure.answer(&request_id),
            },
        }
    }

    async fn lambda(
        self: &Arc<Self>,
        caller: Caller,
        request: Request<Incoming>,
        request_id: &str,
    ) -> Result<Answer, Failure> {
        let (head, body) = request.into_parts();
        let request = ApiRequest::new(caller.place, &head);
        if let Some(function) = request.invoked_function() {
            return self.invoke(&request, &function, &head.headers, body, request_id).await;
        }
        let body = http::read_body(body, BODY_LIMIT_BYTES).await;
        let body = body.map_err(|_| Failure::too_large(BODY_LIMIT_BYTES, "requested"))?;
        self.operate(request, body).await
    }
}
