//! The project in its git repository: commits, trees below the project's folder, and the identity of what an app is built from.

use std::collections::BTreeMap;
use std::path::Path;

use tiers_core::config::{AppConfig, Image};
use tiers_core::id::{Commit, Digest, InputsId, SourceId};
use tiers_core::source::{Globs, Inputs, Selection, TreeEntry, escape_glob, inputs_id, select};
use tiers_edge::git::{GitError, Repository};
use tiers_oci::Layout;

use crate::fault::{Fault, chain};

/// A project's repository.
pub struct Source {
    pub repository: Repository,
    /// From the repository's root to the project's folder: empty, or with a slash at its end.
    below: String,
}

/// What an app is built from at one place in history.
pub struct Identity {
    pub source: SourceId,
    pub inputs: InputsId,
    /// The files, with paths from the project's folder.
    pub selection: Selection,
    pub base: Option<Digest>,
}

impl Source {
    /// The repository that the project's folder is in.
    pub fn open(root: &Path) -> Result<Source, Fault> {
        let repository = Repository::discover(root).map_err(|error| {
            Fault::usage(chain(&error))
                .hint("tiers builds from git commits: `git init`, and commit what is to be built.")
        })?;
        let top = repository.root().canonicalize().map_err(|error| Fault::errored(error.to_string()))?;
        let below = root.strip_prefix(&top).map_err(|_| Fault::errored("the project lies outside its repository"))?;
        let below = below.to_string_lossy();
        let below = if below.is_empty() { String::new() } else { format!("{below}/") };
        Ok(Source { repository, below })
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Result<Commit, Fault> {
        self.resolve("HEAD").map_err(|fault| fault.hint("Commit something first: tiers builds from commits."))
    }

    /// The commit that a revision means.
    pub fn resolve(&self, revision: &str) -> Result<Commit, Fault> {
        self.repository.resolve(revision).map_err(git)
    }

    /// The branch that is checked out.
    pub fn branch(&self) -> Result<Option<String>, Fault> {
        self.repository.current_branch().map_err(git)
    }

    /// A file of the project's folder as it is at a commit.
    pub fn file(&self, commit: &Commit, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.repository.read_file(commit, &format!("{}{name}", self.below)).map_err(git)
    }

    /// The files below the project's folder at a commit, with paths from there.
    pub fn tree(&self, commit: &Commit) -> Result<Vec<TreeEntry>, Fault> {
        Ok(self.strip(self.repository.tree(commit).map_err(git)?))
    }

    /// What an app is built from at a commit.
    pub fn identity(&self, root: &Path, app: &AppConfig, commit: &Commit) -> Result<Identity, Fault> {
        let selection = self.select(app, &self.tree(commit)?)?;
        identity(root, app, selection)
    }

    /// What an app is built from in the working tree, and the paths that no commit has like that.
    pub fn working(&self, root: &Path, app: &AppConfig) -> Result<(Identity, Vec<String>, Working), Fault> {
        let tree = self.repository.working_tree(&self.globs(app)?).map_err(git)?;
        let changes = tree.changes.iter().map(|change| change.path.clone()).collect();
        let selection = self.select(app, &self.strip(tree.entries.clone()))?;
        Ok((identity(root, app, selection)?, changes, Working(tree)))
    }

    /// The changed paths of an app, from the repository's root.
    pub fn changes(&self, app: &AppConfig) -> Result<Vec<String>, Fault> {
        let changes = self.repository.changes(&self.globs(app)?).map_err(git)?;
        Ok(changes.into_iter().map(|change| change.path).collect())
    }

    /// The project's folder, from the repository's root; empty, or with a slash at its end.
    pub fn folder(&self) -> &str {
        &self.below
    }

    /// The working tree's files below these folders, or these files, uncommitted changes included; all paths are from the repository's root.
    pub fn working_below(&self, folders: &[String]) -> Result<Below, Fault> {
        let mut paths = Vec::new();
        for folder in folders {
            if folder.is_empty() {
                paths.push("**".to_owned());
                continue;
            }
            paths.push(format!("{}/**", escape_glob(folder)));
            // What is asked for may be a file, or lie in a submodule, which is one entry.
            let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
            paths.extend(ends.map(|end| escape_glob(&folder[..end])));
        }
        let tree = self.repository.working_tree(&globs(&paths, "")?).map_err(git)?;
        let changes = tree.changes.iter().map(|change| change.path.clone()).collect();
        Ok(Below { entries: tree.entries.clone(), changes, commit: tree.base.clone() })
    }

    fn strip(&self, entries: Vec<TreeEntry>) -> Vec<TreeEntry> {
        let below = self.below.as_bytes();
        let inside = entries.into_iter().filter_map(|entry| {
            let path = entry.path.strip_prefix(below)?.to_vec();
            Some(TreeEntry { path, ..entry })
        });
        inside.collect()
    }

    fn select(&self, app: &AppConfig, entries: &[TreeEntry]) -> Result<Selection, Fault> {
        let globs = globs(&app.paths, "")?;
        select(entries, &globs).map_err(|problems| {
            Fault::usage(format!("the files of app {} can't be told:\n{problems}", app.name))
                .hint(format!("Correct `paths` of [apps.{}] in tiers.toml.", app.name))
        })
    }

    /// The app's globs as the repository sees them.
    fn globs(&self, app: &AppConfig) -> Result<Globs, Fault> {
        globs(&app.paths, &self.below)
    }
}

/// What stands below some folders, with paths from the repository's root.
pub struct Below {
    pub entries: Vec<TreeEntry>,
    /// Paths that differ from the commit.
    pub changes: Vec<String>,
    pub commit: Option<Commit>,
}

/// A working tree, kept while files are taken from it.
pub struct Working(pub tiers_edge::git::WorkingTree);

fn globs(paths: &[String], below: &str) -> Result<Globs, Fault> {
    // The folder's own name is meant as it is written, whatever is special in it.
    let below = &escape_glob(below);
    let paths: Vec<String> = paths
        .iter()
        .map(|glob| match glob.strip_prefix('!') {
            Some(glob) => format!("!{below}{glob}"),
            None => format!("{below}{glob}"),
        })
        .collect();
    Globs::parse(&paths).map_err(|bad| Fault::usage(bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

fn git(error: GitError) -> Fault {
    match error {
        GitError::Io { .. } | GitError::TimedOut { .. } | GitError::Unexpected { .. } => Fault::errored(chain(&error)),
        _ => Fault::usage(chain(&error)),
    }
}

fn identity(root: &Path, app: &AppConfig, selection: Selection) -> Result<Identity, Fault> {
    let base = base(root, app)?;
    let source = selection.source_id();
    let (builder, args, settings) = build_settings(&app.image);
    let inputs = inputs_id(&Inputs {
        source: source.clone(),
        base: base.clone(),
        args,
        platform: format!("linux/{}", app.image.architecture().as_oci()),
        builder,
        settings,
    });
    Ok(Identity { source, inputs, selection, base })
}

/// The digest of the base image that lies in a layout folder, where one is declared.
fn base(root: &Path, app: &AppConfig) -> Result<Option<Digest>, Fault> {
    let Image::Files { base: Some(folder), .. } = &app.image else { return Ok(None) };
    let path = root.join(base_folder(folder));
    let layout = Layout::open(&path).map_err(|error| {
        Fault::usage(format!("the base image of {}: {}", app.name, chain(&error))).hint(
            "`base` names a folder in the form of an OCI image layout, such as `skopeo copy … oci:FOLDER` writes.",
        )
    })?;
    layout
        .only_image()
        .map(Some)
        .map_err(|error| Fault::usage(format!("the base image of {}: {}", app.name, chain(&error))))
}

/// The folder that a base means, with or without `oci:` before it.
pub fn base_folder(base: &str) -> &str {
    base.strip_prefix("oci:").unwrap_or(base)
}

/// Builder, arguments and the other settings that decide what a build makes, each in one fixed form.
fn build_settings(image: &Image) -> (String, BTreeMap<String, String>, BTreeMap<String, String>) {
    let mut settings = BTreeMap::new();
    let list = |items: &[String]| serde_json::to_string(items).expect("texts are plain data");
    match image {
        Image::Files { files, entrypoint, command, run, .. } => {
            let pairs: Vec<(&str, &str)> = files.iter().map(|file| (file.from.as_str(), file.to.as_str())).collect();
            settings.insert("files".to_owned(), serde_json::to_string(&pairs).expect("texts are plain data"));
            settings.insert("entrypoint".to_owned(), list(entrypoint));
            settings.insert("command".to_owned(), list(command));
            settings.insert("run".to_owned(), list(run));
            ("files/1".to_owned(), BTreeMap::new(), settings)
        }
        Image::Dockerfile { dockerfile, args, target, .. } => {
            settings.insert("dockerfile".to_owned(), dockerfile.clone());
            if let Some(target) = target {
                settings.insert("target".to_owned(), target.clone());
            }
            // Which of the engines builds is this machine's business; what a Dockerfile means is not.
            ("dockerfile/1".to_owned(), args.clone(), settings)
        }
    }
}
