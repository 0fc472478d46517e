//! `report-worker`: sums up one day. Called by a schedule (an EventBridge event) or by hand with `{"date": "YYYY-MM-DD"}`.

use std::collections::BTreeMap;
use std::fmt;

use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

use crate::app::App;
use crate::log;
use crate::reports::{Market, Report, is_date};

/// Why no digest was made.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The event asks for something that is no date.
    BadEvent(String),
    /// The release's own settings or data are wrong.
    Unhealthy(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::BadEvent(why) | Failure::Unhealthy(why) => f.write_str(why),
        }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Diagnostic {
        let error_type = match failure {
            Failure::BadEvent(_) => "BadEvent",
            Failure::Unhealthy(_) => "Unhealthy",
        };
        Diagnostic { error_type: error_type.to_owned(), error_message: failure.to_string() }
    }
}

/// The digest of the day that the event names; without one, of the newest day that has reports. A day without reports is no
/// failure: its `status` is `empty`.
pub fn digest(app: &App, event: &Value) -> Result<Value, Failure> {
    let made = app.sound().map_err(|reason| Failure::Unhealthy(reason.to_owned())).and_then(|(reports, _)| {
        let newest = reports.first().map(|report| report.date.clone()).unwrap_or_default();
        let date = date_of(event)?.unwrap_or(newest);
        let day: Vec<&Report> = reports.iter().filter(|report| report.date == date).collect();
        Ok(summary(app, &date, &day))
    });
    log::digested(app, made.as_ref().map_err(Failure::to_string));
    made
}

/// `date`, or `detail.date`, or the day of an EventBridge event's `time`.
fn date_of(event: &Value) -> Result<Option<String>, Failure> {
    let named = event.get("date").or_else(|| event.pointer("/detail/date"));
    let time = event.get("time").and_then(Value::as_str).and_then(|time| time.get(..10)).map(|day| json!(day));
    match named.or(time.as_ref()) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(date)) if is_date(date) => Ok(Some(date.clone())),
        Some(other) => Err(Failure::BadEvent(format!("{other} is no date; expected \"YYYY-MM-DD\""))),
    }
}

fn summary(app: &App, date: &str, day: &[&Report]) -> Value {
    let identity = &app.identity;
    let mut markets: BTreeMap<Market, usize> = BTreeMap::new();
    for report in day {
        *markets.entry(report.market).or_default() += 1;
    }
    let total: u32 = day.iter().map(|report| u32::from(report.score)).sum();
    // A day has some tens of reports, so both numbers are exact in a float.
    let average = if day.is_empty() { None } else { Some((f64::from(total) * 10.0 / day.len() as f64).round() / 10.0) };
    let short = |report: &&Report| json!({"ticker": report.ticker, "title": report.title, "score": report.score});
    let best = day.iter().max_by_key(|report| report.score);
    let worst = day.iter().min_by_key(|report| report.score);
    let headline = match (best, worst) {
        (Some(best), Some(worst)) => format!("{} reports; {} leads, {} trails", day.len(), best.ticker, worst.ticker),
        _ => "no reports".to_owned(),
    };
    json!({
        "status": if day.is_empty() { "empty" } else { "ok" },
        "date": date,
        "reports": day.len(),
        "markets": markets,
        "average_score": average,
        "best": best.map(short),
        "worst": worst.map(short),
        "headline": headline,
        "release": identity.release,
        "environment": identity.environment,
        "component": identity.component,
    })
}
