//! This program as a function's entry point: `tiers __function COMPONENT`. It serves the placeholder that functions begin with on
//! the local host, and the demo's functions, so that neither needs a compiler.

use std::error::Error;
use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

/// The hidden first argument.
pub const WORD: &str = "__function";

/// Serves a function if this process was started as one.
pub fn serve_if_asked() -> Option<ExitCode> {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() != Some(WORD) {
        return None;
    }
    let component = args.next().unwrap_or_default();
    let served = match component.as_str() {
        "placeholder" => placeholder(),
        name => dr_daily_report::run(name),
    };
    Some(match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The host keeps what a function writes to standard error in its log.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{component}: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    })
}

/// Answers every event with "nothing was deployed yet", as an HTTP answer 503.
fn placeholder() -> Result<(), Box<dyn Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = json!({
        "statusCode": 503,
        "headers": { "content-type": "application/json" },
        "body": json!({ "error": "nothing_deployed", "message": "nothing was deployed here yet" }).to_string(),
    });
    runtime.block_on(lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| {
        let answer = answer.clone();
        async move { Ok::<Value, lambda_runtime::Error>(answer) }
    })))
}
