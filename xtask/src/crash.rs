//! `cargo xtask crash`: the crash matrix in full, every point met by kill -9, SIGTERM, SIGINT and a full disk.

use crate::Command;
use crate::process::{cargo, run, succeeds};

pub const COMMAND: Command = Command {
    name: "crash",
    usage: "",
    about: "hits the binary at every append and every effect, in every way (the tests take turns)",
    run: |_| {
        let mut tests = cargo();
        // Built with the features that the tests of the whole workspace have, so that nothing is built twice.
        if succeeds(cargo().args(["nextest", "--version"])) {
            tests.args(["nextest", "run", "--workspace", "--no-fail-fast", "--success-output", "final"]);
            tests.args(["-E", "package(tiers) and test(/^(matrix|crash|zombie)::/)"]);
            return run(tests.env("TIERS_CRASH", "all"));
        }
        tests.args(["test", "-p", "tiers", "--test", "it", "--", "matrix::", "crash::", "zombie::", "--nocapture"]);
        run(tests.args(["--test-threads", "1"]).env("TIERS_CRASH", "all"))
    },
};
