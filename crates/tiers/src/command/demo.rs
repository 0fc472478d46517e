//! `tiers demo`: the whole story on one machine.

use clap::Args;

use crate::cli::Global;
use crate::fault::{Fault, Outcome};

/// Watch one artifact go dev, staging, prod on this machine, with nothing to install
#[derive(Debug, Args)]
pub struct Demo {
    /// Keep the folder, to look around in it afterwards
    #[arg(long)]
    keep: bool,
}

pub async fn run(args: &Demo, _: &Global) -> Outcome {
    Err(Fault::errored(format!("not there yet ({})", args.keep)))
}
