//! `tiers diff`: what two environments declare differently, each value with its file and line; and what is live of it.

use clap::Args;

use crate::cli::Global;
use crate::command::checking::{Checking, TableFormat};
use crate::command::live::compare;
use crate::command::{live_text, print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};

/// Show what two environments declare differently, with file and line
///
/// The same rows as in `tiers matrix`. With --live, the functions themselves are looked at: where two environments differ, and
/// where what is live is not what Terraform or tiers.toml declares. That exits with 1.
#[derive(Debug, Args)]
pub struct Diff {
    /// An environment, in any usual spelling of its name; with --live as tiers.toml names it
    a: String,
    /// Another; with --live one alone can be compared with what it declares
    #[arg(required_unless_present = "live")]
    b: Option<String>,
    /// Look at what is live, as the alias serves it
    #[arg(long)]
    live: bool,
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
    let b = args.b.as_deref().unwrap_or_default();
    let matrix =
        tiers_check::diff(&checking.files.tree, &checking.options, &checking.extra, &args.a, b).map_err(|unknown| {
            Fault::usage(unknown.to_string()).hint("`tiers check --explain-discovery` shows what was taken for what.")
        })?;
    format.print(&matrix, args.all)?;
    Ok(0)
}

impl Diff {
    /// True when functions are looked at, which takes a runtime.
    pub fn is_live(&self) -> bool {
        self.live
    }
}

/// `--live`. Answers 1 where something is not as declared.
pub async fn run_live(args: &Diff, global: &Global) -> Outcome {
    let format = TableFormat::asked(args.format, global)?;
    let context = Context::open(global)?;
    let mut environments = vec![context.environment(&args.a)?];
    if let Some(b) = &args.b {
        environments.push(context.environment(b)?);
    }
    let Some(ledger) = context.ledger_if_any().await? else {
        return Err(Fault::refused("there is no ledger yet, so nothing was deployed and nothing is live")
            .hint("`tiers build` begins one."));
    };
    let checking = Checking::open(global, &[])?;
    let live = compare(&context, &ledger, &checking, &environments).await?;
    match format {
        TableFormat::Json => print_json("tiers.live/1", &live)?,
        TableFormat::Text => print(&live_text::text(&live, context.style, args.all))?,
        TableFormat::Markdown => print(&live_text::markdown(&live))?,
    }
    Ok(u8::from(!live.good))
}
