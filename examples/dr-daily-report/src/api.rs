//! `telegram-api`: health, search and the reports of one ticker, over HTTP, in JSON.

use lambda_http::http::{HeaderValue, Method, StatusCode, header};
use lambda_http::{Body, Request, RequestExt as _, Response};
use serde_json::{Value, json};

use crate::app::App;
use crate::log;
use crate::reports::Report;
use crate::search;
use crate::settings::Search;

const PREFIX: &str = "/api/v1";

/// An answer before it is put into HTTP: a status and the fields of a JSON object.
struct Answer {
    status: StatusCode,
    body: Value,
    allow: Option<&'static str>,
}

/// Answers one request. Every answer, errors too, is JSON and carries release, environment and component, as fields and as the
/// headers `x-release`, `x-environment` and `x-component`.
pub fn answer(app: &App, request: &Request) -> Response<Body> {
    let path = request.uri().path();
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let below = path.strip_prefix(PREFIX).filter(|rest| rest.starts_with('/'));
    let answer = match (below, request.method()) {
        (Some(rest), &Method::GET) => get(app, request, rest),
        (Some(_), method) => Answer {
            allow: Some("GET"),
            ..error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("{method} is not supported; use GET"))
        },
        (None, _) => not_found(path),
    };
    log::answered(app, request.method().as_str(), path, answer.status.as_u16());
    to_http(app, answer)
}

fn get(app: &App, request: &Request, path: &str) -> Answer {
    match path {
        "/health" => health(app),
        "/reports/search" => with_data(app, |reports, settings| search(app, request, reports, settings)),
        _ => match path.strip_prefix("/reports/").filter(|ticker| !ticker.is_empty() && !ticker.contains('/')) {
            Some(ticker) => with_data(app, |reports, _| by_ticker(reports, ticker)),
            None => not_found(&format!("{PREFIX}{path}")),
        },
    }
}

/// Sound means that settings and data were read and are right; a search is not tried.
fn health(app: &App) -> Answer {
    match app.sound() {
        Ok((reports, _)) => {
            let latest = reports.first().map(|report| report.date.as_str());
            ok(json!({"status": "ok", "reports": reports.len(), "latest": latest}))
        }
        Err(reason) => Answer {
            status: StatusCode::SERVICE_UNAVAILABLE,
            body: json!({"status": "unhealthy", "reason": reason}),
            allow: None,
        },
    }
}

fn search(app: &App, request: &Request, reports: &[Report], settings: &Search) -> Answer {
    let query = request.query_string_parameters();
    let Some(word) = query.first("q").map(str::trim).filter(|word| !word.is_empty()) else {
        return bad_request("missing_query", "say what to search for: ?q=WORD".to_owned());
    };
    let limit = match query.first("limit").map(str::parse::<usize>) {
        None => settings.default_limit,
        Some(Ok(limit)) if (1..=settings.max_limit).contains(&limit) => limit,
        Some(_) => {
            return bad_request("bad_limit", format!("limit has to be a number from 1 to {}", settings.max_limit));
        }
    };
    match search::find(reports, word, settings.ranking, &app.root) {
        Ok(found) => {
            let shown = &found[..found.len().min(limit)];
            ok(json!({"query": word, "total": found.len(), "count": shown.len(), "reports": shown}))
        }
        Err(why) => error(StatusCode::INTERNAL_SERVER_ERROR, "search_failed", why),
    }
}

fn by_ticker(reports: &[Report], ticker: &str) -> Answer {
    let ticker = ticker.to_uppercase();
    let found: Vec<&Report> = reports.iter().filter(|report| report.ticker == ticker).collect();
    match found.first() {
        Some(latest) => ok(json!({"ticker": ticker, "latest": latest, "count": found.len(), "reports": found})),
        None => error(StatusCode::NOT_FOUND, "unknown_ticker", format!("there is no report on {ticker}")),
    }
}

fn with_data(app: &App, work: impl FnOnce(&[Report], &Search) -> Answer) -> Answer {
    match app.sound() {
        Ok((reports, settings)) => work(reports, settings),
        Err(reason) => error(StatusCode::SERVICE_UNAVAILABLE, "unhealthy", reason.to_owned()),
    }
}

fn ok(body: Value) -> Answer {
    Answer { status: StatusCode::OK, body, allow: None }
}

fn not_found(path: &str) -> Answer {
    error(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {path}"))
}

fn bad_request(code: &str, message: String) -> Answer {
    error(StatusCode::BAD_REQUEST, code, message)
}

fn error(status: StatusCode, code: &str, message: String) -> Answer {
    Answer { status, body: json!({"error": {"code": code, "message": message}}), allow: None }
}

fn to_http(app: &App, answer: Answer) -> Response<Body> {
    let Answer { status, mut body, allow } = answer;
    let identity = &app.identity;
    body["release"] = json!(identity.release);
    body["environment"] = json!(identity.environment);
    body["component"] = json!(identity.component);
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let about = [
        ("x-release", &identity.release),
        ("x-environment", &identity.environment),
        ("x-component", &identity.component),
    ];
    for (name, value) in about {
        // A version that HTTP can't carry is still in the body.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if let Some(methods) = allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    response
}
