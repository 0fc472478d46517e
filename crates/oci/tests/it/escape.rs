//! Whatever a layer holds, unpacking it writes nothing outside its folder, and nothing inside leads out.

use std::path::Path;

use proptest::prelude::*;
use tiers_oci::OciError;
use tiers_oci::properties::craft::{Tar, image};
use tiers_oci::properties::{Cage, oci_image, oci_layers};

/// Few names, so that entries meet: through each other, over each other, and up and out.
fn part() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("a"), 4 => Just("b"), 3 => Just("c"), 3 => Just(".."), 1 => Just("."), 1 => Just(""),
        1 => Just(".wh.a"), 1 => Just(".wh..wh..opq"), 1 => Just("outside"), 1 => Just("sentinel"),
    ]
}

fn path() -> impl Strategy<Value = String> {
    (prop::bool::weighted(0.1), prop::collection::vec(part(), 1..5))
        .prop_map(|(absolute, parts)| format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
}

fn tame_path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("c")], 1..4).prop_map(|parts| parts.join("/"))
}

#[derive(Clone, Debug)]
struct Entry {
    kind: u8,
    name: String,
    target: String,
    mode: u32,
    extended: u8,
}

/// Plain steps down and up, which is what links through links are made of.
fn steps() -> impl Strategy<Value = String> {
    let step = prop_oneof![2 => Just("a"), 2 => Just("b"), 3 => Just("c"), 2 => Just("..")];
    prop::collection::vec(step, 1..5).prop_map(|steps| steps.join("/"))
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![4 => steps(), 1 => path()]
}

/// Deep folders with links that lead to the top, all of them harmless by themselves.
fn ground() -> Vec<u8> {
    let links = [("a/b/c", "../.."), ("b/a", "../a/b"), ("b/c/b", "/"), ("c", "a/b")];
    let folders = Tar::default().folder("a/b").folder("b/c");
    links.iter().fold(folders, |tar, (name, target)| tar.symlink(name, target)).end()
}

fn entry() -> impl Strategy<Value = Entry> {
    // Mostly kinds and names that are accepted: an archive that is refused at its first entry tests little.
    let kind = prop_oneof![6 => Just(b'0'), 4 => Just(b'5'), 8 => Just(b'2'), 5 => Just(b'1'), 1 => any::<u8>()];
    let name = prop_oneof![12 => tame_path(), 1 => path()];
    (kind, name, target(), 0u32..0o10000, 0u8..8).prop_map(|(kind, name, target, mode, extended)| Entry {
        kind,
        name,
        target,
        mode,
        extended,
    })
}

fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut tar = Tar::default();
    for entry in entries {
        match entry.extended {
            0 => tar = tar.long_name(entry.name.as_bytes()),
            1 => tar = tar.pax(&[("path", &entry.name), ("linkpath", &entry.target)]),
            _ => {}
        }
        let content: &[u8] = if entry.kind == b'0' { b"content" } else { b"" };
        tar = tar.entry(entry.kind, entry.name.as_bytes(), entry.mode, entry.target.as_bytes(), content);
    }
    tar.end()
}

/// Unpacks these layers in a cage.
fn check(layers: &[Vec<u8>]) -> Result<(), TestCaseError> {
    let cage = Cage::new();
    if let Err(error) = cage.unpack(&image(&cage.layout, layers)) {
        let typed = matches!(error, OciError::Unpack { .. });
        prop_assert!(typed, "{}", error);
    }
    Ok(())
}

fn replay(target: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let seeds: Vec<_> = std::fs::read_dir(folder).expect("seeds").map(|seed| seed.expect("listed").path()).collect();
    assert!(!seeds.is_empty(), "{target} has seeds");
    seeds.iter().for_each(|seed| property(&std::fs::read(seed).expect("readable")));
}

#[test]
fn every_seed_of_the_fuzz_targets_keeps_the_promises() {
    replay("oci_image", oci_image);
    replay("oci_layers", oci_layers);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_archive_escapes(layers in prop::collection::vec(prop::collection::vec(entry(), 1..8), 1..3)) {
        let layers: Vec<Vec<u8>> = [ground()].into_iter().chain(layers.iter().map(|entries| archive(entries))).collect();
        check(&layers)?;
    }

    /// Links alone, few of them: what leads out only by way of another link is met often here.
    #[test]
    fn no_chain_of_links_escapes(links in prop::collection::vec((prop_oneof![tame_path(), "a/b/[ab]"], steps()), 1..4)) {
        let above = links.iter().fold(Tar::default(), |tar, (name, target)| tar.symlink(name, target));
        check(&[ground(), above.end()])?;
    }

    #[test]
    fn layers_of_any_bytes_are_refused_or_stay_inside(how in 0..6u8, bytes in prop::collection::vec(any::<u8>(), 0..1024)) {
        oci_layers(&[&[how], bytes.as_slice()].concat());
    }

    #[test]
    fn a_manifest_with_a_hole_or_a_splinter_is_an_image_or_refused(at in 0..400usize, len in 0..12usize, splinter in "\\PC{0,4}") {
        const GOOD: &[u8] = include_bytes!("../../../../fuzz/seeds/oci_image/good");
        oci_image(&[&GOOD[..at], splinter.as_bytes(), &GOOD[at + len..]].concat());
    }
}
