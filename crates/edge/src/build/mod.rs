//! Makes an image out of a materialised tree: from given files, or with a container engine from a Dockerfile.
//!
//! Both ends alike: the image lies in the layout, whole, listed and checked as a deployer will check it, and its digest was
//! read from what was written, never computed from what was asked for.

mod collect;
mod containers;
mod engine;
mod error;
mod files;

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;
use tiers_core::id::Digest;
use tiers_engine::port::runner::{Output, Runner};
use tiers_oci::{Architecture, BaseImage, ImageFacts, Layout};

pub use containers::{ContainerBuilder, DOCKERFILE_BUILDER};
pub use engine::{ENGINE_VARIABLES, Engine};
pub use error::{BuildError, FileProblem};
pub use files::{FILES_BUILDER, FilesBuilder};

/// Of a build's output, at most so much is kept: its beginning and its end.
const OUTPUT_LIMIT_BYTES: usize = 256 * 1024;

/// What is to be built, and within which bounds.
#[derive(Clone, Debug)]
pub struct BuildRequest<'a> {
    /// The materialised tree, which belongs to the build: commands may write into it.
    pub tree: &'a Path,
    pub spec: &'a Spec,
    pub architecture: Architecture,
    /// Set for commands and engines, on top of what the runner passes on. No secrets: an image is for everybody.
    pub env: BTreeMap<String, String>,
    /// For each program that is run.
    pub timeout_ms: u64,
}

/// How an image is made.
#[derive(Clone, Debug)]
pub enum Spec {
    Files(FilesSpec),
    Dockerfile(DockerfileSpec),
}

/// An image of given files.
#[derive(Clone, Debug, Default)]
pub struct FilesSpec {
    /// A program with arguments that makes the files, run at the top of the tree; empty: nothing to run.
    pub run: Vec<String>,
    pub files: Vec<FileMapping>,
    /// An image to stand on.
    pub base: Option<BaseImage>,
    /// Empty: the base's.
    pub entrypoint: Vec<String>,
    /// Empty: the base's, unless there is an entry point.
    pub command: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub working_dir: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// Which files go where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMapping {
    /// Below the top of the tree. A file; a folder, whose content is meant; or a glob as in `paths`, of which the part from
    /// the first name with a special character on is kept.
    pub from: String,
    /// Where it goes in the image. A file goes to exactly this path, or into it where a slash ends it; the others go below.
    pub to: String,
    /// Whether it can be run; `None`: as it is in the tree.
    pub executable: Option<bool>,
}

/// An image that a Dockerfile describes.
#[derive(Clone, Debug, Default)]
pub struct DockerfileSpec {
    /// Below the top of the tree, which is the context.
    pub dockerfile: String,
    /// `None`: the first that answers.
    pub engine: Option<Engine>,
    pub args: BTreeMap<String, String>,
    /// The stage to build; `None`: the last.
    pub target: Option<String>,
}

/// An image that was built, and lies in the layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    pub facts: ImageFacts,
    /// What built it, for the record: `files/1`, `buildah 1.28.2`.
    pub builder: String,
    /// What the builder's programs said.
    pub log: Output,
}

impl Built {
    pub fn digest(&self) -> &Digest {
        &self.facts.digest
    }
}

/// One way to make images.
#[async_trait(?Send)]
pub trait Builder {
    /// Builds into `store`, where the image is listed without a tag afterwards. Doing it again is harmless.
    async fn build(&self, request: &BuildRequest<'_>, store: &Layout, runner: &dyn Runner)
    -> Result<Built, BuildError>;
}

/// Builds with the builder that the spec names.
///
/// Errors: [`BuildError`]; nothing of a failed build is listed in the layout, though blobs may stay.
pub async fn build(request: &BuildRequest<'_>, store: &Layout, runner: &dyn Runner) -> Result<Built, BuildError> {
    match request.spec {
        Spec::Files(spec) => FilesBuilder { spec }.build(request, store, runner).await,
        Spec::Dockerfile(spec) => ContainerBuilder { spec }.build(request, store, runner).await,
    }
}
