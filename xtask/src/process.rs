//! Running other programs, from the root of the workspace, with errors that name them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The root of the workspace that cargo runs this program in: a build folder may have been copied from another checkout.
pub fn root() -> &'static Path {
    static XTASK: LazyLock<PathBuf> = LazyLock::new(|| {
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
    });
    XTASK.parent().expect("xtask stands in the root")
}

/// Where cargo puts what it builds for tests.
pub fn built() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("debug")
}

/// The cargo that runs this program.
pub fn cargo() -> Command {
    program(std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from))
}

/// A program that is run in the root, with nothing to read.
pub fn program(path: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(path);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs to the end; its output goes where ours goes.
pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("could not start {}: {error}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", line(command))) }
}

/// Runs to the end and hands back what it wrote to standard output; standard error goes where ours goes.
pub fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("could not start {}: {error}", line(command)))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("{} ended with {}", line(command), output.status))
    }
}

/// True when the program can be started and answers with success; what it writes is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The command as a person would type it, without directories of this machine.
pub fn line(command: &Command) -> String {
    let name = |word: &std::ffi::OsStr| word.to_string_lossy().into_owned();
    let program = Path::new(command.get_program()).file_name().map(name).unwrap_or_default();
    let root = format!("{}/", root().display());
    let words = command.get_args().map(|word| name(word).replace(&root, ""));
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}
