//! Reading logs, from the files alone: it works whether the host runs or not.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, tz::TimeZone};

use super::parse_name;
use crate::LocalError;

/// Which lines are wanted; what is `None` is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    pub function: Option<String>,
    /// `$LATEST` or a number.
    pub version: Option<String>,
    /// Lines of this moment and later.
    pub since: Option<Timestamp>,
}

/// One line of a function's log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct LogLine {
    pub time: Timestamp,
    pub account: String,
    pub region: String,
    pub function: String,
    /// `$LATEST` or a number.
    pub version: String,
    /// The process that wrote it: 8 hexadecimal digits.
    pub process: String,
    pub text: String,
}

/// The lines of all logs in a state folder that match, by time. A folder without logs has none.
///
/// Errors: [`LocalError::Io`].
pub fn read_logs(dir: &Path, query: &LogQuery) -> Result<Vec<LogLine>, LocalError> {
    LogFollower::new(dir, query.clone()).poll()
}

/// Reads logs as they grow: each call gives what is new since the one before, the first one everything that matches.
#[derive(Debug)]
pub struct LogFollower {
    root: PathBuf,
    query: LogQuery,
    /// Bytes that were read of each file.
    read: HashMap<PathBuf, u64>,
}

impl LogFollower {
    /// For the logs of a state folder, which need not exist yet.
    pub fn new(dir: &Path, query: LogQuery) -> LogFollower {
        LogFollower { root: dir.join("logs"), query, read: HashMap::new() }
    }

    /// What came since the last call, by time.
    ///
    /// Errors: [`LocalError::Io`].
    pub fn poll(&mut self) -> Result<Vec<LogLine>, LocalError> {
        let mut lines = Vec::new();
        for account in folders(&self.root, None)? {
            for region in folders(&account, None)? {
                for function in folders(&region, self.query.function.as_deref())? {
                    for version in folders(&function, self.query.version.as_deref())? {
                        self.read_folder(&version, &mut lines)?;
                    }
                }
            }
        }
        // Stable: lines of one file keep their order within a millisecond.
        lines.sort_by_key(|line: &LogLine| line.time);
        Ok(lines)
    }

    fn read_folder(&mut self, folder: &Path, lines: &mut Vec<LogLine>) -> Result<(), LocalError> {
        let mut files: Vec<_> = entries(folder)?
            .into_iter()
            .filter_map(|path| Some((parse_name(path.file_name()?.to_str()?)?, path)))
            .collect();
        files.sort();
        let first_day = self.query.since.map(|since| TimeZone::UTC.to_datetime(since).date());
        let mut names = folder.ancestors().filter_map(|part| part.file_name()?.to_str());
        let (Some(version), Some(function), Some(region), Some(account)) =
            (names.next(), names.next(), names.next(), names.next())
        else {
            return Ok(());
        };
        for ((day, _), path) in files {
            if first_day.is_some_and(|first| day < first) {
                continue;
            }
            let from = self.read.entry(path.clone()).or_default();
            let (text, end) = read_whole_lines(&path, *from).map_err(LocalError::io("read", &path))?;
            *from = end;
            let parsed = text.lines().filter_map(|line| {
                let mut parts = line.splitn(3, ' ');
                let time: Timestamp = parts.next()?.parse().ok()?;
                Some(LogLine {
                    time,
                    account: account.to_owned(),
                    region: region.to_owned(),
                    function: function.to_owned(),
                    version: version.to_owned(),
                    process: parts.next()?.to_owned(),
                    text: parts.next().unwrap_or_default().to_owned(),
                })
            });
            lines.extend(parsed.filter(|line| self.query.since.is_none_or(|since| line.time >= since)));
        }
        Ok(())
    }
}

/// The complete lines from this byte on, and where they end.
fn read_whole_lines(path: &Path, from: u64) -> io::Result<(String, u64)> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        // Retention took it between the listing and now.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((String::new(), from)),
        Err(e) => return Err(e),
    };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(whole);
    Ok((String::from_utf8_lossy(&bytes).into_owned(), from + whole as u64))
}

/// The folders below, or the one with this name.
fn folders(parent: &Path, only: Option<&str>) -> Result<Vec<PathBuf>, LocalError> {
    let mut found = entries(parent)?;
    found.retain(|path| path.is_dir() && only.is_none_or(|name| path.file_name().is_some_and(|n| n == name)));
    Ok(found)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, LocalError> {
    let listed = match fs::read_dir(dir) {
        Ok(listed) => listed,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(LocalError::io("list", dir)(e)),
    };
    let mut paths = Vec::new();
    for entry in listed {
        paths.push(entry.map_err(LocalError::io("list", dir))?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::super::LogBook;
    use super::*;
    use tiers_lambda::model::Place;

    #[test]
    fn lines_come_by_time_filtered_and_each_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let book = LogBook::new(dir.path().join("logs"));
        let place = Place { account: "000000000000".into(), region: "eu-west-1".into() };
        let at = |text: &str| -> Timestamp { text.parse().expect("a time in a test") };
        assert_eq!(read_logs(dir.path(), &LogQuery::default()).expect("none"), []);
        book.of(&place, "f", "1").write(at("2026-11-23T10:00:02Z"), "aa", ["f1 later"]);
        book.of(&place, "f", "$LATEST").write(at("2026-11-23T10:00:01Z"), "bb", ["latest"]);
        book.of(&place, "g", "1").write(at("2026-11-22T10:00:00Z"), "cc", ["g, the day before"]);
        let texts = |query: LogQuery| -> Vec<String> {
            read_logs(dir.path(), &query).expect("read").into_iter().map(|line| line.text).collect()
        };
        assert_eq!(texts(LogQuery::default()), ["g, the day before", "latest", "f1 later"]);
        assert_eq!(texts(LogQuery { function: Some("f".into()), ..LogQuery::default() }), ["latest", "f1 later"]);
        assert_eq!(texts(LogQuery { version: Some("$LATEST".into()), ..LogQuery::default() }), ["latest"]);
        assert_eq!(texts(LogQuery { since: Some(at("2026-11-23T10:00:02Z")), ..LogQuery::default() }), ["f1 later"]);
        let mut follower = LogFollower::new(dir.path(), LogQuery::default());
        assert_eq!(follower.poll().expect("all").len(), 3);
        assert_eq!(follower.poll().expect("nothing new"), []);
        book.of(&place, "g", "1").write(at("2026-11-23T10:00:03Z"), "cc", ["new"]);
        let new = follower.poll().expect("one");
        assert_eq!((new.len(), new[0].text.as_str(), new[0].function.as_str()), (1, "new", "g"));
    }
}
