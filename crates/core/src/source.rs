//! Source identity: what an app is built from, as hashes that do not depend on commits, machines or the order of things.
//!
//! A merge, a squash and a rebase that end with the same files have the same [`SourceId`], which is how an environment finds the
//! artifact that was tested before it. [`InputsId`] adds everything else that goes into a build. Both encodings are fixed for
//! ever: ledgers hold them.

mod encode;
mod glob;
mod near;
mod select;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{Digest, InputsId, ReleaseId, SourceId};
use encode::Encoder;

pub use glob::{BadGlob, Globs, escape_glob};
pub use select::{Problems, Selection, SourceProblem, select};

/// One file of a git tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeEntry {
    /// From the root of the repository, parts separated by `/`. Git knows names that are not UTF-8.
    pub path: Vec<u8>,
    pub mode: Mode,
    /// The object id in hexadecimal digits (40 with SHA-1, 64 with SHA-256); of a submodule, its commit.
    pub blob: String,
}

impl TreeEntry {
    /// The path for people; bytes that are not UTF-8 are replaced.
    pub fn name(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.path)
    }
}

/// What git knows about a file besides its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    File,
    Executable,
    Symlink,
    Submodule,
}

impl Mode {
    /// From the digits that git prints; `None` for a folder or a mode that git does not have.
    pub fn parse(digits: &str) -> Option<Mode> {
        match digits {
            // Early versions of git recorded the group's write bit; it never meant anything.
            "100644" | "100664" => Some(Mode::File),
            "100755" => Some(Mode::Executable),
            "120000" => Some(Mode::Symlink),
            "160000" => Some(Mode::Submodule),
            _ => None,
        }
    }

    /// As git prints it.
    pub fn digits(self) -> &'static str {
        match self {
            Mode::File => "100644",
            Mode::Executable => "100755",
            Mode::Symlink => "120000",
            Mode::Submodule => "160000",
        }
    }
}

/// The identity of the files that `globs` select from a tree; the order of the entries makes no difference.
///
/// Errors: as [`select`], all of them at once.
pub fn source_id(entries: &[TreeEntry], globs: &Globs) -> Result<SourceId, Problems> {
    Ok(select(entries, globs)?.source_id())
}

impl Selection {
    /// The hash over (path, mode, blob) of the selected files.
    pub fn source_id(&self) -> SourceId {
        let mut encoder = Encoder::new("tiers source 1");
        encoder.count(self.entries.len());
        for entry in &self.entries {
            encoder.bytes(&entry.path);
            encoder.bytes(entry.mode.digits().as_bytes());
            encoder.bytes(entry.blob.as_bytes());
        }
        SourceId(encoder.finish())
    }
}

/// Everything that decides what a build makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    pub source: SourceId,
    /// The manifest digest of the base image, where there is one.
    pub base: Option<Digest>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// `linux/amd64` or `linux/arm64`.
    pub platform: String,
    /// The builder and the version of what it writes, `files/1`: an upgrade that changes digests changes this.
    pub builder: String,
    /// The app's other build settings by name, each in one fixed form.
    pub settings: BTreeMap<String, String>,
}

/// The identity of a build's inputs.
pub fn inputs_id(inputs: &Inputs) -> InputsId {
    let mut encoder = Encoder::new("tiers inputs 1");
    encoder.bytes(inputs.source.as_str().as_bytes());
    match &inputs.base {
        None => encoder.count(0),
        Some(base) => {
            encoder.count(1);
            encoder.bytes(base.as_str().as_bytes());
        }
    }
    encoder.map(&inputs.args);
    encoder.bytes(inputs.platform.as_bytes());
    encoder.bytes(inputs.builder.as_bytes());
    encoder.map(&inputs.settings);
    InputsId(encoder.finish())
}

/// The name of the `nth` release made from these inputs: `r-` and 10 digits for the first, with `-2`, `-3` and so on for what
/// `--rebuild` made after it. `nth` counts from 1.
pub fn release_id(inputs: &InputsId, nth: u32) -> ReleaseId {
    let start: String = inputs.as_str().chars().take(10).collect();
    if nth <= 1 { ReleaseId(format!("r-{start}")) } else { ReleaseId(format!("r-{start}-{nth}")) }
}

/// Whether a file's content is a pointer that Git LFS keeps in place of the content itself.
///
/// Source: the Git LFS specification, "The Pointer": less than 1024 bytes, and the version line first.
pub fn is_lfs_pointer(content: &[u8]) -> bool {
    content.len() < 1024
        && [b"version https://git-lfs.github.com/spec/v1\n".as_slice(), b"version https://hawser.github.com/spec/v1\n"]
            .iter()
            .any(|line| content.starts_with(line))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(path: &str, mode: Mode, blob: &str) -> TreeEntry {
        TreeEntry { path: path.as_bytes().to_vec(), mode, blob: blob.to_owned() }
    }

    fn all() -> Globs {
        Globs::parse(&["**"]).expect("a good glob")
    }

    fn inputs() -> Inputs {
        Inputs {
            source: SourceId("ab".repeat(32)),
            base: None,
            args: BTreeMap::new(),
            platform: "linux/amd64".to_owned(),
            builder: "files/1".to_owned(),
            settings: BTreeMap::new(),
        }
    }

    /// Ledgers hold these: they may never change.
    #[test]
    fn the_identities_of_known_inputs_never_change() {
        let tree = [entry("a", Mode::File, "01"), entry("b/c", Mode::Executable, "02")];
        let source = source_id(&tree, &all()).expect("a good tree");
        // Computed by another program from the layout that `Encoder` documents.
        assert_eq!(source.as_str(), "598c6ed1c7c733908e87cf8eb9b8b3e12e36dc9f244c467893683ab6b11c205d");
        let mut inputs = Inputs { source, base: Some(Digest::of(b"base")), ..inputs() };
        inputs.args.insert("A".to_owned(), "1".to_owned());
        inputs.settings.insert("entrypoint".to_owned(), "[\"/b\"]".to_owned());
        let id = inputs_id(&inputs);
        assert_eq!(id.as_str(), "863278d4f6707d906e54c03f49a62244dfe3de10aaf1464c02bf1a3388d05f7b");
        assert_eq!(release_id(&id, 1).as_str(), format!("r-{}", &id.as_str()[..10]));
        assert_eq!(release_id(&id, 3).as_str(), format!("r-{}-3", &id.as_str()[..10]));
    }

    #[test]
    fn every_field_of_the_inputs_counts() {
        let text = |text: &str| BTreeMap::from([(text.to_owned(), text.to_owned())]);
        let variants = [
            inputs(),
            Inputs { source: SourceId("cd".repeat(32)), ..inputs() },
            Inputs { base: Some(Digest::of(b"base")), ..inputs() },
            Inputs { args: text("x"), ..inputs() },
            Inputs { settings: text("x"), ..inputs() },
            Inputs { platform: "linux/arm64".to_owned(), ..inputs() },
            Inputs { builder: "docker/1".to_owned(), ..inputs() },
        ];
        let ids: std::collections::BTreeSet<_> = variants.iter().map(inputs_id).collect();
        assert_eq!(ids.len(), variants.len());
    }

    #[test]
    fn the_modes_of_git_are_read_and_written() {
        for mode in [Mode::File, Mode::Executable, Mode::Symlink, Mode::Submodule] {
            assert_eq!(Mode::parse(mode.digits()), Some(mode));
        }
        assert_eq!(Mode::parse("100664"), Some(Mode::File));
        assert_eq!(Mode::parse("040000"), None);
    }

    #[test]
    fn lfs_pointers_are_known_by_their_first_line_and_size() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
        assert!(is_lfs_pointer(pointer));
        assert!(!is_lfs_pointer(b"version https://git-lfs.github.com/spec/v2\n"));
        assert!(!is_lfs_pointer(&[pointer.as_slice(), &[b'x'; 1024]].concat()));
    }

    fn trees() -> impl Strategy<Value = BTreeMap<String, (bool, String)>> {
        // Names and ids that could be cut in several ways if they were only written one after another.
        prop::collection::btree_map("[ab]{1,3}(/[ab]{1,2}c)?", (any::<bool>(), "[ab]{1,3}"), 1..6)
    }

    fn entries(tree: &BTreeMap<String, (bool, String)>) -> Vec<TreeEntry> {
        let mode = |executable: bool| if executable { Mode::Executable } else { Mode::File };
        tree.iter().map(|(path, (executable, blob))| entry(path, mode(*executable), blob)).collect()
    }

    proptest! {
        #[test]
        fn the_order_of_the_entries_makes_no_difference(tree in trees(), seed in any::<usize>()) {
            let ordered = entries(&tree);
            let mut turned = ordered.clone();
            turned.rotate_left(seed % ordered.len());
            turned.reverse();
            let (one, other) = (source_id(&ordered, &all()), source_id(&turned, &all()));
            // A file may stand where another path needs a folder; then both are refused alike.
            prop_assert_eq!(one, other);
        }

        #[test]
        fn two_trees_have_one_identity_only_if_they_are_one(a in trees(), b in trees()) {
            if let (Ok(one), Ok(other)) = (source_id(&entries(&a), &all()), source_id(&entries(&b), &all())) {
                prop_assert_eq!(one == other, a == b);
            }
        }

        #[test]
        fn two_sets_of_inputs_have_one_identity_only_if_they_are_one(
            a in (prop::collection::btree_map("[ab]{0,2}", "[ab]{0,2}", 0..3), prop::collection::btree_map("[ab]{0,2}", "[ab]{0,2}", 0..3), "[ab]{0,2}", "[ab]{0,2}"),
            b in (prop::collection::btree_map("[ab]{0,2}", "[ab]{0,2}", 0..3), prop::collection::btree_map("[ab]{0,2}", "[ab]{0,2}", 0..3), "[ab]{0,2}", "[ab]{0,2}"),
        ) {
            let make = |(args, settings, platform, builder)| Inputs { args, settings, platform, builder, ..inputs() };
            let same = a == b;
            prop_assert_eq!(inputs_id(&make(a)) == inputs_id(&make(b)), same);
        }
    }
}
