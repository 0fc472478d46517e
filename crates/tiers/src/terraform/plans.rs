//! Saved plans on disk, which hold every value in clear: for their owner's eyes, for one command, and swept away when that command was
//! killed.
//!
//! Who makes a plan holds a lock on a file in its folder, which ends with the process however it ends, in whatever container: process
//! ids say nothing there.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::site::private_folder;
use crate::context::Context;
use crate::fault::Fault;

/// The file that is locked while its folder is in use.
const IN_USE: &str = "in-use";

/// A folder for one saved plan; dropped, it is gone with the plan.
pub struct SavedPlan {
    pub file: PathBuf,
    // Before the lock, so that the folder is gone while nobody else may touch it.
    _folder: TempDir,
    _in_use: File,
}

impl SavedPlan {
    /// Below an environment's folder on this machine.
    pub fn new(home: &Path) -> Result<SavedPlan, Fault> {
        let plans = home.join("plans");
        private_folder(&plans)?;
        // Whoever sweeps waits until the new folder is locked.
        let _gate = exclusive(&plans)?;
        let prefix = format!("{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(&plans);
        let folder = folder.map_err(|error| cant(&plans, &error))?;
        let in_use = exclusive(folder.path())?;
        let file = folder.path().join("plan");
        // Made before Terraform writes to it, so that nobody else can ever read it.
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        options.open(&file).map_err(|error| cant(&file, &error))?;
        Ok(SavedPlan { file, _folder: folder, _in_use: in_use })
    }
}

/// Deletes the plans of commands that were killed, in every environment.
pub fn sweep(context: &Context) {
    let folders = |path: &Path| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    for environment in folders(&context.home("terraform")) {
        let plans = environment.join("plans");
        if !plans.is_dir() {
            continue;
        }
        let Ok(_gate) = exclusive(&plans) else { continue };
        for folder in folders(&plans) {
            let in_use = File::options().read(true).open(folder.join(IN_USE));
            let is_held = in_use.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
            if !is_held {
                let _ = std::fs::remove_dir_all(&folder);
            }
        }
    }
}

/// Holds the lock of a folder until dropped; waits for whoever has it, which is never longer than a moment.
fn exclusive(folder: &Path) -> Result<File, Fault> {
    let path = folder.join(IN_USE);
    let mut options = File::options();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(|error| cant(&path, &error))?;
    file.lock().map_err(|error| cant(&path, &error))?;
    Ok(file)
}

fn cant(path: &Path, error: &std::io::Error) -> Fault {
    Fault::errored(format!("{}: {error}", path.display()))
}
