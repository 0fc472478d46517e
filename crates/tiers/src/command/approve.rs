//! `tiers approve`: a person agrees to a release going into an environment.

use clap::Args;
use tiers_core::config::AppConfig;
use tiers_core::event::Event;
use tiers_core::release::Release;
use tiers_engine::driver::{Say, Session, say};
use tiers_engine::ledger::Ledger;

use crate::cli::Global;
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::place;
use crate::request::release_named;

/// Agree to a release going into an environment
///
/// Without --release it is the one that waits there. The one who asked for the deployment can't be the one who approves it.
#[derive(Debug, Args)]
pub struct Approve {
    /// The environment
    environment: String,
    /// This release (its id, digest or commit), instead of the one that waits
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

pub async fn run(args: &Approve, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let environment = context.environment(&args.environment)?;
    let ledger = context.ledger().await?;
    let who = &context.actor.who;
    if !environment.approvers.is_empty() && !environment.approvers.contains(who) {
        return Err(Fault::refused(format!("{who} may not approve for {}", environment.name))
            .hint(format!("Those who may: {}.", environment.approvers.join(", "))));
    }
    let desk = place::desk(&context, &ledger);
    let mut approved = 0;
    for app in context.apps(args.app.as_deref())? {
        let session = Session::load(&desk, &environment.name, &app.name).await?;
        let asked_by = session.state.waits.as_ref().map(|waits| waits.by.clone());
        let Some(release) = release(&ledger, app, &session, args).await? else { continue };
        if asked_by.as_deref() == Some(who.as_str()) {
            return Err(Fault::refused(format!("{who} asked for this deployment, so somebody else must approve it")));
        }
        let event = Event::Approved { digest: release.digest.clone(), release: release.id.clone() };
        say(&desk, Say { environment: &environment.name, app: &app.name, event, downstream: &[] }).await?;
        approved += 1;
        if global.json {
            print_json(
                "tiers.approval/1",
                &serde_json::json!({
                    "environment": environment.name, "app": app.name, "release": release.id, "digest": release.digest, "by": who,
                }),
            )?;
        } else {
            print(&format!(
                "approved {} for {} as {who}; next: `tiers promote {}`\n",
                release.id, environment.name, environment.name
            ))?;
        }
    }
    if approved == 0 {
        return Err(Fault::refused(format!("nothing waits for approval in {}", environment.name))
            .hint("Name a release with --release, or ask for the deployment first."));
    }
    Ok(0)
}

async fn release(
    ledger: &Ledger,
    app: &AppConfig,
    session: &Session,
    args: &Approve,
) -> Result<Option<Release>, Fault> {
    match (&args.release, &session.state.waits) {
        (Some(words), _) => release_named(ledger, &app.name, words).await.map(Some),
        (None, Some(waits)) => release_named(ledger, &app.name, waits.digest.as_str()).await.map(Some),
        (None, None) => Ok(None),
    }
}
