//! Layers: archives that were made to get out of their folder, and bytes that are no archives.

use tiers_core::properties::Choices;

use super::cage::Cage;
use super::craft::{Tar, gzip, image_with};
use crate::{OciError, media};

/// Unpacks an image whose layers are made from these bytes. The first one says how: 0 an archive whose headers are given the
/// checksums that belong to them, 1 the same bytes as they are, 2 bytes that are said to be compressed, 3 an archive that is
/// compressed, and from 4 on layers of entries that the other bytes decide on.
pub fn oci_layers(bytes: &[u8]) {
    let (how, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let layers = match how {
        0 => vec![(media::OCI_LAYER_TAR, with_checksums(rest))],
        1 => vec![(media::DOCKER_LAYER_TAR, rest.to_vec())],
        2 => vec![(media::OCI_LAYER_GZIP, rest.to_vec())],
        3 => vec![(media::DOCKER_LAYER_GZIP, gzip(&with_checksums(rest)))],
        _ => crafted(&mut Choices::new(rest)),
    };
    let cage = Cage::new();
    let image = image_with(&cage.layout, &layers, "amd64", |_| {});
    if let Err(error) = cage.unpack(&image) {
        assert!(matches!(error, OciError::Unpack { .. }), "{error}");
        assert!(error.to_string().len() < 4_000, "an error is short: {error}");
    }
}

/// Writes the right checksum wherever a header would be read, so that a fuzzer need not guess it.
fn with_checksums(archive: &[u8]) -> Vec<u8> {
    let mut archive = archive.to_vec();
    let mut at = 0;
    while let Some(block) = archive.get_mut(at..).and_then(|rest| rest.get_mut(..512)) {
        if block.iter().any(|byte| *byte != 0) {
            let header = tar::Header::from_byte_slice(block);
            let size = header.entry_size().unwrap_or(0);
            let mut fixed = header.clone();
            fixed.set_cksum();
            block.copy_from_slice(fixed.as_bytes());
            let blocks = usize::try_from(size.div_ceil(512)).unwrap_or(usize::MAX);
            at = at.saturating_add(blocks.saturating_mul(512));
        }
        at = at.saturating_add(512);
    }
    archive
}

/// Few names, so that entries meet: through each other, over each other, and up and out.
const PARTS: &[&str] = &["a", "b", "c", "a", "b", "..", ".", "", ".wh.a", ".wh..wh..opq", "outside", "sentinel"];
const TAME: &[&str] = &["a", "b", "c"];
/// Most archives should be accepted: one that is refused at its first entry tests little.
const KINDS: &[u8] = b"00000555522222222111117LxgKS346\0";

fn crafted(choices: &mut Choices<'_>) -> Vec<(&'static str, Vec<u8>)> {
    let mut layers = vec![(media::OCI_LAYER_TAR, ground())];
    for _ in 0..=choices.below(3) {
        let mut tar = Tar::default();
        let mut entries = 0;
        while !choices.is_spent() && entries < 40 && !choices.once_in(16) {
            entries += 1;
            tar = entry(tar, choices);
        }
        let form = if choices.once_in(8) { media::OCI_LAYER_GZIP } else { media::OCI_LAYER_TAR };
        let archive = tar.end();
        layers.push((form, if form == media::OCI_LAYER_GZIP { gzip(&archive) } else { archive }));
    }
    layers
}

/// Deep folders with links that lead to the top, all of them harmless by themselves.
pub(super) fn ground() -> Vec<u8> {
    let links = [("a/b/c", "../.."), ("b/a", "../a/b"), ("b/c/b", "/"), ("c", "a/b")];
    let folders = Tar::default().folder("a/b").folder("b/c");
    links.iter().fold(folders, |tar, (name, target)| tar.symlink(name, target)).end()
}

fn entry(mut tar: Tar, choices: &mut Choices<'_>) -> Tar {
    let kind = *choices.pick(KINDS);
    let name = path(choices, 8);
    let target = path(choices, 2);
    let mode = (u32::from(choices.byte()) << 8) | u32::from(choices.byte());
    match choices.below(12) {
        0 => tar = tar.long_name(name.repeat(choices.below(20) + 1).as_bytes()),
        1 => tar = tar.pax(&[("path", &name), ("linkpath", &target)]),
        2 => tar = tar.pax(&[("size", &choices.number().to_string())]),
        3 => tar = tar.pax(&[("GNU.sparse.name", &name)]),
        4 => tar = tar.entry(b'K', b"././@LongLink", 0o644, b"", format!("{target}\0").as_bytes()),
        _ => {}
    }
    let content: &[u8] = if kind == b'0' { b"content" } else { b"" };
    if choices.once_in(16) {
        let size = choices.number();
        tar.raw(kind, name.as_bytes(), mode, target.as_bytes(), size, content);
        return tar;
    }
    tar.entry(kind, name.as_bytes(), mode, target.as_bytes(), content)
}

/// One in so many paths may hold anything, the others only plain names.
fn path(choices: &mut Choices<'_>, wild_once_in: u8) -> String {
    let (parts, start) = match choices.once_in(wild_once_in) {
        true => (PARTS, if choices.once_in(4) { "/" } else { "" }),
        false => (TAME, ""),
    };
    let count = choices.below(4) + 1;
    let names: Vec<&str> = (0..count).map(|_| *choices.pick(parts)).collect();
    format!("{start}{}", names.join("/"))
}
