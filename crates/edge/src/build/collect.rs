//! Finds the files that mappings name, and says where each goes. Only files of the tree are taken: no path and no link leads
//! out of it.

use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tiers_core::source::Globs;
use tiers_oci::{Content, NewFile};

use super::FileMapping;
use super::error::FileProblem;

/// More files than this are a mistake in a mapping.
const FILE_LIMIT: usize = 500_000;

/// Folders inside each other; links are not followed, so only a real tree could be deeper.
const DEPTH_LIMIT: usize = 200;

/// The files of all mappings. `command` is what was run before, for the messages.
///
/// Errors: everything that is wrong, at once.
pub(super) fn collect(
    tree: &Path,
    mappings: &[FileMapping],
    command: Option<&str>,
) -> Result<Vec<NewFile>, Vec<FileProblem>> {
    let root = match tree.canonicalize() {
        Ok(root) => root,
        Err(e) => return Err(vec![FileProblem::BadFile { path: tree.display().to_string(), why: e.to_string() }]),
    };
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for mapping in mappings {
        let mut one = Collecting { root: &root, mapping, found: Vec::new(), problems: Vec::new() };
        one.mapping();
        if one.found.is_empty() && one.problems.is_empty() {
            let command = command.map(str::to_owned);
            one.problems.push(FileProblem::MatchesNothing { from: mapping.from.clone(), command });
        }
        found.extend(one.found);
        problems.extend(one.problems);
    }
    if mappings.is_empty() {
        problems.push(FileProblem::BadFrom { from: "files".to_owned(), why: "names no file to pack".to_owned() });
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

struct Collecting<'a> {
    root: &'a Path,
    mapping: &'a FileMapping,
    found: Vec<NewFile>,
    problems: Vec<FileProblem>,
}

impl Collecting<'_> {
    fn mapping(&mut self) {
        let from = self.mapping.from.trim_start_matches("./").trim_end_matches('/');
        let from = if from == "." { "" } else { from };
        if from.starts_with('/') || from.split('/').any(|part| part == "..") {
            return self.bad_from("leads out of the tree: it is a path below the top of the repository");
        }
        // A name with special characters that is there is meant as it stands.
        if let Ok(meta) = self.root.join(from).metadata() {
            return self.plain(from, &meta);
        }
        match Globs::parse(&[from]) {
            Ok(globs) if !from.starts_with('!') => self.glob(from, &globs),
            Ok(_) => self.bad_from("takes files away, which has no place here"),
            Err(bad) => bad.into_iter().for_each(|bad| self.bad_from(&bad.why)),
        }
    }

    /// A file or folder by its name.
    fn plain(&mut self, from: &str, meta: &Metadata) {
        let Some(path) = self.inside(from) else { return };
        if meta.is_dir() {
            return self.walk(&path, &path, None, 0);
        }
        let to = &self.mapping.to;
        let to = match to.ends_with('/') {
            true => format!("{to}{}", from.rsplit('/').next().unwrap_or(from)),
            false => to.clone(),
        };
        self.file(&path, meta, to);
    }

    fn glob(&mut self, from: &str, globs: &Globs) {
        let special = from.find(['*', '?', '[', '{', '\\']).unwrap_or(from.len());
        let start = from[..special].rfind('/').map_or("", |slash| &from[..slash]);
        if !self.root.join(start).is_dir() {
            return;
        }
        let Some(start) = self.inside(start) else { return };
        self.walk(&start, &start, Some(globs), 0);
    }

    /// Where a path of the tree really is; links on the way must not lead out.
    fn inside(&mut self, path: &str) -> Option<PathBuf> {
        match self.root.join(path).canonicalize() {
            Ok(path) if path.starts_with(self.root) => return Some(path),
            Ok(_) => self.bad_from("is a link that leads out of the tree"),
            Err(e) => self.bad_from(&format!("can't be read: {e}")),
        }
        None
    }

    /// Everything below `folder`, to places below the mapping's, named from `start` on.
    fn walk(&mut self, start: &Path, folder: &Path, globs: Option<&Globs>, depth: usize) {
        if depth > DEPTH_LIMIT {
            return self.bad_file(folder, "lies too deep");
        }
        let mut entries = match fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(e) => return self.bad_file(folder, &format!("can't be read: {e}")),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        if entries.is_empty()
            && globs.is_none()
            && let Some(to) = self.place(start, folder)
        {
            self.found.push(NewFile { path: to, content: Content::Folder });
        }
        for entry in entries {
            if self.found.len() >= FILE_LIMIT {
                return self.bad_from(&format!("names more than {FILE_LIMIT} files"));
            }
            let path = entry.path();
            let meta = match path.symlink_metadata() {
                Ok(meta) => meta,
                Err(e) => return self.bad_file(&path, &format!("can't be read: {e}")),
            };
            if meta.is_dir() {
                self.walk(start, &path, globs, depth + 1);
            } else if globs.is_none_or(|globs| globs.matches(self.name(&path).as_bytes())) {
                let Some(to) = self.place(start, &path) else { continue };
                if meta.is_symlink() { self.link(start, &path, to) } else { self.file(&path, &meta, to) }
            }
        }
    }

    fn file(&mut self, path: &Path, meta: &Metadata, to: String) {
        if !meta.is_file() {
            return self.bad_file(path, "is neither a file, a folder nor a link");
        }
        let executable = self.mapping.executable.unwrap_or(meta.permissions().mode() & 0o100 != 0);
        self.found.push(NewFile { path: to, content: Content::File { from: path.to_owned(), executable } });
    }

    /// A link keeps its words, so what it leads to must move with it.
    fn link(&mut self, start: &Path, path: &Path, to: String) {
        let target = match fs::read_link(path) {
            Ok(target) => target,
            Err(e) => return self.bad_file(path, &format!("can't be read: {e}")),
        };
        let (Some(target), false) = (target.to_str(), target.is_absolute()) else {
            return self.bad_file(path, "is a link to an absolute path, or to a name that is not UTF-8");
        };
        match path.canonicalize() {
            Ok(end) if end.starts_with(start) => {
                self.found.push(NewFile { path: to, content: Content::Link { target: target.to_owned() } });
            }
            Ok(_) => self.bad_file(path, &format!("links to `{target}`, outside what is packed with it")),
            Err(_) => self.bad_file(path, &format!("links to `{target}`, which is not there")),
        }
    }

    /// The path in the image.
    fn place(&mut self, start: &Path, path: &Path) -> Option<String> {
        let relative = path.strip_prefix(start).ok()?;
        let Some(relative) = relative.to_str() else {
            self.bad_file(path, "has a name that is not UTF-8");
            return None;
        };
        let to = self.mapping.to.trim_end_matches('/');
        if relative.is_empty() {
            return (!to.is_empty()).then(|| to.to_owned());
        }
        Some(format!("{to}/{relative}"))
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().into_owned()
    }

    fn bad_from(&mut self, why: &str) {
        self.problems.push(FileProblem::BadFrom { from: self.mapping.from.clone(), why: why.to_owned() });
    }

    fn bad_file(&mut self, path: &Path, why: &str) {
        self.problems.push(FileProblem::BadFile { path: self.name(path), why: why.to_owned() });
    }
}
