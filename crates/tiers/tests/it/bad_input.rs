//! What bad input gets: a clear error, the right ending and the right exit code; nothing is lost, and nothing half done.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tiers_oci::Layout;

use crate::world::{Run, SHOP, World};

/// The exit code, and all of these words in what was said.
#[track_caller]
fn check(run: &Run, code: i32, says: &[&str]) {
    let said = format!("{}{}", run.out, run.err);
    assert_eq!(run.code(), code, "{run:#?}");
    for words in says {
        assert!(said.contains(words), "`{words}` is missing: {run:#?}");
    }
    assert!(!said.contains("panicked"), "{run:#?}");
}

/// What a changed tiers.toml gets.
#[track_caller]
fn check_toml(from: &str, to: &str, says: &[&str]) {
    assert!(SHOP.contains(from), "the fixture has `{from}`");
    let world = World::new(&SHOP.replacen(from, to, 1), &[("site/bootstrap", "#!/bin/sh\n")]);
    check(&world.tiers(&["build"]), 2, says);
    assert!(!world.path(".tiers/ledger").exists(), "nothing was begun");
}

/// A shop whose first release serves in dev.
fn running_shop() -> World {
    let world = World::shop();
    world.good(&["deploy", "dev"]);
    world
}

/// A project whose one function is this script, gated by a call.
fn one_function(entry: &str, timeout_s: u32) -> World {
    let toml = format!(
        r#"project = "shop"
[environments.dev]
timeout_s = {timeout_s}
[apps.shop]
paths = ["site/**"]
[apps.shop.image]
builder = "files"
entrypoint = "/var/task/bootstrap"
files = [{{ from = "site", to = "/var/task" }}]
[apps.shop.components.web]
[[apps.shop.gates]]
name = "health"
at = "staged"
invoke = {{ component = "web", path = "/health", expect = 200 }}
timeout = "20s"
"#
    );
    let world = World::new(&toml, &[("site/bootstrap", entry)]);
    world.good(&["build"]);
    world
}

#[test]
fn an_unknown_key_is_named_with_the_one_that_was_meant() {
    check_toml("after = [\"dev\"]", "aftr = [\"dev\"]", &["tiers.toml:", "aftr", "after"]);
    check_toml("paths =", "path =", &["path", "paths"]);
}

#[test]
fn environments_in_a_circle_are_named() {
    let from = "on = { branch = \"dev\" }";
    check_toml(from, &format!("{from}\nafter = [\"prod\"]"), &["dev", "staging", "prod", "after"]);
}

#[test]
fn two_components_of_one_name_are_told_apart_before_anything_is_built() {
    check_toml("project = \"shop\"", "project = \"shop\"\nname = \"{project}-{environment}\"", &["name", "component"]);
}

#[test]
fn a_glob_that_matches_nothing_is_shown() {
    let world = World::new(&SHOP.replace("site/**\"", "sites/**\""), &[("site/bootstrap", "#!/bin/sh\n")]);
    check(&world.tiers(&["build"]), 2, &["sites/**", "site/"]);
}

#[test]
fn a_project_without_a_file_and_a_folder_without_a_repository_are_told_what_to_do() {
    let world = World::shop();
    fs::remove_file(world.path("tiers.toml")).expect("removed");
    check(&world.tiers(&["status"]), 2, &["no tiers.toml", "tiers init"]);
    world.write("tiers.toml", SHOP);
    fs::remove_dir_all(world.path(".git")).expect("removed");
    check(&world.tiers(&["build"]), 2, &["git"]);
}

#[test]
fn a_digest_that_is_not_one_is_a_mistake_and_an_unknown_one_is_refused() {
    let world = World::shop();
    for text in ["banana", "sha256:banana", "sha256:", "md5:0123"] {
        check(&world.tiers(&["deploy", "dev", "--digest", text]), 2, &[text, "is not a digest", "64"]);
    }
    let unknown = format!("sha256:{}", "0".repeat(64));
    check(&world.tiers(&["deploy", "dev", "--digest", &unknown]), 3, &["knows no release", "tiers history"]);
}

#[test]
fn wrong_names_are_answered_with_those_that_there_are() {
    let world = running_shop();
    for command in ["deploy", "promote", "rollback", "resume", "status", "history", "verify", "approve"] {
        check(&world.tiers(&[command, "production"]), 2, &["production", "dev, staging, prod"]);
    }
    check(&world.tiers(&["build", "shpo"]), 2, &["no app `shpo`", "shop"]);
    check(&world.tiers(&["deploy", "dev", "--commit", "nonsense"]), 2, &["nonsense"]);
    check(&world.tiers(&["deploy", "dev", "--from", "production"]), 2, &["production"]);
    check(&world.tiers(&["trace", "nonsense"]), 3, &["nonsense", "tiers history"]);
}

#[test]
fn every_command_explains_itself_and_nonsense_is_a_mistake() {
    let world = World::shop();
    let commands = [
        "init",
        "build",
        "deploy",
        "promote",
        "rollback",
        "resume",
        "approve",
        "hold",
        "unhold",
        "status",
        "history",
        "trace",
        "verify",
        "adopt",
        "ledger",
        "local",
        "demo",
        "completions",
    ];
    for command in commands {
        check(&world.tiers(&[command, "--help"]), 0, &["Usage: tiers", command, "Options:"]);
        check(&world.tiers(&[command, "--nonsense"]), 2, &["unexpected argument '--nonsense'"]);
    }
    check(&world.tiers(&[]), 2, &["Usage: tiers"]);
    check(&world.tiers(&["nonsense"]), 2, &["unrecognized subcommand 'nonsense'"]);
    for command in ["deploy", "promote", "rollback", "approve", "hold", "unhold", "trace", "adopt", "ledger", "local"] {
        check(&world.tiers(&[command]), 2, &["Usage: tiers"]);
    }
    check(&world.tiers(&["resume"]), 2, &["which environment?"]);
}

#[test]
fn a_dirty_tree_is_refused_unless_asked_for_and_never_promoted() {
    let world = running_shop();
    world.write("site/bootstrap", "#!/bin/sh\n# not committed\n");
    check(&world.tiers(&["build"]), 3, &["changes that no commit holds", "site/bootstrap", "--dirty"]);
    let built = world.good(&["build", "--dirty", "--json"]).json();
    let release = built["release"]["id"].as_str().expect("an id");
    check(&world.tiers(&["deploy", "dev", "--release", release]), 0, &["withheld"]);
    check(&world.tiers(&["deploy", "staging", "--release", release]), 3, &["dirty"]);
    check(&world.tiers(&["deploy", "staging", "--from", "dev"]), 3, &["dirty"]);
    // What promotion finds instead is the clean release before it.
    world.good(&["promote", "staging"]);
    assert_ne!(world.serves("staging"), release);
}

#[test]
fn nothing_is_promoted_before_it_was_verified() {
    let world = running_shop();
    check(&world.tiers(&["promote", "prod"]), 3, &["nothing to promote to prod", "staging has verified nothing"]);
    assert_eq!(world.head("prod"), Value::Null, "nothing was recorded");
}

#[test]
fn an_index_in_the_place_of_an_image_is_refused() {
    let world = World::shop();
    let built = world.good(&["build", "--json"]).json();
    let digest = built["release"]["digest"].as_str().expect("a digest").to_owned();
    // The release names the digest of what is an index: the ledger says so, because a builder wrote it.
    let layout = Layout::open(world.path(".tiers/images")).expect("a layout");
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1 }],
    });
    let bytes = serde_json::to_vec(&index).expect("JSON");
    let blob = layout.blob_path(&digest.parse().expect("a digest"));
    fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).expect("permissions");
    fs::write(blob, bytes).expect("a file");
    let run = world.tiers(&["deploy", "dev"]);
    check(&run, 3, &[digest.trim_start_matches("sha256:").get(..12).expect("long enough")]);
    assert_eq!(world.state("dev")["open"], Value::Null);
}

#[test]
fn an_image_that_was_deleted_after_its_build_is_refused_before_anything_is_claimed() {
    let world = running_shop();
    let serving = world.serves("dev");
    world.write("site/bootstrap", "#!/bin/sh\n# lost\n");
    world.commit("lost");
    let built = world.good(&["build", "--json"]).json();
    let digest = built["release"]["digest"].as_str().expect("a digest").parse().expect("a digest");
    fs::remove_file(Layout::open(world.path(".tiers/images")).expect("a layout").blob_path(&digest)).expect("removed");
    let head = world.head("dev");
    check(&world.tiers(&["deploy", "dev"]), 3, &[digest.short(), "not"]);
    assert_eq!(world.head("dev"), head, "nothing was recorded");
    world.check("dev", &serving, "the image is gone");
    // The same inputs with --rebuild are the way out.
    world.good(&["build", "--rebuild"]);
    check(&world.tiers(&["deploy", "dev"]), 0, &["succeeded"]);
}

#[test]
fn a_missing_bootstrap_is_found_while_the_image_is_built() {
    let world = one_function("#!/bin/sh\n", 5);
    fs::remove_file(world.path("site/bootstrap")).expect("removed");
    world.write("site/readme", "no entry point\n");
    world.commit("without a bootstrap");
    check(&world.tiers(&["build"]), 1, &["was not built", "`/var/task/bootstrap` is not among the files", "readme"]);
    assert_eq!(world.good(&["history", "--json"]).json()["lines"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_entry_point_that_cannot_start_fails_its_gate_and_users_keep_what_they_had() {
    let world = one_function("#!/no/such/interpreter\n", 5);
    check(
        &world.tiers(&["deploy", "dev"]),
        1,
        &["failed", "gate `health`", "needs its own root", "users are served by"],
    );
    let state = world.state("dev");
    assert_eq!((&state["open"], &state["serving"]), (&Value::Null, &Value::Null), "{state:#}");
    let live = &world.live("dev")["shop-web-dev"];
    assert_eq!(live.alias, "1", "{live:?}");
    assert_eq!(state["last"]["ending"], "failed");
}

#[test]
fn a_function_that_dies_while_it_starts_fails_its_gate() {
    let world = one_function("#!/bin/sh\necho 'no settings file' >&2\nexit 3\n", 5);
    check(&world.tiers(&["deploy", "dev"]), 1, &["failed", "gate `health` failed"]);
    assert_eq!(world.state("dev")["last"]["ending"], "failed");
}

#[test]
fn a_function_that_never_answers_fails_at_its_timeout() {
    let world = one_function("#!/bin/sh\nexec sleep 1000\n", 1);
    let since = Instant::now();
    check(&world.tiers(&["deploy", "dev"]), 1, &["failed", "gate `health` failed", "imed out"]);
    assert!(since.elapsed() < Duration::from_secs(60), "{:?}", since.elapsed());
    assert_eq!(world.state("dev")["last"]["ending"], "failed");
}

#[test]
fn a_gate_command_that_forks_and_hangs_is_killed_with_its_whole_group() {
    let toml = SHOP.replacen("[\"true\"]\ntimeout = \"30s\"", "[\"sh\", \"site/hang.sh\"]\ntimeout = \"1s\"", 1);
    let world = World::new(&toml, &[]);
    let pids = world.path("../pids");
    let hang = format!("sleep 1000 & echo $! >> '{0}'\nsetsid sleep 1001 & echo $! >> '{0}'\nwait\n", pids.display());
    world.write("site/hang.sh", &hang);
    world.release("hangs");
    let since = Instant::now();
    check(&world.tiers(&["deploy", "dev"]), 1, &["failed", "smoke", "1"]);
    assert!(since.elapsed() < Duration::from_secs(60), "{:?}", since.elapsed());
    let started = fs::read_to_string(pids).expect("the gate ran");
    let child = started.lines().next().expect("a process");
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !is_running(child)
    });
    assert!(gone, "process {child} of the gate's group still runs");
    for left in started.lines().skip(1).filter(|pid| is_running(pid)) {
        // A child that left the group on purpose is the gate's own affair; this test cleans up behind it.
        let pid = left.parse().ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("a signal");
    }
    assert_eq!(world.state("dev")["last"]["ending"], "failed");
}

fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state stands behind the name; a process that nobody has waited for yet is as good as gone.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn a_full_disk_is_named_and_nothing_is_lost() {
    let world = running_shop();
    let release = world.release("too much");
    // Files may have a kilobyte, and records are longer: the write fails where a full disk would fail it.
    let head = world.head("dev");
    let line = format!("ulimit -f 2; trap '' XFSZ; exec '{}' deploy dev", crate::world::PROGRAM);
    let full = world.shell(&line);
    check(&full, 4, &["ledger"]);
    assert_eq!(world.head("dev"), head, "nothing was recorded");
    world.good(&["deploy", "dev"]);
    world.check("dev", &release, "after the disk was full");
}

#[test]
fn a_ledger_on_a_full_file_system_ends_errored_and_goes_on_when_there_is_room() {
    let world = World::shop();
    let Some(disk) = Disk::mounted(&world, "16k") else {
        println!("skipped: no file system can be mounted here; the test with a limit on file sizes stands in for it");
        return;
    };
    let full = world.tiers(&["deploy", "dev"]);
    check(&full, 4, &["ledger"]);
    disk.remount("8m");
    let resumed = world.tiers(&["resume", "dev"]);
    check(&resumed, 0, &[]);
    let release = world.good(&["build", "--json"]).json();
    world.good(&["deploy", "dev"]);
    world.check("dev", release["release"]["id"].as_str().expect("an id"), "after there was room again");
}

/// A small file system in the place of the ledger, with what was there.
struct Disk {
    path: std::path::PathBuf,
}

impl Disk {
    fn mounted(world: &World, size: &str) -> Option<Disk> {
        let path = world.path(".tiers/ledger");
        let keep = world.path(".tiers/ledger.kept");
        fs::rename(&path, &keep).expect("renamed");
        fs::create_dir(&path).expect("a folder");
        let options = format!("size={size}");
        let mounted =
            std::process::Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let disk = Disk { path };
        let copied = std::process::Command::new("cp").arg("-a").arg(keep.join(".")).arg(&disk.path).output();
        assert!(copied.is_ok_and(|output| output.status.success()), "the ledger fits");
        Some(disk)
    }

    fn remount(&self, size: &str) {
        let options = format!("remount,size={size}");
        let run = std::process::Command::new("mount").args(["-o", &options]).arg(&self.path).output();
        assert!(run.is_ok_and(|output| output.status.success()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.path).output();
    }
}

#[test]
fn a_read_only_ledger_is_named_and_can_still_be_read() {
    let world = World::shop();
    let Some(disk) = Disk::mounted(&world, "8m") else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    world.good(&["deploy", "dev"]);
    let serving = world.serves("dev");
    let release = world.release("cannot be recorded");
    let run = std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.path).output();
    assert!(run.is_ok_and(|output| output.status.success()));
    check(&world.tiers(&["deploy", "dev"]), 4, &["ledger", "ead-only"]);
    check(&world.tiers(&["status"]), 0, &[&serving]);
    check(&world.tiers(&["history"]), 0, &[&serving]);
    check(&world.tiers(&["ledger", "verify"]), 0, &["sound"]);
    let run = std::process::Command::new("mount").args(["-o", "remount,rw"]).arg(&disk.path).output();
    assert!(run.is_ok_and(|output| output.status.success()));
    world.good(&["deploy", "dev"]);
    world.check("dev", &release, "after the ledger could be written again");
}

#[test]
fn a_truncated_record_is_named_and_the_rest_still_works() {
    let world = running_shop();
    world.good(&["promote", "staging"]);
    let serving = world.serves("staging");
    let head = world.newest_record("dev");
    let bytes = fs::read(&head).expect("a record");
    fs::set_permissions(&head, fs::Permissions::from_mode(0o644)).expect("permissions");
    fs::write(&head, &bytes[..bytes.len() / 2]).expect("a file");
    let file = head.file_name().and_then(|name| name.to_str()).expect("a name");
    check(&world.tiers(&["status"]), 4, &["can't be read", file, &serving, "tiers ledger verify"]);
    check(&world.tiers(&["status", "staging"]), 0, &[&serving]);
    check(&world.tiers(&["ledger", "verify"]), 1, &[file, "not sound"]);
    world.write("site/bootstrap", "#!/bin/sh\n# more\n");
    world.commit("more");
    world.good(&["build"]);
    check(&world.tiers(&["deploy", "dev"]), 4, &["dev/shop", file, "nothing is appended"]);
    // Staging depends on the evidence in dev, and what can't be read may hide a revocation.
    check(&world.tiers(&["promote", "staging"]), 4, &["dev/shop"]);
    check(&world.tiers(&["verify", "staging"]), 0, &["what is live is what the ledger says"]);
    fs::write(&head, &bytes).expect("a file");
    world.good(&["deploy", "dev"]);
}

#[test]
fn records_from_the_future_are_read_and_followed() {
    let world = running_shop();
    // The last record of dev is written anew with a clock that runs a year ahead: as if this one had gone back since.
    let head = world.newest_record("dev");
    let bytes = fs::read(&head).expect("a record");
    let mut record = tiers_core::record::Record::parse(&bytes).expect("a record");
    let ahead = record.at + jiff::SignedDuration::from_hours(24 * 365);
    let text = |at: jiff::Timestamp| serde_json::to_string(&at).expect("a time");
    let state = serde_json::to_string(&record.state).expect("JSON").replace(&text(record.at), &text(ahead));
    record.state = serde_json::from_str(&state).expect("JSON");
    record.at = ahead;
    fs::set_permissions(&head, fs::Permissions::from_mode(0o644)).expect("permissions");
    fs::write(&head, record.to_bytes()).expect("a file");
    // This machine remembers the record that it saw, and would call the new one altered.
    fs::remove_dir_all(world.path(".tiers/cache")).expect("removed");
    check(&world.tiers(&["status"]), 0, &["dev", "verified"]);
    check(&world.tiers(&["history"]), 0, &["succeeded"]);
    // And whatever somebody called himself, or wrote, steers no terminal.
    let who = [("TIERS_ACTOR", "otto\nlied \u{1b}]0;title\u{7}")];
    let held = world.tiers_with(&["hold", "prod", "--reason", "wait\u{1b}[2J"], &who);
    assert_eq!(held.code(), 0, "{held:#?}");
    for command in ["history", "status"] {
        let shown = world.good(&[command]);
        assert!(!shown.out.contains(['\u{1b}', '\u{7}']) && shown.out.contains("[2J"), "{shown:#?}");
    }
    assert!(world.good(&["history"]).out.contains("otto lied ]0;title"));
    world.good(&["unhold", "prod"]);
    check(&world.tiers(&["trace", "HEAD"]), 0, &["dev"]);
    let release = world.release("after the clock went back");
    world.good(&["deploy", "dev"]);
    assert_eq!(world.serves("dev"), release);
    world.good(&["verify"]);
    world.good(&["promote", "staging"]);
}

#[test]
fn a_host_that_died_comes_back_with_what_it_held() {
    let world = running_shop();
    let release = world.serves("dev");
    let before = world.live("dev");
    let pid = world.good(&["local", "status", "--json"]).json()["pid"].as_i64().expect("a process id");
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("small")).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("a signal");
    let gone = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        world.tiers(&["local", "status"]).code() == 3
    });
    assert!(gone, "the host is dead");
    check(&world.tiers(&["verify", "dev"]), 0, &["what is live is what the ledger says"]);
    assert_eq!(world.live("dev"), before);
    let next = world.release("after the host died");
    world.good(&["deploy", "dev"]);
    world.check("dev", &next, "after the host died");
    assert_ne!(release, next);
}
