//! One file per command: its arguments, whose doc comments are the help, and what it does.

pub mod adopt;
pub mod approve;
pub mod build;
pub mod check;
pub mod checking;
pub mod completions;
pub mod demo;
pub mod deploy;
pub mod deploying;
pub mod diff;
pub mod explain;
pub mod function;
pub mod history;
pub mod hold;
pub mod init;
mod init_terraform;
pub mod ledger;
mod live;
mod live_text;
pub mod local;
pub mod matrix;
mod matrix_rows;
pub mod promote;
pub mod resume;
pub mod rollback;
pub mod status;
mod status_terraform;
pub mod tf;
pub mod trace;
pub mod verify;

use std::io::Write as _;

use serde::Serialize;

use crate::cli::{Cli, Command};
use crate::fault::{Fault, Outcome};
use crate::render::tame::tame;

/// Runs the command that was asked for.
pub fn run(cli: &Cli) -> Outcome {
    let global = &cli.global;
    match &cli.command {
        // The host serves many at once; everything else is one conversation and needs one thread.
        Command::Local(local) if local.serves() => local::serve(global),
        Command::Completions(completions) => completions::run(completions),
        Command::Init(init) => init::run(init, global),
        Command::Check(check) => check::run(check, global),
        Command::Explain(explain) => explain::run(explain, global),
        Command::Matrix(matrix) => matrix::run(matrix, global),
        Command::Diff(diff) if !diff.is_live() => diff::run(diff, global),
        command => one_thread(dispatch(command, cli)),
    }
}

async fn dispatch(command: &Command, cli: &Cli) -> Outcome {
    let global = &cli.global;
    match command {
        Command::Build(build) => build::run(build, global).await,
        Command::Deploy(deploy) => deploy::run(deploy, global).await,
        Command::Promote(promote) => promote::run(promote, global).await,
        Command::Rollback(rollback) => rollback::run(rollback, global).await,
        Command::Resume(resume) => resume::run(resume, global).await,
        Command::Approve(approve) => approve::run(approve, global).await,
        Command::Hold(hold) => hold::hold(hold, global).await,
        Command::Unhold(unhold) => hold::unhold(unhold, global).await,
        Command::Status(status) => status::run(status, global).await,
        Command::History(history) => history::run(history, global).await,
        Command::Trace(trace) => trace::run(trace, global).await,
        Command::Verify(verify) => verify::run(verify, global).await,
        Command::Adopt(adopt) => adopt::run(adopt, global).await,
        Command::Tf(tf) => tf::run(tf, global).await,
        Command::Ledger(ledger) => ledger::run(ledger, global).await,
        Command::Local(local) => local::run(local, global).await,
        Command::Demo(demo) => demo::run(demo, global).await,
        Command::Diff(diff) => diff::run_live(diff, global).await,
        Command::Completions(_) | Command::Init(_) | Command::Check(_) | Command::Explain(_) | Command::Matrix(_) => {
            Err(Fault::errored("this command needs no runtime"))
        }
    }
}

fn one_thread(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::errored(format!("the runtime can't be started: {error}")))?;
    runtime.block_on(work)
}

/// Writes a result for people to standard output.
pub fn print(text: &str) -> Result<(), Fault> {
    write(&tame(text))
}

/// Writes a result to standard output as it is. A reader that went away (`| head`) is no error.
pub fn write(text: &str) -> Result<(), Fault> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Fault::errored(format!("standard output can't be written: {error}"))),
    }
}

/// Writes a result as JSON: one object with its shape's name and version first (docs/json.md).
pub fn print_json<T: Serialize>(shape: &str, value: &T) -> Result<(), Fault> {
    #[derive(Serialize)]
    struct Shaped<'a, T> {
        shape: &'a str,
        #[serde(flatten)]
        value: &'a T,
    }
    let text = serde_json::to_string_pretty(&Shaped { shape, value })
        .map_err(|error| Fault::errored(format!("the result can't be written as JSON: {error}")))?;
    write(&format!("{text}\n"))
}
