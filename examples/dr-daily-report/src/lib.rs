//! Daily reports on listed companies, as two Lambda functions from one image: `telegram-api` answers HTTP, `report-worker` sums
//! up a day. It is small, but nothing in it is pretended: data and settings are read from the image, health means that both are
//! sound, and every answer says which release gave it.

pub mod api;
pub mod app;
pub mod log;
pub mod reports;
pub mod search;
pub mod settings;
pub mod worker;

use std::error::Error;
use std::sync::Arc;

use lambda_http::service_fn as http_fn;
use lambda_runtime::{LambdaEvent, service_fn};

use crate::app::{App, Place};

/// The components, by the names that tiers.toml gives them.
pub const COMPONENTS: [&str; 2] = ["telegram-api", "report-worker"];

/// Serves one component until the runtime ends the process: asks the Lambda runtime interface (`AWS_LAMBDA_RUNTIME_API`) for
/// events and answers them, on the thread that calls this. Must not be called inside a tokio runtime; there, use [`serve`].
pub fn run(component: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(component))
}

/// The same, for a caller that has a tokio runtime already.
pub async fn serve(component: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    if !COMPONENTS.contains(&component) {
        let known = COMPONENTS.join(" or ");
        return Err(format!("`{component}` is no component of this app: expected {known}").into());
    }
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        let why = "this program is started by Lambda, or by `tiers local up`, which tells it where events come from";
        return Err(format!("AWS_LAMBDA_RUNTIME_API is not set: {why}").into());
    }
    let app = Arc::new(App::load(&Place::of_this_process(component)));
    log::started(&app);
    match component {
        "telegram-api" => {
            lambda_http::run(http_fn(|request| {
                let app = Arc::clone(&app);
                async move { Ok::<_, lambda_http::Error>(api::answer(&app, &request)) }
            }))
            .await
        }
        _ => {
            lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| {
                let app = Arc::clone(&app);
                async move { worker::digest(&app, &event.payload) }
            }))
            .await
        }
    }
}
