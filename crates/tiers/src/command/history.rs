//! `tiers history`: what happened, newest first.

use clap::Args;
use serde::Serialize;
use tiers_core::event::Event;
use tiers_core::id::{App, DeploymentId, Digest, Env, ReleaseId};
use tiers_core::plan::Kind;
use tiers_core::record::Stream;
use tiers_core::release::{Release, ReleaseEvent};
use tiers_engine::ledger::{Head, Ledger};

use crate::cli::Global;
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::render::table::{plain, table};
use crate::render::time::exact;
use crate::terraform::applies::{Apply, applies};

/// Builds, deployments and Terraform applies, newest first
#[derive(Debug, Args)]
pub struct History {
    /// Only this environment
    environment: Option<String>,
    /// Only this app, without the applies, which belong to all of them
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// At most so many
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
}

/// One line of history: `tiers.history/1`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Line {
    Built {
        at: jiff::Timestamp,
        app: App,
        by: String,
        release: Box<Release>,
    },
    Deployed {
        at: jiff::Timestamp,
        environment: Env,
        app: App,
        by: String,
        deployment: DeploymentId,
        kind: Kind,
        release: ReleaseId,
        digest: Digest,
        /// One of the five endings, or `open`.
        outcome: String,
        why: String,
    },
    Said {
        at: jiff::Timestamp,
        environment: Env,
        app: App,
        by: String,
        event: Event,
    },
    Applied(Box<Apply>),
}

impl Line {
    /// When it happened.
    pub fn at(&self) -> jiff::Timestamp {
        match self {
            Line::Built { at, .. } | Line::Deployed { at, .. } | Line::Said { at, .. } => *at,
            Line::Applied(apply) => apply.at,
        }
    }
}

#[derive(Serialize)]
struct Shown {
    lines: Vec<Line>,
}

pub async fn run(args: &History, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    if let Some(name) = &args.environment {
        context.environment(name)?;
    }
    let mut lines = Vec::new();
    if let Some(ledger) = context.ledger_if_any().await? {
        for app in context.apps(args.app.as_deref())? {
            // A deployment has about a dozen records; enough of each stream is read for the lines that were asked for.
            let records = args.limit.saturating_mul(16);
            lines.extend(of_app(&context, &ledger, &app.name, args.environment.as_deref(), records).await?);
        }
        if args.app.is_none() {
            // Where one environment is asked for, those of the others stand between its own.
            let among = args.environment.as_ref().map_or(1, |_| context.project.environments.len());
            let limit = args.limit.saturating_mul(among);
            let applies = applies(&context, &ledger, args.environment.as_deref(), limit).await?;
            lines.extend(applies.into_iter().map(|apply| Line::Applied(Box::new(apply))));
        }
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.at()));
    lines.truncate(args.limit);
    if global.json {
        print_json("tiers.history/1", &Shown { lines })?;
        return Ok(0);
    }
    let rows: Vec<_> = lines.iter().map(row).collect();
    print(&table(&["time", "environment", "release", "what", "by"], &rows, context.style))?;
    Ok(0)
}

/// The lines of one app: its builds (unless one environment is asked for) and what happened in environments.
pub async fn of_app(
    context: &Context,
    ledger: &Ledger,
    app: &App,
    only: Option<&str>,
    records: usize,
) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    if only.is_none() {
        let stream = Stream::releases(app).map_err(|error| Fault::usage(error.to_string()))?;
        for record in newest(ledger, &stream, records).await? {
            if let Ok(ReleaseEvent::Built { release, .. }) = serde_json::from_value(record.record.event.clone()) {
                let by = record.record.actor.who.clone();
                lines.push(Line::Built { at: record.record.at, app: app.clone(), by, release: Box::new(release) });
            }
        }
    }
    for environment in &context.project.environments {
        if only.is_none_or(|name| name == environment.name.as_str()) {
            let stream =
                Stream::deployments(&environment.name, app).map_err(|error| Fault::usage(error.to_string()))?;
            lines.extend(of_stream(&environment.name, app, &newest(ledger, &stream, records).await?));
        }
    }
    Ok(lines)
}

async fn newest(ledger: &Ledger, stream: &Stream, limit: usize) -> Result<Vec<Head>, Fault> {
    let Some(head) = ledger.head(stream).await? else { return Ok(Vec::new()) };
    let mut all = ledger.walk_back(&head, limit).await?;
    all.insert(0, head);
    Ok(all)
}

/// One line a deployment, with its ending where it has one; and one for each thing that a person said.
fn of_stream(environment: &Env, app: &App, newest_first: &[Head]) -> Vec<Line> {
    let mut endings = std::collections::BTreeMap::new();
    let mut lines = Vec::new();
    for head in newest_first {
        let record = &head.record;
        let Ok(event) = serde_json::from_value::<Event>(record.event.clone()) else { continue };
        let said = |event: Event| Line::Said {
            at: record.at,
            environment: environment.clone(),
            app: app.clone(),
            by: record.actor.who.clone(),
            event,
        };
        match event {
            Event::Ended { ending, why, .. } => {
                endings.insert(record.deployment.clone(), (ending.word().to_owned(), why));
            }
            Event::Refused { why } => {
                endings.insert(record.deployment.clone(), ("refused".to_owned(), why));
            }
            Event::Claimed { id, plan } => {
                let (outcome, why) =
                    endings.get(&Some(id.clone())).cloned().unwrap_or(("open".to_owned(), String::new()));
                lines.push(Line::Deployed {
                    at: record.at,
                    environment: environment.clone(),
                    app: app.clone(),
                    by: record.actor.who.clone(),
                    deployment: id,
                    kind: plan.kind,
                    release: plan.release.id.clone(),
                    digest: plan.release.digest.clone(),
                    outcome,
                    why,
                });
            }
            Event::TakenOver { .. }
            | Event::Halted { .. }
            | Event::Held { .. }
            | Event::Unheld { .. }
            | Event::Waiting { .. }
            | Event::Approved { .. }
            | Event::Verified { .. }
            | Event::Revoked { .. } => lines.push(said(event)),
            Event::Checked { .. }
            | Event::Intended { .. }
            | Event::Settled { .. }
            | Event::Gated { .. }
            | Event::Baking { .. }
            | Event::Baked { .. }
            | Event::Undoing { .. } => {}
        }
    }
    lines
}

fn row(line: &Line) -> Vec<crate::render::table::Cell> {
    match line {
        Line::Built { at, release, by, .. } => {
            vec![plain(exact(*at)), plain(""), plain(release.id.as_str()), plain("built"), plain(by)]
        }
        Line::Deployed { at, environment, release, outcome, why, kind, by, .. } => {
            let kind = match kind {
                Kind::Deploy => "deploy",
                Kind::ConfigOnly => "settings",
                Kind::Rollback => "rollback",
            };
            let why =
                if why.is_empty() { String::new() } else { format!(": {}", crate::render::plan::brief(why, 100)) };
            vec![
                plain(exact(*at)),
                plain(environment.as_str()),
                plain(release.as_str()),
                plain(format!("{kind} {outcome}{why}")),
                plain(by),
            ]
        }
        Line::Said { at, environment, event, by, .. } => {
            let (release, text) = said(event);
            vec![plain(exact(*at)), plain(environment.as_str()), plain(release), plain(text), plain(by)]
        }
        Line::Applied(apply) => vec![
            plain(exact(apply.at)),
            plain(apply.facts.environment.as_str()),
            plain(format!("tree {}", apply.facts.tree.short())),
            plain(apply.text()),
            plain(&apply.by),
        ],
    }
}

/// The release and the words for something that was said.
pub fn said(event: &Event) -> (String, String) {
    match event {
        Event::TakenOver { why, undo: None } => (String::new(), format!("taken over: {why}")),
        Event::TakenOver { why, undo: Some(cause) } => {
            (String::new(), format!("taken over to go back: {why}; {}", cause.text()))
        }
        Event::Halted { why } => (String::new(), format!("halted: {why}")),
        Event::Held { why, .. } => (String::new(), format!("held: {why}")),
        Event::Unheld { why, .. } => (String::new(), format!("released: {why}")),
        Event::Waiting { release, what, .. } => (release.to_string(), format!("waiting: {what}")),
        Event::Approved { release, .. } => (release.to_string(), "approved".to_owned()),
        Event::Verified { .. } => (String::new(), "gates ran again".to_owned()),
        Event::Revoked { why, .. } => (String::new(), format!("evidence revoked: {why}")),
        other => (String::new(), format!("{:?}", other.kind())),
    }
}
