//! `tiers matrix`: every declared difference between environments, in one table.

use clap::Args;

use crate::cli::Global;
use crate::command::checking::{Checking, TableFormat};
use crate::fault::Outcome;

/// Show every setting that differs between environments
///
/// Variables, backends and attributes of resources from Terraform; gates, settings and secrets from tiers.toml, where there is
/// one. What is odd stands first: prod smaller than staging, a value that one environment alone has.
#[derive(Debug, Args)]
pub struct Matrix {
    /// How the table is printed; `--json` is `--format json`
    #[arg(long, value_name = "FORMAT")]
    format: Option<TableFormat>,
    /// Show what differs only by the environment's name, too
    #[arg(long)]
    all: bool,
}

pub fn run(args: &Matrix, global: &Global) -> Outcome {
    let format = TableFormat::asked(args.format, global)?;
    let checking = Checking::open(global, &[])?;
    let matrix = tiers_check::matrix(&checking.files.tree, &checking.options, &checking.extra);
    format.print(&matrix, args.all)?;
    Ok(0)
}
