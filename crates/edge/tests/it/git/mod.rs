//! The git adapter against the real program: what a commit holds, whatever the checkout looks like.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tiers_core::source::{Globs, Selection, TreeEntry, select};
use tiers_edge::git::Repository;

mod commits;
mod strays;
mod trees;
mod working;

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
