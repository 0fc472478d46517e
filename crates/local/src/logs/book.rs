//! Writing logs.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tiers_lambda::model::Place;

use super::{FILE_LIMIT_BYTES, LINE_LIMIT_BYTES, MOST_FILES, file_name, parse_name};

/// All logs of a host.
#[derive(Debug)]
pub(crate) struct LogBook {
    root: PathBuf,
    files: Mutex<HashMap<PathBuf, Arc<LogFile>>>,
}

impl LogBook {
    pub fn new(root: PathBuf) -> LogBook {
        LogBook { root, files: Mutex::default() }
    }

    /// The log of one version of a function.
    pub fn of(&self, place: &Place, function: &str, version: &str) -> Arc<LogFile> {
        let dir = self.root.join(&place.account).join(&place.region).join(function).join(version);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let file = files.entry(dir.clone()).or_insert_with(|| Arc::new(LogFile { dir, open: Mutex::default() }));
        Arc::clone(file)
    }
}

/// The log of one version of a function. Its folder is made with its first line.
#[derive(Debug)]
pub(crate) struct LogFile {
    dir: PathBuf,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    file: File,
    day: Date,
    size_bytes: u64,
}

impl LogFile {
    /// Appends lines. Logs are not worth failing an invocation for: what can't be written (a full disk) is lost, and the next
    /// line tries again with a new file handle.
    pub fn write<'a>(&self, now: Timestamp, process: &str, lines: impl IntoIterator<Item = &'a str>) {
        let stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let mut text = String::new();
        for line in lines {
            for piece in pieces(line) {
                text.push_str(&stamp);
                text.push(' ');
                text.push_str(process);
                text.push(' ');
                // A line break inside a line would look like a line without time and process.
                text.extend(piece.chars().map(|c| if c == '\n' || c == '\r' { ' ' } else { c }));
                text.push('\n');
            }
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let day = TimeZone::UTC.to_datetime(now).date();
        let written = current(&self.dir, &mut open, day).and_then(|open| {
            open.file.write_all(text.as_bytes())?;
            open.size_bytes += text.len() as u64;
            Ok(())
        });
        if written.is_err() {
            *open = None;
        }
    }
}

/// The file for this day, a new one when the day or the size says so.
fn current<'a>(dir: &Path, open: &'a mut Option<Open>, day: Date) -> io::Result<&'a mut Open> {
    let stale = open.as_ref().is_some_and(|open| open.day != day || open.size_bytes >= FILE_LIMIT_BYTES);
    if stale {
        *open = None;
    }
    match open {
        Some(open) => Ok(open),
        None => {
            fs::create_dir_all(dir)?;
            let mut number = newest(dir, day)?.unwrap_or_default();
            let mut file = append(dir, day, number)?;
            let mut size_bytes = file.metadata()?.len();
            if size_bytes >= FILE_LIMIT_BYTES {
                number += 1;
                file = append(dir, day, number)?;
                size_bytes = file.metadata()?.len();
                drop_oldest(dir);
            }
            Ok(open.insert(Open { file, day, size_bytes }))
        }
    }
}

fn append(dir: &Path, day: Date, number: u32) -> io::Result<File> {
    let path = dir.join(file_name(day, number));
    let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
    // A host that was killed may have left half a line, which must not swallow the next one.
    if !ends_with_newline(&mut file)? {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let size = file.metadata()?.len();
    if size == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.read_exact_at(&mut last, size - 1)?;
    Ok(last[0] == b'\n')
}

fn newest(dir: &Path, day: Date) -> io::Result<Option<u32>> {
    let names = fs::read_dir(dir)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| parse_name(&name)).filter(|(of, _)| *of == day).map(|(_, number)| number).max())
}

fn drop_oldest(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<(Date, u32)> = names.filter_map(|name| parse_name(&name)).collect();
    found.sort_unstable();
    let superfluous = found.len().saturating_sub(MOST_FILES);
    for (day, number) in &found[..superfluous] {
        let _ = fs::remove_file(dir.join(file_name(*day, *number)));
    }
}

/// A line in pieces of at most the limit, cut between characters.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        if text.len() <= LINE_LIMIT_BYTES {
            return Some(text);
        }
        let at = text.floor_char_boundary(LINE_LIMIT_BYTES);
        let (piece, after) = text.split_at(at);
        rest = Some(after);
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time in a test")
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .expect("list")
            .map(|e| e.expect("entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    }

    fn log(root: &Path) -> Arc<LogFile> {
        let place = Place { account: "000000000000".into(), region: "eu-west-1".into() };
        LogBook::new(root.to_owned()).of(&place, "f", "$LATEST")
    }

    #[test]
    fn each_day_and_each_full_file_begins_a_new_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let log = log(dir.path());
        log.write(at("2026-11-23T23:59:59.999Z"), "p1", ["one", "two\nlines"]);
        log.write(at("2026-11-24T00:00:00Z"), "p1", ["next day"]);
        let folder = dir.path().join("000000000000/eu-west-1/f/$LATEST");
        assert_eq!(names(&folder), ["2026-11-23.000.log", "2026-11-24.000.log"]);
        let text = fs::read_to_string(folder.join("2026-11-23.000.log")).expect("read");
        assert_eq!(text, "2026-11-23T23:59:59.999Z p1 one\n2026-11-23T23:59:59.999Z p1 two lines\n");
        let long = "x".repeat(LINE_LIMIT_BYTES);
        for _ in 0..33 {
            log.write(at("2026-11-24T00:00:01Z"), "p1", [long.as_str()]);
        }
        assert_eq!(names(&folder).last().map(String::as_str), Some("2026-11-24.001.log"));
    }

    #[test]
    fn a_half_written_line_does_not_swallow_the_next_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("000000000000/eu-west-1/f/$LATEST");
        fs::create_dir_all(&folder).expect("folders");
        fs::write(folder.join("2026-11-23.000.log"), "half a li").expect("write");
        log(dir.path()).write(at("2026-11-23T10:00:00Z"), "p2", ["whole"]);
        let text = fs::read_to_string(folder.join("2026-11-23.000.log")).expect("read");
        assert_eq!(text, "half a li\n2026-11-23T10:00:00.000Z p2 whole\n");
    }

    #[test]
    fn long_lines_are_split_between_characters() {
        let line = "ป".repeat(LINE_LIMIT_BYTES / 3 + 10);
        let split: Vec<&str> = pieces(&line).collect();
        assert_eq!(split.len(), 2);
        assert!(split.iter().all(|piece| piece.len() <= LINE_LIMIT_BYTES));
        assert_eq!(split.concat(), line);
        assert_eq!(pieces("").collect::<Vec<_>>(), [""]);
    }
}
