//! Ctrl-C on a terminal, with a terminal: `script` makes one, and its standard input is what a person types.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{PROGRAM, SHOP, World};

const DEADLINE: Duration = Duration::from_secs(60);
const CTRL_C: &[u8] = b"\x03";
const QUESTION: &str = "leave it here";
/// Files by which the gate says that it runs, and is told to end.
const BEGUN: &str = ".tiers/gate-begun";
const ENDED: &str = ".tiers/gate-ended";

/// A deployment on a terminal, in the middle of a gate that ends when it is told to.
struct Seated {
    world: World,
    child: Child,
    screen: PathBuf,
    serving: String,
    release: String,
}

/// `None`, loudly, where there is no `script`; on a machine that builds changes that is a failure.
fn seated() -> Option<Seated> {
    if Command::new("script").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "`script` (package bsdutils) is missing");
        println!("NOT TESTED: `script` (package bsdutils) is missing, so there is no terminal to press Ctrl-C on");
        return None;
    }
    let world = World::new(SHOP, &[]);
    let (begun, ended) = (path(&world, BEGUN), path(&world, ENDED));
    let gate = format!("touch '{begun}'; while ! [ -e '{ended}' ]; do sleep 0.02; done");
    let smoke = "at = \"staged\"\ncommand = [\"true\"]";
    assert!(SHOP.contains(smoke), "the fixture has the gate");
    let slow = format!("at = \"staged\"\ncommand = [\"sh\", \"-c\", \"{gate}\"]");
    world.write("tiers.toml", &SHOP.replace(smoke, &slow));
    world.write(ENDED, "");
    world.commit("a slow gate");
    world.release("one");
    world.good(&["deploy", "dev"]);
    let serving = world.serves("dev");
    let release = world.release("two");
    for file in [BEGUN, ENDED] {
        fs::remove_file(world.path(file)).expect("a file");
    }
    let screen = world.path(".tiers/screen");
    let mut command = Command::new("script");
    // Without `exec` the shell between would be interrupted too, and its exit code seen.
    command.args(["--quiet", "--return", "--command"]).arg(format!("exec '{PROGRAM}' deploy dev")).arg("/dev/null");
    command.current_dir(&world.root).stdin(Stdio::piped());
    command.stdout(File::create(&screen).expect("a file")).stderr(Stdio::null());
    world.isolate(&mut command);
    let child = command.spawn().expect("script starts");
    let seated = Seated { world, child, screen, serving, release };
    seated.until("the gate begins", |seated| seated.world.path(BEGUN).exists());
    Some(seated)
}

fn path(world: &World, name: &str) -> String {
    world.path(name).to_str().expect("a UTF-8 path").to_owned()
}

impl Seated {
    fn until(&self, what: &str, holds: impl Fn(&Seated) -> bool) {
        let since = Instant::now();
        while !holds(self) {
            assert!(since.elapsed() < DEADLINE, "not within a minute: {what}; on the screen: {}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.screen).unwrap_or_default()).into_owned()
    }

    fn types(&mut self, keys: &[u8]) {
        let input = self.child.stdin.as_mut().expect("a pipe");
        input.write_all(keys).and_then(|()| input.flush()).expect("typed");
    }

    /// Ctrl-C, then the gate ends, so that the step at hand does.
    fn interrupts(&mut self) {
        self.types(CTRL_C);
        self.until("it says that it will ask", |seated| seated.screen().contains("after the step at hand"));
        self.world.write(ENDED, "");
        self.until("the question", |seated| seated.screen().contains(QUESTION));
    }

    fn exits(&mut self) -> i32 {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status.code().unwrap_or(-1);
            }
            assert!(since.elapsed() < DEADLINE, "it does not end; on the screen: {}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// It was left open, and can be resumed.
    fn is_left(&mut self) {
        assert_eq!(self.exits(), 4, "{}", self.screen());
        assert!(self.screen().contains("`tiers resume dev` goes on"), "{}", self.screen());
        assert_eq!(self.screen().matches(QUESTION).count(), 1, "it asks once: {}", self.screen());
        assert_eq!(self.world.state("dev")["open"]["phase"]["phase"], "publishing");
        self.world.good(&["resume", "dev"]);
        self.world.check("dev", &self.release, "left and resumed");
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn ctrl_c_asks_once_and_leaves_a_deployment_that_can_be_resumed() {
    let Some(mut seated) = seated() else { return };
    seated.interrupts();
    seated.types(b"\r");
    seated.is_left();
}

#[test]
fn ctrl_c_asks_and_undoes() {
    let Some(mut seated) = seated() else { return };
    seated.interrupts();
    seated.types(b"u\r");
    assert_eq!(seated.exits(), 1, "{}", seated.screen());
    assert_eq!(seated.world.state("dev")["last"]["ending"], "failed");
    seated.world.check("dev", &seated.serving, "undone by a person");
}

#[test]
fn ctrl_c_asks_and_goes_on_after_all() {
    let Some(mut seated) = seated() else { return };
    seated.interrupts();
    seated.types(b"g\r");
    assert_eq!(seated.exits(), 0, "{}", seated.screen());
    seated.world.check("dev", &seated.release, "gone on with");
}

#[test]
fn a_second_ctrl_c_leaves_without_an_answer() {
    let Some(mut seated) = seated() else { return };
    seated.interrupts();
    seated.types(CTRL_C);
    seated.is_left();
}

#[test]
fn a_second_ctrl_c_before_the_question_leaves_after_the_step_at_hand() {
    let Some(mut seated) = seated() else { return };
    seated.types(CTRL_C);
    seated.until("it says that it will ask", |seated| seated.screen().contains("after the step at hand"));
    seated.types(CTRL_C);
    seated.until("it says that it leaves", |seated| seated.screen().contains("stopping after the step at hand"));
    seated.world.write(ENDED, "");
    assert_eq!(seated.exits(), 4, "{}", seated.screen());
    assert!(!seated.screen().contains(QUESTION), "{}", seated.screen());
    seated.world.good(&["resume", "dev"]);
    seated.world.check("dev", &seated.release, "left and resumed");
}
