//! `tiers resume`: goes on with a deployment whose owner is gone, or undoes it.

use clap::Args;
use tiers_core::config::{AppConfig, Environment};
use tiers_core::deployment::Deployment;
use tiers_engine::driver::{Objection, Session, misplaced, take_over};
use tiers_engine::ledger::Ledger;

use crate::cli::Global;
use crate::command::deploying::{finish, world_of};
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::leaving::driving;
use crate::place;

/// Go on with an unfinished deployment, or undo it
///
/// Safe at any time: calls that the earlier owner may have left behind are made impossible first. Says whether it continues or
/// undoes, and why.
#[derive(Debug, Args)]
pub struct Resume {
    /// The environment; with --overdue, all where none is named
    environment: Option<String>,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// Undo it instead of going on
    #[arg(long)]
    undo: bool,
    /// Only what is overdue: deployments whose owner was silent too long, canaries that should be gone
    #[arg(long)]
    overdue: bool,
}

pub async fn run(args: &Resume, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let environments: Vec<&Environment> = match &args.environment {
        Some(name) => vec![context.environment(name)?],
        None if args.overdue => context.project.environments.iter().collect(),
        None => return Err(Fault::usage("which environment? `tiers resume ENV`, or `tiers resume --overdue` for all")),
    };
    let Some(ledger) = context.ledger_if_any().await? else {
        return nothing(global, "there is no ledger yet, so nothing is open");
    };
    let mut worst = 0;
    let mut resumed = 0;
    for environment in environments {
        for app in context.apps(args.app.as_deref())? {
            if let Some(code) = one(&context, &ledger, environment, app, args).await? {
                resumed += 1;
                worst = worst.max(code);
            }
        }
    }
    if resumed == 0 {
        let what = if args.overdue { "nothing is overdue" } else { "nothing is open there" };
        return nothing(global, what);
    }
    Ok(worst)
}

fn nothing(global: &Global, what: &str) -> Outcome {
    if global.json {
        print_json("tiers.resumption/1", &serde_json::json!({ "outcome": "nothing", "why": what }))?;
    } else {
        print(&format!("{what}\n"))?;
    }
    Ok(0)
}

async fn one(
    context: &Context,
    ledger: &Ledger,
    environment: &Environment,
    app: &AppConfig,
    args: &Resume,
) -> Result<Option<u8>, Fault> {
    let desk = place::desk(context, ledger);
    let seen = Session::load(&desk, &environment.name, &app.name).await?;
    let Some(open) = seen.state.open else { return Ok(None) };
    let now = context.clock.now();
    if args.overdue && !is_overdue(&open, now) {
        return Ok(None);
    }
    let plan = open.plan.clone();
    let (world, _) = world_of(context, ledger, environment, Some(&plan)).await?;
    let mut session = Session::load(&world, &environment.name, &app.name).await?;
    // Late calls are fenced before anything else, and that writes: so the place is compared first.
    match misplaced(&world, &plan).await {
        None => {}
        Some(Objection::Unanswered(what)) => return Err(Fault::errored(what)),
        Some(objection) => return Err(Fault::refused(objection.text())),
    }
    let undo = args.undo.then(|| format!("{} asked for it", context.actor.who));
    if !context.global.json {
        print(&decision(&open, args.undo, now))?;
    }
    let why = format!("{} of {} resumed it", context.actor.who, context.actor.host);
    let driving = driving();
    if !take_over(&mut session, &why, undo.as_deref()).await? {
        return Ok(None);
    }
    finish(context, &mut session, &plan, driving).await.map(Some)
}

/// Nobody has recorded anything for longer than the deployment allows, or weights should be gone.
fn is_overdue(open: &Deployment, now: jiff::Timestamp) -> bool {
    let silent_s = now.duration_since(open.seen_at).as_secs();
    let owner_gone = u64::try_from(silent_s).is_ok_and(|silent| silent > open.plan.deadline_s);
    // What waits for a person is nothing that a schedule may decide.
    owner_gone && !open.waits_for_person() || open.unwind_by.is_some_and(|by| now > by)
}

fn decision(open: &Deployment, undo: bool, now: jiff::Timestamp) -> String {
    let (what, why) = if open.is_undoing() {
        ("undoing", "it was already going back".to_owned())
    } else if undo {
        ("undoing", "you asked for it".to_owned())
    } else if open.unwind_by.is_some_and(|by| now > by) {
        ("undoing", "its canary is overdue".to_owned())
    } else if let Some(cause) = open.cause.as_ref().filter(|_| !open.waits_for_person()) {
        ("undoing", cause.text())
    } else if open.waits_for_person() {
        ("continuing", "it waited for a person, and you decided; its gates are asked again".to_owned())
    } else {
        ("continuing", "nothing that was recorded speaks against it".to_owned())
    };
    let says = format!("Resuming {} of {} in {}: {what}, because {why}", open.id, open.owner, open.plan.environment);
    crate::render::wrap::line(&says)
}
