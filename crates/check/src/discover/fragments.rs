//! Folders that hold parts of root modules: files that stand in the roots as well, by links or as copies.
//!
//! `common/common.tf` that is linked into `envs/dev` and `envs/prod` refers to what stands beside it there. By itself it is no module,
//! and whatever it lacks is no fault.

use std::collections::{HashMap, HashSet};

use crate::eval::World;
use crate::layout::Note;
use crate::model::FileId;
use crate::tree::{File, FileTree};

/// Files by name and length: only those of one entry can be the same.
type Alike<'a> = HashMap<(&'a str, usize), Vec<FileId>>;

/// Those of `candidates` of which every file stands in a module that has more beside it.
pub(super) fn find(tree: &FileTree, world: &World<'_>, candidates: &[usize], notes: &mut Vec<Note>) -> HashSet<usize> {
    if candidates.is_empty() {
        return HashSet::new();
    }
    let mut alike = Alike::new();
    for file in world.modules.iter().flat_map(|module| &module.files) {
        alike.entry(key(&tree.files()[*file])).or_default().push(*file);
    }
    let mut out = HashSet::new();
    for candidate in candidates {
        let files = &world.modules[*candidate].files;
        let linked = |file: &FileId| {
            let file = &tree.files()[*file];
            let others = alike.get(&key(file)).into_iter().flatten().map(|other| &tree.files()[*other]);
            others.filter(|other| other.dir() != file.dir() && other.text() == file.text()).any(|other| {
                let module = world.by_dir.get(other.dir()).map(|index| &world.modules[*index]);
                module.is_some_and(|module| has_more(tree, &module.files, files))
            })
        };
        if files.iter().all(linked) {
            let says = "its files stand in other modules too, as links or copies, so it was not taken for one itself";
            notes.push(Note { path: world.modules[*candidate].dir.to_string(), says: says.into() });
            out.insert(*candidate);
        }
    }
    out
}

fn key(file: &File) -> (&str, usize) {
    (file.name(), file.text().map_or(0, str::len))
}

fn has_more(tree: &FileTree, files: &[FileId], than: &[FileId]) -> bool {
    let name = |file: &FileId| tree.files()[*file].name();
    files.iter().any(|file| !than.iter().any(|other| name(other) == name(file)))
}
