//! The `files` builder: runs the command that makes the files, if there is one, and packs them. No engine, no daemon, no root.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use async_trait::async_trait;
use tiers_engine::port::runner::{Job, Output, Runner};
use tiers_oci::{Architecture, Content, Layout, NewFile, NewImage, write_image};

use super::collect::collect;
use super::error::{BuildError, FileProblem};
use super::{BuildRequest, Builder, Built, FilesSpec, OUTPUT_LIMIT_BYTES};
use crate::git::FILE_TIME_S;

/// The name and version of what this builder writes. It is a part of an inputs' identity: it changes when digests do.
pub const FILES_BUILDER: &str = "files/1";

/// Packs given files into an image, the same on any machine.
#[derive(Clone, Copy, Debug)]
pub struct FilesBuilder<'a> {
    pub spec: &'a FilesSpec,
}

#[async_trait(?Send)]
impl Builder for FilesBuilder<'_> {
    async fn build(
        &self,
        request: &BuildRequest<'_>,
        store: &Layout,
        runner: &dyn Runner,
    ) -> Result<Built, BuildError> {
        let spec = self.spec;
        let log = self.run_command(request, runner).await?;
        let command = (!spec.run.is_empty()).then(|| spec.run.join(" "));
        let files = collect(request.tree, &spec.files, command.as_deref()).map_err(BuildError::Files)?;
        check_entrypoint(spec, &files, request.architecture)?;
        let some = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
        let image = NewImage {
            architecture: request.architecture,
            base: spec.base.clone(),
            files,
            entrypoint: some(&spec.entrypoint),
            cmd: some(&spec.command),
            env: spec.env.clone(),
            working_dir: spec.working_dir.clone(),
            labels: spec.labels.clone(),
        };
        let facts = write_image(store, &image)?;
        store.tag(&facts.digest, None)?;
        Ok(Built { facts, builder: FILES_BUILDER.to_owned(), log })
    }
}

impl FilesBuilder<'_> {
    async fn run_command(&self, request: &BuildRequest<'_>, runner: &dyn Runner) -> Result<Output, BuildError> {
        let Some((program, args)) = self.spec.run.split_first() else { return Ok(Output::default()) };
        // Many tools write this time into what they make, in place of the present one.
        let mut env = BTreeMap::from([("SOURCE_DATE_EPOCH".to_owned(), FILE_TIME_S.to_string())]);
        env.extend(request.env.clone());
        let job = Job {
            program: program.clone(),
            args: args.to_vec(),
            cwd: request.tree.to_owned(),
            env,
            timeout_ms: request.timeout_ms,
            output_limit_bytes: OUTPUT_LIMIT_BYTES,
        };
        let end = runner.run(job).await?;
        if end.passed() {
            return Ok(end.output);
        }
        Err(BuildError::Command { command: self.spec.run.join(" "), how: end.how, output: end.output })
    }
}

/// That the image has something to start, as far as that can be told without running it.
fn check_entrypoint(spec: &FilesSpec, files: &[NewFile], wanted: Architecture) -> Result<(), BuildError> {
    let problem = |problem| Err(BuildError::Files(vec![problem]));
    let Some(entrypoint) = spec.entrypoint.first() else {
        return if spec.base.is_some() { Ok(()) } else { problem(FileProblem::NoEntrypoint) };
    };
    let same = |path: &str| path.trim_start_matches('/') == entrypoint.trim_start_matches('/');
    match files.iter().find(|file| same(&file.path)).map(|file| &file.content) {
        Some(Content::File { executable: false, .. } | Content::Bytes { executable: false, .. }) => {
            problem(FileProblem::NotExecutable { entrypoint: entrypoint.clone() })
        }
        Some(Content::File { from, .. }) => match processor(from) {
            Some(found) if found != wanted.as_str() => {
                let wanted = wanted.as_str();
                problem(FileProblem::WrongProcessor { entrypoint: entrypoint.clone(), found, wanted })
            }
            _ => Ok(()),
        },
        Some(Content::Bytes { .. } | Content::Link { .. }) => Ok(()),
        // A base brings programs of its own, and a bare name is looked for in the image's PATH.
        None if spec.base.is_some() || !entrypoint.starts_with('/') => Ok(()),
        Some(Content::Folder) | None => {
            let files = files.iter().filter(|file| file.content != Content::Folder).map(|file| file.path.clone());
            let (entrypoint, files) = (entrypoint.clone(), files.collect());
            problem(FileProblem::MissingEntrypoint { entrypoint, files })
        }
    }
}

/// The processor that an ELF program is made for, in Lambda's words where it has one; `None` for what is no ELF program.
///
/// Source: the ELF specification, `e_machine` at byte 18.
fn processor(path: &Path) -> Option<String> {
    let mut header = [0; 20];
    std::fs::File::open(path).ok()?.read_exact(&mut header).ok()?;
    if !header.starts_with(b"\x7fELF") {
        return None;
    }
    let machine = match header[5] {
        2 => u16::from_be_bytes([header[18], header[19]]),
        _ => u16::from_le_bytes([header[18], header[19]]),
    };
    Some(match machine {
        62 => Architecture::X86_64.as_str().to_owned(),
        183 => Architecture::Arm64.as_str().to_owned(),
        other => format!("another processor (ELF machine {other})"),
    })
}
