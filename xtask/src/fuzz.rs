//! `cargo xtask fuzz`: runs the fuzz targets one after another, each for a while, and says what came of it.
//!
//! The same properties run within bounds in the normal tests; this is for hours of an idle machine. cargo-fuzz builds the targets
//! in a workspace of their own, with instrumentation that the stable compiler offers once it is told that this is meant
//! (fuzz/README.md has the details and the way with a nightly toolchain).

use std::fs;
use std::path::Path;

use crate::Command;
use crate::process::{cargo, output, root, succeeds};
use crate::stage::{Stages, watched};

pub const COMMAND: Command =
    Command { name: "fuzz", usage: "[TARGET] [--seconds N]", about: "fuzzes one target, or each in turn", run: main };

const DEFAULT_SECONDS: u32 = 60;
/// One input may take this long, and this much memory.
const INPUT_TIMEOUT_S: u32 = 20;
const MEMORY_MB: u32 = 2048;
const MOST_BYTES: u32 = 8192;

fn main(arguments: &[String]) -> Result<(), String> {
    let (only, seconds) = read(arguments)?;
    if !succeeds(cargo().args(["fuzz", "--version"])) {
        return Err("cargo-fuzz is not installed: `cargo install --locked cargo-fuzz` does it".into());
    }
    let all = targets()?;
    let chosen: Vec<String> = match only {
        None => all,
        Some(name) if all.contains(&name) => vec![name],
        Some(name) => return Err(format!("there is no target `{name}`; there are {}", all.join(", "))),
    };
    let mut stages = Stages::default();
    for target in chosen {
        // The table keeps names for as long as the program runs, which is no longer than this.
        let name: &'static str = String::leak(target);
        stages.run(name, || fuzz(name, seconds));
    }
    stages.end()
}

fn read(arguments: &[String]) -> Result<(Option<String>, u32), String> {
    let usage = || format!("usage: cargo xtask {} {}", COMMAND.name, COMMAND.usage);
    let (mut target, mut seconds) = (None, DEFAULT_SECONDS);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => seconds = words.next().and_then(|text| text.parse().ok()).ok_or_else(usage)?,
            other if !other.starts_with('-') && target.is_none() => target = Some(other.to_owned()),
            _ => return Err(usage()),
        }
    }
    Ok((target, seconds))
}

/// The names of the targets, in alphabetical order.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)).collect();
    names.sort();
    Ok(names)
}

/// Runs one target; its line says how many inputs ran and how much of the code they reached.
fn fuzz(target: &str, seconds: u32) -> Result<String, String> {
    let corpus = format!("fuzz/corpus/{target}");
    fs::create_dir_all(root().join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
    let mut run = cargo();
    run.args(["fuzz", "run", "--sanitizer", "none", target, &corpus, &format!("fuzz/seeds/{target}"), "--"]);
    run.args(["-print_final_stats=1".to_owned(), format!("-max_total_time={seconds}")]);
    run.args([
        format!("-timeout={INPUT_TIMEOUT_S}"),
        format!("-rss_limit_mb={MEMORY_MB}"),
        format!("-max_len={MOST_BYTES}"),
    ]);
    let dictionary = format!("fuzz/dictionaries/{target}.dict");
    if root().join(&dictionary).exists() {
        run.arg(format!("-dict={dictionary}"));
    }
    if !is_nightly() {
        run.env("RUSTC_BOOTSTRAP", "1");
    }
    // Some targets write files by the thousand, and what they promise does not hang on a disk.
    if Path::new("/dev/shm").is_dir() {
        run.env("TMPDIR", "/dev/shm");
    }
    watched(&mut run, |line| line.contains("DONE ") || line.starts_with("stat::number_of_executed_units"))
}

fn is_nightly() -> bool {
    output(cargo().arg("--version")).is_ok_and(|text| String::from_utf8_lossy(&text).contains("nightly"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_and_is_in_the_manifest_and_the_readme() {
        let text = |path: &str| fs::read_to_string(root().join(path)).expect(path);
        let (manifest, readme) = (text("fuzz/Cargo.toml"), text("fuzz/README.md"));
        let targets = targets().expect("the targets");
        assert!(targets.len() >= 8, "{targets:?}");
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not in the manifest");
            assert!(readme.contains(&format!("`{target}`")), "{target} is not in the README");
            assert!(fs::read_dir(root().join("fuzz/seeds").join(&target)).expect("seeds").count() > 0, "{target}");
        }
    }

    #[test]
    fn arguments_are_a_target_and_a_time() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(read(&words("")), Ok((None, DEFAULT_SECONDS)));
        assert_eq!(read(&words("tiers_toml --seconds 600")), Ok((Some("tiers_toml".into()), 600)));
        for bad in ["--seconds", "--seconds x", "a b", "--fast"] {
            assert!(read(&words(bad)).is_err(), "{bad}");
        }
    }
}
