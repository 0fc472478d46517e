//! `cargo xtask bench`: the figures that the README and the notes name, measured on the release binary, each beside something that
//! tells how fast the machine is at that moment.

use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use crate::Command;
use crate::process::{cargo, program, root, run};

pub const COMMAND: Command =
    Command { name: "bench", usage: "", about: "measures the release binary: start, status, a promotion", run: main };

/// Runs of each small measurement; the median is told.
const RUNS: usize = 41;
const RECORDS: &str = "100000";

fn main(_: &[String]) -> Result<(), String> {
    run(cargo().args(["build", "--release", "-p", "tiers"]))?;
    run(cargo().args(["build", "--release", "-p", "tiers-engine", "--example", "ledger_of_holds"]))?;
    let release =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("release");
    let tiers = release.join("tiers");
    let scratch = std::env::temp_dir().join(format!("tiers-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let measured = start(&tiers).and_then(|()| status(&tiers, &release, &scratch)).and_then(|()| promotion(&tiers));
    let _ = std::fs::remove_dir_all(&scratch);
    measured
}

fn start(tiers: &Path) -> Result<(), String> {
    let nothing = median(|| quiet(&mut program("true")))?;
    let version = median(|| quiet(program(tiers).arg("--version")))?;
    println!("tiers --version            {:>8}   (`true`: {})", text(version), text(nothing));
    Ok(())
}

fn status(tiers: &Path, release: &Path, scratch: &Path) -> Result<(), String> {
    let toml = "project = \"bench\"\n[environments.dev]\n[apps.api]\npaths = [\"**\"]\ncomponents = [\"api\"]\n\
                image = { dockerfile = \"Dockerfile\", repository = \"bench\" }\n";
    std::fs::write(scratch.join("tiers.toml"), toml).map_err(|error| error.to_string())?;
    let ledger = scratch.join(".tiers/ledger");
    run(program(release.join("examples/ledger_of_holds")).arg(&ledger).args([RECORDS, "dev/api"]))?;
    let long = median(|| quiet(program(tiers).arg("status").current_dir(scratch)))?;
    println!("tiers status, {RECORDS} records {:>5}", text(long));
    Ok(())
}

/// One release through three local environments, in the folder that a demo leaves: all guarantees and fsync on.
fn promotion(tiers: &Path) -> Result<(), String> {
    let output = program(tiers).args(["demo", "--keep", "--color", "never", "--quiet"]).output();
    let output = output.map_err(|error| format!("the demo could not be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let folder = said.lines().find_map(|line| line.trim().strip_prefix("cd ")).map(PathBuf::from);
    let folder = folder.ok_or_else(|| format!("the demo named no folder:\n{said}"))?;
    let measured = promote(tiers, &folder);
    let down = quiet(program(tiers).args(["local", "down"]).current_dir(&folder));
    let _ = std::fs::remove_dir_all(&folder);
    measured.and(down)
}

fn promote(tiers: &Path, folder: &Path) -> Result<(), String> {
    let service = folder.join("config/service.json");
    let text_of = std::fs::read_to_string(&service).map_err(|error| error.to_string())?;
    std::fs::write(&service, text_of.replace("1.3.0", "1.4.0")).map_err(|error| error.to_string())?;
    let commit = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com", "commit", "-qam", "Next version"];
    quiet(program("git").args(commit).current_dir(folder))?;
    quiet(program(tiers).arg("build").current_dir(folder))?;
    let mut all = Duration::ZERO;
    for command in [["deploy", "dev"], ["promote", "staging"], ["promote", "prod"]] {
        let began = Instant::now();
        quiet(program(tiers).args(command).arg("--yes").current_dir(folder))?;
        all += began.elapsed();
    }
    let gates = Duration::from_millis(gates_ms(tiers, folder)?);
    println!(
        "three environments         {:>8}   ({} of it in gates: functions that start and answer)",
        text(all.saturating_sub(gates)),
        text(gates)
    );
    Ok(())
}

/// The time that the newest release's gates took, from its trail. Read as text: xtask has no JSON parser and needs none.
fn gates_ms(tiers: &Path, folder: &Path) -> Result<u64, String> {
    let output = program(tiers).args(["trace", "HEAD", "--json"]).current_dir(folder).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers = text.lines().filter_map(|line| line.trim().strip_prefix("\"duration_ms\": "));
    Ok(numbers.filter_map(|number| number.trim_end_matches(',').parse::<u64>().ok()).sum())
}

fn quiet(command: &mut Process) -> Result<(), String> {
    run(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

fn median(mut measure: impl FnMut() -> Result<(), String>) -> Result<Duration, String> {
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let began = Instant::now();
        measure()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[RUNS / 2])
}

fn text(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
