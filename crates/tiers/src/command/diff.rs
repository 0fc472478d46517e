//! `tiers diff`: what two environments declare differently, each value with its file and line.

use clap::Args;

use crate::cli::Global;
use crate::command::checking::{Checking, TableFormat};
use crate::fault::{Fault, Outcome};

/// Show what two environments declare differently, with file and line
///
/// The same rows as in `tiers matrix`. Declared differences only: what is live is not looked at.
#[derive(Debug, Args)]
pub struct Diff {
    /// An environment, in any usual spelling of its name
    a: String,
    /// Another
    b: String,
    /// How the differences are printed; `--json` is `--format json`
    #[arg(long, value_name = "FORMAT")]
    format: Option<TableFormat>,
    /// Show what differs only by the environment's name, too
    #[arg(long)]
    all: bool,
}

pub fn run(args: &Diff, global: &Global) -> Outcome {
    let format = TableFormat::asked(args.format, global)?;
    let checking = Checking::open(global, &[])?;
    let matrix = tiers_check::diff(&checking.files.tree, &checking.options, &checking.extra, &args.a, &args.b)
        .map_err(|unknown| {
            Fault::usage(unknown.to_string()).hint("`tiers check --explain-discovery` shows what was taken for what.")
        })?;
    format.print(&matrix, args.all)?;
    Ok(0)
}
