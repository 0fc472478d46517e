//! `cargo xtask crash`: the crash matrix in full, every point met by kill -9, SIGTERM, SIGINT and a full disk.

use crate::Command;
use crate::process::{cargo, run};

pub const COMMAND: Command = Command {
    name: "crash",
    usage: "",
    about: "hits the binary at every append and every effect, in every way (the tests take turns)",
    run: |_| {
        let mut tests = cargo();
        tests.args(["test", "-p", "tiers", "--test", "it", "--", "matrix::", "crash::", "--nocapture"]);
        run(tests.args(["--test-threads", "1"]).env("TIERS_CRASH", "all"))
    },
};
