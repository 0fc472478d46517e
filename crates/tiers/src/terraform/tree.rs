//! Which Terraform code it is: a hash over the files of the root module and of the local modules that it calls, and one over the
//! environment's values. Both are taken as git sees the files, so that a commit has the same ones on every machine.

use std::collections::BTreeSet;
use std::path::Path;

use tiers_core::config::{Environment, Terraform};
use tiers_core::id::{Commit, Digest};
use tiers_core::source::TreeEntry;

use crate::context::Context;
use crate::fault::Fault;
use crate::source::Source;

/// The code that a plan is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Over path, mode and blob of every file, without any environment's values and backend.
    pub hash: Digest,
    pub var_file: Option<Digest>,
    /// What is checked out.
    pub commit: Option<Commit>,
    /// The files differ from that commit.
    pub dirty: bool,
}

/// The code that stands in the working tree.
pub fn tree(context: &Context, environment: &Environment, config: &Terraform) -> Result<Tree, Fault> {
    let root = Terraform::expand(&config.root, &environment.name);
    let source = Source::open(&context.root)?;
    let mut folders = BTreeSet::from([clean(&root)]);
    let mut pending = folders.clone();
    // Modules call modules; no chain of them is longer than there are folders.
    while let Some(folder) = pending.pop_first() {
        for called in called_outside(&context.root, &folder) {
            let inside = folders.iter().any(|known| is_below(&called, known));
            if !inside && folders.insert(called.clone()) {
                pending.insert(called);
            }
        }
    }
    let folders: Vec<String> = folders.into_iter().collect();
    let seen = source.below(&folders)?;
    let theirs = own_files(context, config);
    let counts = |path: &str| !theirs.contains(path) && !is_by_product(path);
    let entries: Vec<&TreeEntry> = seen.entries.iter().filter(|entry| counts(&entry.name())).collect();
    let values = config.var_file.as_ref().map(|file| join(&root, &Terraform::expand(file, &environment.name)));
    let backend = config.backend.as_ref().map(|file| join(&root, &Terraform::expand(file, &environment.name)));
    let mine = |path: &str| Some(path) == values.as_deref() || Some(path) == backend.as_deref();
    let dirty = seen.changes.iter().any(|path| counts(path) || mine(path));
    let var_file = values.map(|path| digest_of(&context.root.join(&path))).transpose()?;
    Ok(Tree { hash: hash(&entries), var_file, commit: seen.commit, dirty })
}

fn hash(entries: &[&TreeEntry]) -> Digest {
    let mut bytes = b"tiers-terraform-tree-1\0".to_vec();
    for entry in entries {
        bytes.extend_from_slice(&entry.path);
        bytes.extend_from_slice(format!("\0{:?}\0{}\0", entry.mode, entry.blob).as_bytes());
    }
    Digest::of(&bytes)
}

fn digest_of(path: &Path) -> Result<Digest, Fault> {
    let bytes =
        std::fs::read(path).map_err(|error| Fault::usage(format!("{} can't be read: {error}", path.display())))?;
    Ok(Digest::of(&bytes))
}

/// The files that belong to one environment each: a change of prod's values is none of dev's code.
fn own_files(context: &Context, config: &Terraform) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for environment in &context.project.environments {
        let root = Terraform::expand(&config.root, &environment.name);
        for file in [&config.backend, &config.var_file].into_iter().flatten() {
            files.insert(join(&root, &Terraform::expand(file, &environment.name)));
        }
    }
    files
}

/// What Terraform and its users leave behind where git is not told to ignore it.
fn is_by_product(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    path.split('/').any(|part| part == ".terraform" || part == ".tiers")
        || name.starts_with("terraform.tfstate")
        || name.ends_with(".tfplan")
        || name == "crash.log"
}

/// Folders outside of this one whose modules its files call: `source = "../modules/api"`.
fn called_outside(project: &Path, folder: &str) -> Vec<String> {
    let mut called = Vec::new();
    let mut folders = vec![project.join(folder)];
    while let Some(at) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&at) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() && !path.is_symlink() && name != ".terraform" {
                folders.push(path);
            } else if name.ends_with(".tf") || name.ends_with(".tofu") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let below =
                    at.strip_prefix(project).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
                called.extend(sources(&text).map(|source| join(&below, source)).filter(|to| !is_below(to, folder)));
            }
        }
    }
    called
}

/// The relative sources of a file's modules. Read line by line: such an attribute is never written otherwise, and a line too
/// many only makes the hash cover one folder more.
fn sources(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("source")?.trim_start().strip_prefix('=')?.trim_start();
        let path = rest.strip_prefix('"')?.split('"').next()?;
        path.starts_with("../").then_some(path)
    })
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A path without `.`, `..` and slashes at its ends.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    parts.join("/")
}

fn join(folder: &str, path: &str) -> String {
    clean(&format!("{folder}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_of_modules_are_found_and_made_relative_to_the_project() {
        let text = "module \"a\" {\n  source = \"../../modules/api\"\n}\nmodule \"b\" {\n  source=\"./inner\"\n}\n# source = \"../no\"\n";
        assert_eq!(sources(text).map(|source| join("infra/live", source)).collect::<Vec<_>>(), ["modules/api"]);
        assert_eq!(clean("./terraform//envs/../"), "terraform");
        assert!(is_below("a/b", "a") && is_below("a", "") && !is_below("ab", "a"));
    }
}
