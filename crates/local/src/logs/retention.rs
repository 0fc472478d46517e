//! Throwing old logs away.

use std::fs;
use std::path::Path;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use super::parse_name;

/// Removes log files of days that lie further back than `days_of(function)` says. What can't be removed stays until the next
/// time.
pub(crate) fn sweep(root: &Path, now: Timestamp, days_of: impl Fn(&str) -> u32) {
    let today = TimeZone::UTC.to_datetime(now).date();
    for function in below(root).flat_map(|account| below(&account)).flat_map(|region| below(&region)) {
        let Some(name) = function.file_name().and_then(|name| name.to_str()) else { continue };
        let days = i64::from(days_of(name));
        let Ok(oldest) = today.checked_sub(days.days()) else { continue };
        for version in below(&function) {
            for file in below(&version) {
                let day = file.file_name().and_then(|name| name.to_str()).and_then(parse_name);
                if day.is_some_and(|(day, _)| day < oldest) {
                    let _ = fs::remove_file(&file);
                }
            }
        }
    }
}

fn below(dir: &Path) -> impl Iterator<Item = std::path::PathBuf> + use<> {
    fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beyond_the_functions_days_go_and_the_others_stay() {
        let dir = tempfile::tempdir().expect("a folder");
        for function in ["short", "long"] {
            let folder = dir.path().join("000000000000/eu-west-1").join(function).join("1");
            fs::create_dir_all(&folder).expect("folders");
            for name in ["2026-11-23.000.log", "2026-11-16.000.log", "2026-11-15.001.log", "notes.txt"] {
                fs::write(folder.join(name), "x").expect("write");
            }
        }
        let now = "2026-11-23T12:00:00Z".parse().expect("a time in a test");
        sweep(dir.path(), now, |function| if function == "short" { 7 } else { 30 });
        let left = |function: &str| below(&dir.path().join("000000000000/eu-west-1").join(function).join("1")).count();
        assert_eq!((left("short"), left("long")), (3, 4));
    }
}
