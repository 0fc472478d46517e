//! index.json of a layout: which images it holds and their tags. Replaced as a whole, under a lock, so that two writers at once
//! both find their images in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tiers_core::id::Digest;

use crate::error::{OciError, io_error};
use crate::json::canonical;
use crate::layout::Layout;
use crate::manifest::{Architecture, JSON_LIMIT_BYTES, index, is_index};

/// The annotation that holds a tag.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// How long a writer waits for another one; changing the index takes milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(20);

/// An image that a layout's index names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageEntry {
    pub digest: Digest,
    pub media_type: String,
    pub tag: Option<String>,
}

/// The lock on a layout's index; the file stays, the lock ends with the value or with the process.
#[derive(Debug)]
pub(crate) struct IndexLock(#[expect(dead_code, reason = "held open: closing it gives the lock back")] File);

impl Layout {
    /// What the index names, in its order.
    ///
    /// Errors: [`OciError::Malformed`], [`OciError::Io`], [`OciError::TooLarge`].
    pub fn images(&self) -> Result<Vec<ImageEntry>, OciError> {
        self.entries()?.iter().map(|entry| self.entry(entry)).collect()
    }

    /// The digest that a tag points at, or `None`.
    ///
    /// Errors: as [`Layout::images`].
    pub fn tagged(&self, tag: &str) -> Result<Option<Digest>, OciError> {
        let images = self.images()?;
        Ok(images.into_iter().find(|image| image.tag.as_deref() == Some(tag)).map(|image| image.digest))
    }

    /// The digest of the one image in this layout: what a builder that was asked for one image must have left.
    ///
    /// Errors: [`OciError::Index`] where the builder made an index, [`OciError::ManyImages`] for none or several.
    pub fn only_image(&self) -> Result<Digest, OciError> {
        let mut images = self.images()?;
        images.dedup_by(|a, b| a.digest == b.digest);
        match images.as_slice() {
            [one] if is_index(&one.media_type) => Err(index(one.digest.as_str(), one.media_type.clone())),
            [one] => Ok(one.digest.clone()),
            _ => Err(OciError::ManyImages {
                path: self.path().to_owned(),
                count: images.len(),
                platform: Architecture::X86_64.platform(),
            }),
        }
    }

    /// Enters an image into the index, under a tag if one is given. A tag that pointed elsewhere moves; the image it pointed
    /// at stays in the index. Doing it again changes nothing.
    ///
    /// Errors: [`OciError::Missing`] or others of [`Layout::manifest`] if the image is not whole, [`OciError::Locked`], [`OciError::Io`].
    pub fn tag(&self, image: &Digest, tag: Option<&str>) -> Result<(), OciError> {
        let bytes = self.manifest_bytes(image)?;
        let media_type = crate::manifest::Manifest::parse(&bytes, image)?.media_type;
        let _lock = self.lock_index()?;
        let before = self.entries()?;
        let mut entries: Vec<Value> = before.clone();
        if let Some(tag) = tag {
            for entry in &mut entries {
                if tag_of(entry) == Some(tag) && digest_text(entry) != Some(image.as_str()) {
                    untag(entry);
                }
            }
        }
        let known =
            |entry: &Value| digest_text(entry) == Some(image.as_str()) && (tag.is_none() || tag_of(entry) == tag);
        if !entries.iter().any(known) {
            let bare = |entry: &Value| digest_text(entry) == Some(image.as_str()) && tag_of(entry).is_none();
            entries.retain(|entry| !bare(entry));
            let mut entry = json!({ "mediaType": media_type, "digest": image.as_str(), "size": bytes.len() });
            if let (Some(tag), Some(object)) = (tag, entry.as_object_mut()) {
                object.insert("annotations".to_owned(), json!({ REF_NAME: tag }));
            }
            entries.push(entry);
        }
        dedup(&mut entries);
        if entries == before {
            return Ok(());
        }
        let index = json!({ "schemaVersion": 2, "mediaType": crate::manifest::media::OCI_INDEX, "manifests": entries });
        self.replace(&self.index_path(), &canonical(index))
    }

    pub(crate) fn lock_index(&self) -> Result<IndexLock, OciError> {
        let path = self.path().join(".index.lock");
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io_error("open", &path))?;
        let until = Instant::now() + LOCK_WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(IndexLock(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                Err(TryLockError::WouldBlock) => {
                    return Err(OciError::Locked { layout: self.path().to_owned(), waited_s: LOCK_WAIT.as_secs() });
                }
                Err(TryLockError::Error(e)) => return Err(io_error("lock", &path)(e)),
            }
        }
    }

    /// The descriptors as they stand there: what other tools wrote into them is kept.
    fn entries(&self) -> Result<Vec<Value>, OciError> {
        let path = self.index_path();
        let size = match fs::metadata(&path) {
            Ok(meta) => meta.len(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(OciError::NotALayout {
                    path: self.path().to_owned(),
                    why: "it has no index.json".to_owned(),
                });
            }
            Err(e) => return Err(io_error("look at", &path)(e)),
        };
        if size > JSON_LIMIT_BYTES {
            let what = path.display().to_string();
            return Err(OciError::TooLarge { what, found: size, limit: JSON_LIMIT_BYTES });
        }
        let bytes = fs::read(&path).map_err(io_error("read", &path))?;
        let mut index: Value = serde_json::from_slice(&bytes).map_err(|e| self.bad_index(e.to_string()))?;
        match index.get_mut("manifests").map(Value::take) {
            Some(Value::Array(entries)) => Ok(entries),
            _ => Err(self.bad_index("it has no list `manifests`".to_owned())),
        }
    }

    fn entry(&self, entry: &Value) -> Result<ImageEntry, OciError> {
        let digest = digest_text(entry).unwrap_or_default();
        let digest = digest.parse().map_err(|e: tiers_core::id::NotADigest| self.bad_index(e.to_string()))?;
        let media_type = entry.get("mediaType").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(ImageEntry { digest, media_type, tag: tag_of(entry).map(str::to_owned) })
    }

    fn bad_index(&self, why: String) -> OciError {
        OciError::Malformed { what: self.index_path().display().to_string(), why }
    }
}

fn digest_text(entry: &Value) -> Option<&str> {
    entry.get("digest")?.as_str()
}

fn tag_of(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REF_NAME)?.as_str()
}

fn untag(entry: &mut Value) {
    let Some(annotations) = entry.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    annotations.remove(REF_NAME);
    if annotations.is_empty()
        && let Some(object) = entry.as_object_mut()
    {
        object.remove("annotations");
    }
}

/// Drops untagged entries of images that stand there another time.
fn dedup(entries: &mut Vec<Value>) {
    let mut kept: Vec<Value> = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let same = |other: &Value| digest_text(other) == digest_text(entry);
        let superfluous = tag_of(entry).is_none()
            && (kept.iter().any(same) || entries[at + 1..].iter().any(|other| same(other) && tag_of(other).is_some()));
        if !superfluous {
            kept.push(entry.clone());
        }
    }
    *entries = kept;
}
