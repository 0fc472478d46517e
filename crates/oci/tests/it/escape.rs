//! Whatever a layer holds, unpacking it writes nothing outside its folder, and nothing inside leads out.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use proptest::prelude::*;
use tiers_oci::{Limits, OciError, unpack_with};

use crate::craft::{Tar, image, layout};

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

/// Every entry below `folder` is a plain file, a folder or a link that ends inside `root`, whatever it goes through.
fn assert_contained(root: &Path, folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let meta = path.symlink_metadata().expect("an entry");
        let kind = meta.file_type();
        assert!(!kind.is_block_device() && !kind.is_char_device() && !kind.is_fifo() && !kind.is_socket(), "{path:?}");
        if kind.is_symlink() {
            assert!(!fs::read_link(&path).expect("a link").is_absolute(), "{path:?}");
            if let Ok(end) = path.canonicalize() {
                assert!(end.starts_with(root), "{path:?} leads to {end:?}");
            }
            // A link that dangles must not make a file outside when somebody writes through it.
            if !path.exists() && fs::write(&path, "probe").is_ok() {
                let end = path.canonicalize().expect("a file now");
                assert!(end.starts_with(root), "{path:?} leads to {end:?}");
                fs::remove_file(end).expect("removed");
            }
        } else {
            assert_eq!(meta.permissions().mode() & 0o7000, 0, "{path:?}");
        }
        if kind.is_dir() {
            assert_contained(root, &path);
        }
    }
}

/// Unpacks these layers in a cage and looks at everything around and inside.
fn check(layers: &[Vec<u8>]) -> Result<(), TestCaseError> {
    let (folder, layout) = layout();
    let cage = folder.path().join("x/y");
    fs::create_dir_all(cage.join("outside")).expect("a folder");
    fs::write(cage.join("sentinel"), "untouched").expect("a file");
    let digest = image(&layout, layers);
    let into = cage.join("into");
    let result = unpack_with(&layout, &digest, &into, &Limits { total_bytes: 1 << 20, ..Limits::default() });
    let mut around: Vec<_> = fs::read_dir(&cage).expect("a folder").flatten().map(|e| e.file_name()).collect();
    around.sort();
    match result {
        Ok(_) => {
            prop_assert_eq!(around, ["into", "outside", "sentinel"]);
            let root = into.canonicalize().expect("a folder");
            assert_contained(&root, &root);
        }
        Err(error) => {
            let typed = matches!(error, OciError::Unpack { .. });
            prop_assert!(typed, "{}", error);
            prop_assert_eq!(around, ["outside", "sentinel"]);
        }
    }
    prop_assert_eq!(fs::read_to_string(cage.join("sentinel")).expect("a file"), "untouched");
    prop_assert_eq!(fs::read_dir(cage.join("outside")).expect("a folder").count(), 0);
    Ok(())
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
    fn bytes_that_are_no_archive_are_an_error_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let (folder, layout) = layout();
        let digest = image(&layout, &[bytes]);
        let into = folder.path().join("into");
        if unpack_with(&layout, &digest, &into, &Limits { total_bytes: 1 << 20, ..Limits::default() }).is_err() {
            prop_assert!(!into.exists());
        }
    }
}
