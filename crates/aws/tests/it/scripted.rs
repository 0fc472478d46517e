//! A connector under the real SDK that answers from a script and remembers what was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tiers_aws::AwsLambda;

/// What happens to one request.
#[derive(Clone, Debug)]
pub enum Step {
    Answer {
        status: u16,
        error: Option<&'static str>,
        body: String,
    },
    /// Answers 200 with this body after so long.
    Late(Duration, String),
    /// The connection breaks after the request went out.
    Broken,
    /// Nothing ever comes.
    Silent,
}

impl Step {
    pub fn ok(body: Value) -> Step {
        Step::Answer { status: 200, error: None, body: body.to_string() }
    }

    /// An error of the service: the exception's name in the header, the message in the body.
    pub fn error(status: u16, code: &'static str, message: &str) -> Step {
        Step::Answer { status, error: Some(code), body: json!({ "Type": "User", "message": message }).to_string() }
    }

    /// An answer that something other than the service wrote.
    pub fn html(status: u16) -> Step {
        Step::Answer { status, error: None, body: "<html><body>blocked</body></html>".into() }
    }
}

/// One request as it left.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub authorization: String,
    body: Vec<u8>,
}

impl Sent {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// The far side: answers in order, the last step for ever.
#[derive(Clone, Debug)]
pub struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

/// A client of the real SDK whose requests end in a script.
pub fn scripted(steps: impl IntoIterator<Item = Step>) -> (AwsLambda, Script) {
    let script = Script { steps: Arc::new(Mutex::new(steps.into_iter().collect())), sent: Arc::default() };
    let connector = SharedHttpConnector::new(script.clone());
    let http = http_client_fn(move |_, _| connector.clone());
    let lambda = AwsLambda::for_endpoint_through(http, "http://127.0.0.1:1", "eu-west-1", "123456789012");
    (lambda.expect("a loopback endpoint"), script)
}

impl Script {
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().expect("no panic while it was held").clone()
    }

    /// The only request there was.
    pub fn only(&self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    fn next(&self) -> Step {
        let mut steps = self.steps.lock().expect("no panic while it was held");
        if steps.len() > 1 { steps.pop_front() } else { steps.front().cloned() }.expect("a script of at least one step")
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri: http::Uri = request.uri().parse().expect("an address");
        self.sent.lock().expect("no panic while it was held").push(Sent {
            method: request.method().to_owned(),
            target: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            authorization: request.headers().get("authorization").unwrap_or_default().to_owned(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        });
        let step = self.next();
        HttpConnectorFuture::new(async move {
            let (status, error, body) = match step {
                Step::Answer { status, error, body } => (status, error, body),
                Step::Late(after, body) => {
                    tokio::time::sleep(after).await;
                    (200, None, body)
                }
                Step::Broken => return Err(ConnectorError::io("connection reset by peer".into())),
                Step::Silent => std::future::pending().await,
            };
            let mut response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body));
            if let Some(code) = error {
                response.headers_mut().insert("x-amzn-errortype", code);
            }
            Ok(response)
        })
    }
}

/// A configuration as the service answers with it.
pub fn configuration(version: &str) -> Value {
    json!({
        "FunctionName": "shop-api-dev",
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:shop-api-dev",
        "Version": version,
        "RevisionId": "r-1",
        "CodeSha256": "5f".repeat(32),
        "Role": "arn:aws:iam::123456789012:role/shop",
        "MemorySize": 512,
        "Timeout": 120,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Image",
    })
}
