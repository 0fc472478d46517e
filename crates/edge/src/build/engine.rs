//! Container engines: which there are, whether one answers, and what to do when one complains.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use tiers_engine::port::runner::{Job, RunError, Runner};

use super::error::BuildError;

/// How long an engine may take to say that it is there.
const ANSWER_MS: u64 = 30_000;

/// Variables of ours by which engines find their daemon, storage and logins. The runner passes on few, and none of these.
pub const ENGINE_VARIABLES: &[&str] = &[
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "BUILDX_BUILDER",
    "BUILDX_CONFIG",
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
    "CONTAINERS_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "CONTAINERS_STORAGE_CONF",
    "REGISTRY_AUTH_FILE",
    "STORAGE_DRIVER",
    "STORAGE_OPTS",
    "BUILDAH_ISOLATION",
    "SSH_AUTH_SOCK",
];

/// A program that builds Dockerfiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    Docker,
    Podman,
    Buildah,
}

impl Engine {
    /// In the order in which they are tried.
    pub const ALL: [Engine; 3] = [Engine::Docker, Engine::Podman, Engine::Buildah];

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Engine::Docker => "docker",
            Engine::Podman => "podman",
            Engine::Buildah => "buildah",
        }
    }

    /// The questions that only a working engine answers. What the first says names its version.
    fn questions(self) -> &'static [&'static [&'static str]] {
        match self {
            // The server's version: a client alone has none.
            Engine::Docker => &[&["version", "--format", "{{.Server.Version}}"], &["buildx", "version"]],
            Engine::Podman => {
                &[&["version", "--format", "{{.Client.Version}}"], &["info", "--format", "{{.Host.Arch}}"]]
            }
            Engine::Buildah => &[&["--version"], &["info"]],
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// The engine that will build, and its name with version for the record.
///
/// Errors: [`BuildError::NoEngine`], with what each of those that were tried answered.
pub(super) async fn choose(
    wanted: Option<Engine>,
    folder: &Path,
    env: &BTreeMap<String, String>,
    runner: &dyn Runner,
) -> Result<(Engine, String), BuildError> {
    let candidates = match wanted {
        Some(engine) => vec![engine],
        None => Engine::ALL.to_vec(),
    };
    let mut tried = Vec::new();
    for engine in candidates {
        match ask(engine, folder, env, runner).await? {
            Ok(version) => return Ok((engine, format!("{engine} {version}"))),
            Err(why) => tried.push((engine, why)),
        }
    }
    Err(BuildError::NoEngine(tried))
}

/// The engine's version, or why it can't build.
async fn ask(
    engine: Engine,
    folder: &Path,
    env: &BTreeMap<String, String>,
    runner: &dyn Runner,
) -> Result<Result<String, String>, BuildError> {
    let mut version = None;
    for question in engine.questions() {
        let job = Job {
            program: engine.program().to_owned(),
            args: question.iter().map(|word| (*word).to_owned()).collect(),
            cwd: folder.to_owned(),
            env: env.clone(),
            timeout_ms: ANSWER_MS,
            output_limit_bytes: 16 * 1024,
        };
        let end = match runner.run(job).await {
            Ok(end) => end,
            Err(RunError::Missing { .. }) => return Ok(Err("it is not on PATH".to_owned())),
            Err(RunError::NotExecutable { cause, .. }) => return Ok(Err(cause)),
            Err(error @ (RunError::Folder { .. } | RunError::Spawn { .. })) => return Err(error.into()),
        };
        let said = end.output.to_string();
        if !end.passed() {
            return Ok(Err(complaint(engine, &said)));
        }
        version.get_or_insert_with(|| version_in(&said));
    }
    Ok(Ok(version.unwrap_or_default()))
}

/// The first word that begins with a digit: all of them print their version somewhere in a line of words.
fn version_in(said: &str) -> String {
    let word = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    word.unwrap_or("of unknown version").trim_end_matches(',').to_owned()
}

fn complaint(engine: Engine, said: &str) -> String {
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it gave no reason");
    format!("{last}{}", hint(engine, said))
}

/// What helps, for complaints that are known. Begins with a separator, or is empty.
pub(super) fn hint(engine: Engine, said: &str) -> &'static str {
    let says = |words: &str| said.contains(words);
    match engine {
        Engine::Docker if says("Cannot connect to the Docker daemon") || says("docker daemon is not running") => {
            " (docker is only a client here: start its daemon, or name one with DOCKER_HOST)"
        }
        Engine::Docker if says("permission denied") && says("docker.sock") => {
            " (the daemon is there but not for this user: join the group `docker`, or use podman)"
        }
        Engine::Docker
            if says("OCI exporter is not supported") || says("exporter is not supported for the docker driver") =>
        {
            " (this builder can't write images to a file: `docker buildx create --use --driver docker-container`, or turn on \
             the containerd image store)"
        }
        Engine::Docker if says("is not a docker command") || says("unknown command: docker buildx") => {
            " (install docker's plugin buildx)"
        }
        Engine::Docker if says("unknown flag: --provenance") || says("unknown flag: --sbom") => {
            " (buildx is older than 0.10, whose images Lambda would refuse: update it)"
        }
        _ if says("exec format error") => {
            " (the image is for another processor: register an emulator with `docker run --privileged --rm \
             tonistiigi/binfmt --install all`, or build on a machine of that kind)"
        }
        _ if says("no space left on device") => " (the disk is full)",
        _ => "",
    }
}
