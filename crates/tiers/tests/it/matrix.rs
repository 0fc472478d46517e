//! The crash matrix: at every append to the ledger and at every changing call of a deployment, a promotion, a rollback, a canary
//! and of a resume itself, the process is killed, asked to end, interrupted, or finds the disk full. Whoever comes next ends it as
//! if nothing had happened.
//!
//! Plain deployments, promotions and rollbacks meet kill -9 at every point (`crash.rs`), and one of the others at every third;
//! canaries and resumes meet kill -9 at every third point, and one of the others at every sixth. `cargo xtask crash` meets every
//! point of all of them with every hit.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::world::{Run, SHOP, World};

/// Worlds side by side; more than there are processors brings nothing.
const LANES: usize = 2;

const KILL: &str = "kill";
const OTHERS: [&str; 3] = ["term", "int", "full"];

/// One command that is hit.
struct Case {
    name: &'static str,
    toml: String,
    /// Brings a world, where the first release serves, to where the command can be given; answers the release that it brings.
    prepare: fn(&World, &str) -> String,
    command: &'static [&'static str],
    environment: &'static str,
    /// The command goes back to what served before.
    goes_back: bool,
    /// Every point is killed elsewhere already.
    killed_elsewhere: bool,
}

impl Case {
    fn hits(&self, point: u32) -> Vec<&'static str> {
        let every = std::env::var_os("TIERS_CRASH").is_some_and(|value| value == "all");
        let kill = (every || !self.killed_elsewhere && point % 3 == 2).then_some(KILL);
        let stride = if self.killed_elsewhere { 3 } else { 6 };
        let turn =
            (point % stride == 1).then(|| OTHERS[usize::try_from(point / stride).expect("few points") % OTHERS.len()]);
        let others = OTHERS.into_iter().filter(|hit| every || turn == Some(*hit));
        kill.into_iter().chain(others).collect()
    }

    fn begin(&self) -> World {
        let world = World::new(&self.toml, &[]);
        world.release("one");
        for (verb, environment) in [("deploy", "dev"), ("promote", "staging")] {
            world.good(&[verb, environment]);
            if environment == self.environment {
                break;
            }
        }
        world
    }

    /// The points of this command where nothing hits it.
    fn points(&self) -> u32 {
        let world = self.begin();
        (self.prepare)(&world, "counted");
        let (points, run) = world.points_of(self.command);
        assert_eq!(run.code(), self.code_undisturbed(), "{}: {run:#?}", self.name);
        points
    }

    /// A deployment that was taken back has failed, also where that is what was asked for.
    fn code_undisturbed(&self) -> i32 {
        if self.goes_back && self.command[0] == "resume" { 1 } else { 0 }
    }

    /// Answers whether the process left before its end and said how to go on.
    fn round(&self, world: &World, point: u32, hit: &str) -> bool {
        let where_ = format!("{}, {hit} at point {point}", self.name);
        let before = world.serves(self.environment);
        let release = (self.prepare)(world, &where_);
        let run = world.tiers_with(self.command, &[("TIERS_TRIPWIRE", &format!("{hit}:{point}"))]);
        check_end(&run, hit, self.code_undisturbed(), &where_);
        let told = hit != KILL && run.code() == 4;
        let open = world.state(self.environment)["open"].clone();
        let undoing = ["undoing", "restoring"].iter().any(|phase| open["phase"]["phase"] == *phase);
        let resumed = world.tiers_with(&["resume", self.environment], &[("TIERS_ACTOR", "boris")]);
        let nothing_open = resumed.out.contains("nothing is open");
        assert_eq!(nothing_open, open.is_null(), "{where_}: {resumed:#?}");
        if self.command[0] == "resume" {
            self.check_resumed(world, &resumed, undoing, (&before, &release), point, &where_);
            return told;
        }
        let aim = if self.goes_back { &before } else { &release };
        assert_eq!(resumed.code(), 0, "{where_}: {resumed:#?}");
        if &world.serves(self.environment) != aim {
            assert!(nothing_open, "{where_}: {resumed:#?}");
            world.good(self.command);
        }
        world.check(self.environment, aim, &where_);
        told
    }

    /// A resume that was hit, and resumed: what was decided before the hit holds.
    fn check_resumed(
        &self,
        world: &World,
        resumed: &Run,
        undoing: bool,
        (before, release): (&str, &str),
        point: u32,
        where_: &str,
    ) {
        let state = world.state(self.environment);
        let failed = state["last"]["ending"] == "failed";
        if undoing {
            assert_eq!(resumed.code(), 1, "{where_}: {resumed:#?}");
        }
        // Before the first point nothing is recorded, so whoever resumes after that goes on.
        assert!(!self.goes_back || failed || point == 1, "{where_}: the decision to go back was lost: {state:#}");
        world.check(self.environment, if failed { before } else { release }, where_);
        assert!(self.goes_back || !failed, "{where_}: {state:#}");
    }

    fn run(&self) {
        let since = Instant::now();
        let points = self.points();
        let rounds: Vec<(u32, &str)> =
            (1..=points).flat_map(|point| self.hits(point).into_iter().map(move |hit| (point, hit))).collect();
        let next = AtomicU32::new(0);
        let told = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..LANES {
                scope.spawn(|| {
                    let world = self.begin();
                    loop {
                        let number = usize::try_from(next.fetch_add(1, Ordering::SeqCst)).expect("few rounds");
                        let Some((point, hit)) = rounds.get(number) else { break };
                        if self.round(&world, *point, hit) {
                            told.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    world.good(&["ledger", "verify"]);
                });
            }
        });
        // Whoever overhears a signal or a full disk runs to the end, as one does that is hit after the last step. Most are hit before.
        let asked = rounds.iter().filter(|(_, hit)| *hit != KILL).count();
        let told = usize::try_from(told.into_inner()).expect("few rounds");
        assert!(
            told * 2 >= asked,
            "{}: of {asked} that were asked to end, or met a full disk, {told} said so",
            self.name
        );
        println!("{}: {points} points, {} rounds, {:.0} s", self.name, rounds.len(), since.elapsed().as_secs_f64());
    }
}

/// A process that is asked to end finishes its step and says how to go on; a full disk is named.
fn check_end(run: &Run, hit: &str, undisturbed: i32, where_: &str) {
    match hit {
        KILL => assert_eq!(run.status.signal(), Some(9), "{where_}: {run:#?}"),
        "full" => {
            let named = run.err.contains("no space") && run.err.contains("tiers resume");
            // After the last append nothing more is written.
            assert!(run.code() == 4 && named || run.code() == undisturbed, "{where_}: {run:#?}");
        }
        _ => {
            let told = run.code() == 4 && run.err.contains("tiers resume");
            // The last points come after the last step, or a resume had gone back by then.
            assert!(told || [0, 1].contains(&run.code()), "{where_}: {run:#?}");
        }
    }
}

fn new_release(world: &World, name: &str) -> String {
    world.release(name)
}

fn verified_in_dev(world: &World, name: &str) -> String {
    let release = world.release(name);
    world.good(&["deploy", "dev"]);
    release
}

/// A deployment whose owner died at this point.
fn abandoned(world: &World, name: &str, point: u32) -> String {
    let release = world.release(name);
    world.killed(&["deploy", "dev"], point);
    release
}

fn case(name: &'static str, prepare: fn(&World, &str) -> String, command: &'static [&'static str]) -> Case {
    Case {
        name,
        toml: SHOP.to_owned(),
        prepare,
        command,
        environment: command[1],
        goes_back: false,
        killed_elsewhere: false,
    }
}

#[test]
fn a_deployment_that_is_asked_to_end_at_any_point_is_resumed() {
    Case { killed_elsewhere: true, ..case("deploy", new_release, &["deploy", "dev"]) }.run();
}

#[test]
fn a_promotion_that_is_asked_to_end_at_any_point_is_resumed() {
    Case { killed_elsewhere: true, ..case("promote", verified_in_dev, &["promote", "staging"]) }.run();
}

#[test]
fn a_rollback_that_is_asked_to_end_at_any_point_is_resumed() {
    let rollback = case("rollback", verified_in_dev, &["rollback", "dev"]);
    Case { goes_back: true, killed_elsewhere: true, ..rollback }.run();
}

#[test]
fn a_canary_that_is_hit_at_any_point_is_resumed() {
    let shift = "[environments.dev]\nshift = { canary = \"10%\", bake = \"1s\", entry = \"web\" }\n";
    let toml = SHOP.replace("[environments.dev]\n", shift);
    assert!(toml.contains("canary"), "the fixture has the environment");
    Case { toml, ..case("canary", new_release, &["deploy", "dev"]) }.run();
}

/// Killed with calls on their way, so that the resume fences first.
#[test]
fn a_resume_that_is_hit_at_any_point_is_resumed() {
    case("resume", |world, name| abandoned(world, name, 17), &["resume", "dev"]).run();
}

/// The decision to go back stands in the record of the takeover, so no death after it loses it.
#[test]
fn a_resume_that_goes_back_and_is_hit_at_any_point_goes_back() {
    let undo = case("resume --undo", |world, name| abandoned(world, name, 29), &["resume", "dev", "--undo"]);
    Case { goes_back: true, ..undo }.run();
}
