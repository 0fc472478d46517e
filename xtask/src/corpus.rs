//! `cargo xtask corpus`: the large repository that `tiers check` is measured on.

use crate::Command;
use crate::process::{cargo, run};

pub const COMMAND: Command = Command {
    name: "corpus",
    usage: "FOLDER [COMPONENTS]",
    about: "writes a repository of 1,029 components in 9 environments",
    run: main,
};

fn main(arguments: &[String]) -> Result<(), String> {
    let [folder, rest @ ..] = arguments else {
        return Err(format!("usage: cargo xtask {} {}", COMMAND.name, COMMAND.usage));
    };
    // Programs run in the root of the workspace, the caller may be elsewhere.
    let folder = std::env::current_dir().map_err(|error| error.to_string())?.join(folder);
    let mut program = cargo();
    program.args(["run", "--quiet", "--release", "-p", "tiers-check", "--example", "corpus", "--"]).arg(folder);
    run(program.args(rest))
}
