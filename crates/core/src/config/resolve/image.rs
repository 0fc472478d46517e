//! How an app's image is made: from a Dockerfile or from given files, and no key of the one with the other.

use super::super::model::{Architecture, Builder, FileMapping, Image};
use super::super::spanned::Spanned;
use super::super::typed::{self, ImageBuilder};
use super::Resolver;
use crate::naming;
use crate::problem::Code;

impl Resolver<'_, '_, '_> {
    /// `None` where it can't be known which of the two forms is meant.
    pub(super) fn image(&mut self, typed: &Spanned<typed::Image>, project: &str) -> Option<Image> {
        let builder = typed.builder.as_ref().map(|builder| **builder);
        let architecture = typed.architecture.unwrap_or(Architecture::X86_64);
        let repository = self.repository(typed, project);
        match (&typed.dockerfile, &typed.files, builder) {
            (Some(dockerfile), Some(_), _) | (Some(dockerfile), None, Some(ImageBuilder::Files)) => {
                self.add(Code::ChooseOne, dockerfile.span(), "an image is made from a Dockerfile or from files")
                    .hint("Keep `dockerfile`, or `files` with `builder = \"files\"`.");
                None
            }
            (Some(dockerfile), None, builder) => {
                self.only_of_files(typed);
                self.path_in_repository(dockerfile);
                Some(Image::Dockerfile {
                    dockerfile: (**dockerfile).clone(),
                    repository,
                    builder: match builder {
                        Some(ImageBuilder::Docker) => Builder::Docker,
                        Some(ImageBuilder::Podman) => Builder::Podman,
                        Some(ImageBuilder::Buildah) => Builder::Buildah,
                        Some(ImageBuilder::Files) | None => Builder::Auto,
                    },
                    args: typed.args.iter().map(|(name, value)| ((**name).clone(), value.clone())).collect(),
                    target: typed.target.as_ref().map(|target| (**target).clone()),
                    architecture,
                })
            }
            (None, Some(files), None | Some(ImageBuilder::Files)) => {
                self.only_of_dockerfile(typed);
                let mappings = self.files(files);
                Some(Image::Files {
                    repository,
                    files: mappings,
                    base: typed.base.as_ref().map(|base| (**base).clone()),
                    entrypoint: typed.entrypoint.as_ref().map(|words| self.words(words)).unwrap_or_default(),
                    command: typed.command.as_ref().map(|words| self.words(words)).unwrap_or_default(),
                    run: typed.run.as_ref().map(|words| self.words(words)).unwrap_or_default(),
                    architecture,
                })
            }
            (None, Some(files), Some(_)) => {
                self.add(Code::ChooseOne, files.span(), "`files` are put together without a container engine")
                    .meaning("The builder that is named would never be asked.")
                    .hint("Write `builder = \"files\"`, or name a `dockerfile`.");
                None
            }
            (None, None, _) if self.lost(typed, &["dockerfile", "files", "builder"]) => None,
            (None, None, Some(ImageBuilder::Files)) => {
                self.add(Code::MissingKey, typed.span(), "no file is named for the image")
                    .hint("Add `files = [{ from = \"target/release/bootstrap\", to = \"/var/runtime/bootstrap\" }]`.");
                None
            }
            (None, None, _) => {
                self.add(Code::MissingKey, typed.span(), "it is not said what the image is made from")
                    .hint("Add `dockerfile = \"Dockerfile\"`, or `files = [{ from = \"…\", to = \"…\" }]`.");
                None
            }
        }
    }

    fn repository(&mut self, typed: &typed::Image, project: &str) -> String {
        match &typed.repository {
            Some(repository) => {
                if let Err(error) = naming::check_repository(repository) {
                    self.add(
                        Code::BadName,
                        repository.span(),
                        format!("`{}` can't be a repository: {error}", repository.escape_debug()),
                    )
                    .meaning("The registry would refuse it.")
                    .hint("Write the repository's name without its registry, for example `team/shop-api`.");
                }
                (**repository).clone()
            }
            None => project.to_owned(),
        }
    }

    fn files(&mut self, files: &Spanned<Vec<Spanned<typed::FileMapping>>>) -> Vec<FileMapping> {
        if files.is_empty() {
            self.add(Code::MissingKey, files.span(), "no file is named for the image")
                .meaning("The image would be empty, and the function could not start.")
                .hint("Add `{ from = \"target/release/bootstrap\", to = \"/var/runtime/bootstrap\" }`.");
        }
        let mut mappings: Vec<FileMapping> = Vec::new();
        for file in files.iter() {
            let (Some(from), Some(to)) = (&file.from, &file.to) else { continue };
            self.path_in_repository(from);
            let parts = to.split('/').skip(1);
            if !to.starts_with('/')
                || to.len() < 2
                || to.contains('\0')
                || parts.into_iter().any(|part| matches!(part, "." | ".."))
            {
                self.add(
                    Code::BadValue,
                    to.span(),
                    format!("`{}` is not an absolute path in the image", to.escape_debug()),
                )
                .hint("Write it like `/var/task/app`.");
            }
            if mappings.iter().any(|known| known.to == **to) {
                self.add(Code::Duplicate, to.span(), format!("two files stand at `{}`", to.as_str()))
                    .meaning("The one would hide the other.")
                    .hint("Give each its own place.");
            }
            mappings.push(FileMapping { from: (**from).clone(), to: (**to).clone() });
        }
        mappings
    }

    fn path_in_repository(&mut self, path: &Spanned<String>) {
        let bad =
            path.is_empty() || path.starts_with('/') || path.contains('\0') || path.split('/').any(|part| part == "..");
        if bad {
            self.add(Code::BadValue, path.span(), format!("`{}` is not a path in the repository", path.escape_debug()))
                .meaning("An image is made from the files of one commit, and from nothing else.")
                .hint("Write it from the root of the repository, without a slash at the beginning.");
        }
    }

    fn only_of_files(&mut self, typed: &typed::Image) {
        let base = typed.base.as_ref().map(|base| ("base", base.span()));
        let words = [("entrypoint", &typed.entrypoint), ("command", &typed.command), ("run", &typed.run)];
        let words = words.into_iter().filter_map(|(key, words)| Some((key, words.as_ref()?.span())));
        for (key, span) in base.into_iter().chain(words) {
            self.add(Code::ChooseOne, span, format!("`{key}` belongs to images from `files`"))
                .meaning("It would not hold for an image from a Dockerfile.")
                .hint("Say it in the Dockerfile.");
        }
    }

    fn only_of_dockerfile(&mut self, typed: &typed::Image) {
        let target = typed.target.as_ref().map(|target| ("target", target.span()));
        let args = typed.args.names().next().map(|name| ("args", name.span()));
        for (key, span) in target.into_iter().chain(args) {
            self.add(Code::ChooseOne, span, format!("`{key}` belongs to images from a Dockerfile"))
                .meaning("It would not hold for an image from `files`.")
                .hint("Leave it away.");
        }
    }
}
