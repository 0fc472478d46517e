//! `tiers rollback`: back to versions that an earlier success recorded.

use clap::Args;
use tiers_engine::planner::Goal;

use crate::cli::Global;
use crate::command::deploying::{Asked, deploy};
use crate::context::Context;
use crate::fault::Outcome;
use crate::request::policy_now;
use crate::source::Source;

/// Go back to the last release that succeeded, or to an earlier one
///
/// Moves every component's alias to the versions that were recorded when that release succeeded; nothing is built or published.
/// What is rolled back from is held: promotion does not pick it again by itself. Where only settings or secrets changed last
/// (`deploy --config-only`), that is the same release with those of before.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The environment
    environment: String,
    /// To this release (its id, digest or commit), instead of the last one that succeeded
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// Only show what would be done
    #[arg(long)]
    plan: bool,
    /// Don't ask
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: &Rollback, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let environment = context.environment(&args.environment)?;
    let ledger = context.ledger().await?;
    let source = Source::open(&context.root)?;
    let governed = policy_now(&context, &source)?;
    for app in context.apps(args.app.as_deref())? {
        let asked = Asked {
            environment,
            app,
            goal: Goal::Rollback { to: args.to.clone() },
            waivers: Vec::new(),
            plan_only: args.plan,
            yes: args.yes,
        };
        let code = deploy(&context, &ledger, &governed, asked).await?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}
