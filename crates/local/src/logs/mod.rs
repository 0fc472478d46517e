//! Logs of functions: one folder per function and version, one file a day and 8 MB, kept as many days as the function says.
//!
//! ```text
//! logs/<account>/<region>/<function>/<version>/2026-11-23.000.log
//! 2026-11-23T15:29:00.250Z 5f0c91aa START RequestId: … Version: 3
//! ```
//! A line is its time (UTC), the process that wrote it, and the text.

mod book;
mod read;
mod retention;

pub use read::{LogFollower, LogLine, LogQuery, read_logs};

pub(crate) use book::{LogBook, LogFile};
pub(crate) use retention::sweep;

/// Of one line; what is longer is split, as CloudWatch Logs does with events.
pub(crate) const LINE_LIMIT_BYTES: usize = 256 * 1024;

/// Of one file.
const FILE_LIMIT_BYTES: u64 = 8 * 1024 * 1024;

/// Of one function and version; older ones go, so that a function that writes without end can't fill the disk.
const MOST_FILES: usize = 32;

/// The day and number of a log file's name.
fn parse_name(name: &str) -> Option<(jiff::civil::Date, u32)> {
    let (day, number) = name.strip_suffix(".log")?.split_once('.')?;
    Some((day.parse().ok()?, number.parse().ok()?))
}

fn file_name(day: jiff::civil::Date, number: u32) -> String {
    format!("{day}.{number:03}.log")
}
