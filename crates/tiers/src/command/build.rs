//! `tiers build`: builds once, and records the release.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use tiers_core::config::{AppConfig, Architecture as Declared, Builder, Image};
use tiers_core::id::{Commit, Digest};
use tiers_core::record::Stream;
use tiers_core::release::{Release, ReleaseEvent};
use tiers_core::source::release_id;
use tiers_edge::build::{self, BuildRequest, DockerfileSpec, Engine, FileMapping, FilesSpec, Spec};
use tiers_edge::runner::SystemRunner;
use tiers_engine::ledger::{Append, Draft, Ledger};
use tiers_oci::{Architecture, BaseImage, Layout};

use crate::cli::Global;
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome, chain};
use crate::render::wrap;
use crate::request::{find_release, releases};
use crate::source::{Identity, Source, Working, base_folder};

/// For each program that a build runs.
const BUILD_TIMEOUT_MS: u64 = 3_600_000;

/// Build an app once, and record the release
///
/// Builds from the files of a commit, taken from git and not from the working copy. If these inputs were built before, by whatever
/// commit, says which release that is and builds nothing.
#[derive(Debug, Args)]
pub struct Build {
    /// Only this app
    app: Option<String>,
    /// The files of this commit, instead of the one that is checked out
    #[arg(long, value_name = "REV", conflicts_with = "dirty")]
    commit: Option<String>,
    /// Build the working tree with what is not committed; such a release goes to entry environments only
    #[arg(long)]
    dirty: bool,
    /// Make another release of the same inputs, with evidence of its own
    #[arg(long)]
    rebuild: bool,
}

/// `tiers.build/1`.
#[derive(Serialize)]
struct Shown<'a> {
    outcome: &'a str,
    app: &'a str,
    release: &'a Release,
}

pub async fn run(args: &Build, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let source = Source::open(&context.root)?;
    let apps = context.apps(args.app.as_deref())?;
    let ledger = context.ledger().await?;
    for app in apps {
        one(&context, &source, &ledger, app, args).await?;
    }
    Ok(0)
}

/// What is built: its identity, and where its files come from.
struct Subject {
    identity: Identity,
    commit: Commit,
    working: Option<Working>,
}

async fn one(context: &Context, source: &Source, ledger: &Ledger, app: &AppConfig, args: &Build) -> Result<(), Fault> {
    let subject = subject(context, source, app, args)?;
    let inputs = &subject.identity.inputs;
    let known = find_release(ledger, &app.name, |release| &release.inputs == inputs).await?;
    if let Some(known) = known.filter(|_| !args.rebuild) {
        return tell(context, app, "known", &known);
    }
    if !context.global.quiet {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("  building {} from {} files\n", app.name, subject.identity.selection.entries.len()).as_bytes(),
        );
    }
    let (digest, builder) = make(context, source, app, &subject).await?;
    let (outcome, release) = record(context, ledger, app, &subject, digest, builder, args.rebuild).await?;
    tell(context, app, outcome, &release)
}

fn subject(context: &Context, source: &Source, app: &AppConfig, args: &Build) -> Result<Subject, Fault> {
    if args.dirty {
        let (mut identity, changes, working) = source.working(&context.root, app)?;
        let commit = source.head()?;
        if changes.is_empty() {
            return Ok(Subject { identity, commit, working: None });
        }
        // The same files may be committed later: that release is another one, with a name of its own.
        identity.inputs =
            tiers_core::id::InputsId(Digest::of(format!("dirty {}", identity.inputs).as_bytes()).hex().to_owned());
        return Ok(Subject { identity, commit, working: Some(working) });
    }
    if let Some(revision) = &args.commit {
        let commit = source.resolve(revision)?;
        return Ok(Subject { identity: source.identity(&context.root, app, &commit)?, commit, working: None });
    }
    let commit = source.head()?;
    let changes = source.changes(app)?;
    if let Some(first) = changes.first() {
        let more = if changes.len() > 1 { format!(" and {} more", changes.len() - 1) } else { String::new() };
        return Err(Fault::refused(format!("{} has changes that no commit holds: {first}{more}", app.name)).hint(
            "Commit them; or `tiers build --dirty` for a release that goes to entry environments only; or name a commit \
             with --commit.",
        ));
    }
    Ok(Subject { identity: source.identity(&context.root, app, &commit)?, commit, working: None })
}

async fn make(
    context: &Context,
    source: &Source,
    app: &AppConfig,
    subject: &Subject,
) -> Result<(Digest, String), Fault> {
    let io = |error: std::io::Error| Fault::errored(format!("the build folder: {error}"));
    std::fs::create_dir_all(context.home("build")).map_err(io)?;
    let scratch = context.home("build").join(format!("{}.{}", app.name, std::process::id()));
    let _ = std::fs::remove_dir_all(&scratch);
    let entries = &subject.identity.selection.entries;
    let materialised = match &subject.working {
        Some(working) => working.0.materialise(entries, &scratch),
        None => source.repository.materialise(entries, &scratch),
    };
    materialised.map_err(|error| Fault::usage(chain(&error)))?;
    let layout = Layout::open_or_create(context.home("images")).map_err(|error| Fault::errored(chain(&error)))?;
    let spec = spec(context, app, subject)?;
    let request = BuildRequest {
        tree: &scratch,
        spec: &spec,
        architecture: architecture(app.image.architecture()),
        env: BTreeMap::new(),
        timeout_ms: BUILD_TIMEOUT_MS,
    };
    // Tool chains find their caches through these; none of them is a secret.
    let runner = SystemRunner::new(tiers_core::redact::Redactor::default()).also([
        "CARGO_HOME",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
        "DOCKER_HOST",
        "DOCKER_CONFIG",
        "XDG_RUNTIME_DIR",
    ]);
    let built = build::build(&request, &layout, &runner).await;
    let _ = std::fs::remove_dir_all(&scratch);
    let built = built.map_err(|error| {
        Fault::new(crate::fault::Kind::Failed, format!("{} was not built: {}", app.name, chain(&error)))
    })?;
    let tag = format!("sha-{}", subject.commit);
    layout.tag(built.digest(), Some(&tag)).map_err(|error| Fault::errored(chain(&error)))?;
    Ok((built.digest().clone(), built.builder))
}

/// Records the release; whoever loses the race for these inputs takes the winner's.
async fn record(
    context: &Context,
    ledger: &Ledger,
    app: &AppConfig,
    subject: &Subject,
    digest: Digest,
    builder: String,
    rebuild: bool,
) -> Result<(&'static str, Release), Fault> {
    let stream = Stream::releases(&app.name).map_err(|error| Fault::usage(error.to_string()))?;
    let inputs = &subject.identity.inputs;
    for _ in 0..64 {
        let (head, state) = releases(ledger, &app.name).await?;
        let before = state.recent.iter().filter(|release| &release.inputs == inputs).count();
        if let Some(known) = state.by_inputs(inputs).filter(|_| !rebuild) {
            return Ok(("known", known.clone()));
        }
        let at = context.clock.now();
        let release = Release {
            id: release_id(inputs, u32::try_from(before + 1).unwrap_or(u32::MAX)),
            source: subject.identity.source.clone(),
            inputs: inputs.clone(),
            image_uri: format!("{}@{digest}", crate::local::repository(app.image.repository())),
            digest: digest.clone(),
            commit: subject.commit.clone(),
            dirty: subject.working.is_some(),
            architecture: app.image.architecture().as_str().to_owned(),
            builder: builder.clone(),
            built_by: context.actor.who.clone(),
            built_at: at,
        };
        let event = ReleaseEvent::Built { release: release.clone(), rebuild: before > 0 };
        let after = state.apply(&event).map_err(|error| Fault::errored(error.to_string()))?;
        let draft = Draft {
            at,
            actor: context.actor.clone(),
            deployment: None,
            epoch: 0,
            event: serde_json::to_value(&event).expect("an event is plain data"),
            state: serde_json::to_value(&after).expect("a state is plain data"),
        };
        match ledger.append(&stream, head.as_ref(), draft).await? {
            Append::Created(_) => return Ok(("built", release)),
            Append::Lost(_) => {}
            Append::Unknown { key, why } => {
                return Err(Fault::errored(format!("whether record {key} was written is unknown: {why}"))
                    .hint("The image is built and kept: this command again records it, or finds it recorded."));
            }
            Append::Refused(why) => {
                return Err(Fault::errored(format!("the ledger did not take the release: {why}")));
            }
        }
    }
    Err(Fault::errored("others kept recording releases of this app; try again"))
}

fn spec(context: &Context, app: &AppConfig, subject: &Subject) -> Result<Spec, Fault> {
    Ok(match &app.image {
        Image::Files { files, base, entrypoint, command, run, .. } => {
            let base = match (base, &subject.identity.base) {
                (Some(folder), Some(digest)) => Some(BaseImage {
                    layout: Layout::open(context.root.join(base_folder(folder)))
                        .map_err(|error| Fault::usage(chain(&error)))?,
                    digest: digest.clone(),
                }),
                _ => None,
            };
            Spec::Files(FilesSpec {
                run: run.clone(),
                files: files
                    .iter()
                    .map(|file| FileMapping { from: file.from.clone(), to: file.to.clone(), executable: None })
                    .collect(),
                base,
                entrypoint: entrypoint.clone(),
                command: command.clone(),
                ..FilesSpec::default()
            })
        }
        Image::Dockerfile { dockerfile, builder, args, target, .. } => Spec::Dockerfile(DockerfileSpec {
            dockerfile: dockerfile.clone(),
            engine: match builder {
                Builder::Auto => None,
                Builder::Docker => Some(Engine::Docker),
                Builder::Podman => Some(Engine::Podman),
                Builder::Buildah => Some(Engine::Buildah),
            },
            args: args.clone(),
            target: target.clone(),
        }),
    })
}

/// The declared processor as the image crate's type.
pub fn architecture(declared: Declared) -> Architecture {
    match declared {
        Declared::X86_64 => Architecture::X86_64,
        Declared::Arm64 => Architecture::Arm64,
    }
}

fn tell(context: &Context, app: &AppConfig, outcome: &str, release: &Release) -> Result<(), Fault> {
    if context.global.json {
        return print_json("tiers.build/1", &Shown { outcome, app: app.name.as_str(), release });
    }
    let style = context.style;
    let dirty = if release.dirty { " (dirty: entry environments only)" } else { "" };
    let commit = crate::render::plan::short(release.commit.as_str());
    let (word, says) = match outcome {
        "known" => {
            let by = &release.built_by;
            let id = &release.id;
            ("known:", format!("these inputs are {id} already, built from {commit} by {by}; nothing was built"))
        }
        _ => {
            let digest = release.digest.short();
            ("built:", format!("{} of {}, digest {digest}, from commit {commit}{dirty}", release.id, app.name))
        }
    };
    let lead = format!("{} ", style.good(word));
    print(&format!("{}\n", wrap::paragraph(&lead, word.len() + 1, 2, &says, wrap::width())))
}
