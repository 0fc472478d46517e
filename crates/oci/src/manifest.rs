//! Manifests and configurations of single images, as read: OCI's form and Docker's, which differ in media types only.
//!
//! Source: the OCI image specification 1.1, "Image Manifest" and "Image Configuration"; Docker image manifest version 2, schema 2.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tiers_core::id::Digest;

use crate::error::OciError;

/// Media types, as they stand in descriptors.
pub mod media {
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    pub const OCI_LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    pub const DOCKER_LAYER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";
    pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}

/// The most bytes that a manifest or a configuration may have: registries refuse larger manifests too.
pub const JSON_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// The most layers that an image may have (overlay file systems end at 127 or 128).
pub const LAYER_LIMIT: usize = 127;

/// The processors that Lambda offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Architecture {
    #[serde(rename = "x86_64")]
    X86_64,
    #[serde(rename = "arm64")]
    Arm64,
}

/// A text that was meant to be an architecture and is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an architecture that Lambda offers: expected `x86_64` or `arm64`")]
pub struct NotAnArchitecture(pub String);

impl Architecture {
    /// As Lambda writes it: `x86_64` or `arm64`.
    pub fn as_str(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Arm64 => "arm64",
        }
    }

    /// As image configurations write it: `amd64` or `arm64`.
    pub fn oci_name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "amd64",
            Architecture::Arm64 => "arm64",
        }
    }

    /// As image builders take it: `linux/amd64` or `linux/arm64`.
    pub fn platform(self) -> &'static str {
        match self {
            Architecture::X86_64 => "linux/amd64",
            Architecture::Arm64 => "linux/arm64",
        }
    }

    /// The processor this program runs on, if Lambda offers it.
    pub fn of_this_machine() -> Option<Architecture> {
        std::env::consts::ARCH.parse().ok()
    }
}

impl FromStr for Architecture {
    type Err = NotAnArchitecture;
    /// Takes Lambda's words, those of image configurations and those of compilers.
    fn from_str(text: &str) -> Result<Architecture, NotAnArchitecture> {
        match text {
            "x86_64" | "amd64" => Ok(Architecture::X86_64),
            "arm64" | "aarch64" => Ok(Architecture::Arm64),
            _ => Err(NotAnArchitecture(text.to_owned())),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A pointer to a blob: its type, digest and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    #[serde(rename = "mediaType")]
    pub media_type: String,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An image manifest: its configuration and its layers, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub media_type: String,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
}

/// What a manifest looks like before it is known to be one.
#[derive(Deserialize)]
struct AnyManifest {
    #[serde(rename = "schemaVersion")]
    schema_version: Option<u64>,
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    #[serde(rename = "artifactType")]
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<serde_json::Value>,
}

impl Manifest {
    /// Reads a manifest's bytes. `digest` only serves the messages; the caller has compared it with the bytes.
    ///
    /// Errors: [`OciError::Index`] for an index or a manifest list, [`OciError::MediaType`] for layers and configurations of
    /// unknown types, [`OciError::Malformed`] for anything else that is not the manifest of one image.
    pub fn parse(bytes: &[u8], digest: &Digest) -> Result<Manifest, OciError> {
        let what = || format!("manifest {digest}");
        let malformed = |why: String| OciError::Malformed { what: what(), why };
        let any: AnyManifest = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
        let media_type = any.media_type.unwrap_or_else(|| media::OCI_MANIFEST.to_owned());
        if any.manifests.is_some() || is_index(&media_type) {
            // Without a media type of its own an index is known by its list of manifests.
            let media_type = if is_index(&media_type) { media_type } else { media::OCI_INDEX.to_owned() };
            return Err(index(digest.as_str(), media_type));
        }
        if any.schema_version != Some(2) {
            return Err(malformed(format!("schemaVersion is {:?}, expected 2", any.schema_version)));
        }
        if media_type != media::OCI_MANIFEST && media_type != media::DOCKER_MANIFEST {
            return Err(OciError::MediaType { what: what(), media_type, hint: "expected the manifest of one image" });
        }
        let config = any.config.ok_or_else(|| malformed("it has no `config`".to_owned()))?;
        let layers = any.layers.ok_or_else(|| malformed("it has no `layers`".to_owned()))?;
        if !matches!(config.media_type.as_str(), media::OCI_CONFIG | media::DOCKER_CONFIG) {
            let media_type = any.artifact_type.unwrap_or(config.media_type);
            return Err(OciError::MediaType {
                what: format!("the configuration of {digest}"),
                media_type,
                hint: "this is an artifact of another kind, not a container image",
            });
        }
        if layers.is_empty() {
            return Err(malformed("it has no layer, so nothing in it can run".to_owned()));
        }
        if layers.len() > LAYER_LIMIT {
            return Err(malformed(format!("it has {} layers, more than {LAYER_LIMIT}", layers.len())));
        }
        for layer in &layers {
            layer_form(layer)?;
        }
        Ok(Manifest { media_type, config, layers })
    }

    /// The sizes of configuration and layers as they are stored, in bytes.
    pub fn stored_size_bytes(&self) -> u64 {
        self.layers.iter().fold(self.config.size, |sum, layer| sum.saturating_add(layer.size))
    }
}

pub(crate) fn is_index(media_type: &str) -> bool {
    matches!(media_type, media::OCI_INDEX | media::DOCKER_LIST)
}

pub(crate) fn index(digest: &str, media_type: String) -> OciError {
    // The processor that is wanted is not known where an index is met; the usual one serves as the example.
    OciError::Index { digest: digest.to_owned(), media_type, platform: Architecture::X86_64.platform() }
}

/// How a layer's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayerForm {
    Tar,
    Gzip,
}

/// Errors: [`OciError::MediaType`] for anything but tar and tar with gzip.
pub(crate) fn layer_form(layer: &Descriptor) -> Result<LayerForm, OciError> {
    match layer.media_type.as_str() {
        media::OCI_LAYER_TAR | media::DOCKER_LAYER_TAR => Ok(LayerForm::Tar),
        media::OCI_LAYER_GZIP | media::DOCKER_LAYER_GZIP => Ok(LayerForm::Gzip),
        other => {
            let hint = if other.ends_with("zstd") {
                "build with gzip compression (buildx: `--output type=oci,compression=gzip,force-compression=true`)"
            } else if other.contains("nondistributable") || other.contains("foreign") {
                "layers that are kept outside the registry can't be deployed"
            } else {
                "expected a tar archive, plain or with gzip"
            };
            Err(OciError::MediaType { what: format!("layer {}", layer.digest), media_type: other.to_owned(), hint })
        }
    }
}

/// What an image says about how it is run. Lists are empty and texts `None` where the image says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImageConfig {
    /// As images write it: `amd64`, `arm64`.
    pub architecture: String,
    pub os: String,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// An absolute path inside the image.
    pub working_dir: Option<String>,
    pub user: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// The digests of the layers when unpacked, the lowest first.
    pub diff_ids: Vec<Digest>,
}

#[derive(Deserialize)]
struct RawConfig {
    architecture: Option<String>,
    os: Option<String>,
    config: Option<RawRun>,
    rootfs: Option<RawRootfs>,
}

#[derive(Deserialize)]
struct RawRootfs {
    #[serde(default)]
    diff_ids: Vec<Digest>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawRun {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    working_dir: Option<String>,
    user: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

impl ImageConfig {
    /// Reads a configuration's bytes. `digest` only serves the messages.
    ///
    /// Errors: [`OciError::Malformed`].
    pub fn parse(bytes: &[u8], digest: &Digest) -> Result<ImageConfig, OciError> {
        let malformed = |why: String| OciError::Malformed { what: format!("image configuration {digest}"), why };
        let raw: RawConfig = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
        let architecture = raw.architecture.ok_or_else(|| malformed("it names no architecture".to_owned()))?;
        let os = raw.os.ok_or_else(|| malformed("it names no operating system".to_owned()))?;
        let run = raw.config.unwrap_or_default();
        let mut env = BTreeMap::new();
        for line in run.env.unwrap_or_default() {
            let (name, value) =
                line.split_once('=').ok_or_else(|| malformed(format!("`{line}` in Env is not NAME=VALUE")))?;
            env.insert(name.to_owned(), value.to_owned());
        }
        let text = |value: Option<String>| value.filter(|text| !text.is_empty());
        Ok(ImageConfig {
            architecture,
            os,
            entrypoint: run.entrypoint.unwrap_or_default(),
            cmd: run.cmd.unwrap_or_default(),
            env,
            working_dir: text(run.working_dir),
            user: text(run.user),
            labels: run.labels.unwrap_or_default(),
            diff_ids: raw.rootfs.map(|rootfs| rootfs.diff_ids).unwrap_or_default(),
        })
    }
}
