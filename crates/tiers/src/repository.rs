//! The files of a repository that a check looks at: where its root is, what git ignores, and how much is read at most.
//!
//! Links are followed as Terraform follows them, as long as they stay in the repository; nothing else outside of it is read.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ignore::{DirEntry, WalkBuilder, WalkState};
use tiers_check::{FileTree, NamedFiles, SKIPPED_FOLDERS, Wanted, may_be_named, wanted};

use crate::context::FILE;
use crate::fault::Fault;

/// Configuration that somebody wrote is far smaller; what is larger was generated or is no configuration.
const FILE_BYTES_MAX: u64 = 4 << 20;
const ENTRIES_MAX: usize = 2_000_000;
const BYTES_MAX: usize = 1 << 30;
/// Data that configuration reads is smaller still, and there are few files of it.
const DATA_BYTES_MAX: u64 = 256 << 10;
const DATA_FILES_MAX: usize = 2_000;
/// Deeper than any repository, so that folders that link to each other end.
const DEPTH_MAX: usize = 48;

/// What was read, and what was not.
pub struct Files {
    pub tree: FileTree,
    /// Lines for people: what was passed over, and why.
    pub notes: Vec<String>,
}

/// The folder that a check of `start` is about: the nearest one above it with a tiers.toml or a git repository, or `start` itself.
pub fn root_of(start: &Path) -> PathBuf {
    let folder = if start.is_dir() { start } else { start.parent().unwrap_or(start) };
    let marked = |folder: &&Path| folder.join(FILE).is_file() || folder.join(".git").exists();
    folder.ancestors().find(marked).unwrap_or(folder).to_owned()
}

/// Reads what a check wants to see below `root`. `leave_out` are paths and globs from tiers.toml.
pub fn read(root: &Path, leave_out: &[String]) -> Result<Files, Fault> {
    let found = Found::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .require_git(false)
        .parents(false)
        .follow_links(true)
        .max_depth(Some(DEPTH_MAX))
        .threads(threads)
        .build_parallel();
    walk.run(|| {
        Box::new(|entry| match entry {
            Ok(entry) => found.take(root, leave_out, &entry),
            Err(error) => {
                found.note(error.to_string());
                WalkState::Continue
            }
        })
    });
    if found.entries.load(Ordering::Relaxed) > ENTRIES_MAX || found.bytes.load(Ordering::Relaxed) > BYTES_MAX {
        return Err(Fault::usage(format!("{} holds too much to be one repository", root.display()))
            .hint("Start in the repository, or leave folders out with `leave_out` under [check] in tiers.toml."));
    }
    let mut files = found.files.into_inner().unwrap_or_default();
    let mut notes = found.notes.into_inner().unwrap_or_default();
    read_named(root, found.data.into_inner().unwrap_or_default(), &mut files, &mut notes);
    notes.sort();
    Ok(Files { tree: FileTree::new(files), notes })
}

/// Reads those of `paths` that configuration decodes. Others are none of a check's business.
fn read_named(root: &Path, mut paths: Vec<String>, files: &mut Vec<(String, Vec<u8>)>, notes: &mut Vec<String>) {
    if paths.is_empty() {
        return;
    }
    let named = NamedFiles::find(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    paths.retain(|path| named.wants(path));
    paths.sort();
    for path in paths.into_iter().take(DATA_FILES_MAX) {
        match read_bounded(&root.join(&path), DATA_BYTES_MAX) {
            Ok(Some(bytes)) => files.push((path, bytes)),
            // What a file of this size holds stays unknown, as it would be if Terraform computed it.
            Ok(None) => {}
            Err(error) => notes.push(format!("{path}: {error}")),
        }
    }
}

#[derive(Default)]
struct Found {
    files: Mutex<Vec<(String, Vec<u8>)>>,
    notes: Mutex<Vec<String>>,
    /// Paths of files that configuration may read as data.
    data: Mutex<Vec<String>>,
    entries: AtomicUsize,
    bytes: AtomicUsize,
}

impl Found {
    fn note(&self, text: String) {
        if let Ok(mut notes) = self.notes.lock() {
            notes.push(text);
        }
    }

    fn take(&self, root: &Path, leave_out: &[String], entry: &DirEntry) -> WalkState {
        if self.entries.fetch_add(1, Ordering::Relaxed) >= ENTRIES_MAX || self.bytes.load(Ordering::Relaxed) > BYTES_MAX
        {
            return WalkState::Quit;
        }
        let Ok(path) = entry.path().strip_prefix(root) else { return WalkState::Continue };
        let Some(path) = path.to_str() else {
            self.note(format!("{}: the name is not UTF-8; passed over", path.display()));
            return WalkState::Skip;
        };
        let path = path.replace(std::path::MAIN_SEPARATOR, "/");
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        if is_folder {
            let skipped = entry.depth() > 0 && SKIPPED_FOLDERS.iter().any(|name| entry.file_name() == *name);
            let leaves = entry.path_is_symlink() && !stays_inside(root, entry.path());
            let out = skipped || leaves || is_left_out(&path, leave_out);
            return if out { WalkState::Skip } else { WalkState::Continue };
        }
        let how = wanted(&path);
        let data = how == Wanted::No && may_be_named(&path);
        if (how == Wanted::No && !data) || is_left_out(&path, leave_out) {
            return WalkState::Continue;
        }
        if entry.path_is_symlink() && !stays_inside(root, entry.path()) {
            self.note(format!("{path}: links out of the repository; passed over"));
            return WalkState::Continue;
        }
        // Pipes and devices would never end.
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            if !data {
                self.read(entry, path, how);
            } else if let Ok(mut paths) = self.data.lock() {
                paths.push(path);
            }
        }
        WalkState::Continue
    }

    fn read(&self, entry: &DirEntry, path: String, how: Wanted) {
        let bytes = match how {
            Wanted::Content => match read_bounded(entry.path(), FILE_BYTES_MAX) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return self.note(format!("{path}: larger than {} MB; passed over", FILE_BYTES_MAX >> 20)),
                Err(error) => return self.note(format!("{path}: {error}")),
            },
            Wanted::PathOnly | Wanted::No => Vec::new(),
        };
        self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        if let Ok(mut files) = self.files.lock() {
            files.push((path, bytes));
        }
    }
}

/// `None` for a file that is too large.
fn read_bounded(path: &Path, bytes_max: u64) -> std::io::Result<Option<Vec<u8>>> {
    use std::io::Read as _;
    let file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    if length > bytes_max {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(length as usize + 1);
    // It may grow while it is read.
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

fn stays_inside(root: &Path, link: &Path) -> bool {
    link.canonicalize().is_ok_and(|target| target.starts_with(root))
}

fn is_left_out(path: &str, leave_out: &[String]) -> bool {
    !path.is_empty() && leave_out.iter().any(|entry| tiers_check::path_matches(path, entry))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// The paths that are read of these files, each with its own path as content.
    fn check(files: &[&str], before: impl FnOnce(&Path), leave_out: &[&str], expected: &[&str]) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let root = dir.path().canonicalize().expect("it exists").join("repository");
        for path in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("created");
            fs::write(&path, "a = 1\n").expect("written");
        }
        before(&root);
        let leave_out: Vec<String> = leave_out.iter().map(|text| text.to_string()).collect();
        let found = read(&root, &leave_out).expect("a small repository");
        let paths: Vec<&str> = found.tree.files().iter().map(tiers_check::File::path).collect();
        assert_eq!(paths, expected, "{:?}", found.notes);
    }

    #[test]
    fn what_git_ignores_and_what_tools_keep_is_not_read() {
        let files = [
            "main.tf",
            ".github/workflows/ci.yml",
            "old/main.tf",
            "x/.terraform/m/main.tf",
            "node_modules/a.tf",
            "notes.txt",
        ];
        let ignore = |root: &Path| fs::write(root.join(".gitignore"), "old/\n*.tfstate\n").expect("written");
        check(&files, ignore, &[], &[".github/workflows/ci.yml", ".gitignore", "main.tf"]);
    }

    #[test]
    fn data_is_read_where_configuration_decodes_it() {
        let named = |root: &Path| {
            let text = "locals {\n  a = jsondecode(file(\"${path.module}/accounts.json\"))\n}\n";
            fs::write(root.join("infra/main.tf"), text).expect("written");
            let large = fs::File::create(root.join("infra/sub/accounts.json")).expect("created");
            large.set_len(DATA_BYTES_MAX + 1).expect("sparse");
            let text = text.replace("/accounts", "/sub/accounts");
            fs::write(root.join("infra/large.tf"), text).expect("written");
        };
        let files = ["infra/accounts.json", "infra/main.tf", "package.json", "infra/sub/accounts.json"];
        check(&files, named, &[], &["infra/accounts.json", "infra/large.tf", "infra/main.tf"]);
        check(&files, named, &["infra/*.json"], &["infra/large.tf", "infra/main.tf"]);
    }

    #[test]
    fn links_are_followed_inside_the_repository_and_loops_end() {
        let link = |root: &Path| {
            fs::create_dir_all(root.join("dev")).expect("created");
            symlink("../shared/main.tf", root.join("dev/main.tf")).expect("linked");
            symlink("..", root.join("dev/up")).expect("linked");
            symlink("/etc", root.join("dev/etc")).expect("linked");
            symlink("/etc/hostname", root.join("dev/host.tf")).expect("linked");
            symlink("nowhere.tf", root.join("dev/gone.tf")).expect("linked");
        };
        check(&["shared/main.tf"], link, &[], &["dev/main.tf", "shared/main.tf"]);
    }

    #[test]
    fn paths_of_the_file_are_left_out_and_large_files_too() {
        let large = |root: &Path| {
            let file = fs::File::create(root.join("large.tf")).expect("created");
            file.set_len(FILE_BYTES_MAX + 1).expect("sparse");
        };
        check(&["a/main.tf", "b/c/main.tf", "d.tf"], large, &["a", "**/c/*.tf"], &["d.tf"]);
    }

    #[test]
    fn the_root_is_the_nearest_folder_with_a_project_or_a_repository() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let inner = dir.path().join("project/terraform/envs");
        fs::create_dir_all(&inner).expect("created");
        assert_eq!(root_of(&inner), inner);
        fs::create_dir(dir.path().join(".git")).expect("created");
        assert_eq!(root_of(&inner), dir.path());
        fs::write(dir.path().join("project/tiers.toml"), "").expect("written");
        assert_eq!(root_of(&inner), dir.path().join("project"));
    }
}
