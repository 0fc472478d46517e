//! Writes files of a tree into a folder, from git's objects: no filter, no line-ending conversion, nothing that is not in the
//! tree. Names, modes and times are the same on every machine.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use sha2::{Digest as _, Sha256};
use tiers_core::source::{Mode, TreeEntry, is_lfs_pointer};

use super::error::{GitError, io_error};
use super::repository::Repository;

/// The time that everything in the folder bears: 1980, since ZIP archives know no earlier one.
pub(crate) const FILE_TIME_S: i64 = 315_532_800;

/// Links and pointers to LFS content are short; more than this is a file of its own.
const SHORT_BYTES: u64 = 4096;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Materialised {
    pub files: u64,
    pub bytes: u64,
}

impl Repository {
    /// Writes these files into a new folder. Files whose content Git LFS keeps are taken from where `git lfs fetch` puts them.
    ///
    /// The entries must come from a [`Selection`](tiers_core::source::Selection), which has refused paths that lead elsewhere.
    ///
    /// Errors: [`GitError::Io`] (also if the folder exists), [`GitError::LfsContent`], [`GitError::MissingObject`],
    /// [`GitError::LinkOutside`]. What was written until then stays.
    pub fn materialise(&self, entries: &[TreeEntry], into: &Path) -> Result<Materialised, GitError> {
        fs::create_dir(into).map_err(io_error("create", into))?;
        let mut writing = Writing {
            root: into,
            lfs: self.git_path("lfs/objects")?,
            folders: BTreeSet::new(),
            links: Vec::new(),
            lacking: Vec::new(),
            done: Materialised::default(),
        };
        let files: Vec<&TreeEntry> = entries.iter().filter(|entry| entry.mode != Mode::Submodule).collect();
        if !files.is_empty() {
            self.each_blob(&files, |entry, size, content| writing.entry(entry, size, content))?;
        }
        writing.finish()
    }

    /// Streams the content of each entry, in their order.
    fn each_blob(
        &self,
        entries: &[&TreeEntry],
        mut take: impl FnMut(&TreeEntry, u64, &mut dyn Read) -> Result<(), GitError>,
    ) -> Result<(), GitError> {
        let ids: String = entries.iter().map(|entry| format!("{}\n", entry.blob)).collect();
        let mut running = self.git.start(&self.root, &["cat-file", "--batch"], ids.into_bytes())?;
        let name = running.name.clone();
        let unexpected = |why: String| GitError::Unexpected { command: name.clone(), why };
        let mut output = BufReader::with_capacity(128 << 10, &mut running.output);
        let mut failed = None;
        for entry in entries {
            let outcome = next_blob(&mut output, entry, &unexpected).and_then(|size| {
                let mut content = (&mut output).take(size);
                take(entry, size, &mut content)?;
                io::copy(&mut content, &mut io::sink()).map_err(|e| unexpected(e.to_string()))?;
                if content.limit() > 0 {
                    return Err(unexpected(format!("it ended inside {}", entry.blob)));
                }
                let mut newline = [0];
                output.read_exact(&mut newline).map_err(|e| unexpected(e.to_string()))
            });
            if let Err(error) = outcome {
                failed = Some(error);
                break;
            }
        }
        drop(output);
        match failed {
            None => running.finish().map(|_| ()),
            // An answer that breaks off may be git's own failure, or our deadline: those explain more.
            Some(error @ GitError::Unexpected { .. }) => {
                let (status, complaint) = running.finish()?;
                match status.success() {
                    true => Err(error),
                    false => Err(GitError::Failed { command: name, status: status.to_string(), message: complaint }),
                }
            }
            Some(error) => Err(error),
        }
    }
}

/// Reads the line before an object, `ID blob SIZE`, and gives the size.
fn next_blob(
    output: &mut impl BufRead,
    entry: &TreeEntry,
    unexpected: &dyn Fn(String) -> GitError,
) -> Result<u64, GitError> {
    let mut line = String::new();
    output.take(SHORT_BYTES).read_line(&mut line).map_err(|e| unexpected(e.to_string()))?;
    let line = line.trim_end_matches('\n');
    if line.ends_with(" missing") {
        return Err(GitError::MissingObject { path: entry.name().into_owned(), blob: entry.blob.clone() });
    }
    let mut fields = line.split(' ');
    match (fields.next(), fields.next(), fields.next().and_then(|size| size.parse().ok())) {
        (Some(id), Some("blob"), Some(size)) if id == entry.blob => Ok(size),
        _ => Err(unexpected(format!("`{line}` for {}", entry.blob))),
    }
}

struct Writing<'a> {
    root: &'a Path,
    /// Where Git LFS keeps content that was fetched.
    lfs: PathBuf,
    /// Made so far, relative to the root.
    folders: BTreeSet<PathBuf>,
    /// Made last, so that nothing is written through one.
    links: Vec<(PathBuf, Vec<u8>)>,
    lacking: Vec<String>,
    done: Materialised,
}

impl Writing<'_> {
    fn entry(&mut self, entry: &TreeEntry, size: u64, content: &mut dyn Read) -> Result<(), GitError> {
        let relative = PathBuf::from(OsStr::from_bytes(&entry.path));
        let path = self.root.join(&relative);
        self.make_folders(&relative)?;
        let broken = |e: io::Error| io_error("write", &path)(e);
        if entry.mode == Mode::Symlink {
            let mut target = Vec::new();
            content.take(SHORT_BYTES).read_to_end(&mut target).map_err(broken)?;
            check_target(&entry.path, &target)?;
            self.links.push((relative, target));
            return Ok(());
        }
        let mut beginning = Vec::new();
        if size < SHORT_BYTES {
            content.read_to_end(&mut beginning).map_err(broken)?;
        }
        let mode = if entry.mode == Mode::Executable { 0o755 } else { 0o644 };
        self.done.files += 1;
        if is_lfs_pointer(&beginning) {
            match lfs_content(&self.lfs, &beginning) {
                Some(mut file) => self.done.bytes += write_file(&path, mode, &mut file)?,
                None => self.lacking.push(entry.name().into_owned()),
            }
            return Ok(());
        }
        self.done.bytes += write_file(&path, mode, &mut beginning.as_slice().chain(content))?;
        Ok(())
    }

    fn make_folders(&mut self, relative: &Path) -> Result<(), GitError> {
        let mut missing: Vec<&Path> =
            relative.ancestors().skip(1).take_while(|above| !above.as_os_str().is_empty()).collect();
        missing.reverse();
        for folder in missing {
            if self.folders.insert(folder.to_owned()) {
                let path = self.root.join(folder);
                fs::create_dir(&path).map_err(io_error("create", &path))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Materialised, GitError> {
        if !self.lacking.is_empty() {
            return Err(GitError::LfsContent { paths: self.lacking });
        }
        for (relative, target) in &self.links {
            let path = self.root.join(relative);
            symlink(OsStr::from_bytes(target), &path).map_err(io_error("create", &path))?;
            set_time(&path)?;
        }
        // Folders come last, and the deepest first: making something in a folder sets its time.
        for folder in self.folders.iter().rev() {
            let path = self.root.join(folder);
            fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(io_error("set the mode of", &path))?;
            set_time(&path)?;
        }
        set_time(self.root)?;
        Ok(Materialised { files: self.done.files + self.links.len() as u64, ..self.done })
    }
}

fn write_file(path: &Path, mode: u32, content: &mut dyn Read) -> Result<u64, GitError> {
    let failed = || io_error("write", path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed())?;
    let bytes = io::copy(content, &mut file).map_err(failed())?;
    file.flush().map_err(failed())?;
    // The user's umask has no say in it.
    file.set_permissions(Permissions::from_mode(mode)).map_err(failed())?;
    drop(file);
    set_time(path)?;
    Ok(bytes)
}

fn set_time(path: &Path) -> Result<(), GitError> {
    let time = Timespec { tv_sec: FILE_TIME_S, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(|e| io_error("set the time of", path)(e.into()))
}

/// A link may lead to any place in the tree, whether something is there or not.
fn check_target(path: &[u8], target: &[u8]) -> Result<(), GitError> {
    let outside = || GitError::LinkOutside {
        path: String::from_utf8_lossy(path).into_owned(),
        target: String::from_utf8_lossy(target).into_owned(),
    };
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) || target.len() as u64 >= SHORT_BYTES {
        return Err(outside());
    }
    let mut depth = path.iter().filter(|byte| **byte == b'/').count();
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => depth = depth.checked_sub(1).ok_or_else(outside)?,
            _ => depth += 1,
        }
    }
    Ok(())
}

/// The content that a pointer means, if it was fetched and is what the pointer says.
///
/// Source: the Git LFS specification; `lfs.storage` may name another folder, which is not looked for.
fn lfs_content(lfs: &Path, pointer: &[u8]) -> Option<File> {
    let text = std::str::from_utf8(pointer).ok()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let id = field("oid sha256:")?;
    let size: u64 = field("size ")?.parse().ok()?;
    if id.len() != 64 || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let path = lfs.join(&id[..2]).join(&id[2..4]).join(id);
    let mut file = File::open(&path).ok()?;
    let mut hash = Sha256::new();
    let found = io::copy(&mut file, &mut HashWriter(&mut hash)).ok()?;
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found != size || digest != id {
        return None;
    }
    File::open(&path).ok()
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
