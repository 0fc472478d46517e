//! Images: looked up in the OCI layouts, unpacked once each.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tiers_core::id::Digest;
use tiers_lambda::model::{ImageUri, Model};
use tiers_oci::{ImageConfig, Layout, OciError};
use tokio::sync::OnceCell;

use crate::LocalError;
use crate::state::{replace, sync_parent};

/// The most bytes of an image's configuration.
const CONFIG_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// An unpacked image.
#[derive(Debug)]
pub(crate) struct Image {
    /// Its root file system.
    pub root: PathBuf,
    pub config: ImageConfig,
}

/// The layouts, and the folder of what was unpacked from them.
#[derive(Debug)]
pub(crate) struct Images {
    layouts: Vec<PathBuf>,
    unpacked: PathBuf,
    known: Mutex<HashMap<String, Arc<OnceCell<Arc<Image>>>>>,
}

/// What a layout holds under a digest.
enum Held {
    Image,
    /// Something that functions can't be made from, by its media type.
    Other(String),
}

impl Images {
    /// Unpacked images of an earlier boot are thrown away: unpacking doesn't wait for the disk, so a power cut may have left
    /// them incomplete. So are those that no function has: `used` holds the digests, in hexadecimal.
    pub fn open(layouts: Vec<PathBuf>, unpacked: PathBuf, used: &BTreeSet<String>) -> Result<Images, LocalError> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let marker = unpacked.join("boot");
        if fs::read_to_string(&marker).ok().as_deref() != Some(boot.as_str()) {
            fs::remove_dir_all(&unpacked).map_err(LocalError::io("empty the folder", &unpacked))?;
            fs::create_dir_all(&unpacked).map_err(LocalError::io("create the folder", &unpacked))?;
            replace(&marker, boot.as_bytes())?;
            sync_parent(&marker).map_err(LocalError::io("write", &marker))?;
        }
        drop_unused(&unpacked, used)?;
        Ok(Images { layouts, unpacked, known: Mutex::default() })
    }

    /// Tells the model what the layouts hold under this URI now, as a registry would be asked. Blocking.
    ///
    /// A layout's index names images by tag, or by repository and tag; both are looked for.
    pub fn tell(&self, model: &mut Model, now_ms: u64, image_uri: &str) -> Result<(), OciError> {
        let uri = ImageUri::parse(image_uri);
        let digest = match uri.digest {
            Some(text) => text.parse::<Digest>().ok(),
            None => self.tagged(uri.repository, uri.tag.unwrap_or("latest"))?,
        };
        let Some(digest) = digest else { return Ok(()) };
        match self.held(&digest)? {
            None => drop(model.delete_image(now_ms, uri.repository, digest.as_str())),
            Some(Held::Image) if model.has_image(uri.repository, digest.as_str()) => {}
            Some(Held::Image) => model.put_image(now_ms, uri.repository, digest.as_str()),
            Some(Held::Other(media_type)) => {
                model.put_manifest(now_ms, uri.repository, digest.as_str(), &media_type);
            }
        }
        if uri.digest.is_none() {
            model.tag_image(uri.repository, uri.tag.unwrap_or("latest"), digest.as_str());
        }
        Ok(())
    }

    fn tagged(&self, repository: &str, tag: &str) -> Result<Option<Digest>, OciError> {
        let whole = format!("{repository}:{tag}");
        for layout in self.layouts() {
            for name in [whole.as_str(), tag] {
                if let Some(digest) = layout.tagged(name)? {
                    return Ok(Some(digest));
                }
            }
        }
        Ok(None)
    }

    fn held(&self, digest: &Digest) -> Result<Option<Held>, OciError> {
        for layout in self.layouts() {
            match layout.manifest(digest) {
                Ok(_) => return Ok(Some(Held::Image)),
                Err(OciError::Missing { .. }) => {}
                Err(OciError::Index { media_type, .. } | OciError::MediaType { media_type, .. }) => {
                    return Ok(Some(Held::Other(media_type)));
                }
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// Those that are there: a layout may appear with the first build.
    fn layouts(&self) -> impl Iterator<Item = Layout> {
        self.layouts.iter().filter_map(|path| Layout::open(path).ok())
    }

    /// The image, unpacked now if it never was.
    ///
    /// Errors: what is wrong with the image, as text.
    pub async fn get(self: &Arc<Self>, digest: &str) -> Result<Arc<Image>, String> {
        let parsed: Digest = digest.parse().map_err(|e: tiers_core::id::NotADigest| e.to_string())?;
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(digest.to_owned()).or_default())
        };
        let unpack = || async {
            let images = Arc::clone(self);
            let work = tokio::task::spawn_blocking(move || images.unpack(&parsed));
            work.await.map_err(|_| "unpacking was broken off".to_owned())?.map(Arc::new)
        };
        cell.get_or_try_init(unpack).await.cloned()
    }

    /// Unpacks an image in the background, so that the first invocation need not wait for it. Should that fail, the first
    /// invocation tries again and says why. To be called within a tokio runtime.
    pub fn prepare(self: &Arc<Self>, digest_hex: &str) {
        let (images, digest) = (Arc::clone(self), format!("sha256:{digest_hex}"));
        tokio::spawn(async move { images.get(&digest).await.is_ok() });
    }

    fn unpack(&self, digest: &Digest) -> Result<Image, String> {
        let root = self.unpacked.join(digest.hex());
        let config_path = self.unpacked.join(format!("{}.config", digest.hex()));
        if root.is_dir()
            && let Ok(bytes) = fs::read(&config_path)
            && let Ok(config) = ImageConfig::parse(&bytes, digest)
        {
            return Ok(Image { root, config });
        }
        let mut last = format!("image {digest} is in none of the layouts: {}", self.names());
        for layout in self.layouts() {
            let manifest = match layout.manifest(digest) {
                Ok(manifest) => manifest,
                Err(OciError::Missing { .. }) => continue,
                Err(e) => return Err(e.to_string()),
            };
            match self.unpack_from(&layout, digest, &root, &config_path, &manifest.config) {
                Ok(config) => return Ok(Image { root, config }),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn unpack_from(
        &self,
        layout: &Layout,
        digest: &Digest,
        root: &Path,
        config_path: &Path,
        config: &tiers_oci::Descriptor,
    ) -> Result<ImageConfig, String> {
        let bytes = layout.read(config, CONFIG_LIMIT_BYTES).map_err(|e| e.to_string())?;
        remove(root).map_err(|e| format!("can't remove the incomplete {}: {e}", root.display()))?;
        let unpacked = tiers_oci::unpack(layout, digest, root).map_err(|e| e.to_string())?;
        // The configuration comes last: a folder that has one beside it is complete.
        replace(config_path, &bytes).map_err(|e| e.to_string())?;
        Ok(unpacked.config)
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.layouts.iter().map(|path| path.display().to_string()).collect();
        if names.is_empty() { "none was given".to_owned() } else { names.join(", ") }
    }
}

fn drop_unused(unpacked: &Path, used: &BTreeSet<String>) -> Result<(), LocalError> {
    for entry in fs::read_dir(unpacked).map_err(LocalError::io("list", unpacked))? {
        let path = entry.map_err(LocalError::io("list", unpacked))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let digest = name.strip_suffix(".config").unwrap_or(name);
        if name == "boot" || used.contains(digest) {
            continue;
        }
        // What can't be removed takes room and does no other harm.
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
    Ok(())
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
