//! Makes an image out of files, above a base image or above nothing: the same input gives the same digest on any machine.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tiers_core::id::Digest;

use crate::error::OciError;
use crate::json::canonical;
use crate::layer::{NewFile, write_layer};
use crate::layout::Layout;
use crate::manifest::{Architecture, Descriptor, JSON_LIMIT_BYTES, media};
use crate::preflight::{ImageFacts, preflight};

/// The time that stands in every image: when it was built is the ledger's business, and would change the digest.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// An image to be made.
#[derive(Clone, Debug)]
pub struct NewImage {
    pub architecture: Architecture,
    /// An image whose layers come first and whose configuration is inherited.
    pub base: Option<BaseImage>,
    /// Their order makes no difference.
    pub files: Vec<NewFile>,
    /// Where it is `None` the base's stays; a new entry point drops the base's command, as Dockerfiles do.
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
    /// Added to the base's, or in place of those of the same name.
    pub env: BTreeMap<String, String>,
    pub working_dir: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// An image in a layout.
#[derive(Clone, Debug)]
pub struct BaseImage {
    pub layout: Layout,
    pub digest: Digest,
}

/// Writes the image into the layout, under no tag; [`Layout::tag`] enters it into the index.
///
/// Errors: those of [`preflight`] about the base image; [`OciError::Entry`] for files that can't be packed; [`OciError::Malformed`]
/// for an environment variable without a name; [`OciError::Io`].
pub fn write_image(layout: &Layout, image: &NewImage) -> Result<ImageFacts, OciError> {
    let mut base = Base::default();
    if let Some(BaseImage { layout: from, digest }) = &image.base {
        base = inherit(from, digest, image.architecture)?;
        for layer in &base.layers {
            layout.copy_blob(from, layer)?;
        }
    }
    let layer = write_layer(layout, &image.files, image.base.is_none())?;
    let mut layers = base.layers.clone();
    layers.push(layer.descriptor);
    let config = canonical(config(image, &base, &layer.diff_id)?);
    let config_digest = layout.put(&config)?;
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": { "mediaType": media::OCI_CONFIG, "digest": config_digest.as_str(), "size": config.len() },
        "layers": layers.iter().map(|layer| json!({
            "mediaType": layer.media_type, "digest": layer.digest.as_str(), "size": layer.size,
        })).collect::<Vec<_>>(),
    });
    if let (Some(BaseImage { digest, .. }), Some(object)) = (&image.base, manifest.as_object_mut()) {
        object.insert("annotations".to_owned(), json!({ "org.opencontainers.image.base.digest": digest.as_str() }));
    }
    let digest = layout.put(&canonical(manifest))?;
    // What was written is read again: an image that a deployer would refuse must not leave this function.
    preflight(layout, &digest, image.architecture)
}

/// What a base image hands down.
#[derive(Default)]
struct Base {
    layers: Vec<Descriptor>,
    diff_ids: Vec<Digest>,
    variant: Option<Value>,
    run: Map<String, Value>,
    history: Option<Vec<Value>>,
}

fn inherit(from: &Layout, digest: &Digest, architecture: Architecture) -> Result<Base, OciError> {
    let facts = preflight(from, digest, architecture)?;
    let manifest = from.manifest(digest)?;
    let bytes = from.read(&manifest.config, JSON_LIMIT_BYTES)?;
    let raw: Value = serde_json::from_slice(&bytes).map_err(|e| OciError::Malformed {
        what: format!("the configuration of base image {digest}"),
        why: e.to_string(),
    })?;
    let layers = manifest.layers.into_iter().map(|layer| Descriptor { media_type: oci_name(&layer), ..layer });
    Ok(Base {
        layers: layers.collect(),
        diff_ids: facts.config.diff_ids,
        variant: raw.get("variant").cloned(),
        run: raw.get("config").and_then(Value::as_object).cloned().unwrap_or_default(),
        history: raw.get("history").and_then(Value::as_array).cloned(),
    })
}

/// Docker's layers under OCI's names: the bytes and their digests are the same.
fn oci_name(layer: &Descriptor) -> String {
    match layer.media_type.as_str() {
        media::DOCKER_LAYER_TAR => media::OCI_LAYER_TAR.to_owned(),
        media::DOCKER_LAYER_GZIP => media::OCI_LAYER_GZIP.to_owned(),
        other => other.to_owned(),
    }
}

fn config(image: &NewImage, base: &Base, diff_id: &Digest) -> Result<Value, OciError> {
    let mut run = base.run.clone();
    if let Some(entrypoint) = &image.entrypoint {
        run.insert("Entrypoint".to_owned(), json!(entrypoint));
        run.remove("Cmd");
    }
    if let Some(cmd) = &image.cmd {
        run.insert("Cmd".to_owned(), json!(cmd));
    }
    if let Some(folder) = &image.working_dir {
        run.insert("WorkingDir".to_owned(), json!(folder));
    }
    if !image.env.is_empty() {
        run.insert("Env".to_owned(), json!(env(image, run.get("Env"))?));
    }
    if !image.labels.is_empty() {
        let mut labels = run.get("Labels").and_then(Value::as_object).cloned().unwrap_or_default();
        labels.extend(image.labels.iter().map(|(key, value)| (key.clone(), json!(value))));
        run.insert("Labels".to_owned(), Value::Object(labels));
    }
    let mut diff_ids: Vec<&str> = base.diff_ids.iter().map(Digest::as_str).collect();
    diff_ids.push(diff_id.as_str());
    let mut config = json!({
        "created": CREATED,
        "architecture": image.architecture.oci_name(),
        "os": "linux",
        "config": run,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    // A history has to speak of every layer; without the base's part it is better left out.
    if image.base.is_none() || base.history.is_some() {
        let mut history = base.history.clone().unwrap_or_default();
        history.push(json!({ "created": CREATED, "created_by": "tiers: files" }));
        config["history"] = Value::Array(history);
    }
    if let Some(variant) = &base.variant {
        config["variant"] = variant.clone();
    }
    Ok(config)
}

/// The base's variables in their order, then the new ones sorted.
fn env(image: &NewImage, base: Option<&Value>) -> Result<Vec<String>, OciError> {
    let mut lines = Vec::new();
    for line in base.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let name = line.split_once('=').map_or(line, |(name, _)| name);
        if !image.env.contains_key(name) {
            lines.push(line.to_owned());
        }
    }
    for (name, value) in &image.env {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(OciError::Malformed {
                what: format!("environment variable `{name}`"),
                why: "a name has at least one character and no `=`, and neither name nor value a NUL".to_owned(),
            });
        }
        lines.push(format!("{name}={value}"));
    }
    Ok(lines)
}
