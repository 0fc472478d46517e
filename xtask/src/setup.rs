//! `cargo xtask setup`: the stand-ins that tests run against, in a Python environment of the repository's own.
//!
//! Nothing else of the project needs Python. Done once, it is not done again until the list of packages changes, and then needs
//! no network.

use std::fs;
use std::path::PathBuf;

use crate::Command;
use crate::debian;
use crate::process::{line, output, program, root, run, succeeds};

pub const COMMAND: Command =
    Command { name: "setup", usage: "", about: "installs what the protocol tests need into .venv", run: main };

/// The list, one `name==version  # what for` a line.
const REQUIREMENTS: &str = "tests/requirements.txt";
/// Versions of all that those bring along.
const CONSTRAINTS: &str = "tests/constraints.txt";
/// Where Python's interpreter is looked for.
const PYTHONS: [&str; 2] = ["python3", "python"];

/// A package that tests run against.
#[derive(Clone, Debug)]
struct StandIn {
    /// `name==version`.
    requirement: String,
    /// What is not tested without it.
    purpose: String,
}

/// Whether the tests that need stand-ins can run.
pub enum Setup {
    Ready,
    /// A text for people: which packages, why, and what goes untested.
    Missing(String),
}

fn main(_: &[String]) -> Result<(), String> {
    match prepare()? {
        Setup::Ready => Ok(()),
        Setup::Missing(what) => Err(what),
    }
}

/// The folder of the environment's programs.
pub fn programs() -> PathBuf {
    root().join(".venv/bin")
}

/// Makes the environment unless it stands already, and installs what a test runs from Debian's packages.
pub fn prepare() -> Result<Setup, String> {
    debian::prepare();
    let wanted = read(REQUIREMENTS)? + &read(CONSTRAINTS)?;
    let stamp = root().join(".venv/tiers-setup.txt");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        eprintln!("the Python environment .venv is up to date");
        return Ok(Setup::Ready);
    }
    let stand_ins = listed(&wanted);
    let Some(python) = PYTHONS.into_iter().find(|python| succeeds(program(python).args(["-c", "import venv"]))) else {
        return Ok(Setup::Missing(missing("no Python with its venv module was found on PATH", &stand_ins)));
    };
    let names: Vec<&str> = stand_ins.iter().map(|it| it.requirement.as_str()).collect();
    eprintln!("installing into .venv, from PyPI: {}", names.join(", "));
    if let Err(problem) = run(program(python).args(["-m", "venv", "--clear", ".venv"])) {
        return Ok(Setup::Missing(missing(&problem, &stand_ins)));
    }
    if let Err(problem) = install(&["-r", REQUIREMENTS]) {
        let absent: Vec<StandIn> = stand_ins.into_iter().filter(|it| install(&[&it.requirement]).is_err()).collect();
        if !absent.is_empty() {
            return Ok(Setup::Missing(missing(&problem, &absent)));
        }
    }
    // Written last: an installation that was broken off is done again.
    fs::write(&stamp, wanted).map_err(|error| format!("could not write {}: {error}", stamp.display()))?;
    Ok(Setup::Ready)
}

fn install(what: &[&str]) -> Result<(), String> {
    let mut pip = program(programs().join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", "-c", CONSTRAINTS])
        .args(what);
    output(&mut pip).map(drop).map_err(|_| format!("`{}` failed; its reason stands above", line(&pip)))
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("could not read {path}: {error}"))
}

fn listed(requirements: &str) -> Vec<StandIn> {
    let lines = requirements.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('#'));
    pairs
        .map(|(requirement, purpose)| StandIn {
            requirement: requirement.trim().to_owned(),
            purpose: purpose.trim().to_owned(),
        })
        .collect()
}

fn missing(reason: &str, stand_ins: &[StandIn]) -> String {
    let lines = stand_ins.iter().map(|it| format!("\n  {:<22} not tested: {}", it.requirement, it.purpose));
    let lines = lines.collect::<String>();
    format!("stand-ins are missing, since {reason}{lines}\nuntil they are there, none of the protocol tests is run")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_of_the_list_has_a_version_and_says_what_goes_untested_without_it() {
        let text = read(REQUIREMENTS).expect("the list");
        let wanted = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
        let stand_ins = listed(&text);
        assert_eq!(stand_ins.len(), wanted);
        for it in stand_ins {
            assert!(it.requirement.contains("==") && it.purpose.len() > 10, "{it:?}");
        }
    }

    #[test]
    fn a_missing_stand_in_is_named_with_what_goes_untested() {
        let text = missing("pip failed", &listed("moto==1  # the ledger on S3\n"));
        assert!(text.contains("moto==1") && text.contains("not tested: the ledger on S3"), "{text}");
    }
}
