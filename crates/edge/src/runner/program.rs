//! Finds the program of a job and says what is wrong with it in words that help: not there, there but not executable, or there
//! and refused by the kernel. The operating system tells these apart only half (a script whose interpreter is missing is "not
//! found" as well).

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tiers_engine::port::runner::RunError;

/// The file to execute.
pub(crate) fn find(program: &str, cwd: &Path, search: &OsStr) -> Result<PathBuf, RunError> {
    if program.is_empty() || program.contains('\0') {
        return Err(missing(program, "the name is empty or has a NUL byte"));
    }
    if program.contains('/') {
        let file = cwd.join(program);
        return match why_not_executable(&file) {
            None => Ok(file),
            Some(Unfit::Absent) => Err(missing(program, &format!("looked in {}", cwd.display()))),
            Some(Unfit::Present(cause)) => Err(not_executable(program, cause)),
        };
    }
    let mut unfit = None;
    for folder in std::env::split_paths(search).filter(|folder| folder.is_absolute()) {
        let file = folder.join(program);
        match why_not_executable(&file) {
            None => return Ok(file),
            Some(Unfit::Absent) => {}
            Some(Unfit::Present(cause)) => unfit = unfit.or(Some(format!("{}: {cause}", file.display()))),
        }
    }
    match unfit {
        Some(cause) => Err(not_executable(program, cause)),
        None => Err(missing(program, &format!("looked in PATH, {}", search.to_string_lossy()))),
    }
}

/// Names what the kernel refused although the file was there.
pub(super) fn spawn_error(program: &str, file: &Path, error: &io::Error) -> RunError {
    match error.kind() {
        io::ErrorKind::NotFound if file.exists() => {
            not_executable(program, "the interpreter that its first line names does not exist".to_owned())
        }
        io::ErrorKind::NotFound => missing(program, "it was there a moment ago"),
        io::ErrorKind::PermissionDenied => not_executable(program, error.to_string()),
        // ENOEXEC has no kind of its own in the standard library.
        _ if error.raw_os_error() == Some(8) => {
            not_executable(program, "it is no program for this machine, and no script with a `#!` line".to_owned())
        }
        _ => RunError::Spawn { program: program.to_owned(), cause: error.to_string() },
    }
}

enum Unfit {
    Absent,
    Present(String),
}

fn why_not_executable(file: &Path) -> Option<Unfit> {
    match file.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory => {
            Some(Unfit::Absent)
        }
        Err(error) => Some(Unfit::Present(error.to_string())),
        Ok(about) if about.is_dir() => Some(Unfit::Present("it is a folder".to_owned())),
        Ok(about) if about.permissions().mode() & 0o111 == 0 => {
            Some(Unfit::Present("no execute permission; `chmod +x` and commit the mode".to_owned()))
        }
        Ok(_) => None,
    }
}

fn missing(program: &str, looked: &str) -> RunError {
    RunError::Missing { program: program.to_owned(), looked: looked.to_owned() }
}

fn not_executable(program: &str, cause: String) -> RunError {
    RunError::NotExecutable { program: program.to_owned(), cause }
}
