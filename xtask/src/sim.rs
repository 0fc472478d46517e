//! `cargo xtask sim`: the simulation over many seeds, built as fast as it gets.

use std::path::PathBuf;

use crate::Command;
use crate::process::{cargo, program, root, run};

pub const COMMAND: Command = Command {
    name: "sim",
    usage: "[--seeds N] [--from S] [--seed S]",
    about: "simulated worlds, one a seed, until a promise is broken",
    run: |arguments| {
        let words = ["--profile", "sim", "--package", "tiers-engine", "--bin", "tiers-sim"];
        run(cargo().args(["build", "--quiet"]).args(words).args(["--no-default-features", "--features", "sim"]))?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        run(program(target.join("sim").join("tiers-sim")).args(arguments))
    },
};
