//! `tiers demo`: the whole story on one machine, with nothing to install. Every step is a command that a person could type, run as
//! a process of its own, so what is shown is what happened.

mod client;
mod files;
mod stage;
mod story;

use clap::Args;

use crate::cli::Global;
use crate::fault::Outcome;

/// Watch one artifact go dev, staging, prod on this machine, with nothing to install
///
/// In a temporary folder: builds once and promotes, stops a bad release before users meet it, takes back one that breaks only in
/// production, and goes on after a crash. Ends with the proof of it all.
#[derive(Debug, Args)]
pub struct Demo {
    /// Keep the folder, and leave the local host up, to look around afterwards
    #[arg(long)]
    keep: bool,
}

pub async fn run(args: &Demo, global: &Global) -> Outcome {
    let stage = stage::Stage::set(global, args.keep)?;
    let told = story::tell(&stage).await;
    stage.leave(told.is_err());
    told.map(|()| 0)
}
