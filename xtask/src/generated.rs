//! `cargo xtask generated`: files that a program of this workspace writes and that are committed, so that people and editors
//! find them without building anything.
//!
//! Each is a line of the table: where it stands and which cargo command writes it to standard output.

use std::fs;

use crate::Command;
use crate::process::{cargo, output, root};

pub const COMMAND: Command = Command {
    name: "generated",
    usage: "[--check]",
    about: "writes the generated files, or says which are stale",
    run: main,
};

/// A committed file that is made by a program.
struct Generated {
    /// From the root of the workspace.
    path: &'static str,
    /// The arguments of the cargo command whose standard output it is.
    made_by: &'static [&'static str],
}

const FILES: [Generated; 0] = [];

fn main(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [] => write().map(|text| eprintln!("{text}")),
        [flag] if flag == "--check" => check().map(|text| eprintln!("{text}")),
        _ => Err(format!("usage: cargo xtask {} {}", COMMAND.name, COMMAND.usage)),
    }
}

fn write() -> Result<String, String> {
    for file in &FILES {
        let path = root().join(file.path);
        fs::write(&path, made(file)?).map_err(|error| format!("could not write {}: {error}", file.path))?;
    }
    Ok(format!("{} generated files written", FILES.len()))
}

/// Compares all files before it complains about any.
pub fn check() -> Result<String, String> {
    let mut stale = Vec::new();
    for file in &FILES {
        match fs::read(root().join(file.path)) {
            Ok(committed) if committed == made(file)? => {}
            Ok(_) => stale.push(format!("{} is stale", file.path)),
            Err(error) => stale.push(format!("{} could not be read: {error}", file.path)),
        }
    }
    if stale.is_empty() {
        Ok(format!("{} generated files are up to date", FILES.len()))
    } else {
        Err(format!("{}; run `cargo xtask generated` and commit what it writes", stale.join("; ")))
    }
}

fn made(file: &Generated) -> Result<Vec<u8>, String> {
    let made = output(cargo().args(file.made_by))?;
    if made.is_empty() { Err(format!("nothing was written for {}", file.path)) } else { Ok(made) }
}
