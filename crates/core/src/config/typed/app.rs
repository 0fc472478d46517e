//! `[apps.NAME]` as typed.

// The attributes of `tables` are read only where the schema is made.
#[cfg(any(test, feature = "schema"))]
use crate::config::limits;
#[cfg(any(test, feature = "schema"))]
use serde_json::json;

use serde::Deserialize;

use super::super::model::Architecture;
use super::super::read::{tables, words};
use super::super::spanned::{Either, Spanned, Table};
use super::{Gate, Setting, Text, Texts, Variables, Words};

/// A list of names, or a table by name.
pub(in super::super) type Components = Either<Vec<Spanned<String>>, Table<Component>>;

tables! {
    /// An app: one artifact, and the components that change together.
    pub(in super::super) struct App {
        /// The files that make up the app's source, as globs; one that begins with `!` takes files away again, and the last that
        /// matches a file decides.
        #[schemars(required, example = json!(["src/**", "Dockerfile", "!src/**/*.md"]))]
        pub paths: Texts,
        /// How its image is made.
        #[schemars(required, example = json!({ "dockerfile": "Dockerfile" }))]
        pub image: Option<Spanned<Image>>,
        /// Its components: a list of names, or a table by name where they differ in something.
        #[schemars(required, example = json!(["api", "worker"]))]
        pub components: Option<Spanned<Components>>,
        /// What is checked while a release is brought into an environment.
        #[schemars(default)]
        pub gates: Vec<Spanned<Gate>>,
    }
}

/// The program that makes an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum ImageBuilder {
    /// Puts given files into a reproducible image, without a container engine.
    Files,
    Docker,
    Podman,
    Buildah,
}

tables! {
    /// How an image is made: from a Dockerfile, or from given files.
    pub(in super::super) struct Image {
        /// The program. None: `files` where `files` is given, else the first of docker, podman and buildah that is installed.
        #[schemars(example = json!("podman"))]
        pub builder: Option<Spanned<ImageBuilder>>,
        /// The repository that the image is pushed to. None: the project's name.
        #[schemars(example = json!("dr-daily-report"))]
        pub repository: Text,
        /// The processor of the functions.
        #[schemars(example = json!("arm64"), extend("default" = "x86_64"))]
        pub architecture: Option<Architecture>,
        /// The Dockerfile; the files of `paths` are its context.
        #[schemars(example = json!("Dockerfile"))]
        pub dockerfile: Text,
        /// Build arguments of the Dockerfile; no secrets.
        #[schemars(default, example = json!({ "PYTHON_VERSION": "3.13" }))]
        pub args: Table<String>,
        /// The stage of the Dockerfile to build. None: the last.
        #[schemars(example = json!("runtime"))]
        pub target: Text,
        /// Files and folders to put into the image (`files` only).
        #[schemars(example = json!([{ "from": "target/release/bootstrap", "to": "/var/runtime/bootstrap" }]))]
        pub files: Option<Spanned<Vec<Spanned<FileMapping>>>>,
        /// An OCI layout folder with the image to stand on (`files` only). None: an empty image.
        #[schemars(example = json!("images/base"))]
        pub base: Text,
        /// The entry point of the image (`files` only).
        #[schemars(example = json!("/var/runtime/bootstrap"))]
        pub entrypoint: Words,
        /// The command of the image (`files` only).
        #[schemars(example = json!("app.handler"))]
        pub command: Words,
        /// A command that makes the files, run in the tree of the commit before they are collected (`files` only).
        #[schemars(example = json!("cargo build --release --locked"))]
        pub run: Words,
    }

    /// A file or folder and where it stands in the image.
    pub(in super::super) struct FileMapping {
        /// Below the root of the repository.
        #[schemars(required, example = json!("target/release/bootstrap"))]
        pub from: Text,
        /// An absolute path in the image.
        #[schemars(required, example = json!("/var/runtime/bootstrap"))]
        pub to: Text,
    }

    /// A component: a function, in every environment.
    pub(in super::super) struct Component {
        /// Overrides the image's command.
        #[schemars(example = json!(["app.worker.handler"]))]
        pub command: Words,
        /// The path under which the environment's door reaches it. None: it can't be reached by HTTP.
        #[schemars(example = json!("/api"))]
        pub route: Text,
        /// Settings that differ from the environment's, by environment.
        #[schemars(default, example = json!({ "prod": { "timeout_s": 300 } }))]
        pub r#in: Table<Overrides>,
    }

    /// Settings of one component in one environment.
    pub(in super::super) struct Overrides {
        /// Memory, in MB.
        #[schemars(example = json!(1024), extend("minimum" = limits::MEMORY_MB.min, "maximum" = limits::MEMORY_MB.max))]
        pub memory_mb: Setting,
        /// Timeout, in seconds.
        #[schemars(example = json!(300), extend("minimum" = limits::TIMEOUT_S.min, "maximum" = limits::TIMEOUT_S.max))]
        pub timeout_s: Setting,
        /// How many days logs are kept.
        #[schemars(example = json!(30), extend("minimum" = 1, "maximum" = 3653))]
        pub log_retention_days: Setting,
        /// Reserved concurrency; 0 stops the function.
        #[schemars(example = json!(10), extend("minimum" = limits::CONCURRENCY.min, "maximum" = limits::CONCURRENCY.max))]
        pub concurrency: Setting,
        /// Environment variables, on top of the environment's.
        #[schemars(default, example = json!({ "LOG_LEVEL": "debug" }))]
        pub variables: Variables,
    }
}

words!(Architecture, ImageBuilder);
