//! The command line as a whole: what every command takes, and the list of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::command;
use crate::render::style::Style;

/// Where to begin.
const FIRST: &str =
    "First: `tiers demo` shows everything on this machine, with nothing to install. In a repository of yours,
`tiers check` says what is wrong between its environments, and `tiers init` writes a first tiers.toml.";

/// One build of an application through dev, staging and prod, and the proof of it.
///
/// The same infrastructure code, the same artifact, and only the differences that somebody declared.
#[derive(Debug, Parser)]
#[command(name = "tiers", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 100, after_help = FIRST)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Run as if started in this folder
    #[arg(short = 'C', long, value_name = "DIR", global = true, help_heading = "Everywhere")]
    pub directory: Option<PathBuf>,
    /// Print results as JSON (docs/json.md has the shapes)
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true, help_heading = "Everywhere")]
    pub color: When,
    /// No progress on standard error
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

impl Global {
    /// Colour for standard output, if it is wanted there.
    pub fn style(&self) -> Style {
        Style::decide(self.color)
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Init(command::init::Init),
    Check(command::check::Check),
    Explain(command::explain::Explain),
    Matrix(command::matrix::Matrix),
    Diff(command::diff::Diff),
    Build(command::build::Build),
    Deploy(command::deploy::Deploy),
    Promote(command::promote::Promote),
    Rollback(command::rollback::Rollback),
    Resume(command::resume::Resume),
    Approve(command::approve::Approve),
    Hold(command::hold::Hold),
    Unhold(command::hold::Unhold),
    Status(command::status::Status),
    History(command::history::History),
    Trace(command::trace::Trace),
    Verify(command::verify::Verify),
    Adopt(command::adopt::Adopt),
    Tf(command::tf::Tf),
    Ledger(command::ledger::Ledger),
    Local(command::local::Local),
    Demo(command::demo::Demo),
    Completions(command::completions::Completions),
}
