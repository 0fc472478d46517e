//! `cargo xtask model`: the model check with larger bounds than the tests have, or with bounds put together from words.

use crate::Command;
use crate::process::{cargo, run};

pub const COMMAND: Command = Command {
    name: "model",
    usage: "[CASE | BOUND=N …]",
    about: "searches the release machine exhaustively, with larger bounds than the tests",
    run: |words| {
        let search = ["run", "--quiet", "-p", "tiers-model", "--example", "search", "--"];
        run(cargo().args(search).args(words))
    },
};
