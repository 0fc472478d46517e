//! The folder being unpacked: a model of it in memory, which alone decides where a path leads, and the same on disk. Symbolic
//! links live in the model only until the end, so that no write can go through one.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::entry::text;
use super::{Limits, UnpackError};

/// As many as Linux follows before it gives up.
const LINK_LIMIT: u32 = 40;

/// For all walks together: an image made of links to links must not keep the processor busy for hours.
const STEP_LIMIT: u64 = 50_000_000;

type Id = usize;
const ROOT: Id = 0;

struct Node {
    parent: Id,
    name: Box<[u8]>,
    /// The layer that brought it last.
    layer: usize,
    kind: Kind,
}

enum Kind {
    Folder(BTreeMap<Box<[u8]>, Id>),
    File,
    Link(Box<[u8]>),
}

/// What [`Tree::finish`] has to tell.
pub(super) struct Done {
    pub entries: u64,
    pub bytes: u64,
    pub bits_dropped: u64,
}

pub(super) struct Tree {
    root: PathBuf,
    limits: Limits,
    nodes: Vec<Node>,
    counted: u64,
    steps: u64,
    bytes: u64,
    bits_dropped: u64,
    /// For copying, made once.
    buffer: Vec<u8>,
}

/// Where a path ends.
enum Place {
    At(Id),
    Nowhere,
}

impl Tree {
    /// For an empty folder that nobody else writes to.
    pub fn new(root: PathBuf, limits: Limits) -> Tree {
        let top = Node { parent: ROOT, name: Box::default(), layer: 0, kind: Kind::Folder(BTreeMap::new()) };
        Tree {
            root,
            limits,
            nodes: vec![top],
            counted: 0,
            steps: 0,
            bytes: 0,
            bits_dropped: 0,
            buffer: vec![0; 64 * 1024],
        }
    }

    pub fn count_entry(&mut self) -> Result<(), UnpackError> {
        self.counted += 1;
        if self.counted > self.limits.entries {
            return Err(UnpackError::TooManyEntries { limit: self.limits.entries });
        }
        Ok(())
    }

    /// A folder entry: what is in a folder of this name already stays there.
    pub fn folder(&mut self, path: &[&[u8]], layer: usize) -> Result<(), UnpackError> {
        let (parent, name) = self.parent_of(path, layer)?;
        if let Some(id) = self.child(parent, name)
            && matches!(self.nodes[id].kind, Kind::Folder(_))
        {
            self.nodes[id].layer = layer;
            return Ok(());
        }
        self.clear(parent, name)?;
        self.make_folder(parent, name, layer)?;
        Ok(())
    }

    /// A file entry, with its content.
    pub fn file(
        &mut self,
        path: &[&[u8]],
        layer: usize,
        mode: u32,
        size: u64,
        content: &mut impl Read,
    ) -> Result<(), UnpackError> {
        let (parent, name) = self.parent_of(path, layer)?;
        self.clear(parent, name)?;
        let id = self.add(parent, name, layer, Kind::File);
        let on_disk = self.disk_path(id);
        self.bits_dropped += u64::from(mode & 0o7000 != 0);
        // Readable for its owner whatever the archive says; nobody else may change what was verified.
        let mode = mode & 0o755 | 0o600;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&on_disk)
            .map_err(io_fault("create", &on_disk))?;
        let mut left = size;
        let buffer = &mut self.buffer;
        while left > 0 {
            let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = content.read(&mut buffer[..room]).map_err(|e| UnpackError::Damaged { why: e.to_string() })?;
            if count == 0 {
                return Err(UnpackError::Damaged { why: format!("it ends inside `{}`", joined(path)) });
            }
            file.write_all(&buffer[..count]).map_err(io_fault("write", &on_disk))?;
            left -= count as u64;
        }
        self.bytes += size;
        Ok(())
    }

    /// A symbolic link: remembered, made at the end.
    pub fn symlink(&mut self, path: &[&[u8]], layer: usize, target: Vec<u8>) -> Result<(), UnpackError> {
        let (parent, name) = self.parent_of(path, layer)?;
        self.clear(parent, name)?;
        self.add(parent, name, layer, Kind::Link(target.into_boxed_slice()));
        Ok(())
    }

    /// A hard link to another path of the image.
    pub fn hard_link(&mut self, path: &[&[u8]], layer: usize, target: &[&[u8]]) -> Result<(), UnpackError> {
        let bad = || UnpackError::BadHardLink { path: joined(path), target: joined(target) };
        let (parent, name) = self.parent_of(path, layer)?;
        let Some((last, folders)) = target.split_last() else { return Err(bad()) };
        let Place::At(folder) = self.walk(folders, None)? else { return Err(bad()) };
        let Some(original) = self.child(folder, last) else { return Err(bad()) };
        if self.child(parent, name) == Some(original) {
            return Ok(());
        }
        match &self.nodes[original].kind {
            Kind::Folder(_) => Err(bad()),
            Kind::Link(to) => {
                let to = to.clone();
                self.clear(parent, name)?;
                self.add(parent, name, layer, Kind::Link(to));
                Ok(())
            }
            Kind::File => {
                // The original may lie in what is cleared: then there is nothing left to link to.
                if self.is_below(original, parent, name) {
                    return Err(bad());
                }
                let from = self.disk_path(original);
                self.clear(parent, name)?;
                let id = self.add(parent, name, layer, Kind::File);
                let to = self.disk_path(id);
                fs::hard_link(&from, &to).map_err(io_fault("create", &to))
            }
        }
    }

    /// Hides `name` of the lower layers.
    pub fn whiteout(&mut self, folder: &[&[u8]], name: &[u8], layer: usize) -> Result<(), UnpackError> {
        // Something that is nowhere needs no hiding.
        let Place::At(parent) = self.walk(folder, None)? else { return Ok(()) };
        match self.child(parent, name) {
            Some(id) => self.remove_lower(id, layer),
            None => Ok(()),
        }
    }

    /// Hides everything that the lower layers have in a folder.
    pub fn opaque(&mut self, folder: &[&[u8]], layer: usize) -> Result<(), UnpackError> {
        let Place::At(id) = self.walk(folder, Some(layer))? else { return Ok(()) };
        let Kind::Folder(children) = &self.nodes[id].kind else { return Ok(()) };
        let children: Vec<Id> = children.values().copied().collect();
        children.into_iter().try_for_each(|child| self.remove_lower(child, layer))
    }

    /// Makes the links, each of which was followed in memory first.
    pub fn finish(mut self) -> Result<Done, UnpackError> {
        let live = self.live();
        for id in &live {
            if let Kind::Link(target) = &self.nodes[*id].kind {
                let target = target.clone();
                self.check_link(*id, &target)?;
            }
        }
        for id in &live {
            if let Kind::Link(target) = &self.nodes[*id].kind {
                let on_disk = self.disk_path(*id);
                let target = self.inside(*id, target);
                std::os::unix::fs::symlink(OsStr::from_bytes(&target), &on_disk)
                    .map_err(io_fault("create", &on_disk))?;
            }
        }
        Ok(Done { entries: live.len() as u64, bytes: self.bytes, bits_dropped: self.bits_dropped })
    }

    /// All nodes that can be reached from the root, which is not among them.
    fn live(&self) -> Vec<Id> {
        let mut found = Vec::new();
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            if let Kind::Folder(children) = &self.nodes[id].kind {
                found.extend(children.values());
                open.extend(children.values());
            }
        }
        found
    }

    fn child(&self, folder: Id, name: &[u8]) -> Option<Id> {
        match &self.nodes[folder].kind {
            Kind::Folder(children) => children.get(name).copied(),
            Kind::File | Kind::Link(_) => None,
        }
    }

    fn add(&mut self, parent: Id, name: &[u8], layer: usize, kind: Kind) -> Id {
        let id = self.nodes.len();
        self.nodes.push(Node { parent, name: name.into(), layer, kind });
        if let Kind::Folder(children) = &mut self.nodes[parent].kind {
            children.insert(name.into(), id);
        }
        id
    }

    fn make_folder(&mut self, parent: Id, name: &[u8], layer: usize) -> Result<Id, UnpackError> {
        let id = self.add(parent, name, layer, Kind::Folder(BTreeMap::new()));
        let on_disk = self.disk_path(id);
        fs::create_dir(&on_disk).map_err(io_fault("create", &on_disk))?;
        Ok(id)
    }

    fn disk_path(&self, id: Id) -> PathBuf {
        let mut names = Vec::new();
        let mut at = id;
        while at != ROOT {
            names.push(&self.nodes[at].name);
            at = self.nodes[at].parent;
        }
        let mut path = self.root.clone();
        path.extend(names.into_iter().rev().map(|name| OsStr::from_bytes(name)));
        path
    }

    fn depth(&self, id: Id) -> usize {
        let mut depth = 0;
        let mut at = id;
        while at != ROOT {
            depth += 1;
            at = self.nodes[at].parent;
        }
        depth
    }

    fn is_below(&self, id: Id, parent: Id, name: &[u8]) -> bool {
        let Some(top) = self.child(parent, name) else { return false };
        let mut at = id;
        while at != ROOT {
            if at == top {
                return true;
            }
            at = self.nodes[at].parent;
        }
        false
    }

    /// Takes away whatever has this name, so that another thing can take its place.
    fn clear(&mut self, parent: Id, name: &[u8]) -> Result<(), UnpackError> {
        let Some(id) = self.child(parent, name) else { return Ok(()) };
        let on_disk = self.disk_path(id);
        match self.nodes[id].kind {
            Kind::Folder(_) => fs::remove_dir_all(&on_disk).map_err(io_fault("remove", &on_disk))?,
            Kind::File => fs::remove_file(&on_disk).map_err(io_fault("remove", &on_disk))?,
            Kind::Link(_) => {}
        }
        if let Kind::Folder(children) = &mut self.nodes[parent].kind {
            children.remove(name);
        }
        Ok(())
    }

    /// Takes away what lower layers brought, down from `id`; folders that hold something of this layer stay. Bounded in depth,
    /// as all paths are.
    fn remove_lower(&mut self, id: Id, layer: usize) -> Result<(), UnpackError> {
        let children: Vec<Id> = match &self.nodes[id].kind {
            Kind::Folder(children) => children.values().copied().collect(),
            Kind::File | Kind::Link(_) => Vec::new(),
        };
        for child in children {
            self.remove_lower(child, layer)?;
        }
        let holds_some = matches!(&self.nodes[id].kind, Kind::Folder(children) if !children.is_empty());
        if self.nodes[id].layer >= layer || holds_some {
            return Ok(());
        }
        let (parent, name) = (self.nodes[id].parent, self.nodes[id].name.clone());
        self.clear(parent, &name)
    }

    /// The folder that a path's last part lies in; made where it is missing, as archives may leave it out.
    fn parent_of<'p>(&mut self, path: &[&'p [u8]], layer: usize) -> Result<(Id, &'p [u8]), UnpackError> {
        let Some((name, folders)) = path.split_last() else {
            return Err(UnpackError::BadPath { path: String::new(), why: "it is empty" });
        };
        match self.walk(folders, Some(layer))? {
            Place::At(parent) if matches!(self.nodes[parent].kind, Kind::Folder(_)) => {
                if self.depth(parent) >= self.limits.depth {
                    let (path, limit) = (joined(path), self.limits.depth);
                    return Err(UnpackError::PathTooLong { path, what: "folders", found: limit + 1, limit });
                }
                Ok((parent, name))
            }
            Place::At(_) | Place::Nowhere => Err(UnpackError::NotAFolder { path: joined(path) }),
        }
    }

    /// Follows a path of folders from the root, through links, never above the root. With `make`, what is missing is made as
    /// folders of that layer.
    fn walk(&mut self, path: &[&[u8]], make: Option<usize>) -> Result<Place, UnpackError> {
        let mut ahead: Vec<Box<[u8]>> = path.iter().rev().map(|part| (*part).into()).collect();
        let mut at = ROOT;
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            self.step(path)?;
            match &*part {
                b"" | b"." => continue,
                b".." if at == ROOT => {
                    return Err(UnpackError::LinkOutside { path: joined(path), target: "..".to_owned() });
                }
                b".." => at = self.nodes[at].parent,
                name => match (self.child(at, name), make) {
                    (Some(id), _) => match &self.nodes[id].kind {
                        Kind::Folder(_) => at = id,
                        Kind::File => return Err(UnpackError::NotAFolder { path: joined(path) }),
                        Kind::Link(target) => {
                            links += 1;
                            if links > LINK_LIMIT {
                                return Err(UnpackError::LinkMaze { path: joined(path), limit: LINK_LIMIT });
                            }
                            if target.starts_with(b"/") {
                                at = ROOT;
                            }
                            ahead.extend(target.split(|byte| *byte == b'/').rev().map(Box::from));
                        }
                    },
                    (None, None) => return Ok(Place::Nowhere),
                    (None, Some(_)) if self.depth(at) >= self.limits.depth => {
                        let (path, limit) = (joined(path), self.limits.depth);
                        return Err(UnpackError::PathTooLong { path, what: "folders", found: limit + 1, limit });
                    }
                    (None, Some(layer)) => at = self.make_folder(at, name, layer)?,
                },
            }
        }
        Ok(Place::At(at))
    }

    /// That following this link, through any other links, never climbs above the root. What does not exist is taken by its
    /// names alone.
    fn check_link(&mut self, link: Id, target: &[u8]) -> Result<(), UnpackError> {
        let path = self.image_path(link);
        let outside = || UnpackError::LinkOutside { path: path.clone(), target: text(target) };
        let mut at = if target.starts_with(b"/") { ROOT } else { self.nodes[link].parent };
        let mut ahead: Vec<Box<[u8]>> = target.split(|byte| *byte == b'/').rev().map(Box::from).collect();
        // How many folders deep the walk is in what does not exist.
        let mut beyond: usize = 0;
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            self.step(&[path.as_bytes()])?;
            match &*part {
                b"" | b"." => continue,
                b".." if beyond > 0 => beyond -= 1,
                b".." if at == ROOT => return Err(outside()),
                b".." => at = self.nodes[at].parent,
                _ if beyond > 0 => beyond += 1,
                name => match self.child(at, name) {
                    None => beyond = 1,
                    Some(id) => match &self.nodes[id].kind {
                        Kind::Folder(_) => at = id,
                        Kind::File => beyond = 1,
                        Kind::Link(next) => {
                            links += 1;
                            if links > LINK_LIMIT {
                                // A circle, or more than the system follows: it leads nowhere, so not outside.
                                return Ok(());
                            }
                            if next.starts_with(b"/") {
                                at = ROOT;
                            }
                            ahead.extend(next.split(|byte| *byte == b'/').rev().map(Box::from));
                        }
                    },
                },
            }
        }
        Ok(())
    }

    /// A link's target as it is written to disk: `/x` means the image's own root, so it becomes relative to the link.
    fn inside(&self, link: Id, target: &[u8]) -> Vec<u8> {
        let Some(from_root) = target.strip_prefix(b"/") else { return target.to_owned() };
        let mut relative = b"../".repeat(self.depth(link).saturating_sub(1));
        relative.extend(from_root.iter().skip_while(|byte| **byte == b'/'));
        if relative.is_empty() {
            relative.push(b'.');
        }
        relative
    }

    fn image_path(&self, id: Id) -> String {
        let path = self.disk_path(id);
        path.strip_prefix(&self.root).unwrap_or(&path).display().to_string()
    }

    fn step(&mut self, path: &[&[u8]]) -> Result<(), UnpackError> {
        self.steps += 1;
        if self.steps > STEP_LIMIT {
            return Err(UnpackError::LinkMaze { path: joined(path), limit: LINK_LIMIT });
        }
        Ok(())
    }
}

fn joined(path: &[&[u8]]) -> String {
    text(&path.join(&b'/'))
}

fn io_fault(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> UnpackError {
    let path = path.to_owned();
    move |source| UnpackError::Io { action, path, source }
}
