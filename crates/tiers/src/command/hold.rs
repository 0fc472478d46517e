//! `tiers hold` and `tiers unhold`: stop an environment, or one release, and let it go on.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use tiers_core::config::{AppConfig, Environment};
use tiers_core::event::{Event, HoldOn};
use tiers_core::id::Env;
use tiers_engine::driver::{Say, say};
use tiers_engine::ledger::Ledger;

use crate::cli::Global;
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::place;
use crate::request::release_named;

/// Stop deployments into an environment, or one release there
///
/// An open deployment that the hold concerns moves no more traffic and is undone if it had begun to. Rollbacks are never held.
#[derive(Debug, Args)]
pub struct Hold {
    /// The environment
    environment: String,
    /// Why, for those who meet the hold
    #[arg(long, value_name = "REASON", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    /// Only this release (its id, digest or commit): it is not promoted to here, nor from here
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// End a hold
#[derive(Debug, Args)]
pub struct Unhold {
    /// The environment
    environment: String,
    /// The hold on this release, instead of the one on the environment
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Why it may go on
    #[arg(long, value_name = "REASON", default_value = "")]
    reason: String,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

pub async fn hold(args: &Hold, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let environment = context.environment(&args.environment)?;
    let ledger = context.ledger().await?;
    for app in context.apps(args.app.as_deref())? {
        let what = what(&ledger, app, args.release.as_deref()).await?;
        let event = Event::Held { what: what.clone(), why: args.reason.clone() };
        let halted = record(&context, &ledger, environment, app, event).await?;
        tell(global, "held", environment, app, &what, &halted)?;
    }
    Ok(0)
}

pub async fn unhold(args: &Unhold, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let environment = context.environment(&args.environment)?;
    let ledger = context.ledger().await?;
    let mut ended = 0;
    for app in context.apps(args.app.as_deref())? {
        let what = what(&ledger, app, args.release.as_deref()).await?;
        let desk = place::desk(&context, &ledger);
        let session = tiers_engine::driver::Session::load(&desk, &environment.name, &app.name).await?;
        if !session.state.holds.iter().any(|hold| hold.what == what) {
            continue;
        }
        ended += 1;
        let event = Event::Unheld { what: what.clone(), why: args.reason.clone() };
        record(&context, &ledger, environment, app, event).await?;
        tell(global, "released", environment, app, &what, &[])?;
    }
    if ended == 0 {
        return Err(Fault::refused(format!("no such hold is on in {}", environment.name))
            .hint("`tiers status` shows the holds that are on."));
    }
    Ok(0)
}

async fn what(ledger: &Ledger, app: &AppConfig, release: Option<&str>) -> Result<HoldOn, Fault> {
    match release {
        None => Ok(HoldOn::Environment),
        Some(words) => Ok(HoldOn::Release { digest: release_named(ledger, &app.name, words).await?.digest }),
    }
}

async fn record(
    context: &Context,
    ledger: &Ledger,
    environment: &Environment,
    app: &AppConfig,
    event: Event,
) -> Result<Vec<Env>, Fault> {
    let downstream = downstream(context, &environment.name);
    let desk = place::desk(context, ledger);
    Ok(say(&desk, Say { environment: &environment.name, app: &app.name, event, downstream: &downstream }).await?)
}

/// Every environment that comes after this one, nearest or not.
pub fn downstream(context: &Context, name: &Env) -> Vec<Env> {
    let all = context.project.environments.iter();
    all.filter(|env| context.project.upstream(&env.name).iter().any(|before| &before.name == name))
        .map(|env| env.name.clone())
        .collect()
}

fn tell(
    global: &Global,
    word: &str,
    environment: &Environment,
    app: &AppConfig,
    what: &HoldOn,
    halted: &[Env],
) -> Result<(), Fault> {
    if global.json {
        return print_json(
            "tiers.hold/1",
            &serde_json::json!({
                "outcome": word, "environment": environment.name, "app": app.name, "what": what, "halted": halted,
            }),
        );
    }
    let subject = match what {
        HoldOn::Environment => format!("{} in {}", app.name, environment.name),
        HoldOn::Release { digest } => format!("{} of {} in {}", digest.short(), app.name, environment.name),
    };
    let shown = if word == "released" { "no longer held" } else { word };
    let mut text = format!("{shown}: {subject}\n");
    for env in halted {
        text.push_str(&format!("  the open deployment in {env} was halted\n"));
    }
    print(&text)
}
