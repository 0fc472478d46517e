//! Why a build made no image.

use std::io;
use std::path::PathBuf;

use tiers_engine::port::runner::{How, Output, RunError};
use tiers_oci::OciError;

use super::engine::Engine;

/// Why a build made no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A program could not be started.
    #[error("the build could not begin: {0}")]
    Start(#[from] RunError),
    /// The command that makes the files ended badly; its output says why.
    #[error("the build command `{command}` failed: {how}")]
    Command { command: String, how: How, output: Output },
    /// What is to be packed is not as it should be. All of it, never empty.
    #[error("{}", listed(.0))]
    Files(Vec<FileProblem>),
    /// None of the engines that may be used can.
    #[error(
        "no container engine can build here: {}; start or install one of them, or describe the image with \
         `builder = \"files\"`, which needs none", tried(.0)
    )]
    NoEngine(Vec<(Engine, String)>),
    /// The engine ended badly; its output says why.
    #[error("`{command}` failed: {how}{hint}")]
    Engine { command: String, how: How, output: Output, hint: &'static str },
    /// The Dockerfile is not among the app's files.
    #[error(
        "there is no `{dockerfile}` among the files that are built from: it must be in the commit and match the app's `paths`"
    )]
    NoDockerfile { dockerfile: String },
    /// The engine says one digest and wrote another.
    #[error("{engine} reported the digest {reported} and wrote the image {written}: the image is not trusted")]
    DigestDiffers { engine: Engine, reported: String, written: String },
    /// What was built is not an image that can be deployed, or could not be written.
    #[error(transparent)]
    Image(#[from] OciError),
    /// The file system said no.
    #[error("could not {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

/// One thing that is wrong with the files to be packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    #[error("`{from}` matches no file of the tree{}", after(.command))]
    MatchesNothing { from: String, command: Option<String> },
    #[error("`{from}` {why}")]
    BadFrom { from: String, why: String },
    #[error("`{path}` {why}")]
    BadFile { path: String, why: String },
    #[error("the image has neither an entry point nor a base image that could have one: set `entrypoint`")]
    NoEntrypoint,
    #[error("the entry point `{entrypoint}` is not among the files of the image, which are {}", some(files))]
    MissingEntrypoint { entrypoint: String, files: Vec<String> },
    #[error("the entry point `{entrypoint}` can't be executed: `chmod +x` it and commit the mode")]
    NotExecutable { entrypoint: String },
    #[error("the entry point `{entrypoint}` is a program for {found}, the image is for {wanted}")]
    WrongProcessor { entrypoint: String, found: String, wanted: &'static str },
}

impl BuildError {
    /// What the program that failed had said.
    pub fn output(&self) -> Option<&Output> {
        match self {
            BuildError::Command { output, .. } | BuildError::Engine { output, .. } => Some(output),
            BuildError::Start(_)
            | BuildError::Files(_)
            | BuildError::NoEngine(_)
            | BuildError::NoDockerfile { .. }
            | BuildError::DigestDiffers { .. }
            | BuildError::Image(_)
            | BuildError::Io { .. } => None,
        }
    }
}

/// For `map_err`: says what was being done, and to which file.
pub(super) fn io_error(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::Io { action, path, source }
}

fn listed(problems: &[FileProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn tried(engines: &[(Engine, String)]) -> String {
    engines.iter().map(|(engine, why)| format!("{engine}: {why}")).collect::<Vec<_>>().join("; ")
}

fn after(command: &Option<String>) -> String {
    match command {
        Some(command) => format!(", not even after `{command}`"),
        None => String::new(),
    }
}

/// The first few of a list.
fn some(files: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = files.iter().take(SHOWN).map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", ");
    if files.len() > SHOWN {
        text.push_str(&format!(" and {} more", files.len() - SHOWN));
    }
    text
}
