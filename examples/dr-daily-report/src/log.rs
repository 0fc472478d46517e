//! One JSON object a line on standard output, which is where Lambda collects logs. Nothing of a request but its method, path and
//! status: a query may hold what people would not want to see here.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::app::App;

/// The component has started; says whether it is sound.
pub fn started(app: &App) {
    match app.sound() {
        Ok((reports, _)) => write(app, "info", "started", json!({"reports": reports.len()})),
        Err(reason) => write(app, "error", "started unhealthy", json!({"reason": reason})),
    }
}

/// A request was answered.
pub fn answered(app: &App, method: &str, path: &str, status: u16) {
    let level = if status >= 500 { "error" } else { "info" };
    write(app, level, "answered", json!({"method": method, "path": path, "status": status}));
}

/// A digest was made, or not.
pub fn digested(app: &App, made: Result<&Value, String>) {
    match made {
        Ok(digest) => write(app, "info", "digest", json!({"date": digest["date"], "reports": digest["reports"]})),
        Err(reason) => write(app, "error", "no digest", json!({"reason": reason})),
    }
}

fn write(app: &App, level: &str, message: &str, details: Value) {
    let identity = &app.identity;
    let line = json!({
        "level": level,
        "message": message,
        "release": identity.release,
        "environment": identity.environment,
        "component": identity.component,
        "details": details,
    });
    // A log that nobody takes is no reason to fail a request.
    let _ = writeln!(std::io::stdout(), "{line}");
}
