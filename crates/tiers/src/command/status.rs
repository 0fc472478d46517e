//! `tiers status`: what runs where, since when, and what needs a person.

use std::rc::Rc;

use clap::Args;
use serde::Serialize;
use tiers_core::event::Ending;
use tiers_core::id::{App, Env};
use tiers_core::state::EnvState;
use tiers_engine::driver::Session;

use crate::cli::Global;
use crate::command::status_terraform::{Infrastructure, infrastructure};
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::place;
use crate::render::plan::headline;
use crate::render::style::Style;
use crate::render::table::{Cell, painted, plain, table};
use crate::render::time::{ago, exact};
use crate::render::wrap;

/// Characters of a reason that a note shows; `tiers trace` shows it whole.
const WIDTH: usize = 160;

/// What runs where and since when, and what needs attention
///
/// Reads one record for each app and environment, and one for the infrastructure of all of them. A stream that can't be read is
/// named; everything else is shown.
#[derive(Debug, Args)]
pub struct Status {
    /// Only this environment
    environment: Option<String>,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// `tiers.status/1`.
#[derive(Serialize)]
struct Shown {
    ledger: Option<String>,
    environments: Vec<One>,
    /// `None` where tiers.toml has no [terraform].
    infrastructure: Option<Infrastructure>,
}

/// One app in one environment.
#[derive(Serialize)]
struct One {
    environment: Env,
    app: App,
    /// The newest record's sequence.
    seq: Option<u64>,
    state: Option<EnvState>,
    /// Why the stream can't be read.
    problem: Option<String>,
}

pub async fn run(args: &Status, global: &Global) -> Outcome {
    let context = Rc::new(Context::open(global)?);
    let environments: Vec<Env> = match &args.environment {
        Some(name) => vec![context.environment(name)?.name.clone()],
        None => context.project.environments.iter().map(|env| env.name.clone()).collect(),
    };
    let apps: Vec<App> = context.apps(args.app.as_deref())?.iter().map(|app| app.name.clone()).collect();
    let ledger = context.ledger_if_any().await?;
    let infrastructure = infrastructure(&context, ledger.as_ref(), &environments).await?;
    let ledger_id = ledger.as_ref().map(|ledger| ledger.id().to_owned());
    let mut shown = Shown { ledger: ledger_id, environments: Vec::new(), infrastructure };
    for app in &apps {
        for environment in &environments {
            let mut one =
                One { environment: environment.clone(), app: app.clone(), seq: None, state: None, problem: None };
            if let Some(ledger) = &ledger {
                match Session::load(&place::desk(&context, ledger), environment, app).await {
                    Ok(session) => {
                        one.seq = session.head.as_ref().map(|head| head.seq);
                        one.state = Some(session.state);
                    }
                    Err(error) => one.problem = Some(crate::fault::chain(&error)),
                }
            }
            shown.environments.push(one);
        }
    }
    let applies = shown.infrastructure.as_ref().and_then(|shown| shown.problem.as_ref());
    let unreadable = applies.is_some() || shown.environments.iter().any(|one| one.problem.is_some());
    if global.json {
        print_json("tiers.status/1", &shown)?;
    } else {
        print(&text(&context, &shown))?;
    }
    if unreadable {
        return Err(Fault::errored("a part of the ledger can't be read; everything else is shown above")
            .hint("`tiers ledger verify` names every damaged record."));
    }
    Ok(0)
}

fn text(context: &Context, shown: &Shown) -> String {
    let style = context.style;
    let now = context.clock.now();
    let width = wrap::width();
    let several = shown.environments.iter().any(|one| one.app != shown.environments[0].app);
    let mut head = vec!["environment", "release", "digest", "commit", "since", "evidence"];
    if several {
        head.insert(0, "app");
    }
    let rows: Vec<Vec<Cell>> = shown
        .environments
        .iter()
        .map(|one| {
            let mut row = row(one, now);
            if several {
                row.insert(0, plain(one.app.as_str()));
            }
            row
        })
        .collect();
    let mut text = table(&head, &rows, style);
    for one in &shown.environments {
        let app = if several { format!("{} in ", one.app) } else { String::new() };
        for Note { word, paint, says, commands } in notes(one, now) {
            let lead = format!("{app}{}: {} ", one.environment, paint(style, &word));
            let columns = format!("{app}{}: {word} ", one.environment).chars().count();
            text.push('\n');
            text.push_str(&wrap::paragraph(&lead, columns, 2, &says, width));
            commands.iter().for_each(|command| text.push_str(&format!("\n    {command}")));
        }
    }
    let infrastructure = shown.infrastructure.as_ref().map(|shown| shown.text(style, now)).unwrap_or_default();
    if !infrastructure.is_empty() {
        text.push_str(&format!("{}{infrastructure}", if text.ends_with('\n') { "\n" } else { "\n\n" }));
    }
    if shown.ledger.is_none() {
        text.push_str(
            "\nNothing was built or deployed yet: `tiers build`, then `tiers deploy` to the first environment.",
        );
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn row(one: &One, now: jiff::Timestamp) -> Vec<Cell> {
    let environment = plain(one.environment.as_str());
    if one.problem.is_some() {
        return vec![environment, painted("can't be read", Style::bad)];
    }
    let Some(serving) = one.state.as_ref().and_then(|state| state.serving.as_ref()) else {
        return vec![environment, painted("nothing yet", Style::dim)];
    };
    let verdict = one.state.as_ref().and_then(|state| state.verdict(&serving.release.digest));
    let evidence = match verdict {
        Some(verdict) if verdict.verified => painted("verified", Style::good),
        Some(_) => painted("withheld", Style::careful),
        None => painted("none", Style::dim),
    };
    vec![
        environment,
        plain(serving.release.id.as_str()),
        plain(serving.release.digest.short()),
        plain(crate::render::plan::short(serving.release.commit.as_str())),
        plain(ago(serving.since, now)),
        evidence,
    ]
}

/// What a person should know: a word, the sentence behind it, and what to type, each on a line of its own.
struct Note {
    word: String,
    paint: fn(Style, &str) -> String,
    says: String,
    commands: Vec<String>,
}

fn note(word: &str, paint: fn(Style, &str) -> String, says: String) -> Note {
    Note { word: word.to_owned(), paint, says, commands: Vec::new() }
}

/// What a person should know about one environment.
fn notes(one: &One, now: jiff::Timestamp) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Some(problem) = &one.problem {
        notes.push(note("unreadable:", Style::bad, problem.clone()));
    }
    let Some(state) = &one.state else { return notes };
    let env = &one.environment;
    if let Some(open) = &state.open {
        let how = match open.obstacle().filter(|_| open.waits_for_person()) {
            Some(cause) => format!("waits for a person because {}", headline(&cause.text(), WIDTH)),
            None => "in progress or abandoned".to_owned(),
        };
        let says = format!(
            "{} of {} ({} by {}, {how}), at `{}`; `tiers resume {env}` takes it over",
            open.id,
            open.plan.release.id,
            ago(open.claimed_at, now),
            open.owner,
            phase(&open.phase),
        );
        notes.push(note("open:", Style::careful, says));
    }
    if let Some(waits) = state.waits.as_ref().filter(|waits| waits.until > now) {
        let what = headline(&waits.what, WIDTH);
        let says = format!("{what}; asked for by {}, expires {}", waits.by, exact(waits.until));
        notes.push(note("waiting:", Style::careful, says));
    }
    for hold in &state.holds {
        let what = match &hold.what {
            tiers_core::event::HoldOn::Environment => "everything".to_owned(),
            tiers_core::event::HoldOn::Release { digest } => digest.short().to_owned(),
        };
        let says = format!("{what} by {}, {}: {}", hold.by, ago(hold.at, now), headline(&hold.why, WIDTH));
        notes.push(note("held:", Style::careful, says));
    }
    if let Some(serving) = &state.serving {
        for waiver in &serving.waivers {
            let says = format!("{} by {}: {}", waiver.what, waiver.by, waiver.reason);
            notes.push(note("waived:", Style::careful, says));
        }
        if let Some(why) = state.verdict(&serving.release.digest).and_then(|verdict| verdict.why_not.as_ref()) {
            notes.push(note("withheld:", Style::careful, headline(why, WIDTH)));
        }
    }
    if let Some(last) = state.last.as_ref().filter(|last| last.ending != Ending::Succeeded) {
        let why = headline(&last.why, WIDTH);
        let says = format!("{} of {}, {}: {why}", last.id, last.release, ago(last.at, now));
        notes.push(note(&format!("last {}:", last.ending.word()), Style::bad, says));
        for left in &last.left {
            let commands = left.command.iter().cloned().collect();
            notes.push(Note { commands, ..note("left:", Style::bad, format!("{} {}", left.function, left.note)) });
        }
    }
    notes
}

fn phase(phase: &tiers_core::deployment::Phase) -> String {
    let value = serde_json::to_value(phase).unwrap_or_default();
    value.get("phase").and_then(|name| name.as_str()).unwrap_or("?").to_owned()
}
