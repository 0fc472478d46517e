//! What surrounds a repository, and must not lead astray: the user's settings, variables, and a git that hangs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use tiers_edge::git::{GitError, Repository};

use super::{Project, everything, globs, materialised, names};

#[test]
fn replacements_and_attributes_of_the_user_do_not_alter_what_is_read() {
    let project = Project::new();
    let first = project.write("a", "1").commit("first");
    let second = project.write("a", "2").commit("second");
    project.git(&["replace", &second, &first]);
    assert_eq!(materialised(&project, "HEAD")["a"], "644 2");
}

#[test]
fn git_that_does_not_end_is_stopped_with_what_it_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("slow-git");
    fs::write(&program, "#!/bin/sh\nsleep 600 &\nwait\n").expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
    let project = Project::new();
    project.write("a", "").commit("first");
    // Found with the real one, since the slow one never answers.
    let repository = project.repository();
    let slow = repository.with_program(&program).with_limit(Duration::from_millis(300));
    let started = Instant::now();
    let error = slow.resolve("HEAD").expect_err("a timeout");
    assert!(matches!(error, GitError::TimedOut { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// Runs itself once more, in a process whose environment points git elsewhere, as a git hook's does.
#[test]
fn the_callers_git_variables_do_not_lead_astray() {
    const INSIDE: &str = "TIERS_TEST_ASTRAY";
    if std::env::var_os(INSIDE).is_some() {
        return find_and_read_with_stray_variables();
    }
    let decoy = Project::new();
    decoy.write("decoy", "").commit("decoy");
    let elsewhere = decoy.root().join(".git");
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "git::strays::the_callers_git_variables_do_not_lead_astray"])
        .env(INSIDE, "1")
        .env("GIT_DIR", &elsewhere)
        .env("GIT_WORK_TREE", decoy.root())
        .env("GIT_INDEX_FILE", elsewhere.join("index"))
        .env("GIT_OBJECT_DIRECTORY", elsewhere.join("objects"))
        .env("GIT_CONFIG_PARAMETERS", "'core.bare=true'")
        .env("GIT_NAMESPACE", "elsewhere")
        .env("GIT_EXTERNAL_DIFF", "false")
        .env("GIT_LITERAL_PATHSPECS", "0")
        .output()
        .expect("a test run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn find_and_read_with_stray_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    let clean = |args: &[&str]| {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        command.args(["-c", "user.name=a", "-c", "user.email=b"]).args(args).current_dir(folder.path());
        assert!(command.output().expect("git").status.success(), "{args:?}");
    };
    clean(&["init", "--quiet"]);
    fs::write(folder.path().join("mine"), "").expect("a file");
    clean(&["add", "mine"]);
    clean(&["commit", "--quiet", "-m", "mine"]);
    fs::write(folder.path().join("new"), "").expect("a file");
    let repository = Repository::discover(folder.path()).expect("a repository");
    assert_eq!(repository.root().canonicalize().expect("it"), folder.path().canonicalize().expect("it"));
    assert_eq!(names(&everything(&repository, "HEAD").entries), ["mine"]);
    let working = repository.working_tree(&globs(&["**"])).expect("a working tree");
    assert_eq!(names(&working.entries), ["mine", "new"]);
}
