//! The image writer: the same input gives the same digest, whatever the machine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tiers_oci::{
    Architecture, BaseImage, Content, ImageFacts, Layout, NewFile, NewImage, OciError, media, unpack, write_image,
};

use crate::craft::{Tar, gzip, image_with, layout};

fn bytes(path: &str, text: &str) -> NewFile {
    NewFile { path: path.to_owned(), content: Content::Bytes { bytes: text.as_bytes().to_vec(), executable: false } }
}

fn link(path: &str, target: &str) -> NewFile {
    NewFile { path: path.to_owned(), content: Content::Link { target: target.to_owned() } }
}

fn new_image(files: Vec<NewFile>) -> NewImage {
    NewImage {
        architecture: Architecture::X86_64,
        base: None,
        files,
        entrypoint: Some(vec!["/var/task/bootstrap".to_owned()]),
        cmd: Some(vec!["handler".to_owned()]),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin".to_owned())]),
        working_dir: Some("/var/task".to_owned()),
        labels: BTreeMap::from([("team".to_owned(), "reports".to_owned())]),
    }
}

fn write(layout: &Layout, files: Vec<NewFile>) -> Result<ImageFacts, OciError> {
    write_image(layout, &new_image(files))
}

fn sample(folder: &Path) -> Vec<NewFile> {
    let program = folder.join("program");
    fs::write(&program, "#!/bin/sh\n").expect("a file");
    vec![
        NewFile { path: "/var/task/bootstrap".to_owned(), content: Content::File { from: program, executable: true } },
        bytes("var/task/data/ä b.json", "{}"),
        bytes(&format!("{}/deep.txt", "long-folder-name/".repeat(12).trim_end_matches('/')), "x"),
        link("var/task/current", "data/ä b.json"),
        NewFile { path: "tmp".to_owned(), content: Content::Folder },
    ]
}

/// If this digest changes, then every image of every user changes: do so only on purpose, and say so to them.
#[test]
fn the_digest_of_a_known_image_never_changes() {
    let (folder, layout) = layout();
    let facts = write(&layout, sample(folder.path())).expect("an image");
    assert_eq!(facts.digest.as_str(), "sha256:eaacfe51e20f6315ae4ac3522d959817d660b36a9c45d2168ad1a57409638995");
    layout.verify(&facts.digest).expect("whole");
}

#[test]
fn order_times_modes_and_owners_make_no_difference() {
    let (folder, layout) = layout();
    let digest = write(&layout, sample(folder.path())).expect("an image").digest;
    let other = folder.path().join("elsewhere");
    fs::create_dir(&other).expect("a folder");
    let mut files = sample(&other);
    files.reverse();
    let program = other.join("program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).expect("a mode");
    let file = fs::File::options().write(true).open(&program).expect("a file");
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400)).expect("a time");
    assert_eq!(write(&layout, files).expect("an image").digest, digest);

    let mut changed = sample(&other);
    changed.push(bytes("one-more", ""));
    assert_ne!(write(&layout, changed).expect("an image").digest, digest);
}

#[test]
fn what_was_written_unpacks_to_the_same_files() {
    let (folder, layout) = layout();
    let digest = write(&layout, sample(folder.path())).expect("an image").digest;
    let into = folder.path().join("root");
    let unpacked = unpack(&layout, &digest, &into).expect("unpacked");
    assert_eq!(unpacked.config.entrypoint, ["/var/task/bootstrap"]);
    assert_eq!(unpacked.config.cmd, ["handler"]);
    assert_eq!(fs::read_to_string(into.join("var/task/bootstrap")).expect("a file"), "#!/bin/sh\n");
    assert_eq!(fs::metadata(into.join("var/task/bootstrap")).expect("a file").permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::metadata(into.join("var/task/data/ä b.json")).expect("a file").permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_to_string(into.join("var/task/current")).expect("a link"), "{}");
    assert!(into.join("tmp").is_dir());
}

#[test]
fn a_base_image_keeps_its_layers_and_hands_down_its_configuration() {
    let (folder, base) = layout();
    let below = Tar::default().folder("opt").file("opt/base", "from below").end();
    let digest = image_with(&base, &[(media::DOCKER_LAYER_GZIP, gzip(&below))], "amd64", |manifest| {
        manifest["mediaType"] = json!(media::DOCKER_MANIFEST);
        manifest["config"]["mediaType"] = json!(media::DOCKER_CONFIG);
    });
    let layout = Layout::open_or_create(folder.path().join("out")).expect("a layout");
    let mut image = new_image(vec![bytes("opt/app", "on top")]);
    image.base = Some(BaseImage { layout: base.clone(), digest: digest.clone() });
    (image.entrypoint, image.cmd, image.working_dir) = (None, None, None);
    let facts = write_image(&layout, &image).expect("an image");
    assert_eq!(facts.config.entrypoint, ["/bootstrap"], "inherited");
    assert_eq!(facts.config.user.as_deref(), Some("1000"), "what this program does not set is kept");
    let env: Vec<_> = facts.config.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(env, ["A=1", "B=x=y", "PATH=/usr/bin"]);
    let (below, above) =
        (base.manifest(&digest).expect("a manifest"), layout.manifest(&facts.digest).expect("one too"));
    assert_eq!(below.layers[0].digest, above.layers[0].digest, "copied raw");
    assert_eq!(above.layers[0].media_type, media::OCI_LAYER_GZIP);
    let raw: Value = serde_json::from_slice(&layout.manifest_bytes(&facts.digest).expect("bytes")).expect("JSON");
    assert_eq!(raw["annotations"]["org.opencontainers.image.base.digest"], json!(digest.as_str()));

    let into = folder.path().join("root");
    unpack(&layout, &facts.digest, &into).expect("unpacked");
    assert_eq!(fs::read_to_string(into.join("opt/base")).expect("a file"), "from below");
    assert_eq!(fs::read_to_string(into.join("opt/app")).expect("a file"), "on top");

    image.architecture = Architecture::Arm64;
    let message = write_image(&layout, &image).expect_err("another processor").to_string();
    assert!(message.contains("linux/arm64"), "{message}");
}

#[test]
fn a_new_entry_point_drops_the_command_of_the_base() {
    let (folder, base) = layout();
    let mut below = new_image(vec![bytes("a", "")]);
    below.cmd = Some(vec!["old".to_owned()]);
    let digest = write_image(&base, &below).expect("a base").digest;
    let layout = Layout::open_or_create(folder.path().join("out")).expect("a layout");
    let mut image = new_image(vec![bytes("b", "")]);
    image.base = Some(BaseImage { layout: base, digest });
    image.cmd = None;
    assert_eq!(write_image(&layout, &image).expect("an image").config.cmd, Vec::<String>::new());
    image.entrypoint = None;
    assert_eq!(write_image(&layout, &image).expect("an image").config.cmd, ["old"]);
}

#[test]
fn files_that_no_image_can_hold_are_refused_by_name() {
    let (_folder, layout) = layout();
    for (files, words) in [
        (vec![bytes("../x", "")], "`..`"),
        (vec![bytes("a//b", "")], "empty part"),
        (vec![bytes("/", "")], "no file"),
        (vec![bytes("a/.wh.b", "")], "delete files"),
        (vec![bytes("a\0b", "")], "NUL"),
        (vec![link("a/b", "../../x")], "outside the image"),
        (vec![link("a", "")], "no target"),
        (vec![bytes("a", "1"), bytes("/a", "2")], "two different files"),
        (vec![bytes("a", ""), bytes("a/b", "")], "not a folder"),
        (vec![link("a", "b"), bytes("a/b", "")], "not a folder"),
    ] {
        let message = write(&layout, files.clone()).expect_err("a refusal").to_string();
        assert!(message.contains(words), "{files:?}: {message}");
    }
    write(&layout, vec![bytes("a", "1"), bytes("/a", "1"), link("b/c", "../a"), link("d", "/x")]).expect("harmless");
    let missing = Content::File { from: "no-such-file".into(), executable: false };
    let message = write(&layout, vec![NewFile { path: "x".to_owned(), content: missing }]).expect_err("an error");
    assert!(message.to_string().contains("no-such-file"), "{message}");
}

#[test]
fn an_environment_variable_needs_a_name() {
    let (_folder, layout) = layout();
    let mut image = new_image(vec![bytes("a", "")]);
    image.env.insert("A=B".to_owned(), String::new());
    assert!(matches!(write_image(&layout, &image), Err(OciError::Malformed { .. })));
}
