//! Which Terraform code it is: a hash over the files of the root module and of the local modules that it calls, and one over the
//! environment's values. Both are taken as git sees the files, so that a commit has the same ones on every machine.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tiers_core::config::{Environment, Terraform};
use tiers_core::id::{Commit, Digest};
use tiers_core::source::{Mode, TreeEntry};
use tiers_edge::git::GitError;

use super::links::{follow, walk};
use crate::context::Context;
use crate::fault::{Fault, chain};
use crate::source::Source;

/// How the names of Terraform's and OpenTofu's files end.
const ENDINGS: [&str; 3] = [".tf", ".tofu", ".tf.json"];
/// Which providers were taken, as Terraform writes it down.
pub const PROVIDERS: &str = ".terraform.lock.hcl";
/// A line that names where a module is, for git; [`sources`] reads it.
const SOURCE: &str = r#"source"?[[:space:]]*[=:][[:space:]]*"\.\./"#;

/// The code that a plan is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Over path, mode and blob of every file, without any environment's values and backend.
    pub hash: Digest,
    pub var_file: Option<Digest>,
    /// The var-file lies outside of the repository, or a link in it leads there: no commit says what it holds.
    pub values_outside: bool,
    /// What is checked out.
    pub commit: Option<Commit>,
    /// The files differ from that commit.
    pub dirty: bool,
    /// That commit holds the root module's lock file of providers.
    pub locks_providers: bool,
}

/// The code that stands in the working tree.
pub fn tree(context: &Context, environment: &Environment, config: &Terraform) -> Result<Tree, Fault> {
    let source = Source::open(&context.root)?;
    let top = source.repository.root().to_owned();
    let link = |path: &str| Some(std::fs::read_link(top.join(path)).ok()?.to_string_lossy().into_owned());
    let places = Places::of(context, &source, environment, config, &link)?;
    let folders = folders(&places.root, &link, |folder| modules_in_folder(&top, folder));
    let mut looked_at = folders.clone();
    let own = [&places.values, &places.backend].into_iter().filter_map(|place| place.as_ref()?.inside());
    looked_at.extend(own.map(|path| parent(path).to_owned()));
    let seen = source.working_below(&looked_at)?;
    let entries: Vec<&TreeEntry> = seen.entries.iter().filter(|entry| places.holds(&folders, entry)).collect();
    let dirty = entries
        .iter()
        .any(|entry| entry.mode == Mode::Submodule && seen.changes.iter().any(|path| *path == entry.name()));
    let dirty = dirty || seen.changes.iter().any(|path| places.is_code_of(&folders, path) || places.is_mine(path));
    let var_file = places.values.as_ref().map(|place| {
        // Filters may write a file otherwise than git keeps it; what is not changed is taken as the commit has it.
        let kept = match (&seen.commit, place.inside()) {
            (Some(commit), Some(path)) if !seen.changes.iter().any(|change| change == path) => {
                source.repository.read_file(commit, path).ok().flatten()
            }
            _ => None,
        };
        match (kept, place) {
            (Some(bytes), _) => Ok(Digest::of(&bytes)),
            (None, At::Inside(path)) => digest_of(&top.join(path)),
            (None, At::Outside(path)) => digest_of(path),
        }
    });
    let values_outside = places.values.as_ref().is_some_and(|place| place.inside().is_none());
    let providers = join(&places.root, PROVIDERS);
    let locks_providers = match &seen.commit {
        Some(commit) => {
            source.repository.read_file(commit, &providers).map_err(git)?.is_some() && top.join(&providers).exists()
        }
        None => false,
    };
    let var_file = var_file.transpose()?;
    Ok(Tree { hash: hash(&entries), var_file, values_outside, commit: seen.commit, dirty, locks_providers })
}

/// The code that a commit holds. Where the environment's values are no part of it, git does not know them.
pub fn tree_at(
    context: &Context,
    source: &Source,
    environment: &Environment,
    config: &Terraform,
    commit: &Commit,
) -> Result<Tree, Fault> {
    let repository = &source.repository;
    let all = repository.tree(commit).map_err(git)?;
    let links: BTreeMap<String, &str> = all
        .iter()
        .filter(|entry| entry.mode == Mode::Symlink)
        .map(|entry| (entry.name().into_owned(), entry.blob.as_str()))
        .collect();
    // Each is asked for once, and most are none of Terraform's.
    let read: RefCell<BTreeMap<String, Option<String>>> = RefCell::default();
    let link = |path: &str| {
        let blob = *links.get(path)?;
        let mut read = read.borrow_mut();
        read.entry(path.to_owned()).or_insert_with(|| repository.link(blob).ok()).clone()
    };
    let places = Places::of(context, source, environment, config, &link)?;
    let code: Vec<String> = all.iter().map(|entry| entry.name().into_owned()).filter(|path| is_code(path)).collect();
    let lines = repository.lines(commit, SOURCE, &code).map_err(git)?;
    let folders = folders(&places.root, &link, |folder| {
        let mut called = Vec::new();
        let seen = |path: &str| path != folder && is_below(path, folder) && !is_hidden(path, folder);
        for (path, line) in lines.iter().filter(|(path, _)| seen(path)) {
            called.extend(sources(line).map(|source| join(parent(path), source)));
        }
        for path in links.keys().filter(|path| seen(path)) {
            // What a linked file calls is meant from where the link is.
            let leads = follow(path, &link);
            let linked = lines.iter().filter(|(at, _)| is_code(path) && *at == leads);
            called.extend(linked.flat_map(|(_, line)| sources(line).map(|source| join(parent(path), source))));
            called.push(leads);
        }
        called
    });
    let entries: Vec<&TreeEntry> = all.iter().filter(|entry| places.holds(&folders, entry)).collect();
    let values = places.values.as_ref().and_then(At::inside);
    let kept = values.map(|path| repository.read_file(commit, path)).transpose().map_err(git)?;
    Ok(Tree {
        hash: hash(&entries),
        var_file: kept.flatten().map(|bytes| Digest::of(&bytes)),
        values_outside: places.values.is_some() && values.is_none(),
        commit: Some(commit.clone()),
        dirty: false,
        locks_providers: repository.read_file(commit, &join(&places.root, PROVIDERS)).map_err(git)?.is_some(),
    })
}

/// Where a file of one environment is.
enum At {
    /// From the repository's root.
    Inside(String),
    /// On this machine, and in no commit.
    Outside(PathBuf),
}

impl At {
    fn inside(&self) -> Option<&str> {
        match self {
            At::Inside(path) => Some(path),
            At::Outside(_) => None,
        }
    }
}

/// Where the files of one environment are: a module may lie above the project's folder.
struct Places {
    /// From the repository's root.
    root: String,
    /// The root module is the project's folder, with everything else of the project below it.
    is_project: bool,
    values: Option<At>,
    backend: Option<At>,
    /// The files that belong to one environment each: a change of prod's values is none of dev's code.
    own: BTreeSet<String>,
}

impl Places {
    fn of(
        context: &Context,
        source: &Source,
        environment: &Environment,
        config: &Terraform,
        link: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Places, Fault> {
        let root = |environment: &Environment| {
            walk(source.folder(), &Terraform::expand(&config.root, &environment.name), link)
        };
        let below = |environment: &Environment, file: &Option<String>| {
            let (root, file) = (root(environment)?, Terraform::expand(file.as_ref()?, &environment.name));
            let outside = || At::Outside(source.repository.root().join(&root).join(&file));
            Some(walk(&root, &file, link).map_or_else(outside, At::Inside))
        };
        let both = |environment| [below(environment, &config.backend), below(environment, &config.var_file)];
        let inside = |place: At| place.inside().map(str::to_owned);
        let own = context.project.environments.iter().flat_map(both).flatten().filter_map(inside).collect();
        let Some(place) = root(environment) else { return Err(outside(context, environment, config)) };
        Ok(Places {
            is_project: place == clean(source.folder()),
            root: place,
            values: below(environment, &config.var_file),
            backend: below(environment, &config.backend),
            own,
        })
    }

    /// As [`Places::is_code_of`], and a submodule too that one of the folders is in: its commit stands for all that it holds.
    fn holds(&self, folders: &[String], entry: &TreeEntry) -> bool {
        let path = entry.name();
        let holds = entry.mode == Mode::Submodule && folders.iter().any(|folder| is_below(folder, &path));
        holds || self.is_code_of(folders, &path)
    }

    fn is_mine(&self, path: &str) -> bool {
        [&self.values, &self.backend].into_iter().any(|place| place.as_ref().and_then(At::inside) == Some(path))
    }

    /// Whether a file is a part of the code in these folders. Where the root module has the whole project below it, only what is
    /// Terraform's alone counts.
    fn is_code_of(&self, folders: &[String], path: &str) -> bool {
        let inside = folders.iter().any(|folder| is_below(path, folder));
        let theirs = !self.is_project || is_code(path) || [".tftpl", ".tpl"].iter().any(|end| path.ends_with(end));
        inside && theirs && !self.own.contains(path) && !is_by_product(path)
    }
}

/// The root module's folder, those of local modules that are called from there, and what links in them lead to, at any depth.
fn folders(
    root: &str,
    link: &dyn Fn(&str) -> Option<String>,
    mut called: impl FnMut(&str) -> Vec<String>,
) -> Vec<String> {
    let mut folders = BTreeSet::from([root.to_owned()]);
    let mut pending = folders.clone();
    // Modules call modules; no chain of them is longer than there are folders.
    while let Some(folder) = pending.pop_first() {
        for called in called(&folder).into_iter().map(|path| follow(&path, link)) {
            let inside = folders.iter().any(|known| is_below(&called, known));
            if !inside && folders.insert(called.clone()) {
                pending.insert(called);
            }
        }
    }
    folders.into_iter().collect()
}

/// The code itself has to be in commits: what was applied is told by them.
fn outside(context: &Context, environment: &Environment, config: &Terraform) -> Fault {
    let root = Terraform::expand(&config.root, &environment.name);
    let leads = context.root.join(&root);
    let leads = leads.canonicalize().unwrap_or(leads);
    Fault::usage(format!(
        "{root}, the `root` of {}, leads out of the repository, to {}, so no commit says which code it is",
        environment.name,
        leads.display()
    ))
    .hint(
        "Keep the code in the repository of tiers.toml, or put a tiers.toml into that of the code. A link in it says a path from where \
         the link is, and stays in the repository.",
    )
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

/// What Terraform and its users leave behind where git is not told to ignore it.
fn is_by_product(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    path.split('/').any(|part| part == ".terraform" || part == ".tiers")
        || name.contains(".tfstate")
        || name.ends_with(".tfplan")
        || ["tfplan", "crash.log", ".tflint.hcl"].contains(&name)
        // What describes and tests the code makes nothing.
        || name.ends_with(".md")
        || name.ends_with(".tftest.hcl")
        // Written by `init` where nobody committed it; which providers were taken is said in the apply's own record.
        || name == PROVIDERS
}

fn is_code(path: &str) -> bool {
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// The modules that the files below a folder call, `source = "../modules/api"`, and the links among them.
fn modules_in_folder(project: &Path, folder: &str) -> Vec<String> {
    let mut called = Vec::new();
    let is_submodule = |at: &Path| at != project && at.starts_with(project) && at.join(".git").exists();
    // What a submodule holds stands in its commit; nothing in there is a file of this repository.
    if project.join(folder).ancestors().any(is_submodule) {
        return called;
    }
    let mut folders = vec![project.join(folder)];
    while let Some(at) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&at) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // What lies there is neither committed nor a part of the project.
            if name.starts_with('.') {
                continue;
            }
            let below = at.strip_prefix(project).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_symlink() {
                called.push(join(&below, &name));
            }
            if path.is_dir() {
                if !path.is_symlink() {
                    folders.push(path);
                }
            } else if is_code(&name) {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                called.extend(sources(&text).map(|source| join(&below, source)));
            }
        }
    }
    called
}

/// The relative sources of a file's modules, wherever in a line they stand. One too many, in a comment, only makes the hash cover
/// one folder more.
fn sources(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("source").filter_map(|(at, word)| {
        let rest = text[at + word.len()..].trim_start_matches('"').trim_start_matches([' ', '\t']);
        let rest = rest.strip_prefix(['=', ':'])?.trim_start_matches([' ', '\t']);
        let path = rest.strip_prefix('"')?.split(['"', '\n']).next()?;
        path.starts_with("../").then_some(path)
    })
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn git(error: GitError) -> Fault {
    Fault::errored(chain(&error))
}

/// Whether a part of a path below a folder begins with a dot: tools of all kinds keep their own there.
fn is_hidden(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder).unwrap_or(path);
    rest.split('/').any(|part| part.starts_with('.'))
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
        let text = "module \"a\" {\n  source = \"../../modules/api\"\n}\nmodule \"b\" {\n  source=\"./inner\"\n}\n\
                    module \"c\" { source = \"../c\" }\n{\"module\":{\"d\":{\"source\":\"../d\"},\"e\":{\"source\": \"../e\"}}}\n";
        let found: Vec<String> = sources(text).map(|source| join("infra/live", source)).collect();
        assert_eq!(found, ["modules/api", "infra/c", "infra/d", "infra/e"]);
        assert_eq!(clean("./terraform//envs/../"), "terraform");
        assert!(is_below("a/b", "a") && is_below("a", "") && !is_below("ab", "a"));
    }
}
