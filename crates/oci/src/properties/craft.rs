//! Images made by hand, the bad ones too: archives with whatever names, types and sizes a test wants.

use std::io::Write;

use crate::{Layout, media};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{EntryType, Header};
use tempfile::TempDir;
use tiers_core::id::Digest;

/// A layout in a folder that goes away with the value.
pub fn layout() -> (TempDir, Layout) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let layout = Layout::open_or_create(folder.path().join("images")).expect("a layout");
    (folder, layout)
}

/// An archive being written without any of the checks that a library would make.
#[derive(Clone, Default)]
pub struct Tar(Vec<u8>);

impl Tar {
    pub fn entry(mut self, kind: u8, name: &[u8], mode: u32, link: &[u8], content: &[u8]) -> Tar {
        self.raw(kind, name, mode, link, content.len() as u64, content);
        self
    }

    pub fn file(self, name: &str, content: &str) -> Tar {
        self.entry(b'0', name.as_bytes(), 0o644, b"", content.as_bytes())
    }

    pub fn folder(self, name: &str) -> Tar {
        self.entry(b'5', name.as_bytes(), 0o755, b"", b"")
    }

    pub fn symlink(self, name: &str, target: &str) -> Tar {
        self.entry(b'2', name.as_bytes(), 0o777, target.as_bytes(), b"")
    }

    pub fn hard_link(self, name: &str, target: &str) -> Tar {
        self.entry(b'1', name.as_bytes(), 0o644, target.as_bytes(), b"")
    }

    /// With a size that may be a lie.
    pub fn raw(&mut self, kind: u8, name: &[u8], mode: u32, link: &[u8], size: u64, content: &[u8]) {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::new(kind));
        header.set_mode(mode);
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_mtime(1_700_000_000);
        header.set_size(size);
        let old = header.as_old_mut();
        old.name[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
        old.linkname[..link.len().min(100)].copy_from_slice(&link[..link.len().min(100)]);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().div_ceil(512) * 512, 0);
    }

    /// A name longer than 100 bytes, as GNU tar writes it, for the entry that follows.
    pub fn long_name(self, name: &[u8]) -> Tar {
        self.entry(b'L', b"././@LongLink", 0o644, b"", &[name, b"\0"].concat())
    }

    pub fn pax(self, records: &[(&str, &str)]) -> Tar {
        let mut content = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let length = (1..).find(|digits| (rest + digits).to_string().len() == *digits).expect("a length") + rest;
            content.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
        }
        self.entry(b'x', b"pax", 0o644, b"", &content)
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// An image of these plain archives, the lowest layer first.
pub fn image(layout: &Layout, layers: &[Vec<u8>]) -> Digest {
    let layers: Vec<(&str, Vec<u8>)> = layers.iter().map(|tar| (media::OCI_LAYER_TAR, tar.clone())).collect();
    image_with(layout, &layers, "amd64", |_| {})
}

/// An image of these blobs, whose manifest `change` may spoil.
pub fn image_with(
    layout: &Layout,
    layers: &[(&str, Vec<u8>)],
    architecture: &str,
    change: impl FnOnce(&mut Value),
) -> Digest {
    let mut descriptors = Vec::new();
    let mut diff_ids = Vec::new();
    for (media_type, blob) in layers {
        let digest = layout.put(blob).expect("a blob");
        descriptors.push(json!({ "mediaType": media_type, "digest": digest.as_str(), "size": blob.len() }));
        diff_ids.push(digest.as_str().to_owned());
    }
    let config = json!({
        "architecture": architecture, "os": "linux",
        "config": { "Entrypoint": ["/bootstrap"], "Env": ["A=1", "B=x=y"], "WorkingDir": "/work", "User": "1000" },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = config.to_string().into_bytes();
    let digest = layout.put(&config).expect("a blob");
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": media::OCI_MANIFEST,
        "config": { "mediaType": media::OCI_CONFIG, "digest": digest.as_str(), "size": config.len() },
        "layers": descriptors,
    });
    change(&mut manifest);
    layout.put(manifest.to_string().as_bytes()).expect("a blob")
}
