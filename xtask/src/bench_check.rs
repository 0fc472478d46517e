//! `cargo xtask bench-check`: `tiers check` on 9,261 pairs of component and environment, beside what the machine needs at that
//! moment to read the same bytes, and beside `terraform validate` and checkov on a share.
//!
//! Shares are told as what they are: seconds for so many root modules, never multiplied up.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::Command;
use crate::process::{cargo, output, program, root, run, succeeds};

pub const COMMAND: Command = Command {
    name: "bench-check",
    usage: "",
    about: "measures `tiers check` on 9,261 pairs, beside hcl-edit, terraform validate and checkov",
    run: main,
};

const COMPONENTS: &str = "1029";
/// Runs of the program; the median is told, and the least.
const RUNS: usize = 9;
/// Components that Terraform and checkov get.
const SHARE: &str = "14";
const CHECKOV: &str = "checkov==3.3.30";

fn main(_: &[String]) -> Result<(), String> {
    run(cargo().args(["build", "--release", "-p", "tiers"]))?;
    run(cargo().args(["build", "--release", "-p", "tiers-check", "--example", "bench", "--example", "corpus"]))?;
    let release = target().join("release");
    let scratch = std::env::temp_dir().join(format!("tiers-bench-check-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let measured = measure(&release, &scratch);
    let _ = std::fs::remove_dir_all(&scratch);
    measured
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn measure(release: &Path, scratch: &Path) -> Result<(), String> {
    let corpus = |folder: &Path, words: &[&str]| {
        run(program(release.join("examples/corpus")).arg(folder).args(words).stdout(Stdio::null()))
    };
    println!("in one process, files in memory:");
    let said = output(program(release.join("examples/bench")).arg(COMPONENTS))?;
    print!("{}", String::from_utf8_lossy(&said));

    let large = scratch.join("large");
    corpus(&large, &[COMPONENTS])?;
    whole(&release.join("tiers"), &large)?;

    let share = scratch.join("share");
    corpus(&share, &[SHARE, "9"])?;
    let builtin = scratch.join("builtin");
    corpus(&builtin, &[SHARE, "9", "builtin"])?;
    println!("{SHARE} of the components:");
    let (ours, _) = best(RUNS, || check(&release.join("tiers"), &share))?;
    println!("  tiers check            {:>8}   in 9 environments each", text(ours));
    terraform(&builtin)?;
    checkov(&share)
}

/// The program from start to end, reading the files from the page cache.
fn whole(tiers: &Path, corpus: &Path) -> Result<(), String> {
    println!("the program, from start to end, with the files on disk:");
    let mut times = Vec::new();
    let mut peak_mb = 0.0f64;
    // The first run fills the page cache.
    check(tiers, corpus)?;
    for _ in 0..RUNS {
        let began = Instant::now();
        let peak = check(tiers, corpus)?;
        times.push(began.elapsed());
        peak_mb = peak_mb.max(peak);
    }
    times.sort_unstable();
    println!("  tiers check            {:>8}   median of {RUNS}, least {}", text(times[RUNS / 2]), text(times[0]));
    println!("  peak                   {peak_mb:>5.0} MB");
    Ok(())
}

/// Runs the program; the answer is its peak in MB, as far as it could be watched.
fn check(tiers: &Path, folder: &Path) -> Result<f64, String> {
    let mut command = program(tiers);
    command.args(["check", "--fail-on", "never", "--color", "never"]).current_dir(folder);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("could not start {}: {error}", tiers.display()))?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0.0f64;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
        peak_kb = peak_kb.max(now.unwrap_or(0.0));
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Ok(Some(status)) if status.success() => return Ok(peak_kb / 1024.0),
            Ok(Some(status)) => return Err(format!("tiers check ended with {status}")),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// `init` makes the modules known and is needed once; only `validate` is told. One environment is all that it looks at: none.
fn terraform(share: &Path) -> Result<(), String> {
    if !succeeds(program("terraform").arg("version")) {
        println!("  terraform validate     not measured: there is no terraform on PATH");
        return Ok(());
    }
    let roots = roots(&share.join("components"))?;
    let mut all = Duration::ZERO;
    for folder in &roots {
        let terraform = |words: &[&str]| {
            run(program("terraform").args(words).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()))
        };
        terraform(&["init", "-backend=false", "-input=false"])?;
        let began = Instant::now();
        terraform(&["validate"])?;
        all += began.elapsed();
    }
    println!(
        "  terraform validate     {:>8}   {} root modules, once each, with built-in resources",
        text(all),
        roots.len()
    );
    Ok(())
}

fn checkov(share: &Path) -> Result<(), String> {
    let environment = target().join("bench-venv");
    let program_path = environment.join("bin/checkov");
    if !program_path.exists() {
        let made = run(program("python3").args(["-m", "venv"]).arg(&environment)).and_then(|()| {
            run(program(environment.join("bin/pip")).args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                CHECKOV,
            ]))
        });
        if let Err(problem) = made {
            println!("  checkov                not measured: {problem}");
            return Ok(());
        }
    }
    let (time, ()) = best(3, || {
        let mut command = program(&program_path);
        command.args(["--framework", "terraform", "--compact", "--quiet", "--soft-fail", "--directory", "."]);
        run(command.current_dir(share).stdout(Stdio::null()).stderr(Stdio::null()))
    })?;
    println!("  {CHECKOV}        {:>8}   the same files, its own rules", text(time));
    Ok(())
}

fn roots(components: &Path) -> Result<Vec<PathBuf>, String> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>, String> {
        let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
    };
    let mut found = Vec::new();
    for group in list(components)? {
        found.extend(list(&group)?);
    }
    found.sort();
    Ok(found)
}

fn best<T>(runs: usize, mut measure: impl FnMut() -> Result<T, String>) -> Result<(Duration, T), String> {
    let mut best: Option<(Duration, T)> = None;
    for _ in 0..runs {
        let began = Instant::now();
        let result = measure()?;
        let time = began.elapsed();
        if best.as_ref().is_none_or(|(known, _)| time < *known) {
            best = Some((time, result));
        }
    }
    best.ok_or_else(|| "nothing was measured".to_owned())
}

fn text(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}
