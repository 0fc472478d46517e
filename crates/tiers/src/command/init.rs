//! `tiers init`: a first tiers.toml from what it finds.

use clap::Args;

use crate::cli::Global;
use crate::fault::{Fault, Outcome};

/// Write a first tiers.toml from what is in the repository
#[derive(Debug, Args)]
pub struct Init {
    /// Print it instead of writing it
    #[arg(long)]
    print: bool,
}

pub fn run(args: &Init, _: &Global) -> Outcome {
    Err(Fault::errored(format!("not there yet ({})", args.print)))
}
