//! `tiers tf plan`.

use std::io::Write as _;

use clap::Args;
use tiers_engine::lease::look;

use super::Bench;
use super::show;
use crate::command::{print, print_json};
use crate::fault::Outcome;
use crate::terraform::desk::stands;
use crate::terraform::planning::plan;
use crate::terraform::site::Site;

/// Show what an apply would do, and whether it is safe
///
/// The saved plan is deleted at the end; `tiers tf apply` makes its own and shows it.
#[derive(Debug, Args)]
pub struct Plan {
    /// The environment
    environment: String,
    /// How long to wait for the state's lock, as Terraform writes it
    #[arg(long, value_name = "TIME", default_value = "10s")]
    lock_timeout: String,
}

pub async fn run(args: &Plan, bench: &Bench) -> Outcome {
    let environment = bench.environment(&args.environment)?;
    let site = Site::open(&bench.context, environment, &args.lock_timeout)?;
    let lease = bench.lease().await?;
    if let Some(held) = lease.state.in_flight(&environment.name).filter(|_| !bench.context.global.quiet) {
        let life = look(&bench.desk, held).await;
        let (by, env, stands) = (&held.by, &environment.name, stands(&life, &environment.name));
        let text = format!(
            "{} {by} applies in {env} ({}): {stands}",
            bench.context.style.careful("note:"),
            held.holder.text()
        );
        let _ = writeln!(std::io::stderr(), "  {text}");
    }
    let planned = plan(&bench.context, &site, &lease.state).await?;
    if bench.context.global.json {
        print_json("tiers.terraform/1", &show::shown("planned", &planned, None))?;
    } else {
        print(&show::plan(&planned, bench.context.style))?;
    }
    Ok(0)
}
