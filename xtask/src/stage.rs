//! Steps that run one after another, all of them even when one fails, and a table at the end that says how each went.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::line;

/// What came of the stages so far.
#[derive(Default)]
pub struct Stages(Vec<Ended>);

struct Ended {
    name: &'static str,
    took: Duration,
    outcome: Result<String, String>,
}

impl Stages {
    /// Runs one stage. Its `Ok` is the line that the table shows, its `Err` says what went wrong.
    pub fn run(&mut self, name: &'static str, stage: impl FnOnce() -> Result<String, String>) {
        eprintln!("==> {name}");
        let started = Instant::now();
        let outcome = stage();
        if let Err(problem) = &outcome {
            eprintln!("error: {name}: {problem}");
        }
        self.0.push(Ended { name, took: started.elapsed(), outcome });
    }

    /// Prints the table; an error when any stage failed.
    pub fn end(self) -> Result<(), String> {
        let total: Duration = self.0.iter().map(|stage| stage.took).sum();
        eprintln!("\n{:<18} {:>8}  outcome", "stage", "seconds");
        for Ended { name, took, outcome } in &self.0 {
            let (mark, text) = match outcome {
                Ok(text) => ("ok", text),
                Err(text) => ("FAILED", text),
            };
            eprintln!("{name:<18} {:>8.1}  {mark}: {text}", took.as_secs_f64());
        }
        eprintln!("{:<18} {:>8.1}", "all", total.as_secs_f64());
        let failed: Vec<&str> = self.0.iter().filter(|stage| stage.outcome.is_err()).map(|stage| stage.name).collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
    }
}

/// Runs a command whose output goes where ours goes, and answers with the lines of it that `keep` picks: what a test runner
/// says at its end, which the output of later stages would push out of sight.
pub fn watched(command: &mut Command, keep: fn(&str) -> bool) -> Result<String, String> {
    // One pipe for both streams, so that lines keep their order.
    let (reader, writer) = std::io::pipe().map_err(|error| format!("could not make a pipe: {error}"))?;
    let also = writer.try_clone().map_err(|error| format!("could not make a pipe: {error}"))?;
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.stdout(Stdio::from(writer)).stderr(Stdio::from(also));
    let child = command.spawn();
    let text = line(command);
    // The command holds the pipe's writing ends: unless they are dropped the reading below never ends.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.map_err(|error| format!("could not start {text}: {error}"))?;
    let mut kept = Vec::new();
    for bytes in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
        let shown = String::from_utf8_lossy(&bytes);
        writeln!(std::io::stderr(), "{shown}").ok();
        if keep(&shown) {
            kept.push(shown.trim().trim_matches('=').trim().to_owned());
        }
    }
    let status = child.wait().map_err(|error| format!("lost {text}: {error}"))?;
    kept.dedup();
    let kept = kept.join("; ");
    match (status.success(), kept.is_empty()) {
        (true, _) => Ok(kept),
        (false, true) => Err(format!("{text} ended with {status}")),
        (false, false) => Err(kept),
    }
}
