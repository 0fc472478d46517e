//! The git adapter against the real program: what a commit holds, whatever the checkout looks like.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tiers_core::source::{Globs, Mode, Selection, TreeEntry, select, source_id};
use tiers_edge::git::{GitError, Repository};

/// A repository in a folder that goes away with the value.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Project {
        let project = Project { folder: tempfile::tempdir().expect("a temporary folder") };
        fs::create_dir(project.root()).expect("a folder");
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project
    }

    /// The name is one that careless code trips over.
    fn root(&self) -> PathBuf {
        self.folder.path().join("a project: \"quoted\" ü")
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.root(), args)
    }

    fn write(&self, path: &str, content: &str) -> &Project {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, content).expect("a file");
        self
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn repository(&self) -> Repository {
        Repository::discover(&self.root()).expect("a repository")
    }
}

/// Git as a test uses it: with an identity and without anybody's configuration.
fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A U Thor", "-c", "user.email=author@example.com", "-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
        .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:06Z")
        .output()
        .expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

fn globs(texts: &[&str]) -> Globs {
    Globs::parse(texts).expect("good globs")
}

fn names(entries: &[TreeEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.name().into_owned()).collect()
}

fn everything(repository: &Repository, revision: &str) -> Selection {
    let commit = repository.resolve(revision).expect("a commit");
    select(&repository.tree(&commit).expect("a tree"), &globs(&["**"])).expect("files")
}

/// Path, mode and content of what is in a folder; links as `-> target`.
fn listed(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(root).expect("below").display().to_string();
            let meta = path.symlink_metadata().expect("an entry");
            assert_eq!(meta.mtime(), 315_532_800, "{name}");
            if meta.is_symlink() {
                found.insert(name, format!("-> {}", fs::read_link(&path).expect("a link").display()));
            } else if meta.is_dir() {
                assert_eq!(meta.permissions().mode() & 0o7777, 0o755, "{name}");
                open.push(path);
            } else {
                let content = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
                found.insert(name, format!("{:o} {content}", meta.permissions().mode() & 0o7777));
            }
        }
    }
    found
}

fn materialised(project: &Project, revision: &str) -> BTreeMap<String, String> {
    let repository = project.repository();
    let into = project.folder.path().join("materialised");
    let _ = fs::remove_dir_all(&into);
    let selection = everything(&repository, revision);
    let done = repository.materialise(&selection.entries, &into).expect("files");
    let found = listed(&into);
    assert_eq!(done.files as usize, found.len());
    found
}

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

#[test]
fn names_of_every_kind_are_listed_and_written() {
    let project = Project::new();
    let paths =
        ["with space", "new\nline", "tab\there", "ünï/cödé", "quote\"s", "back\\slash", "-dash", ".hidden", "*"];
    for path in paths {
        project.write(path, path);
    }
    project.commit("names");
    let repository = project.repository();
    let mut expected: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    expected.sort();
    assert_eq!(names(&everything(&repository, "HEAD").entries), expected);
    let files = materialised(&project, "HEAD");
    for path in paths {
        assert_eq!(files[path], format!("644 {path}"));
        let commit = repository.resolve("HEAD").expect("a commit");
        assert_eq!(repository.read_file(&commit, path).expect(path).as_deref(), Some(path.as_bytes()), "{path}");
    }
}

#[test]
fn a_name_that_is_not_utf_8_hurts_only_those_who_select_it() {
    use std::os::unix::ffi::OsStrExt as _;
    let project = Project::new();
    project.write("app/a", "1").commit("first");
    fs::write(project.root().join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "").expect("a file");
    project.commit("latin");
    let repository = project.repository();
    let tree = repository.tree(&repository.resolve("HEAD").expect("a commit")).expect("a tree");
    assert_eq!(tree.len(), 2);
    select(&tree, &globs(&["app/**"])).expect("not concerned");
    assert!(select(&tree, &globs(&["**"])).expect_err("concerned").to_string().contains("not UTF-8"));
}

#[test]
fn modes_and_links_are_kept_and_the_umask_has_no_say() {
    let project = Project::new();
    project.write("run", "#!").write("plain", "").write("data/x", "x");
    fs::set_permissions(project.root().join("run"), fs::Permissions::from_mode(0o700)).expect("a mode");
    symlink("data/x", project.root().join("link")).expect("a link");
    project.commit("modes");
    let files = materialised(&project, "HEAD");
    assert_eq!(files["run"], "755 #!");
    assert_eq!(files["plain"], "644 ");
    assert_eq!(files["link"], "-> data/x");
}

#[test]
fn what_is_written_comes_from_the_commit_and_not_from_the_checkout() {
    let project = Project::new();
    project
        .write(".gitattributes", "*.txt text eol=crlf\nsecret export-ignore\nid ident\n")
        .write(".gitignore", "*.log\n");
    project.write("a.txt", "one\ntwo\n").write("secret", "s").write("id", "$Id$");
    project.commit("first");
    // A fresh checkout has CRLF in it; later the files are changed, ignored ones appear, and one is deleted.
    fs::remove_file(project.root().join("a.txt")).expect("removed");
    project.git(&["checkout", "--", "a.txt"]);
    assert_eq!(fs::read_to_string(project.root().join("a.txt")).expect("text"), "one\r\ntwo\r\n");
    project.write("build.log", "ignored").write("id", "changed");
    fs::remove_file(project.root().join("secret")).expect("removed");
    let files = materialised(&project, "HEAD");
    assert_eq!(files["a.txt"], "644 one\ntwo\n");
    assert_eq!(files["id"], "644 $Id$");
    assert_eq!(files["secret"], "644 s");
    assert!(!files.contains_key("build.log"));
}

#[test]
fn merge_squash_and_rebase_with_the_same_files_have_one_source() {
    let project = Project::new();
    project.write("src/a", "1").write("README", "1").commit("first");
    project.git(&["checkout", "--quiet", "-b", "feature"]);
    project.write("src/b", "2").commit("a step");
    project.write("src/b", "3").commit("another step");
    project.git(&["checkout", "--quiet", "main"]);
    project.write("README", "2").commit("meanwhile");
    for (branch, command) in [
        ("merged", vec!["merge", "--quiet", "--no-ff", "-m", "merge", "feature"]),
        ("squashed", vec!["merge", "--quiet", "--squash", "feature"]),
        ("rebased", vec!["cherry-pick", "main..feature"]),
    ] {
        project.git(&["checkout", "--quiet", "-b", branch, "main"]);
        project.git(&command);
        project.commit("whatever is left");
    }
    let repository = project.repository();
    let source = |revision: &str, paths: &[&str]| {
        let tree = repository.tree(&repository.resolve(revision).expect("a commit")).expect("a tree");
        source_id(&tree, &globs(paths)).expect("a source")
    };
    let feature = source("feature", &["src/**"]);
    for branch in ["merged", "squashed", "rebased"] {
        assert_eq!(source(branch, &["src/**"]), feature, "{branch}");
    }
    assert_ne!(source("main", &["src/**"]), feature);
    assert_ne!(source("merged", &["**"]), source("feature", &["**"]), "the README is another");
}

#[test]
fn links_out_of_the_tree_are_refused() {
    for target in ["/etc/passwd", "../outside", "a/../../x"] {
        let project = Project::new();
        symlink(target, project.root().join("link")).expect("a link");
        project.commit("a link");
        let repository = project.repository();
        let entries = everything(&repository, "HEAD").entries;
        let error = repository.materialise(&entries, &project.folder.path().join("out")).expect_err(target);
        assert!(matches!(error, GitError::LinkOutside { .. }), "{error}");
    }
}

#[test]
fn lfs_content_is_taken_where_it_was_fetched_and_asked_for_where_not() {
    let content = "the real content";
    let id = tiers_core::id::Digest::of(content.as_bytes()).hex().to_owned();
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize {}\n", content.len());
    let project = Project::new();
    project.write("model.bin", &pointer).commit("a pointer");
    let repository = project.repository();
    let entries = everything(&repository, "HEAD").entries;
    let error = repository.materialise(&entries, &project.folder.path().join("out")).expect_err("no content");
    assert!(matches!(&error, GitError::LfsContent { paths } if paths == &["model.bin"]), "{error}");
    let kept = project.root().join(".git/lfs/objects").join(&id[..2]).join(&id[2..4]);
    fs::create_dir_all(&kept).expect("folders");
    fs::write(kept.join(&id), "other content!!!").expect("a file");
    let error = repository.materialise(&entries, &project.folder.path().join("out2")).expect_err("wrong content");
    assert!(matches!(error, GitError::LfsContent { .. }), "{error}");
    fs::write(kept.join(&id), content).expect("a file");
    assert_eq!(materialised(&project, "HEAD")["model.bin"], format!("644 {content}"));
}

#[test]
fn a_submodule_is_an_entry_that_selecting_refuses() {
    let library = Project::new();
    library.write("x", "").commit("first");
    let project = Project::new();
    project.write("a", "").git(&["submodule", "--quiet", "add", &library.root().display().to_string(), "vendor/lib"]);
    project.commit("a submodule");
    let repository = project.repository();
    let tree = repository.tree(&repository.resolve("HEAD").expect("a commit")).expect("a tree");
    assert!(tree.iter().any(|entry| entry.mode == Mode::Submodule && entry.path == b"vendor/lib"));
    let message = source_id(&tree, &globs(&["**"])).expect_err("refused").to_string();
    assert!(message.contains("`vendor/lib` is a git submodule"), "{message}");
    source_id(&tree, &globs(&["a"])).expect("not concerned");
}

#[test]
fn objects_that_a_filtered_clone_lacks_are_named_and_never_fetched() {
    let upstream = Project::new();
    upstream.write("a", "1").commit("first");
    upstream.git(&["config", "uploadpack.allowFilter", "true"]);
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}", upstream.root().display().to_string().replace(' ', "%20").replace('"', "%22"));
    git(folder.path(), &["clone", "--quiet", "--no-checkout", "--filter=blob:none", &url, "clone"]);
    let repository = Repository::discover(&folder.path().join("clone")).expect("a repository");
    let entries = everything(&repository, "HEAD").entries;
    let error = repository.materialise(&entries, &folder.path().join("out")).expect_err("not there");
    let message = error.to_string();
    assert!(message.contains("filter") || message.contains("lazy"), "{message}");
}

#[test]
fn a_file_is_read_at_a_revision_or_is_absent() {
    let project = Project::new();
    project.write("dir/file", "content").commit("first");
    let repository = project.repository();
    let commit = repository.resolve("HEAD").expect("a commit");
    assert_eq!(repository.read_file(&commit, "dir/file").expect("a file").as_deref(), Some(b"content".as_slice()));
    assert_eq!(repository.read_file(&commit, "nothing").expect("an answer"), None);
    assert!(matches!(repository.read_file(&commit, "dir"), Err(GitError::Unexpected { .. })));
}

#[test]
fn a_clean_working_tree_is_its_commit() {
    let project = Project::new();
    project.write("a", "1").write(".gitignore", "*.log").commit("first");
    project.write("x.log", "ignored");
    let repository = project.repository();
    assert_eq!(repository.changes(&globs(&["**"])).expect("changes"), []);
    let working = repository.working_tree(&globs(&["**"])).expect("a working tree");
    assert_eq!(working.base, Some(repository.resolve("HEAD").expect("a commit")));
    let mut tree = repository.tree(&repository.resolve("HEAD").expect("a commit")).expect("a tree");
    tree.sort();
    let mut entries = working.entries.clone();
    entries.sort();
    assert_eq!(entries, tree);
}

#[test]
fn a_dirty_tree_has_the_identity_that_committing_it_would_give() {
    let project = Project::new();
    project.write(".gitattributes", "*.txt text\n").write(".gitignore", "*.log\n");
    project.write("src/changed.txt", "1\n").write("src/deleted", "2").write("src/staged", "3").write("other", "4");
    project.write("src/folder", "a file that becomes a folder").commit("first");
    project
        .write("src/changed.txt", "windows\r\nendings\r\n")
        .write("src/new name\n", "5")
        .write("src/ignored.log", "6");
    fs::remove_file(project.root().join("src/deleted")).expect("removed");
    fs::remove_file(project.root().join("src/folder")).expect("removed");
    project.write("src/folder/inner", "7").write("src/staged", "8").git(&["add", "src/staged"]);
    project.write("src/staged", "9, after staging").write("other", "not selected");
    let index = fs::read(project.root().join(".git/index")).expect("the index");
    let objects = || walk(&project.root().join(".git/objects")).len();
    let before = objects();

    let repository = project.repository();
    let selected = globs(&["src/**"]);
    let working = repository.working_tree(&selected).expect("a working tree");
    let paths: Vec<_> = working.changes.iter().map(|change| change.path.as_str()).collect();
    for path in ["src/changed.txt", "src/deleted", "src/folder", "src/folder/inner", "src/new name\n", "src/staged"] {
        assert!(paths.contains(&path), "{path}: {paths:?}");
    }
    assert_eq!(paths.len(), 6, "{paths:?}");
    let selection = select(&working.entries, &selected).expect("files");
    let into = project.folder.path().join("dirty");
    working.materialise(&selection.entries, &into).expect("written");
    let files = listed(&into);
    assert_eq!(files["src/changed.txt"], "644 windows\nendings\n");
    assert_eq!(files["src/staged"], "644 9, after staging");
    assert_eq!(files["src/folder/inner"], "644 7");
    assert!(!files.contains_key("src/ignored.log") && !files.contains_key("src/deleted"));

    assert_eq!(fs::read(project.root().join(".git/index")).expect("the index"), index, "the index is left alone");
    assert_eq!(objects(), before, "so are the objects");
    let dirty = selection.source_id();
    project.commit("what was dirty");
    let tree = repository.tree(&repository.resolve("HEAD").expect("a commit")).expect("a tree");
    assert_eq!(source_id(&tree, &selected).expect("a source"), dirty);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path().is_dir() {
            true => found.extend(walk(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

#[test]
fn a_working_tree_before_the_first_commit_is_all_new() {
    let project = Project::new();
    project.write("a", "1");
    let working = project.repository().working_tree(&globs(&["**"])).expect("a working tree");
    assert_eq!((working.base.clone(), names(&working.entries)), (None, vec!["a".to_owned()]));
    assert_eq!(working.changes[0].status, "??");
}

#[test]
fn conflicts_and_nested_repositories_stop_a_dirty_build() {
    let project = Project::new();
    project.write("a", "1").commit("first");
    project.git(&["checkout", "--quiet", "-b", "other"]);
    project.write("a", "2").commit("second");
    project.git(&["checkout", "--quiet", "main"]);
    project.write("a", "3").commit("third");
    let merge = Command::new("git").args(["merge", "other"]).current_dir(project.root()).output().expect("git");
    assert!(!merge.status.success());
    let repository = project.repository();
    let error = repository.working_tree(&globs(&["**"])).expect_err("a conflict");
    assert!(matches!(&error, GitError::Conflicts { paths } if paths == &["a"]), "{error}");
    repository.working_tree(&globs(&["b/**"])).expect("not concerned");

    project.git(&["reset", "--quiet", "--hard"]);
    project.write("nested/x", "");
    git(&project.root().join("nested"), &["init", "--quiet"]);
    git(&project.root().join("nested"), &["commit", "--quiet", "--allow-empty", "-m", "inner"]);
    let error = repository.working_tree(&globs(&["**"])).expect_err("a nested repository");
    assert!(matches!(error, GitError::NestedRepository { .. }), "{error}");
}

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
        .args(["--exact", "git::the_callers_git_variables_do_not_lead_astray"])
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
