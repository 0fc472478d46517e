//! Reading and writing a layout, with images that lie and writers that race.

use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tiers_core::id::Digest;
use tiers_oci::{Architecture, Descriptor, ImageStore, Layout, OciError, extract_archive, media, preflight};

use crate::craft::{Tar, gzip, image, image_with, layout};

const X86_64: Architecture = Architecture::X86_64;

fn one_file() -> Vec<u8> {
    Tar::default().file("bootstrap", "#!").end()
}

/// The message that preflight has for an image whose manifest was changed so.
fn refusal(layer_type: &str, architecture: &str, change: impl FnOnce(&mut Value)) -> String {
    let (_folder, layout) = layout();
    let digest = image_with(&layout, &[(layer_type, one_file())], architecture, change);
    preflight(&layout, &digest, X86_64).expect_err("a refusal").to_string()
}

#[test]
fn a_good_image_passes_preflight_with_its_facts() {
    let (_folder, layout) = layout();
    let digest = image(&layout, &[one_file()]);
    let facts = preflight(&layout, &digest, X86_64).expect("a good image");
    assert_eq!((facts.digest, facts.layers), (digest.clone(), 1));
    assert_eq!(facts.config.entrypoint, ["/bootstrap"]);
    assert_eq!(facts.config.working_dir.as_deref(), Some("/work"));
    assert_eq!(facts.config.env["B"], "x=y");
    layout.verify(&digest).expect("every byte is right");
}

#[test]
fn an_index_is_refused_with_the_flags_that_avoid_it() {
    for (media_type, change) in [
        (media::OCI_INDEX, json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [] })),
        (media::DOCKER_LIST, json!({ "schemaVersion": 2, "mediaType": media::DOCKER_LIST, "manifests": [] })),
        (media::OCI_INDEX, json!({ "schemaVersion": 2, "manifests": [] })),
    ] {
        let message = refusal(media::OCI_LAYER_TAR, "amd64", |manifest| *manifest = change);
        assert!(message.contains("--provenance=false --sbom=false --platform linux/amd64"), "{message}");
        assert!(message.contains(media_type), "{message}");
    }
}

#[test]
fn what_lambda_could_not_run_is_refused_by_name() {
    for (layer, architecture, words) in [
        (media::OCI_LAYER_TAR, "arm64", "built for linux/arm64, the function needs linux/amd64"),
        ("application/vnd.oci.image.layer.v1.tar+zstd", "amd64", "compression=gzip"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "amd64", "outside the registry"),
        ("text/plain", "amd64", "`text/plain`"),
    ] {
        let message = refusal(layer, architecture, |_| {});
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_malformed_manifest_is_named_as_such() {
    for (change, words) in [
        (json!([]), "malformed"),
        (json!({ "schemaVersion": 1 }), "schemaVersion"),
        (json!({ "schemaVersion": 2, "layers": [] }), "no `config`"),
    ] {
        let message = refusal(media::OCI_LAYER_TAR, "amd64", |manifest| *manifest = change);
        assert!(message.contains(words), "{message}");
    }
    let message = refusal(media::OCI_LAYER_TAR, "amd64", |manifest| manifest["layers"] = json!([]));
    assert!(message.contains("no layer"), "{message}");
    let message =
        refusal(media::OCI_LAYER_TAR, "amd64", |manifest| manifest["config"]["mediaType"] = json!("application/helm"));
    assert!(message.contains("not a container image"), "{message}");
}

#[test]
fn a_size_that_lies_is_found_without_reading_the_layer() {
    let message = refusal(media::OCI_LAYER_TAR, "amd64", |manifest| manifest["layers"][0]["size"] = json!(1));
    assert!(message.contains("where its descriptor says 1"), "{message}");
}

#[test]
fn a_damaged_or_missing_blob_is_found_and_writing_it_again_heals_it() {
    let (_folder, layout) = layout();
    let digest = image(&layout, &[one_file()]);
    let layer = layout.manifest(&digest).expect("a manifest").layers[0].digest.clone();
    let path = layout.blob_path(&layer);
    let mut bytes = fs::read(&path).expect("the layer");
    bytes[600] ^= 1;
    fs::write(&path, &bytes).expect("a damaged layer");
    assert!(matches!(layout.verify(&digest), Err(OciError::WrongDigest { expected, .. }) if expected == layer));
    layout.put(&one_file()).expect("the same blob");
    layout.verify(&digest).expect("whole again");

    fs::remove_file(&path).expect("no layer");
    assert!(matches!(preflight(&layout, &digest, X86_64), Err(OciError::Missing { .. })));

    fs::write(layout.blob_path(&digest), b"{}").expect("a damaged manifest");
    assert!(matches!(layout.manifest(&digest), Err(OciError::WrongDigest { .. })));
}

#[test]
fn reading_stops_at_the_promised_size() {
    let (_folder, layout) = layout();
    let digest = layout.put(b"four").expect("a blob");
    let blob = Descriptor { media_type: "x".to_owned(), digest, size: 3, annotations: Default::default() };
    assert!(matches!(layout.read(&blob, 10), Err(OciError::WrongSize { found: 4, .. })));
    assert!(matches!(layout.read(&Descriptor { size: 11, ..blob.clone() }, 10), Err(OciError::TooLarge { .. })));
    assert_eq!(layout.read(&Descriptor { size: 4, ..blob }, 10).expect("right"), b"four");
}

#[test]
fn a_tag_moves_and_the_image_it_left_stays_listed() {
    let (_folder, layout) = layout();
    let first = image(&layout, &[one_file()]);
    let second = image(&layout, &[Tar::default().file("other", "").end()]);
    layout.tag(&first, Some("latest")).expect("tagged");
    layout.tag(&first, Some("latest")).expect("tagged again");
    assert_eq!(layout.images().expect("images").len(), 1);
    layout.tag(&second, Some("latest")).expect("moved");
    assert_eq!(layout.tagged("latest").expect("a look"), Some(second));
    let images = layout.images().expect("images");
    assert!(images.iter().any(|image| image.digest == first && image.tag.is_none()), "{images:?}");
    layout.tag(&first, Some("old")).expect("tagged");
    layout.tag(&first, None).expect("there already");
    assert_eq!(layout.images().expect("images").len(), 2);
    assert_eq!(layout.tagged("nothing").expect("a look"), None);
}

#[test]
fn writers_that_race_all_find_their_images_in_the_index() {
    let (folder, _) = layout();
    let root = folder.path().join("raced");
    thread::scope(|scope| {
        for writer in 0..4 {
            let root = root.clone();
            scope.spawn(move || {
                for number in 0..8 {
                    let layout = Layout::open_or_create(&root).expect("a layout");
                    // Half of the images are the same for all writers.
                    let name = if number % 2 == 0 { format!("{number}") } else { format!("{writer}-{number}") };
                    let digest = image(&layout, &[Tar::default().file(&name, "").end()]);
                    layout.tag(&digest, Some(&format!("tag-{writer}-{number}"))).expect("tagged");
                }
            });
        }
    });
    let layout = Layout::open(&root).expect("a layout");
    let images = layout.images().expect("images");
    assert_eq!(images.len(), 32);
    for image in &images {
        preflight(&layout, &image.digest, X86_64).expect("a whole image");
    }
    let leftovers = fs::read_dir(root.join("blobs/sha256")).expect("blobs").flatten();
    assert_eq!(leftovers.filter(|e| e.file_name().to_string_lossy().starts_with('.')).count(), 0);
}

#[test]
fn what_killed_writers_left_is_removed_a_day_later() {
    let (_folder, layout) = layout();
    let left = |name: &str, hours: u64| {
        let path = layout.path().join("blobs/sha256").join(name);
        let file = fs::File::create(&path).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).expect("a time");
        path
    };
    let (old, young, foreign) = (left(".writing-a", 25), left(".writing-b", 23), left("other", 100));
    Layout::open_or_create(layout.path()).expect("a layout");
    assert!(!old.exists() && young.exists() && foreign.exists());
}

#[test]
fn other_tools_entries_in_the_index_are_kept() {
    let (_folder, layout) = layout();
    let digest = image(&layout, &[one_file()]);
    let foreign = json!({
        "mediaType": media::OCI_MANIFEST, "digest": Digest::of(b"x").as_str(), "size": 1,
        "platform": { "os": "linux", "architecture": "s390x" }, "annotations": { "a": "b" },
    });
    let index = json!({ "schemaVersion": 2, "manifests": [foreign] });
    fs::write(layout.path().join("index.json"), index.to_string()).expect("an index");
    layout.tag(&digest, Some("mine")).expect("tagged");
    let index: Value =
        serde_json::from_slice(&fs::read(layout.path().join("index.json")).expect("an index")).expect("JSON");
    assert_eq!(index["manifests"][0], foreign);
    assert_eq!(index["manifests"][1]["digest"], json!(digest.as_str()));
}

#[test]
fn a_folder_that_is_no_layout_says_what_it_lacks() {
    let (folder, layout) = layout();
    let message = Layout::open(folder.path()).expect_err("no layout").to_string();
    assert!(message.contains("no file `oci-layout`"), "{message}");
    fs::write(layout.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).expect("a marker");
    let message = Layout::open_or_create(layout.path()).expect_err("another version").to_string();
    assert!(message.contains("2.0.0"), "{message}");
}

#[test]
fn an_archive_of_a_layout_is_read_whatever_the_order_of_its_files() {
    let (folder, layout) = layout();
    let digest = image(&layout, &[one_file()]);
    layout.tag(&digest, None).expect("listed");
    let mut tar =
        Tar::default().file("index.json", &fs::read_to_string(layout.path().join("index.json")).expect("text"));
    for blob in fs::read_dir(layout.path().join("blobs/sha256")).expect("blobs").flatten() {
        let name = format!("blobs/sha256/{}", blob.file_name().to_string_lossy());
        tar = tar.entry(b'0', name.as_bytes(), 0o644, b"", &fs::read(blob.path()).expect("a blob"));
    }
    let tar = tar.file("oci-layout", "{}").end();
    let copy = extract_archive(tar.as_slice(), &folder.path().join("copy")).expect("a layout");
    assert_eq!(copy.only_image().expect("one image"), digest);
    copy.verify(&digest).expect("whole");

    let torn = extract_archive(&tar[..tar.len() / 2], &folder.path().join("torn")).expect_err("half an archive");
    assert!(matches!(torn, OciError::Malformed { .. } | OciError::WrongSize { .. }), "{torn}");
    let lie = Tar::default().file(&format!("blobs/sha256/{}", digest.hex()), "other bytes").end();
    let lie = extract_archive(lie.as_slice(), &folder.path().join("lie")).expect_err("a wrong blob");
    assert!(matches!(lie, OciError::WrongDigest { .. }), "{lie}");
    let empty = extract_archive(Tar::default().end().as_slice(), &folder.path().join("empty")).expect_err("no index");
    assert!(empty.to_string().contains("no index.json"), "{empty}");
}

#[test]
fn several_images_where_one_is_expected_are_refused() {
    let (_folder, layout) = layout();
    assert!(matches!(layout.only_image(), Err(OciError::ManyImages { count: 0, .. })));
    for name in ["a", "b"] {
        let digest = image(&layout, &[Tar::default().file(name, "").end()]);
        layout.tag(&digest, None).expect("listed");
    }
    let message = layout.only_image().expect_err("two images").to_string();
    assert!(message.contains("2 images") && message.contains("--platform"), "{message}");
}

#[test]
fn the_layout_serves_as_an_image_store() {
    let (folder, layout) = layout();
    let digest = image_with(&layout, &[(media::DOCKER_LAYER_GZIP, gzip(&one_file()))], "amd64", |_| {});
    let other = Layout::open_or_create(folder.path().join("other")).expect("a layout");
    let store: &dyn ImageStore = &other;
    assert!(!at_once(store.has(&digest)).expect("a look"));
    at_once(store.push(&layout, &digest, Some("sha-1"))).expect("pushed");
    at_once(store.push(&layout, &digest, Some("sha-1"))).expect("pushed again");
    assert!(at_once(store.has(&digest)).expect("a look"));
    assert_eq!(at_once(store.tagged("sha-1")).expect("a look"), Some(digest.clone()));
    assert_eq!(Digest::of(&at_once(store.manifest(&digest)).expect("a manifest")), digest);
    assert_eq!(at_once(store.config(&digest)).expect("a configuration").entrypoint, ["/bootstrap"]);
    at_once(store.preflight(&digest, X86_64)).expect("whole");
    assert!(store.reference(&digest).ends_with(&format!("@{digest}")));
    let third = Layout::open_or_create(folder.path().join("third")).expect("a layout");
    at_once(store.pull(&digest, &third)).expect("pulled");
    third.verify(&digest).expect("whole");
}

/// The layout answers at once, so that one look at a future is enough.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("a layout never waits"),
    }
}
