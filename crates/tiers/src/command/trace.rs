//! `tiers trace`: the whole trail of a commit, a digest, a tag or a release.

use clap::Args;
use serde::Serialize;
use tiers_core::event::GateResult;
use tiers_core::id::Env;
use tiers_core::release::Release;
use tiers_core::state::Verdict;
use tiers_engine::driver::Session;
use tiers_engine::ledger::Ledger;

use crate::cli::Global;
use crate::command::history::{Line, of_app};
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::place;
use crate::render::style::Style;
use crate::render::time::exact;
use crate::request::find_release;
use crate::source::Source;
use crate::terraform::applies::{Apply, applies};

/// The trail of a commit, digest, tag or release: built when and how, verified where, serving where
///
/// A commit leads to the release that was built from its files, though another commit with the same files built it, and to the
/// applies of its Terraform code.
#[derive(Debug, Args)]
pub struct Trace {
    /// A release id, a digest or the beginning of one, a commit, a tag or a branch
    what: String,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// How many applies are looked through, the newest first.
const APPLIES: usize = 500;

/// `tiers.trace/1`.
#[derive(Serialize)]
struct Shown {
    what: String,
    trails: Vec<Trail>,
    /// Applies of the commit itself that stand in no trail.
    applies: Vec<Apply>,
}

#[derive(Serialize)]
struct Trail {
    app: String,
    release: Release,
    environments: Vec<Stop>,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Stop {
    environment: Env,
    serves: bool,
    verdict: Option<Verdict>,
}

pub async fn run(args: &Trace, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let Some(ledger) = context.ledger_if_any().await? else {
        return Err(Fault::refused("there is no ledger yet, so nothing left a trail").hint("`tiers build` begins one."));
    };
    let mut trails = Vec::new();
    for app in context.apps(args.app.as_deref())? {
        let named = find_release(&ledger, &app.name, |release| release.is_meant_by(&args.what)).await?;
        let release = match named {
            Some(release) => Some(release),
            None => by_files(&context, &ledger, app, &args.what).await?,
        };
        if let Some(release) = release {
            trails.push(trail(&context, &ledger, app.name.as_str(), release).await?);
        }
    }
    let applies = of_commit(&context, &ledger, &args.what, &trails).await?;
    if trails.is_empty() && applies.is_empty() {
        return Err(Fault::refused(format!("`{}` leads to no release, and to no apply", args.what))
            .hint("Nothing was built from it. `tiers history` lists what was built and applied."));
    }
    if global.json {
        print_json("tiers.trace/1", &Shown { what: args.what.clone(), trails, applies })?;
    } else {
        for trail in &trails {
            print(&text(&context, trail))?;
        }
        print(&applied(&applies, context.style))?;
    }
    Ok(0)
}

async fn by_files(
    context: &Context,
    ledger: &Ledger,
    app: &tiers_core::config::AppConfig,
    what: &str,
) -> Result<Option<Release>, Fault> {
    let Ok(source) = Source::open(&context.root) else { return Ok(None) };
    let Ok(commit) = source.resolve(what) else { return Ok(None) };
    let Ok(identity) = source.identity(&context.root, app, &commit) else { return Ok(None) };
    find_release(ledger, &app.name, |release| release.inputs == identity.inputs).await
}

async fn trail(context: &Context, ledger: &Ledger, app: &str, release: Release) -> Result<Trail, Fault> {
    let app = tiers_core::id::App::from(app);
    let desk = place::desk(context, ledger);
    let mut environments = Vec::new();
    for environment in &context.project.environments {
        let state = Session::load(&desk, &environment.name, &app).await?.state;
        environments.push(Stop {
            environment: environment.name.clone(),
            serves: state.serving.as_ref().is_some_and(|serving| serving.release.digest == release.digest),
            verdict: state.verdict(&release.digest).cloned(),
        });
    }
    let mut lines = of_app(context, ledger, &app, None, 2_000).await?;
    lines.retain(|line| match line {
        Line::Built { release: built, .. } => built.id == release.id,
        Line::Deployed { digest, .. } => digest == &release.digest,
        Line::Said { event, .. } => mentions(event, &release),
        Line::Applied(_) => false,
    });
    let applies = applies(context, ledger, None, APPLIES).await?;
    let of_it = applies.into_iter().filter(|apply| is_of(apply, &release));
    lines.extend(of_it.map(|apply| Line::Applied(Box::new(apply))));
    lines.sort_by_key(Line::at);
    Ok(Trail { app: app.to_string(), release, environments, lines })
}

/// The applies of a commit's Terraform code, changes on top of it included, which are not a part of a trail; the oldest first.
async fn of_commit(context: &Context, ledger: &Ledger, what: &str, trails: &[Trail]) -> Result<Vec<Apply>, Fault> {
    let Ok(source) = Source::open(&context.root) else { return Ok(Vec::new()) };
    let Ok(commit) = source.resolve(what) else { return Ok(Vec::new()) };
    let mut all = applies(context, ledger, None, APPLIES).await?;
    all.retain(|apply| {
        apply.facts.commit.as_ref() == Some(&commit) && !trails.iter().any(|trail| is_of(apply, &trail.release))
    });
    all.reverse();
    Ok(all)
}

/// True for an apply of the Terraform code of the very commit that the release was built from.
fn is_of(apply: &Apply, release: &Release) -> bool {
    !apply.facts.dirty && !release.dirty && apply.facts.commit.as_ref() == Some(&release.commit)
}

fn mentions(event: &tiers_core::event::Event, release: &Release) -> bool {
    use tiers_core::event::{Event, HoldOn};
    match event {
        Event::Waiting { digest, .. }
        | Event::Approved { digest, .. }
        | Event::Verified { digest, .. }
        | Event::Revoked { digest, .. } => digest == &release.digest,
        Event::Held { what: HoldOn::Release { digest }, .. }
        | Event::Unheld { what: HoldOn::Release { digest }, .. } => digest == &release.digest,
        _ => false,
    }
}

fn text(context: &Context, trail: &Trail) -> String {
    let style = context.style;
    let release = &trail.release;
    let mut text = format!(
        "{} of {}\n  digest  {}\n  source  {}\n  commit  {}{}\n  built   {} by {} with {}\n",
        style.strong(release.id.as_str()),
        trail.app,
        release.digest,
        release.source,
        release.commit,
        if release.dirty { " and changes that no commit holds" } else { "" },
        exact(release.built_at),
        release.built_by,
        release.builder
    );
    for stop in &trail.environments {
        let serves = if stop.serves { style.good("serves now") } else { style.dim("does not serve") };
        let verdict = match &stop.verdict {
            None => "no evidence".to_owned(),
            Some(verdict) if verdict.verified => format!("verified {}", exact(verdict.at)),
            Some(verdict) => format!("not verified: {}", verdict.why_not.as_deref().unwrap_or("no reason recorded")),
        };
        text.push_str(&format!("\n{}: {serves}, {verdict}\n", stop.environment));
        for result in stop.verdict.iter().flat_map(|verdict| &verdict.results) {
            text.push_str(&format!("  {}\n", gate(result)));
        }
    }
    text.push('\n');
    for line in &trail.lines {
        let (place, what) = match line {
            Line::Built { .. } => (String::new(), "built".to_owned()),
            Line::Deployed { environment, outcome, why, deployment, .. } => {
                let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                (format!("{environment} "), format!("{deployment} {outcome}{why}"))
            }
            Line::Said { environment, event, .. } => (format!("{environment} "), super::history::said(event).1),
            Line::Applied(apply) => (format!("{} ", apply.facts.environment), apply.text()),
        };
        text.push_str(&format!("{}  {place}{what}\n", exact(line.at())));
    }
    text
}

fn applied(applies: &[Apply], style: Style) -> String {
    if applies.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", style.strong("Terraform of this commit"));
    for apply in applies {
        text.push_str(&format!("{}  {} {} by {}\n", exact(apply.at), apply.facts.environment, apply.text(), apply.by));
    }
    text
}

fn gate(result: &GateResult) -> String {
    let outcome = format!("{:?}", result.outcome).to_lowercase();
    format!("{outcome} `{}`: {}", result.gate, result.detail)
}
