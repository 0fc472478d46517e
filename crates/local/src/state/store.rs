//! A small map of names to JSON values that survives a kill at any moment: what was acknowledged is there after a restart.
//!
//! One file holds it, a journal of checksummed lines; each line is one change, complete or absent. When the journal has grown
//! well beyond what it says, a new file with only the present state takes its place by a rename. A change costs one write and
//! one fdatasync, whatever the size of the map.
//!
//! Format 1: a header line `{"tiers-local-store":1}`, then lines of `<crc32 of the JSON, 8 hex digits> <JSON>`, where the JSON
//! is `{"set":{name:value},"delete":[name]}`. An old reader refuses a newer header; a new reader must read this one.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::folder::sync_parent;
use crate::LocalError;

const FORMAT: u64 = 1;
/// Below this size a journal is not worth writing anew.
const COMPACT_ABOVE_BYTES: u64 = 4 * 1024 * 1024;

/// Names with their new values; `None` takes a name out.
pub(crate) type Change = BTreeMap<String, Option<Value>>;

/// The open store. One writer only: the folder's lock sees to that.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    path: PathBuf,
    generation: u64,
    file: File,
    size_bytes: u64,
    /// The size that the file had when it was written anew.
    base_bytes: u64,
    values: BTreeMap<String, Value>,
    poisoned: bool,
}

#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(rename = "tiers-local-store")]
    format: u64,
}

#[derive(Default, Serialize, Deserialize)]
struct Line {
    set: BTreeMap<String, Value>,
    delete: Vec<String>,
}

impl Store {
    /// Opens the store in this folder, or begins one.
    ///
    /// A last line without its end was never acknowledged: it is dropped. Anything else that does not read is damage.
    ///
    /// Errors: [`LocalError::Damaged`], [`LocalError::TooNew`], [`LocalError::Io`].
    pub fn open(dir: &Path) -> Result<Store, LocalError> {
        let generations = generations(dir)?;
        let Some(&generation) = generations.last() else {
            let (path, file, size_bytes) = begin(dir, 1, &BTreeMap::new())?;
            let dir = dir.to_owned();
            let values = BTreeMap::new();
            return Ok(Store {
                dir,
                path,
                generation: 1,
                file,
                size_bytes,
                base_bytes: size_bytes,
                values,
                poisoned: false,
            });
        };
        let path = journal_path(dir, generation);
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(LocalError::io("open", &path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(LocalError::io("read", &path))?;
        let (values, good_bytes) = replay(&path, &bytes)?;
        if good_bytes < bytes.len() as u64 {
            file.set_len(good_bytes).map_err(LocalError::io("cut the unfinished end off", &path))?;
        }
        file.seek(SeekFrom::Start(good_bytes)).map_err(LocalError::io("read", &path))?;
        for old in &generations[..generations.len() - 1] {
            // A compaction was interrupted after its rename; the newer file is complete.
            let _ = fs::remove_file(journal_path(dir, *old));
        }
        let base_bytes = good_bytes;
        let dir = dir.to_owned();
        Ok(Store { dir, path, generation, file, size_bytes: good_bytes, base_bytes, values, poisoned: false })
    }

    /// The journal's file, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All names and values.
    pub fn values(&self) -> &BTreeMap<String, Value> {
        &self.values
    }

    /// Makes one change, all of it or nothing; it is on disk when this returns.
    ///
    /// Errors: [`LocalError::Io`] with nothing changed (a full disk); [`LocalError::Poisoned`] when an earlier failed write
    /// could not be taken back.
    pub fn apply(&mut self, change: Change) -> Result<(), LocalError> {
        if self.poisoned {
            return Err(LocalError::Poisoned { path: self.path.clone() });
        }
        if change.is_empty() {
            return Ok(());
        }
        let mut line = Line::default();
        for (name, value) in change {
            match value {
                Some(value) => drop(line.set.insert(name, value)),
                None => line.delete.push(name),
            }
        }
        let bytes = encode(&line);
        if let Err(e) = self.file.write_all(&bytes).and_then(|()| self.file.sync_data()) {
            // Half a line would make every later one unreadable.
            let back = self.file.set_len(self.size_bytes);
            if back.and_then(|()| self.file.seek(SeekFrom::Start(self.size_bytes))).is_err() {
                self.poisoned = true;
            }
            return Err(LocalError::io("write", &self.path)(e));
        }
        self.size_bytes += bytes.len() as u64;
        line.merge_into(&mut self.values);
        if self.size_bytes > COMPACT_ABOVE_BYTES && self.size_bytes > self.base_bytes.saturating_mul(4) {
            self.compact();
        }
        Ok(())
    }

    /// Puts the kernel's own full disk in the journal's place: every write to it fails with ENOSPC.
    #[cfg(test)]
    pub fn fill_disk(&mut self) -> File {
        std::mem::replace(&mut self.file, OpenOptions::new().write(true).open("/dev/full").expect("a full disk"))
    }

    /// Writes the present state into a new file. A failure leaves the old one in use: the change itself is safe already.
    fn compact(&mut self) {
        // Whether it failed or not, the next try waits until the file has grown fourfold again.
        self.base_bytes = self.size_bytes;
        let next = self.generation + 1;
        if let Ok((path, file, size_bytes)) = begin(&self.dir, next, &self.values) {
            let _ = fs::remove_file(&self.path);
            self.path = path;
            self.file = file;
            self.generation = next;
            self.size_bytes = size_bytes;
            self.base_bytes = size_bytes;
        }
    }
}

impl Line {
    fn merge_into(self, values: &mut BTreeMap<String, Value>) {
        values.extend(self.set);
        for name in &self.delete {
            values.remove(name);
        }
    }
}

fn journal_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("journal-{generation:08}"))
}

/// The generations whose files are there, ascending.
fn generations(dir: &Path) -> Result<Vec<u64>, LocalError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(LocalError::io("list", dir))? {
        let name = entry.map_err(LocalError::io("list", dir))?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_prefix("journal-")).and_then(|n| n.parse().ok());
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// A journal with this state, complete and on disk under its name.
fn begin(dir: &Path, generation: u64, values: &BTreeMap<String, Value>) -> Result<(PathBuf, File, u64), LocalError> {
    let path = journal_path(dir, generation);
    let new = dir.join("new");
    let write = || -> io::Result<(File, u64)> {
        let mut file = OpenOptions::new().create(true).truncate(true).read(true).write(true).mode(0o600).open(&new)?;
        let mut bytes = serde_json::to_vec(&Header { format: FORMAT })?;
        bytes.push(b'\n');
        for (name, value) in values {
            let set = BTreeMap::from([(name.clone(), value.clone())]);
            bytes.extend(encode(&Line { set, delete: Vec::new() }));
        }
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        sync_parent(&path)?;
        Ok((file, bytes.len() as u64))
    };
    let (file, size_bytes) = write().map_err(LocalError::io("write", &path))?;
    Ok((path, file, size_bytes))
}

fn encode(line: &Line) -> Vec<u8> {
    let json = serde_json::to_string(line).expect("JSON values under text names serialize");
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes()
}

/// The state that the lines give, and how many bytes of them count.
fn replay(path: &Path, bytes: &[u8]) -> Result<(BTreeMap<String, Value>, u64), LocalError> {
    let mut values = BTreeMap::new();
    let mut good = 0;
    let mut rest = bytes;
    let mut number = 0;
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        let (text, after) = (&rest[..end], &rest[end + 1..]);
        number += 1;
        if number == 1 {
            check_header(path, text)?;
        } else {
            let line = decode(text).map_err(|why| LocalError::damaged(path, format!("line {number}: {why}")))?;
            line.merge_into(&mut values);
        }
        good += end + 1;
        rest = after;
    }
    if number == 0 {
        // The file got its name only after it was complete, so an empty one was emptied by somebody else.
        return Err(LocalError::damaged(path, "it has no header"));
    }
    Ok((values, good as u64))
}

fn check_header(path: &Path, text: &[u8]) -> Result<(), LocalError> {
    let header: Header =
        serde_json::from_slice(text).map_err(|e| LocalError::damaged(path, format!("line 1 is no header: {e}")))?;
    if header.format > FORMAT {
        return Err(LocalError::TooNew { path: path.to_owned(), found: header.format, known: FORMAT });
    }
    Ok(())
}

fn decode(text: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is no text".to_owned())?;
    let (sum, json) = text.split_once(' ').ok_or("it has no checksum")?;
    if u32::from_str_radix(sum, 16).ok() != Some(crc32fast::hash(json.as_bytes())) {
        return Err("its checksum is wrong".to_owned());
    }
    serde_json::from_str(json).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(name: &str, value: Value) -> Change {
        Change::from([(name.to_owned(), Some(value))])
    }

    fn journal(dir: &Path) -> PathBuf {
        let mut found: Vec<PathBuf> = fs::read_dir(dir).expect("list").map(|e| e.expect("entry").path()).collect();
        found.sort();
        found.pop().expect("a journal")
    }

    #[test]
    fn what_was_applied_is_there_after_reopening() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(dir.path()).expect("open");
        store.apply(set("a", json!({"n": 1}))).expect("apply");
        store.apply(set("b", json!([true]))).expect("apply");
        store.apply(Change::from([("a".to_owned(), None), ("c".to_owned(), Some(json!("x\ny")))])).expect("apply");
        let before = store.values().clone();
        drop(store);
        let store = Store::open(dir.path()).expect("reopen");
        assert_eq!(store.values(), &before);
        assert_eq!(before.keys().collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn a_journal_of_format_1_still_reads() {
        let dir = tempfile::tempdir().expect("a folder");
        let text = concat!(
            "{\"tiers-local-store\":1}\n",
            "de9a7da5 {\"set\":{\"environment/dev\":{\"name\":\"dev\",\"port\":4001}},\"delete\":[\"log-retention/f\"]}\n",
        );
        fs::write(dir.path().join("journal-00000007"), text).expect("write");
        let store = Store::open(dir.path()).expect("opens");
        assert_eq!(store.values().keys().collect::<Vec<_>>(), ["environment/dev"]);
        fs::write(dir.path().join("journal-00000008"), "{\"tiers-local-store\":2}\n").expect("write");
        assert!(matches!(Store::open(dir.path()), Err(LocalError::TooNew { found: 2, .. })));
    }

    #[test]
    fn a_journal_cut_at_any_byte_opens_with_a_state_that_once_was() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(dir.path()).expect("open");
        let mut states = vec![store.values().clone()];
        for n in 0..5 {
            store.apply(set(&format!("k{}", n % 3), json!(n))).expect("apply");
            states.push(store.values().clone());
        }
        let path = journal(dir.path());
        drop(store);
        let bytes = fs::read(&path).expect("read");
        let header = bytes.iter().position(|b| *b == b'\n').expect("a header") + 1;
        let mut seen = 0;
        for cut in header..=bytes.len() {
            fs::write(&path, &bytes[..cut]).expect("write");
            let mut store = Store::open(dir.path()).expect("opens");
            let at = states.iter().position(|state| state == store.values()).expect("a state that once was");
            assert!(at >= seen, "an older state from a longer journal");
            seen = at;
            store.apply(set("after", json!(cut))).expect("can go on");
            drop(store);
            assert_eq!(Store::open(dir.path()).expect("reopens").values()["after"], json!(cut));
        }
        assert_eq!(seen, states.len() - 1);
    }

    #[test]
    fn a_changed_byte_in_the_middle_is_named_as_damage_and_changes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(dir.path()).expect("open");
        store.apply(set("a", json!("one"))).expect("apply");
        store.apply(set("b", json!("two"))).expect("apply");
        drop(store);
        let path = journal(dir.path());
        let text = fs::read_to_string(&path).expect("read").replace("one", "oen");
        fs::write(&path, &text).expect("write");
        let error = Store::open(dir.path()).expect_err("damaged").to_string();
        assert!(error.contains("line 2: its checksum is wrong"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("read"), text);
        fs::write(&path, b"").expect("write");
        assert!(Store::open(dir.path()).is_err());
    }

    #[test]
    fn a_full_disk_fails_the_change_and_leaves_the_state_as_it_was() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(dir.path()).expect("open");
        store.apply(set("a", json!(1))).expect("apply");
        let real = store.fill_disk();
        let error = store.apply(set("a", json!(2))).expect_err("full").to_string();
        assert!(error.contains("could not write"), "{error}");
        assert_eq!(store.values()["a"], json!(1));
        // It can't be cut back either, so nothing more is accepted.
        assert!(matches!(store.apply(set("a", json!(3))), Err(LocalError::Poisoned { .. })));
        drop((store, real));
        assert_eq!(Store::open(dir.path()).expect("reopen").values()["a"], json!(1));
    }

    #[test]
    fn a_grown_journal_is_written_anew_and_says_the_same() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(dir.path()).expect("open");
        let big = "x".repeat(64 * 1024);
        for n in 0..80 {
            store.apply(set("big", json!(format!("{n}{big}")))).expect("apply");
        }
        assert!(store.generation > 1 && store.size_bytes < COMPACT_ABOVE_BYTES);
        let before = store.values().clone();
        drop(store);
        assert_eq!(Store::open(dir.path()).expect("reopen").values(), &before);
        assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 1);
    }
}
