//! The builders that need an engine: docker (with buildx), podman and buildah, called with the flags that make one plain image
//! of one platform, which is all that Lambda takes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use async_trait::async_trait;
use tiers_engine::port::runner::{How, Job, Output, Runner};
use tiers_oci::{Layout, extract_archive, preflight};

use super::engine::{ENGINE_VARIABLES, Engine, choose, hint};
use super::error::{BuildError, io_error};
use super::{BuildRequest, Builder, Built, DockerfileSpec, OUTPUT_LIMIT_BYTES};

/// The name and version of this way to build, whichever engine does it. It is a part of an inputs' identity.
pub const DOCKERFILE_BUILDER: &str = "dockerfile/1";

/// Names of files in the folder of one build; relative, since engines give colons and commas in paths a meaning.
const ARCHIVE: &str = "image.tar";
const IMAGE_ID: &str = "image-id";
const DIGEST: &str = "digest";
const LAYOUT: &str = "image";

/// Builds a Dockerfile with a container engine.
#[derive(Clone, Copy, Debug)]
pub struct ContainerBuilder<'a> {
    pub spec: &'a DockerfileSpec,
}

#[async_trait(?Send)]
impl Builder for ContainerBuilder<'_> {
    async fn build(
        &self,
        request: &BuildRequest<'_>,
        store: &Layout,
        runner: &dyn Runner,
    ) -> Result<Built, BuildError> {
        let dockerfile = &self.spec.dockerfile;
        let inside =
            !dockerfile.is_empty() && !dockerfile.starts_with('/') && !dockerfile.split('/').any(|part| part == "..");
        if !inside || !request.tree.join(dockerfile).is_file() {
            return Err(BuildError::NoDockerfile { dockerfile: dockerfile.clone() });
        }
        let tree = request.tree.canonicalize().map_err(io_error("look at", request.tree))?;
        let temporary = std::env::temp_dir();
        let work = tempfile::Builder::new()
            .prefix("tiers-build-")
            .tempdir_in(&temporary)
            .map_err(io_error("create a folder in", &temporary))?;
        let env = environment(request);
        let (engine, builder) = choose(self.spec.engine, work.path(), &env, runner).await?;
        let building = Building { spec: self.spec, request, tree: &tree, work: work.path(), env, engine, runner };
        let (layout, log) = match engine {
            Engine::Docker => building.with_docker().await?,
            Engine::Podman | Engine::Buildah => building.with_storage().await?,
        };
        // A builder asked for one image that left several, or an index, is told so with the flags that avoid it.
        let digest = layout.only_image()?;
        building.compare(&digest.to_string())?;
        preflight(&layout, &digest, request.architecture)?;
        store.copy_image(&layout, &digest)?;
        store.tag(&digest, None)?;
        let facts = preflight(store, &digest, request.architecture)?;
        Ok(Built { facts, builder, log })
    }
}

/// What the engine finds in its environment: how to reach its daemon and its storage, and what the request says.
fn environment(request: &BuildRequest<'_>) -> BTreeMap<String, String> {
    let ours = ENGINE_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    ours.chain(request.env.clone()).collect()
}

struct Building<'a> {
    spec: &'a DockerfileSpec,
    request: &'a BuildRequest<'a>,
    tree: &'a Path,
    work: &'a Path,
    env: BTreeMap<String, String>,
    engine: Engine,
    runner: &'a dyn Runner,
}

impl Building<'_> {
    /// One build with buildx, which writes an archive of a layout.
    async fn with_docker(&self) -> Result<(Layout, Output), BuildError> {
        let mut args = words(&["buildx", "build", "--progress", "plain", "--provenance=false", "--sbom=false"]);
        // Files and the image bear the time that stands in every image of ours, so that a rebuild has the same digest.
        args.extend(words(&["--build-arg", "SOURCE_DATE_EPOCH=0"]));
        args.extend(words(&["--output", &format!("type=oci,dest={ARCHIVE},rewrite-timestamp=true")]));
        args.extend(self.common());
        let log = self.run(args).await?;
        let path = self.work.join(ARCHIVE);
        let archive = File::open(&path).map_err(io_error("open what docker was asked to write,", &path))?;
        Ok((extract_archive(archive, &self.work.join(LAYOUT))?, log))
    }

    /// podman and buildah: a build into their storage, and a copy of the image from there into a layout.
    async fn with_storage(&self) -> Result<(Layout, Output), BuildError> {
        let mut args = match self.engine {
            Engine::Podman => words(&["build"]),
            Engine::Docker | Engine::Buildah => words(&["bud"]),
        };
        args.extend(words(&["--format", "oci", "--timestamp", "0", "--iidfile", IMAGE_ID]));
        args.extend(self.common());
        let log = self.run(args).await?;
        let id = self.read(IMAGE_ID)?;
        let pushed = self.run(words(&["push", "--digestfile", DIGEST, &id, &format!("oci:{LAYOUT}")])).await;
        if self.engine == Engine::Buildah {
            // Unlike podman it keeps no layers for the next build, so the image in its storage is of no more use. If it can't
            // be removed, it costs space and nothing else.
            let _ = self.run(words(&["rmi", &id])).await;
        }
        pushed?;
        Ok((Layout::open(self.work.join(LAYOUT))?, log))
    }

    /// What all engines take alike: platform, arguments, stage, Dockerfile, context.
    fn common(&self) -> Vec<String> {
        let mut args = words(&["--platform", self.request.architecture.platform()]);
        for (name, value) in &self.spec.args {
            args.extend(words(&["--build-arg", &format!("{name}={value}")]));
        }
        if let Some(target) = &self.spec.target {
            args.extend(words(&["--target", target]));
        }
        let dockerfile = self.tree.join(&self.spec.dockerfile);
        args.extend(["--file".to_owned(), dockerfile.display().to_string(), self.tree.display().to_string()]);
        args
    }

    async fn run(&self, args: Vec<String>) -> Result<Output, BuildError> {
        // Values of build arguments are left out of what is shown.
        let step = args.iter().take_while(|arg| !arg.starts_with('-')).cloned().collect::<Vec<_>>().join(" ");
        let command = format!("{} {step}", self.engine);
        let job = Job {
            program: self.engine.program().to_owned(),
            args,
            cwd: self.work.to_owned(),
            env: self.env.clone(),
            timeout_ms: self.request.timeout_ms,
            output_limit_bytes: OUTPUT_LIMIT_BYTES,
        };
        let end = self.runner.run(job).await?;
        if end.how == How::Exited(0) {
            return Ok(end.output);
        }
        let hint = hint(self.engine, &end.output.to_string());
        Err(BuildError::Engine { command, how: end.how, output: end.output, hint })
    }

    /// What the engine said and what it wrote must be the same; docker says nothing that is not in the archive.
    fn compare(&self, written: &str) -> Result<(), BuildError> {
        if self.engine == Engine::Docker {
            return Ok(());
        }
        let reported = self.read(DIGEST)?;
        if reported == written {
            return Ok(());
        }
        Err(BuildError::DigestDiffers { engine: self.engine, reported, written: written.to_owned() })
    }

    fn read(&self, name: &str) -> Result<String, BuildError> {
        let path = self.work.join(name);
        let text = fs::read_to_string(&path).map_err(io_error("read what the engine was asked to write,", &path))?;
        Ok(text.trim().to_owned())
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
