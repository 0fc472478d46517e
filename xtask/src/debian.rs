//! Programs from Debian's packages that a test runs for real. Installed where that can be done without asking (as root, with
//! apt-get); elsewhere named with the command, and the test itself says what it could not show.

use crate::process::{output, program, run, succeeds};

/// Program, package, and what is not tested without it.
const PACKAGES: [(&str, &str, &str); 1] = [("buildah", "buildah", "images from a Dockerfile, built for real")];

/// Programs that no package registry carries, and what is not tested without them.
const ELSEWHERE: [(&str, &str); 1] = [("terraform", "`tiers tf`, with the real program")];

/// Installs what is missing, as far as that works, and names what only a person can install.
pub fn prepare() {
    for (name, purpose) in ELSEWHERE {
        if !succeeds(program(name).arg("--version")) {
            eprintln!("{name} is missing, and no package registry carries it; not tested: {purpose}");
        }
    }
    for (name, package, purpose) in PACKAGES {
        if succeeds(program(name).arg("--version")) {
            continue;
        }
        let command = format!("apt-get install --yes --no-install-recommends {package}");
        if !can_install() {
            eprintln!("{name} is missing; not tested: {purpose}\n  as root, on Debian: {command}");
            continue;
        }
        eprintln!("installing from Debian's packages: {package}");
        let install = || {
            let mut apt = program("apt-get");
            apt.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "--yes", "--no-install-recommends", package]);
            output(&mut apt).map(drop)
        };
        // The lists may be old, or not there yet on a new machine.
        let installed = install().or_else(|_| run(program("apt-get").args(["update", "-qq"])).and_then(|()| install()));
        if let Err(problem) = installed {
            eprintln!("{name} could not be installed: {problem}; not tested: {purpose}");
        }
    }
}

fn can_install() -> bool {
    let root = output(program("id").arg("-u")).is_ok_and(|uid| uid == b"0\n");
    root && succeeds(program("apt-get").arg("--version"))
}
