//! `tiers init`: a first tiers.toml from what it finds.

use std::io::Write as _;
use std::path::Path;

use clap::Args;
use tiers_check::{FileTree, Options, Wanted, discover, wanted};
use tiers_core::config::init::{Findings, propose};
use tiers_edge::git::Repository;

use crate::cli::Global;
use crate::command::{init_terraform, print};
use crate::context::{FILE, start_folder};
use crate::fault::{Fault, Outcome, chain};

/// No configuration that people write is larger.
const FILE_MAX_BYTES: usize = 1 << 20;

/// Write a first tiers.toml from what is in the repository
///
/// Looks at branches, tags, Dockerfiles, workflows and manifests, and at the environments that Terraform has, as `tiers check` does.
#[derive(Debug, Args)]
pub struct Init {
    /// Print it instead of writing it
    #[arg(long)]
    print: bool,
}

pub fn run(args: &Init, global: &Global) -> Outcome {
    let start = start_folder(global)?;
    let repository = Repository::discover(&start).map_err(|error| {
        Fault::usage(chain(&error)).hint("tiers builds from git commits: `git init`, and commit what is to be built.")
    })?;
    let text = propose(&findings(&repository)?);
    if args.print {
        print(&text)?;
        return Ok(0);
    }
    let path = repository.root().join(FILE);
    // Created only where there is none, so that nobody's file is lost.
    let file = std::fs::File::options().write(true).create_new(true).open(&path);
    match file.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Fault::refused(format!("{FILE} is there already; nothing was written"))
                .hint("`tiers init --print` shows what it would write."));
        }
        Err(error) => return Err(Fault::errored(format!("{}: {error}", path.display()))),
    }
    print(&format!("wrote {FILE}; look it over, commit it, then: tiers build, tiers deploy ENV\n"))?;
    Ok(0)
}

fn findings(repository: &Repository) -> Result<Findings, Fault> {
    let fault = |error: tiers_edge::git::GitError| Fault::errored(chain(&error));
    let files = repository.files().map_err(fault)?;
    let layout = discover(&tree(repository.root(), &files), &Options::default());
    Ok(Findings {
        repository: repository.name(),
        branches: repository.branches().map_err(fault)?,
        tags: repository.tags().map_err(fault)?,
        files,
        terraform: init_terraform::found(&layout),
        environments: layout.environments,
    })
}

/// What the checker reads of the tracked files. What is missing or unreadable is left out: this is a proposal.
fn tree(root: &Path, files: &[String]) -> FileTree {
    let read = |path: &String| match wanted(path) {
        Wanted::Content => std::fs::read(root.join(path)).ok().filter(|bytes| bytes.len() <= FILE_MAX_BYTES),
        Wanted::PathOnly => Some(Vec::new()),
        Wanted::No => None,
    };
    FileTree::new(files.iter().filter_map(|path| Some((path.clone(), read(path)?))))
}
