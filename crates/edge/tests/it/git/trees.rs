//! Trees: what is listed, selected and written comes from the commit, whatever the checkout looks like.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use tiers_core::source::{Mode, select, source_id};
use tiers_edge::git::{GitError, Repository};

use super::{Project, everything, git, globs, materialised, names};

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
