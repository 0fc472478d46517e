//! Commits: how they are found and named, and what is known of them.

use std::io::Write as _;
use std::process::Command;

use tiers_edge::git::{GitError, Repository};

use super::{Project, git};

#[test]
fn a_repository_is_found_from_any_folder_inside_it() {
    let project = Project::new();
    project.write("a/b/c", "").commit("first");
    let repository = Repository::discover(&project.root().join("a/b")).expect("a repository");
    assert_eq!(repository.root().canonicalize().expect("a folder"), project.root().canonicalize().expect("a folder"));
}

#[test]
fn what_is_no_repository_is_said_plainly() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = Repository::discover(folder.path()).expect_err("no repository");
    assert!(matches!(error, GitError::NotARepository { .. }), "{error}");
    let error = Repository::discover(&folder.path().join("missing")).expect_err("no folder");
    assert!(matches!(error, GitError::NotARepository { .. }), "{error}");
    git(folder.path(), &["init", "--quiet", "--bare", "bare.git"]);
    let error = Repository::discover(&folder.path().join("bare.git")).expect_err("no working tree");
    assert!(matches!(error, GitError::NoWorkTree { .. }), "{error}");
    let error = Repository::discover_with("no-such-git", folder.path()).expect_err("no git");
    assert!(matches!(error, GitError::NoGit { .. }) && error.to_string().contains("no-such-git"), "{error}");
}

#[test]
fn a_folder_of_somebody_else_is_explained() {
    let project = Project::new();
    project.write("a", "").commit("first");
    if std::os::unix::fs::chown(project.root(), Some(12345), None).is_err() {
        // Not by `eprintln!`, which the test harness swallows.
        let _ = writeln!(std::io::stderr(), "NOT TESTED: only root can make a folder that belongs to somebody else");
        return;
    }
    let error = Repository::discover(&project.root()).expect_err("not ours");
    assert!(matches!(error, GitError::NotOurs { .. }), "{error}");
    assert!(error.to_string().contains("safe.directory"), "{error}");
}

#[test]
fn every_name_of_a_commit_means_that_commit() {
    let project = Project::new();
    let first = project.write("a", "1").commit("first");
    project.git(&["tag", "light"]);
    project.git(&["tag", "-a", "heavy", "-m", "annotated"]);
    project.git(&["branch", "other/branch"]);
    let repository = project.repository();
    for name in ["HEAD", "main", "light", "heavy", "other/branch", "refs/tags/heavy", &first, &first[..10]] {
        assert_eq!(repository.resolve(name).expect(name).as_str(), first, "{name}");
    }
}

#[test]
fn names_that_mean_nothing_or_too_much_are_errors() {
    let project = Project::new();
    project.write("a", "1").commit("first");
    project.git(&["tag", "double"]);
    project.write("a", "2").commit("second");
    project.git(&["branch", "double"]);
    let repository = project.repository();
    for name in ["missing", "", "--all", "a\nb", "HEAD:a", &"0".repeat(40), "main^{tree}"] {
        let error = repository.resolve(name).expect_err(name);
        assert!(matches!(error, GitError::UnknownRevision { .. }), "{name}: {error}");
    }
    let message = repository.resolve("double").expect_err("two meanings").to_string();
    assert!(message.contains("refs/tags/"), "{message}");
    assert_ne!(
        repository.resolve("refs/tags/double").expect("the tag"),
        repository.resolve("refs/heads/double").expect("the branch")
    );
}

#[test]
fn a_checkout_of_a_tag_finds_its_branches_at_the_remote() {
    let upstream = Project::new();
    let first = upstream.write("tiers.toml", "old").commit("first");
    upstream.git(&["tag", "v1"]);
    let second = upstream.write("tiers.toml", "new").commit("second");
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["clone", "--quiet", "--branch", "v1", &upstream.root().display().to_string(), "clone"]);
    let clone = folder.path().join("clone");
    // Clones of a tag get no branch, as in CI; git makes one only when it is asked for.
    let _ = Command::new("git").args(["branch", "-D", "main"]).current_dir(&clone).output();
    let repository = Repository::discover(&clone).expect("a repository");
    assert_eq!(repository.current_branch().expect("an answer"), None);
    let tip = repository.branch("main").expect("the remote's");
    assert_eq!((tip.commit.as_str(), tip.reference.as_str()), (second.as_str(), "refs/remotes/origin/main"));
    let head = repository.resolve("HEAD").expect("a commit");
    assert_eq!(head.as_str(), first);
    assert_eq!(repository.merge_base(&head, &tip.commit).expect("an answer"), Some(head.clone()));
    assert!(repository.is_ancestor(&head, &tip.commit).expect("an answer"));
    assert!(!repository.is_ancestor(&tip.commit, &head).expect("an answer"));
    let policy = repository.read_file(&tip.commit, "tiers.toml").expect("a file");
    assert_eq!(policy.as_deref(), Some(b"new".as_slice()), "from the protected branch, not from the checkout");
    let message = repository.branch("nowhere").expect_err("no branch").to_string();
    assert!(message.contains("git fetch origin nowhere"), "{message}");
    let message = repository.resolve("origin/nowhere").expect_err("no branch").to_string();
    assert!(message.contains("git fetch origin nowhere"), "{message}");
}

#[test]
fn a_shallow_clone_says_that_its_history_ends() {
    let upstream = Project::new();
    let first = upstream.write("a", "1").commit("first");
    upstream.write("a", "2").commit("second");
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}", upstream.root().display().to_string().replace(' ', "%20").replace('"', "%22"));
    git(folder.path(), &["clone", "--quiet", "--depth=1", &url, "clone"]);
    let repository = Repository::discover(&folder.path().join("clone")).expect("a repository");
    assert!(repository.is_shallow().expect("an answer"));
    let head = repository.resolve("HEAD").expect("a commit");
    let other = tiers_core::id::Commit(git(&folder.path().join("clone"), &["commit-tree", "HEAD^{tree}", "-m", "x"]));
    let error = repository.is_ancestor(&other, &head).expect_err("unknown");
    assert!(matches!(error, GitError::Shallow { .. }) && error.to_string().contains("--unshallow"), "{error}");
    assert!(matches!(repository.merge_base(&other, &head), Err(GitError::Shallow { .. })));
    let message = repository.resolve(&first).expect_err("not fetched").to_string();
    assert!(message.contains("shallow"), "{message}");
}

#[test]
fn a_commit_says_who_when_and_what() {
    let project = Project::new();
    let first = project.write("a", "").commit("Begin: ünïcode \"quotes\"\n\nA body.");
    let second = project.write("a", "2").commit("second");
    let repository = project.repository();
    let info = repository.commit(&repository.resolve(&first).expect("a commit")).expect("its words");
    assert_eq!((info.id.as_str(), info.parents.len()), (first.as_str(), 0));
    assert_eq!((info.author.as_str(), info.author_email.as_str()), ("A U Thor", "author@example.com"));
    assert_eq!((info.authored_at_s, info.committed_at_s), (1_767_323_045, 1_767_323_046));
    assert_eq!(info.subject, "Begin: ünïcode \"quotes\"");
    let info = repository.commit(&repository.resolve(&second).expect("a commit")).expect("its words");
    assert_eq!(info.parents[0].as_str(), first);
}

#[test]
fn tags_and_branches_at_and_around_a_commit_are_listed() {
    let project = Project::new();
    let first = project.write("a", "1").commit("first");
    project.git(&["tag", "v1.0.0"]);
    project.git(&["branch", "release/1"]);
    project.write("a", "2").commit("second");
    project.git(&["tag", "-a", "v2.0.0", "-m", "two"]);
    let repository = project.repository();
    let first = repository.resolve(&first).expect("a commit");
    let head = repository.resolve("HEAD").expect("a commit");
    assert_eq!(repository.tags_at(&first).expect("tags"), ["v1.0.0"]);
    assert_eq!(repository.tags_at(&head).expect("tags"), ["v2.0.0"]);
    assert_eq!(repository.tags_containing(&first).expect("tags"), ["v1.0.0", "v2.0.0"]);
    assert_eq!(repository.branches_at(&first).expect("branches"), ["release/1"]);
    assert_eq!(repository.branches_containing(&first).expect("branches"), ["main", "release/1"]);
    assert_eq!(repository.current_branch().expect("an answer").as_deref(), Some("main"));
}
