//! Working trees: clean ones are their commit, dirty ones have the identity that committing them would give.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tiers_core::source::{select, source_id};
use tiers_edge::git::GitError;

use super::{Project, git, globs, listed, names};

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
