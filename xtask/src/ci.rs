//! `cargo xtask ci`: what a change must pass, with the time of each stage.

use crate::Command;
use crate::process::cargo;
use crate::stage::{Stages, watched};
use crate::test;

pub const COMMAND: Command = Command {
    name: "ci",
    usage: "",
    about: "formatting, clippy with no warning left, then all tests",
    run: |_| {
        let mut stages = Stages::default();
        stages.run("formatting", || {
            watched(cargo().args(["fmt", "--all", "--check"]), |_| false).map(|_| "as rustfmt has it".into())
        });
        stages.run("clippy", || {
            let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
            watched(cargo().args(arguments), |_| false).map(|_| "no warnings".into())
        });
        test::run(&mut stages);
        stages.end()
    },
};
