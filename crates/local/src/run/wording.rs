//! How an invocation's end is said: to the caller in Lambda's own payloads, to the log in its `REPORT` line.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::process::{Ending, Process, exit_text};
use super::version::VersionSpec;
use crate::logs::LogFile;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The version that ran.
    pub version: String,
    /// The function failed: the payload says how.
    pub failed: bool,
    pub payload: Bytes,
    /// The last 4 KB of the invocation's log.
    pub log_tail: Vec<u8>,
}

/// What is known of an invocation when it is over, for its log.
pub(super) struct Report {
    pub duration: Duration,
    /// Of a cold start.
    pub init: Option<Duration>,
    pub peak_mb: u64,
    /// `timeout`, or `error` with its type.
    pub status: Option<String>,
}

/// Whether the function failed, and what the caller gets; the report is told what kind of failure it was.
pub(super) fn words(
    process: &Process,
    ending: Ending,
    request_id: &str,
    timeout: Duration,
    report: &mut Report,
) -> (bool, Bytes) {
    let seconds = format!("{:.2}", timeout.as_secs_f64());
    let (kind, text) = match ending {
        Ending::Response(payload) => return (false, payload),
        Ending::Failed(payload) => return (true, payload),
        Ending::InitFailed(payload) if !payload.is_empty() => {
            report.status = Some("error\tError Type: Runtime.InitError".to_owned());
            return (true, payload);
        }
        Ending::InitFailed(_) => ("Runtime.InitError", "the runtime reported that it can't start".to_owned()),
        Ending::TooLarge => {
            let text = "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
            ("Function.ResponseSizeTooLarge", text.to_owned())
        }
        Ending::TimedOut => {
            let text = format!("Task timed out after {seconds} seconds");
            process.capture.line(&format!("{} {request_id} {text}", Timestamp::now()));
            ("Sandbox.Timedout", text)
        }
        Ending::OutOfMemory => ("Runtime.OutOfMemory", "Runtime exited with error: signal: killed".to_owned()),
        Ending::Exited(status) if status.success() => {
            ("Runtime.ExitError", "Runtime exited without providing a reason".to_owned())
        }
        Ending::Exited(status) => ("Runtime.ExitError", format!("Runtime exited with error: {}", exit_text(status))),
        Ending::NotTaken => ("Runtime.ExitError", "Runtime exited before it took the event".to_owned()),
    };
    report.status = Some(match kind {
        "Sandbox.Timedout" => "timeout".to_owned(),
        kind => format!("error\tError Type: {kind}"),
    });
    (true, error_payload(kind, request_id, &text))
}

/// The answer where no process ran.
pub(super) fn refused(spec: &VersionSpec, log: &LogFile, request_id: &str, kind: &str, text: &str) -> Outcome {
    let lines = [
        format!("START RequestId: {request_id} Version: {}", spec.version),
        format!("{kind} RequestId: {request_id} Error: {text}"),
        format!("END RequestId: {request_id}"),
    ];
    log.write(Timestamp::now(), "--------", lines.iter().map(String::as_str));
    Outcome {
        version: spec.version.clone(),
        failed: true,
        payload: error_payload(kind, request_id, text),
        log_tail: lines.join("\n").into_bytes(),
    }
}

/// Lambda's own form for failures that the function did not word itself.
fn error_payload(kind: &str, request_id: &str, text: &str) -> Bytes {
    let value = json!({"errorType": kind, "errorMessage": format!("RequestId: {request_id} Error: {text}")});
    Bytes::from(value.to_string())
}

impl Report {
    /// The `REPORT` line, with tabs as Lambda writes it.
    pub fn line(&self, request_id: &str, memory_mb: u32) -> String {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let billed = ms(self.duration + self.init.unwrap_or_default()).ceil();
        let mut line = format!(
            "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {billed} ms\tMemory Size: {memory_mb} MB\t\
             Max Memory Used: {} MB\t",
            ms(self.duration),
            self.peak_mb
        );
        if let Some(init) = self.init {
            line.push_str(&format!("Init Duration: {:.2} ms\t", ms(init)));
        }
        if let Some(status) = &self.status {
            line.push_str(&format!("Status: {status}"));
        }
        line
    }
}
