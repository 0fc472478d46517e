//! `cargo xtask generated`: files that a program of this workspace writes and that are committed, so that people and editors
//! find them without building anything.
//!
//! Each is a line of the table: where it stands and which program writes it to standard output.

use std::fs;

use crate::Command;
use crate::process::{built, cargo, output, program, root, run};

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
    made_by: Program,
}

/// A program of the workspace that writes the file to standard output.
enum Program {
    /// An example by its name; those of xtask's own are in xtask/examples/.
    Example(&'static str),
}

const FILES: [Generated; 2] = [
    Generated { path: "schema/tiers.schema.json", made_by: Program::Example("schema") },
    Generated { path: "docs/rules.md", made_by: Program::Example("rules") },
];

fn main(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [] => write().map(|text| eprintln!("{text}")),
        [flag] if flag == "--check" => check().map(|text| eprintln!("{text}")),
        _ => Err(format!("usage: cargo xtask {} {}", COMMAND.name, COMMAND.usage)),
    }
}

fn write() -> Result<String, String> {
    build()?;
    for file in &FILES {
        let path = root().join(file.path);
        fs::write(&path, made(file)?).map_err(|error| format!("could not write {}: {error}", file.path))?;
    }
    Ok(format!("{} generated files written", FILES.len()))
}

/// Compares all files before it complains about any.
pub fn check() -> Result<String, String> {
    build()?;
    let mut stale = Vec::new();
    for file in &FILES {
        match fs::read(root().join(file.path)) {
            Ok(committed) if committed == made(file)? => {}
            Ok(_) => stale.push(format!("{} is stale", file.path)),
            Err(error) => stale.push(format!("{} could not be read: {error}", file.path)),
        }
    }
    if stale.is_empty() {
        Ok(format!("{} up to date", FILES.len()))
    } else {
        Err(format!("{}; run `cargo xtask generated` and commit what it writes", stale.join("; ")))
    }
}

/// All programs in one build over the whole workspace: its choice of features is that of the tests, so nothing that they have
/// built is built again.
fn build() -> Result<(), String> {
    let mut build = cargo();
    build.args(["build", "--quiet", "--workspace"]);
    for file in &FILES {
        match file.made_by {
            Program::Example(name) => build.args(["--example", name]),
        };
    }
    run(&mut build)
}

fn made(file: &Generated) -> Result<Vec<u8>, String> {
    let mut maker = match file.made_by {
        Program::Example(name) => program(built().join("examples").join(name)),
    };
    let made = output(&mut maker)?;
    if made.is_empty() { Err(format!("nothing was written for {}", file.path)) } else { Ok(made) }
}
