//! Unpacking: the rules of layers, and every way out of the folder closed.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tiers_oci::{Limits, OciError, UnpackError, media, unpack, unpack_with};

use crate::craft::{Tar, gzip, image, image_with, layout};

/// Unpacks these layers and lists what came out: `path`, with `/` for folders, `=content` for files and `->target` for links.
fn check(layers: &[Tar]) -> Result<Vec<String>, UnpackError> {
    check_with(layers, &Limits::default())
}

fn check_with(layers: &[Tar], limits: &Limits) -> Result<Vec<String>, UnpackError> {
    let (folder, layout) = layout();
    let layers: Vec<Vec<u8>> = layers.iter().map(|tar| tar.clone().end()).collect();
    let digest = image(&layout, &layers);
    let into = folder.path().join("into");
    match unpack_with(&layout, &digest, &into, limits) {
        Ok(unpacked) => {
            let mut found = Vec::new();
            list(&into, &into, &mut found);
            assert_eq!(found.len() as u64, unpacked.entries, "{found:?}");
            Ok(found)
        }
        Err(OciError::Unpack { source, .. }) => {
            assert!(!into.exists(), "after an error nothing is left");
            assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "only the layout");
            Err(source)
        }
        Err(other) => panic!("{other}"),
    }
}

pub fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let name = path.strip_prefix(root).expect("below the root").display().to_string();
        let meta = path.symlink_metadata().expect("an entry");
        if meta.is_symlink() {
            found.push(format!("{name}->{}", fs::read_link(&path).expect("a link").display()));
        } else if meta.is_dir() {
            found.push(format!("{name}/"));
            list(root, &path, found);
        } else {
            let content = fs::read(&path).expect("a file");
            let content = if content.len() > 40 { format!("{} bytes", content.len()) } else { text(content) };
            found.push(format!("{name}={content}"));
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    std::ffi::OsString::from_vec(bytes).to_string_lossy().into_owned()
}

fn tar() -> Tar {
    Tar::default()
}

fn listed(layers: &[Tar]) -> Vec<String> {
    check(layers).expect("layers that can be unpacked")
}

#[test]
fn files_folders_and_links_come_out_as_they_went_in() {
    let found =
        listed(&[tar().folder("./").folder("./a/").file("./a/f", "1").symlink("a/l", "f").hard_link("h", "a/f")]);
    assert_eq!(found, ["a/", "a/f=1", "a/l->f", "h=1"]);
}

#[test]
fn missing_folders_are_made() {
    assert_eq!(listed(&[tar().file("a/b/c", "1")]), ["a/", "a/b/", "a/b/c=1"]);
}

#[test]
fn upper_layers_replace_and_whiteouts_hide_what_lower_ones_brought() {
    let below = tar().file("keep", "1").file("gone", "2").file("changed", "3").file("d/x", "4").file("d/y", "5");
    let above = tar().file("changed", "new").file(".wh.gone", "").file("d/.wh.x", "").file(".wh.never-there", "");
    assert_eq!(listed(&[below, above]), ["changed=new", "d/", "d/y=5", "keep=1"]);
}

#[test]
fn a_whiteout_hides_nothing_of_its_own_layer_wherever_it_stands() {
    let below = tar().file("d/old", "1");
    for above in [
        tar().file(".wh.d", "").file("d/new", "2"),
        tar().file("d/new", "2").file(".wh.d", ""),
        tar().file("d/.wh..wh..opq", "").file("d/new", "2"),
        tar().file("d/new", "2").file("d/.wh..wh..opq", ""),
    ] {
        assert_eq!(listed(&[below.clone(), above]), ["d/", "d/new=2"]);
    }
}

#[test]
fn an_opaque_folder_hides_all_below_it_but_no_other_folder() {
    let below = tar().file("d/e/f", "1").file("d/g", "2").file("other", "3");
    let above = tar().folder("d").file("d/.wh..wh..opq", "");
    assert_eq!(listed(&[below, above]), ["d/", "other=3"]);
}

#[test]
fn bookkeeping_of_the_file_system_is_passed_over() {
    let found = listed(&[tar().folder(".wh..wh.aufs").file(".wh..wh.plnk/x", "").file("a", "1")]);
    assert_eq!(found, ["a=1"]);
}

#[test]
fn a_whiteout_without_a_name_is_refused() {
    for name in [".wh.", "a/.wh..", ".wh...", ".wh.a/b"] {
        let error = check(&[tar().file(name, "")]).expect_err("a refusal");
        assert!(matches!(error, UnpackError::BadWhiteout { .. }), "{name}: {error}");
    }
}

#[test]
fn things_of_different_kinds_replace_each_other() {
    assert_eq!(listed(&[tar().file("a/b", "1"), tar().file("a", "2")]), ["a=2"]);
    assert_eq!(listed(&[tar().file("a", "1"), tar().file("a", "2").folder("a").file("a/b", "3")]), ["a/", "a/b=3"]);
    assert_eq!(listed(&[tar().symlink("a", "b"), tar().folder("a")]), ["a/"]);
    assert_eq!(listed(&[tar().file("a", "1").symlink("a", "b")]), ["a->b"]);
    assert_eq!(listed(&[tar().file("a", "1").hard_link("a", "a")]), ["a=1"]);
}

#[test]
fn a_file_that_replaces_a_hard_linked_one_leaves_the_other_alone() {
    assert_eq!(listed(&[tar().file("a", "1").hard_link("b", "a"), tar().file("a", "2")]), ["a=2", "b=1"]);
}

#[test]
fn paths_through_links_of_the_image_end_where_the_link_leads() {
    let below = tar().folder("usr/lib").symlink("lib", "usr/lib").symlink("abs", "/usr");
    let above = tar().file("lib/x", "1").file("abs/y", "2").hard_link("z", "lib/x");
    let found = listed(&[below, above]);
    assert_eq!(found, ["abs->usr", "lib->usr/lib", "usr/", "usr/lib/", "usr/lib/x=1", "usr/y=2", "z=1"]);
}

#[test]
fn absolute_links_lead_to_the_same_place_inside() {
    let found =
        listed(&[tar().file("usr/bin/python3", "p").symlink("usr/bin/python", "/usr/bin/python3").symlink("r", "/")]);
    assert_eq!(found, ["r->.", "usr/", "usr/bin/", "usr/bin/python->../../usr/bin/python3", "usr/bin/python3=p"]);
    assert_eq!(listed(&[tar().symlink("etc/mtab", "/proc/mounts")]), ["etc/", "etc/mtab->../proc/mounts"]);
}

#[test]
fn paths_out_of_the_image_are_refused() {
    for name in ["../x", "a/../../x", "a/..", ".."] {
        let error = check(&[tar().file(name, "")]).expect_err("a refusal");
        assert!(matches!(&error, UnpackError::Traversal { path } if path == name), "{error}");
    }
    for name in ["/x", "//x", "/"] {
        let error = check(&[tar().file(name, "")]).expect_err("a refusal");
        assert!(matches!(&error, UnpackError::Absolute { path } if path == name), "{error}");
    }
    let long = format!("../{}", "x".repeat(150));
    let error = check(&[tar().long_name(long.as_bytes()).file("short", "")]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::Traversal { .. }), "{error}");
    let error = check(&[tar().pax(&[("path", "/etc/passwd")]).file("short", "")]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::Absolute { .. }), "{error}");
}

#[test]
fn links_out_of_the_image_are_refused() {
    for bad in [
        tar().symlink("l", ".."),
        tar().symlink("a/l", "../../x"),
        tar().symlink("l", "/../x"),
        // By names alone this one stays inside: only following the links shows where it leads.
        tar().folder("a/b").symlink("a/b/up", "../..").symlink("a/b/out", "up/../x"),
        tar().symlink("l", "..").file("l/x", "written outside"),
        tar().symlink("l", "missing/../../x"),
        tar().hard_link("h", "../x"),
        tar().hard_link("h", "/etc/passwd"),
        tar().symlink("l", "a").symlink("a", "../x").file("l/y", ""),
        tar().pax(&[("linkpath", "../x")]).symlink("l", "fine"),
    ] {
        let error = check(&[bad]).expect_err("a refusal");
        assert!(matches!(error, UnpackError::LinkOutside { .. }), "{error}");
    }
}

#[test]
fn a_link_and_a_file_through_it_in_another_layer_stay_inside() {
    let error = check(&[tar().symlink("l", "../../../tmp"), tar().file("l/x", "")]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::LinkOutside { .. }), "{error}");
    // What is written through such a link is refused even if a later layer takes the link away.
    let error = check(&[tar().symlink("l", "..").file("l/x", ""), tar().file(".wh.l", "")]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::LinkOutside { .. }), "{error}");
    // A link that nothing goes through, and that a later layer takes away, never existed for anybody.
    assert_eq!(listed(&[tar().symlink("l", "../x"), tar().file(".wh.l", "").file("a", "1")]), ["a=1"]);
}

#[test]
fn links_in_a_circle_harm_nobody_until_a_path_goes_through_them() {
    assert_eq!(listed(&[tar().symlink("a", "b").symlink("b", "a")]), ["a->b", "b->a"]);
    let error = check(&[tar().symlink("a", "b").symlink("b", "a").file("a/x", "")]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::LinkMaze { .. }), "{error}");
}

#[test]
fn hard_links_to_nothing_or_to_folders_are_refused() {
    for bad in [tar().hard_link("h", "nothing"), tar().folder("d").hard_link("h", "d"), tar().hard_link("h", ".")] {
        assert!(matches!(check(&[bad]), Err(UnpackError::BadHardLink { .. })));
    }
    let within = tar().file("d/f", "1").hard_link("d", "d/f");
    assert!(matches!(check(&[within]), Err(UnpackError::BadHardLink { .. })));
    assert_eq!(listed(&[tar().symlink("l", "x").hard_link("h", "l")]), ["h->x", "l->x"]);
}

#[test]
fn a_path_through_a_file_is_refused() {
    assert!(matches!(check(&[tar().file("a", "").file("a/b", "")]), Err(UnpackError::NotAFolder { .. })));
}

#[test]
fn devices_pipes_and_unknown_types_are_refused() {
    for (kind, words) in [(b'3', "character device"), (b'4', "block device"), (b'6', "named pipe")] {
        let error = check(&[tar().entry(kind, b"dev/x", 0o666, b"", b"")]).expect_err("a refusal");
        assert!(matches!(error, UnpackError::Device { .. }) && error.to_string().contains(words), "{error}");
    }
    for kind in [b'S', b'V', b'Z', 0xff] {
        let error = check(&[tar().entry(kind, b"x", 0o666, b"", b"")]).expect_err("a refusal");
        assert!(matches!(error, UnpackError::Unsupported { .. }), "{error}");
    }
    let error = check(&[tar().pax(&[("GNU.sparse.major", "1")]).file("x", "")]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::Unsupported { .. }), "{error}");
}

#[test]
fn modes_keep_what_the_owner_needs_and_nothing_dangerous() {
    let (folder, layout) = layout();
    let tar = tar()
        .entry(b'0', b"suid", 0o6755, b"", b"")
        .entry(b'0', b"open", 0o1777, b"", b"")
        .entry(b'0', b"closed", 0o000, b"", b"")
        .entry(b'5', b"d", 0o000, b"", b"")
        .file("d/inside", "1");
    let into = folder.path().join("into");
    let unpacked = unpack(&layout, &image(&layout, &[tar.end()]), &into).expect("unpacked");
    assert_eq!(unpacked.bits_dropped, 2);
    let mode = |name: &str| fs::metadata(into.join(name)).expect("a file").permissions().mode() & 0o7777;
    assert_eq!((mode("suid"), mode("open"), mode("closed")), (0o755, 0o755, 0o600));
    assert_eq!(mode("d") & 0o7022, 0);
}

#[test]
fn names_of_any_length_in_both_forms_are_read_up_to_the_limit() {
    let long = format!("d/{}", "x".repeat(200));
    let found = listed(&[tar().long_name(long.as_bytes()).file("cut", "1").file("next", "2")]);
    assert_eq!(found, ["d/".to_owned(), format!("{long}=1"), "next=2".to_owned()]);
    let found = listed(&[tar().pax(&[("mtime", "1.5"), ("path", &long), ("size", "1")]).file("cut", "1")]);
    assert_eq!(found, ["d/".to_owned(), format!("{long}=1")]);

    let longer = "d/".repeat(3000);
    let error = check(&[tar().long_name(longer.as_bytes()).file("cut", "")]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::PathTooLong { what: "bytes", .. }), "{error}");
    let deep = format!("{}x", "d/".repeat(200));
    let error = check(&[tar().long_name(deep.as_bytes()).file("cut", "")]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::PathTooLong { what: "folders", .. }), "{error}");
    let huge = vec![b'x'; 300_000];
    let error = check(&[tar().long_name(&huge).file("cut", "")]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::Damaged { .. }), "{error}");
}

#[test]
fn depth_is_limited_through_links_too() {
    let mut climbing = tar().folder("d0");
    for step in 0..40 {
        let inner: String = format!("l{step}/{}", "d/".repeat(5));
        let target = if step == 0 { "d0".to_owned() } else { format!("l{}/d/d/d/d/d", step - 1) };
        climbing = climbing.symlink(&format!("l{step}"), &target).folder(&inner);
    }
    let error = check(&[climbing]).expect_err("a refusal");
    assert!(matches!(error, UnpackError::PathTooLong { .. } | UnpackError::LinkMaze { .. }), "{error}");
}

#[test]
fn two_sizes_for_one_file_are_refused() {
    let error = check(&[tar().pax(&[("size", "7")]).file("f", "1")]).expect_err("a refusal");
    assert!(error.to_string().contains("two sizes"), "{error}");
}

#[test]
fn limits_on_entries_and_bytes_hold() {
    let limits = Limits { entries: 3, total_bytes: 8 * 1024, ..Limits::default() };
    let three = tar().file("a", "").file("b", "").file("c", "");
    check_with(std::slice::from_ref(&three), &limits).expect("within the limit");
    assert!(matches!(check_with(&[three.file("d", "")], &limits), Err(UnpackError::TooManyEntries { limit: 3 })));
    let large = tar().entry(b'0', b"a", 0o644, b"", &[0; 9000]);
    assert!(matches!(check_with(&[large], &limits), Err(UnpackError::TooLarge { .. })));
    // Each layer alone would fit.
    let half = |name: &[u8]| tar().entry(b'0', name, 0o644, b"", &[0; 5000]);
    assert!(matches!(check_with(&[half(b"a"), half(b"a")], &limits), Err(UnpackError::TooLarge { .. })));
}

#[test]
fn a_decompression_bomb_stops_at_the_limit() {
    let (folder, layout) = layout();
    let bomb = gzip(&tar().entry(b'0', b"zeros", 0o644, b"", &vec![0; 20 << 20]).end());
    assert!(bomb.len() < 100_000);
    let tail = gzip(&[tar().file("a", "1").end(), vec![0; 20 << 20]].concat());
    let limits = Limits { total_bytes: 1 << 20, ..Limits::default() };
    for blob in [bomb, tail] {
        let digest = image_with(&layout, &[(media::OCI_LAYER_GZIP, blob)], "amd64", |_| {});
        let error = unpack_with(&layout, &digest, &folder.path().join("into"), &limits).expect_err("a refusal");
        assert!(matches!(error, OciError::Unpack { source: UnpackError::TooLarge { .. }, .. }), "{error}");
    }
}

#[test]
fn a_size_that_lies_or_an_archive_that_ends_early_is_damaged() {
    let mut lie = tar();
    lie.raw(b'0', b"f", 0o644, b"", 1 << 40, b"short");
    assert!(matches!(check(&[lie]), Err(UnpackError::Damaged { .. })));
    let (folder, layout) = layout();
    let whole = gzip(&tar().file("f", &"x".repeat(5000)).end());
    for blob in [whole[..whole.len() - 10].to_vec(), whole[..5].to_vec(), [whole.clone(), b"trash".to_vec()].concat()] {
        let digest = image_with(&layout, &[(media::OCI_LAYER_GZIP, blob)], "amd64", |_| {});
        let error = unpack(&layout, &digest, &folder.path().join("into")).expect_err("damaged");
        assert!(matches!(error, OciError::Unpack { source: UnpackError::Damaged { .. }, .. }), "{error}");
    }
}

#[test]
fn a_layer_with_other_bytes_than_promised_leaves_nothing_behind() {
    let (folder, layout) = layout();
    let digest = image(&layout, &[tar().file("f", "good").end()]);
    let layer = layout.manifest(&digest).expect("a manifest").layers[0].digest.clone();
    fs::write(layout.blob_path(&layer), tar().file("f", "evil").end()).expect("altered");
    let into = folder.path().join("into");
    let error = unpack(&layout, &digest, &into).expect_err("altered");
    assert!(matches!(error, OciError::WrongDigest { .. }), "{error}");
    assert!(!into.exists());
}

#[test]
fn an_existing_place_is_left_alone() {
    let (folder, layout) = layout();
    let digest = image(&layout, &[tar().file("f", "1").end()]);
    let into = folder.path().join("deep/er/into");
    unpack(&layout, &digest, &into).expect("unpacked");
    assert!(matches!(unpack(&layout, &digest, &into), Err(OciError::Exists { .. })));
    std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).expect("a link");
    assert!(matches!(unpack(&layout, &digest, &folder.path().join("link")), Err(OciError::Exists { .. })));
}
