//! Manifests, configurations and indexes: what is taken for an image is one, whole, and what it says of its parts is true.

use std::fs;

use sha2::{Digest as _, Sha256};
use tiers_core::id::Digest;

use super::cage::Cage;
use crate::{Architecture, ImageConfig, Layout, Manifest, OciError, extract_archive, preflight};

/// The bytes are three lines, a manifest, a configuration and an index, and a layer. In the manifest `$CONFIG` and `$LAYER` stand
/// for the digests of the two, and in the index `$IMAGE` for that of the manifest.
pub fn oci_image(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (manifest, config, index, layer) = (part(), part(), part(), part());
    let cage = Cage::new();
    let layout = &cage.layout;
    let put = |bytes: &[u8]| layout.put(bytes).expect("a blob");
    let (config_digest, layer_digest) = (put(config), put(layer));
    let manifest = String::from_utf8_lossy(manifest)
        .replace("$CONFIG", config_digest.as_str())
        .replace("$LAYER", layer_digest.as_str());
    let image = put(manifest.as_bytes());
    let whole = check_image(layout, &image);
    if let Err(error) = cage.unpack(&image) {
        let broken = matches!(error, OciError::Unpack { .. });
        assert!(broken || whole.is_none(), "an image that is whole is unpacked, or refused for what is in it: {error}");
    }
    ImageConfig::parse(config, &config_digest).ok();
    let index = String::from_utf8_lossy(index).replace("$IMAGE", image.as_str());
    check_index(layout, &image, &index, whole.is_some());
    check_archive(&cage, layer);
}

/// The manifest if everything is there and every digest was right.
fn check_image(layout: &Layout, image: &Digest) -> Option<Manifest> {
    let verified = layout.verify(image);
    let of_here = preflight(layout, image, Architecture::X86_64);
    let manifest = verified.ok()?;
    assert!((1..=127).contains(&manifest.layers.len()));
    for blob in manifest.layers.iter().chain([&manifest.config]) {
        let bytes = fs::read(layout.blob_path(&blob.digest)).expect("a blob that was verified is there");
        let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            (bytes.len() as u64, hex.as_str()),
            (blob.size, blob.digest.hex()),
            "it is what its descriptor says"
        );
    }
    let config = layout.config(image).expect("it was read before");
    match of_here {
        Ok(facts) => {
            assert_eq!((facts.config.os.as_str(), facts.config.architecture.as_str()), ("linux", "amd64"));
            assert_eq!(facts.config.diff_ids.len(), manifest.layers.len());
            assert_eq!((facts.layers, facts.digest), (manifest.layers.len(), image.clone()));
        }
        Err(_) => assert!(
            config.os != "linux" || config.architecture != "amd64" || config.diff_ids.len() != manifest.layers.len(),
            "an image of this processor is refused without a reason"
        ),
    }
    Some(manifest)
}

/// An index of any content names images or is refused; a tag that was given is found again, and takes nothing else away.
fn check_index(layout: &Layout, image: &Digest, index: &str, whole: bool) {
    fs::write(layout.index_path(), index).expect("written");
    let before = layout.images();
    layout.only_image().ok();
    layout.tagged("v1").ok();
    if layout.tag(image, Some("v1")).is_err() {
        assert!(!whole || before.is_err(), "an image that is whole gets its tag");
        assert_eq!(fs::read_to_string(layout.index_path()).expect("an index"), index, "a refusal changes nothing");
        return;
    }
    if let (Ok(before), Ok(after)) = (before, layout.images()) {
        assert_eq!(layout.tagged("v1").ok().flatten().as_ref(), Some(image));
        for entry in before {
            assert!(after.iter().any(|other| other.digest == entry.digest), "{} is gone from the index", entry.digest);
        }
    }
}

/// An archive of a layout: whatever it holds, only blobs by their digest and an index come of it.
fn check_archive(cage: &Cage, archive: &[u8]) {
    let into = cage.layout.path().join("from-archive");
    if let Ok(layout) = extract_archive(archive, &into) {
        layout.images().ok();
    }
    for entry in fs::read_dir(&into).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().expect("plain");
        assert!(["blobs", "index.json", "oci-layout", ".index.lock"].contains(&name.as_str()), "{name}");
    }
    for blob in fs::read_dir(into.join("blobs/sha256")).into_iter().flatten().flatten() {
        let bytes = fs::read(blob.path()).expect("a blob");
        assert_eq!(Digest::of(&bytes).hex(), blob.file_name().to_str().expect("plain"));
    }
}
