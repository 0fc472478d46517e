//! `tiers completions`: for the shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::command::print;
use crate::fault::Outcome;

/// Print completions for a shell
///
/// For bash: `tiers completions bash > ~/.local/share/bash-completion/completions/tiers`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

pub fn run(args: &Completions) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tiers", &mut text);
    print(&String::from_utf8_lossy(&text))?;
    Ok(0)
}
