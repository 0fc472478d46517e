//! Jobs that end well, badly, late or not at all, as real processes.

use std::collections::BTreeMap;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tiers_core::redact::Redactor;
use tiers_edge::runner::SystemRunner;
use tiers_engine::port::runner::{How, Job, JobEnd, RunError, Runner};

fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn job(program: &str, args: &[&str], cwd: &Path) -> Job {
    Job {
        program: program.to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        cwd: cwd.to_owned(),
        env: BTreeMap::new(),
        timeout_ms: 20_000,
        output_limit_bytes: 4096,
    }
}

fn run(job: Job) -> Result<JobEnd, RunError> {
    on_one_thread(SystemRunner::new(Redactor::default()).grace_ms(300).run(job))
}

/// Runs a shell script; answers its end, which must come within these seconds.
fn check(script: &str, cwd: &Path, timeout_ms: u64, within: Duration) -> JobEnd {
    let started = Instant::now();
    let end = run(Job { timeout_ms, ..job("sh", &["-c", script], cwd) }).expect("a shell");
    assert!(started.elapsed() < within, "took {:?}: {script}", started.elapsed());
    end
}

const SOON: Duration = Duration::from_secs(10);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn process_exists(id: &str) -> bool {
    // A zombie that nobody has reaped yet is dead enough.
    std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits for a process to be gone; the kernel takes a moment after the signal.
fn is_gone(id: &str) -> bool {
    let until = Instant::now() + Duration::from_secs(5);
    while process_exists(id) {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

fn ids(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("ids")).expect("the ids that the script wrote");
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn exit_code_and_output_in_order_are_told() {
    let folder = folder();
    let end = check("echo out; echo err >&2; echo out again; exit 7", folder.path(), 20_000, SOON);
    assert_eq!((end.how, end.output.to_string().as_str()), (How::Exited(7), "out\nerr\nout again\n"));
    assert!(check("true", folder.path(), 20_000, SOON).passed());
}

#[test]
fn a_signal_is_told_apart_from_an_exit_code() {
    let end = check("kill -SEGV $$", folder().path(), 20_000, SOON);
    assert_eq!(end.how, How::Signalled(11));
}

#[test]
fn a_program_that_can_not_be_started_says_why() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("plain"), "#!/bin/sh\n").expect("a file");
    std::fs::create_dir(at("dir")).expect("a folder");
    for (name, content) in [("lost", "#!/no/such/interpreter\n"), ("junk", "\u{1}\u{2}\u{3}\n")] {
        std::fs::write(at(name), content).expect("a file");
        std::fs::set_permissions(at(name), PermissionsExt::from_mode(0o755)).expect("a mode");
    }
    let told = |program: &str| run(job(program, &[], folder.path())).expect_err("no program").to_string();
    assert!(told("no-such-program-here").starts_with("there is no program `no-such-program-here`: looked in PATH, "));
    assert!(told("./absent").starts_with("there is no program `./absent`: looked in "));
    assert_eq!(told("./plain"), "`./plain` can't be executed: no execute permission; `chmod +x` and commit the mode");
    assert_eq!(told("./dir"), "`./dir` can't be executed: it is a folder");
    assert_eq!(told("./lost"), "`./lost` can't be executed: the interpreter that its first line names does not exist");
    assert_eq!(
        told("./junk"),
        "`./junk` can't be executed: it is no program for this machine, and no script with a `#!` line"
    );
    let error = run(job("true", &[], &at("nowhere"))).expect_err("no folder");
    assert!(matches!(error, RunError::Folder { .. }), "{error}");
}

#[test]
fn a_job_that_forks_and_hangs_is_ended_with_all_it_started() {
    let folder = folder();
    let script =
        "trap '' TERM; (trap '' TERM; sleep 300) & echo $! > ids; sleep 300 & echo $! >> ids; echo begun; wait";
    let end = check(script, folder.path(), 500, SOON);
    assert_eq!((end.how, end.output.head.as_str()), (How::TimedOut, "begun\n"));
    assert!(end.duration_ms >= 800, "the grace was not given: {} ms", end.duration_ms);
    for id in ids(folder.path()) {
        assert!(is_gone(&id), "{id} is still there");
    }
}

#[test]
fn a_job_may_tidy_up_when_it_is_asked_to_end() {
    let end = check("trap 'echo tidied; exit 0' TERM; echo begun; sleep 300 & wait", folder().path(), 300, SOON);
    assert_eq!((end.how, end.output.head.as_str()), (How::TimedOut, "begun\ntidied\n"));
}

#[test]
fn what_a_job_leaves_in_its_group_is_ended_with_it() {
    let folder = folder();
    let end = check("sleep 300 & echo $! > ids", folder.path(), 20_000, SOON);
    assert!(end.passed());
    assert!(ids(folder.path()).iter().all(|id| is_gone(id)));
}

#[test]
fn a_daemon_that_keeps_the_output_open_does_not_keep_us() {
    let folder = folder();
    let script = "setsid sh -c 'echo $$ > ids; exec sleep 300' & while ! [ -s ids ]; do sleep 0.01; done; echo done";
    let end = check(script, folder.path(), 20_000, Duration::from_secs(5));
    assert_eq!((end.how, end.output.head.as_str()), (How::Exited(0), "done\n"));
    // It left the group on purpose, so it lives, until we end it here.
    for id in ids(folder.path()) {
        assert!(process_exists(&id));
        check(&format!("kill -9 {id}"), folder.path(), 20_000, SOON);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn at_the_deadline_a_daemon_is_ended_too() {
    let folder = folder();
    let script = "setsid sh -c 'echo $$ > ids; exec sleep 300' & sleep 300";
    let end = check(script, folder.path(), 1000, SOON);
    assert_eq!(end.how, How::TimedOut);
    assert!(ids(folder.path()).iter().all(|id| is_gone(id)));
}

#[test]
fn a_flood_of_output_is_read_to_its_end_and_both_its_ends_are_kept() {
    let script = "echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last";
    let end = check(script, folder().path(), 60_000, Duration::from_secs(60));
    assert!(end.passed());
    assert!(end.output.head.starts_with("first\nxxx") && end.output.tail.ends_with("xxx\nlast\n"));
    assert_eq!(end.output.head.len() + end.output.tail.len(), 4096);
    assert_eq!(end.output.dropped_bytes, 50_000_000 + 6 + 6 - 4096);
}

#[test]
fn a_flood_that_never_ends_is_ended_at_the_deadline() {
    let end = check("yes", folder().path(), 300, SOON);
    assert_eq!(end.how, How::TimedOut);
    assert!(end.output.dropped_bytes > 0);
}

#[test]
fn a_job_sees_only_what_is_passed_on_and_its_own_variables() {
    let folder = folder();
    let mut asked = job("env", &[], folder.path());
    asked.env.insert("BASE_URL".into(), "http://127.0.0.1:1".into());
    asked.env.insert("HOME".into(), "/elsewhere".into());
    asked.output_limit_bytes = 100_000;
    let runner = SystemRunner::new(Redactor::default()).also(["CARGO_PKG_NAME"]);
    let seen = on_one_thread(runner.run(asked)).expect("a program").output.head;
    let has = |line: &str| seen.lines().any(|other| other == line);
    assert!(has("BASE_URL=http://127.0.0.1:1") && has("HOME=/elsewhere") && has("CARGO_PKG_NAME=tiers-edge"), "{seen}");
    // Cargo sets these for us; a job must not see what is ours alone.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!seen.contains("CARGO_MANIFEST_DIR"), "{seen}");
}

#[test]
fn secrets_are_replaced_before_output_is_cut() {
    let folder = folder();
    let mut asked = job("sh", &["-c", "printf 'ab %s cd' \"$KEY\"; printf %s \"$KEY\" | base64"], folder.path());
    asked.env.insert("KEY".into(), "hunter2hunter2".into());
    let runner = SystemRunner::new(Redactor::new(["hunter2hunter2"]));
    let output = on_one_thread(runner.run(asked.clone())).expect("a shell").output;
    // The last four characters hold the padding and bits of its own alone.
    assert!(output.head.starts_with("ab *** cd***") && !output.head.contains("aHVudGVy"), "{output}");
    asked.output_limit_bytes = 12;
    let output = on_one_thread(runner.run(asked)).expect("a shell").output;
    assert!(!output.to_string().contains("hunt"), "{output}");
}

#[test]
fn a_job_that_is_no_longer_wanted_is_ended_with_all_it_started() {
    let folder = folder();
    on_one_thread(async {
        let runner = SystemRunner::default();
        let script = "sleep 300 & echo $! > ids.new; echo $$ >> ids.new; mv ids.new ids; wait";
        let mut running = Box::pin(runner.run(job("sh", &["-c", script], folder.path())));
        let until = Instant::now() + SOON;
        while !folder.path().join("ids").exists() {
            assert!(Instant::now() < until, "the script did not begin");
            let _ = tokio::time::timeout(Duration::from_millis(20), &mut running).await;
        }
    });
    for id in ids(folder.path()) {
        assert!(is_gone(&id), "{id} is still there");
    }
}
