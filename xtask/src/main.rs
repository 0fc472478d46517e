//! Set-up, tests, fixtures, benchmarks, fuzzing and generated files: `cargo xtask NAME`.
//!
//! It depends on nothing but the standard library, so that it is built in a second and a newcomer's first test run starts at
//! once. What needs the crates of the workspace is a program of theirs that is run from here. A subcommand is a file with its
//! `COMMAND`, and a line in the table below.

mod bench;
mod bench_check;
mod ci;
mod corpus;
mod crash;
mod debian;
mod fuzz;
mod generated;
mod model;
mod process;
mod provider_schema;
mod setup;
mod sim;
mod stage;
mod test;

use std::process::ExitCode;

/// A subcommand. Its arguments are those after its name; what it answers with goes to standard error.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), String>,
}

const COMMANDS: [Command; 12] = [
    setup::COMMAND,
    test::COMMAND,
    sim::COMMAND,
    ci::COMMAND,
    generated::COMMAND,
    provider_schema::COMMAND,
    bench::COMMAND,
    bench_check::COMMAND,
    corpus::COMMAND,
    fuzz::COMMAND,
    model::COMMAND,
    crash::COMMAND,
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    if matches!(name.as_str(), "" | "help" | "-h" | "--help") {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("error: `{name}` is not a subcommand of xtask\n\n{}", usage());
        return ExitCode::from(2);
    };
    match (command.run)(&rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let lines =
        COMMANDS.iter().map(|it| format!("  cargo xtask {:<30} {}\n", format!("{} {}", it.name, it.usage), it.about));
    format!("Usage:\n{}", lines.collect::<String>())
}
