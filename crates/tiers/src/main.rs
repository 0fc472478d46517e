//! The edge: arguments, adapters and rendering. What is decided is decided in the crates below.

mod cli;
mod command;
mod context;
mod fault;
mod images;
mod leaving;
mod local;
mod place;
mod render;
mod repository;
mod request;
mod source;
mod terraform;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // A function's process is this same program: it must start in milliseconds, before anything else is set up.
    if let Some(code) = command::function::serve_if_asked() {
        return code;
    }
    let cli = cli::Cli::parse();
    let style = cli.global.style();
    match command::run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            let mut text = format!("{}: {}\n", style.bad(fault.kind.word()), fault.message);
            if let Some(hint) = &fault.hint {
                text.push_str(&format!("  {} {hint}\n", style.dim("hint:")));
            }
            // Nobody reads what can't be written.
            let _ = std::io::stderr().write_all(render::tame::tame(&text).as_bytes());
            ExitCode::from(fault.kind.exit_code())
        }
    }
}
