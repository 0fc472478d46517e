//! `cargo xtask test`: everything that can be tested on one machine, in one command.

use crate::Command;
use crate::generated;
use crate::process::{built, cargo, program, succeeds};
use crate::setup::{self, Setup};
use crate::stage::{Stages, watched};

pub const COMMAND: Command = Command {
    name: "test",
    usage: "",
    about: "all tests: the crates', the protocol's, and that generated files are fresh",
    run: |_| {
        let mut stages = Stages::default();
        run(&mut stages);
        stages.end()
    },
};

/// Adds the stages of the tests. The quick ones come last, so that they meet what the others have built.
pub fn run(stages: &mut Stages) {
    let mut ready = false;
    stages.run("set-up", || {
        let setup = setup::prepare()?;
        ready = matches!(setup, Setup::Ready);
        match setup {
            Setup::Ready => Ok("the stand-ins are there".into()),
            Setup::Missing(what) if std::env::var_os("CI").is_some_and(|value| value == "true") => Err(what),
            Setup::Missing(what) => {
                eprintln!("\nWARNING: {what}\n");
                Ok("INCOMPLETE, see the warning above".into())
            }
        }
    });
    stages.run("cargo tests", cargo_tests);
    if ready {
        stages.run("protocol tests", protocol_tests);
    }
    stages.run("generated files", generated::check);
}

/// With nextest where it is installed, since it runs the tests of all crates at once.
fn cargo_tests() -> Result<String, String> {
    let mut tests = cargo();
    if succeeds(cargo().args(["nextest", "--version"])) {
        tests.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
        // Tests that want a stand-in find its programs here.
        tests.env("TIERS_STAND_INS", setup::programs());
        return watched(&mut tests, |line| line.contains("Summary ["));
    }
    tests.args(["test", "--workspace", "--no-fail-fast"]).env("TIERS_STAND_INS", setup::programs());
    watched(&mut tests, |line| line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed"))
}

fn protocol_tests() -> Result<String, String> {
    let mut tests = program(setup::programs().join("python"));
    tests.args(["-m", "pytest", "-q", "tests/protocol"]).env("TIERS_BUILT", built());
    watched(&mut tests, |line| line.contains(" passed") || line.contains(" failed") || line.contains(" error"))
}
