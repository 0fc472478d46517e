//! The crash matrix: the deployer dies, as by kill -9, at every append to the ledger and at every changing call of a promotion
//! through three environments and of a rollback. Whoever comes next ends it as if nobody had died.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::world::{SHOP, World};

/// Worlds side by side; more than there are processors brings nothing.
const LANES: usize = 2;

const WAY: [(&str, &str); 3] = [("deploy", "dev"), ("promote", "staging"), ("promote", "prod")];

/// Runs `round` for every point, spread over several worlds that were made by `begin`.
fn over_all_points(points: u32, begin: impl Fn() -> World + Sync, round: impl Fn(&World, u32) + Sync) {
    let next = AtomicU32::new(1);
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                let world = begin();
                loop {
                    let point = next.fetch_add(1, Ordering::SeqCst);
                    if point > points {
                        break;
                    }
                    round(&world, point);
                }
                let sound = world.tiers(&["ledger", "verify"]);
                assert_eq!(sound.code(), 0, "{sound:#?}");
            });
        }
    });
}

/// A shop whose first release serves everywhere.
fn running_shop() -> World {
    let world = World::shop();
    for (verb, environment) in WAY {
        world.good(&[verb, environment]);
    }
    world
}

/// Kills the command at this point; the next person resumes, or, where nothing had been claimed, gives the command again.
fn kill_and_recover(world: &World, verb: &str, environment: &str, point: u32, release: &str) {
    let where_ = format!("{verb} {environment}, killed at point {point}");
    world.killed(&[verb, environment], point);
    let resumed = world.tiers_with(&["resume", environment], &[("TIERS_ACTOR", "boris")]);
    assert_eq!(resumed.code(), 0, "{where_}: {resumed:#?}");
    if world.serves(environment) != release {
        assert!(resumed.out.contains("nothing is open"), "{where_}: {resumed:#?}");
        let again = world.tiers(&[verb, environment]);
        assert_eq!(again.code(), 0, "{where_}: {again:#?}");
    }
    let state = world.state(environment);
    assert_eq!(state["last"]["ending"], "succeeded", "{where_}: {state:#}");
    world.check(environment, release, &where_);
}

#[test]
fn a_promotion_and_a_rollback_killed_at_every_point_end_as_if_nobody_had_died() {
    let since = Instant::now();
    let world = running_shop();
    world.release("counted");
    let forward = WAY.map(|(verb, environment)| world.points(&[verb, environment]));
    let back = world.points(&["rollback", "prod"]);
    drop(world);
    let points = forward.into_iter().max().expect("three environments");
    assert!(forward.iter().all(|count| *count == points) && back <= points, "{forward:?}, {back}");

    over_all_points(points, running_shop, |world, point| {
        let before = world.serves("prod");
        let release = world.release(&format!("killed at {point}"));
        for (verb, environment) in WAY {
            kill_and_recover(world, verb, environment, point, &release);
        }
        if point <= back {
            let versions =
                |world: &World| world.live("prod").into_values().map(|live| live.versions).collect::<Vec<_>>();
            let published = versions(world);
            kill_and_recover(world, "rollback", "prod", point, &before);
            assert_eq!(versions(world), published, "a rollback publishes nothing");
        }
    });
    println!(
        "{} points of a promotion through three environments and {back} of a rollback, in {:.0} s",
        forward.iter().sum::<u32>(),
        since.elapsed().as_secs_f64()
    );
}

#[test]
fn a_deployment_killed_at_any_point_can_be_undone_by_anyone() {
    let world = running_shop();
    world.release("counted");
    let points = world.points(&["deploy", "dev"]);
    drop(world);
    over_all_points(points, running_shop, |world, point| {
        let where_ = format!("undone after a kill at point {point}");
        let (serving, before) = (world.serves("dev"), world.live("dev"));
        let release = world.release(&format!("undone at {point}"));
        world.killed(&["deploy", "dev"], point);
        let undone = world.tiers(&["resume", "dev", "--undo"]);
        let state = world.state("dev");
        if undone.out.contains("nothing is open") {
            // Nothing was claimed yet, or it had succeeded already.
            let ends = [&serving, &release].map(|one| state["serving"]["release"]["id"] == one.as_str());
            assert!(ends.contains(&true) && (point == 1 || point == points), "{where_}: {state:#}");
            world.check("dev", &world.serves("dev"), &where_);
            return;
        }
        assert_eq!(undone.code(), 1, "{where_}: {undone:#?}");
        assert_eq!(state["last"]["ending"], "failed", "{where_}: {state:#}");
        world.check("dev", &serving, &where_);
        for (name, live) in world.live("dev") {
            assert_eq!(live.latest, before[&name].latest, "{where_}: $LATEST of {name}");
            assert_eq!(live.alias, before[&name].alias, "{where_}: the alias of {name}");
        }
    });
}

#[test]
fn a_resume_that_is_killed_too_can_be_resumed() {
    let world = running_shop();
    world.release("counted");
    let points = world.points(&["deploy", "dev"]);
    for (number, point) in (2..points).step_by(5).enumerate() {
        let release = world.release(&format!("killed twice at {point}"));
        world.killed(&["deploy", "dev"], point);
        // Each further death comes later than the one before, until one resume gets through.
        for death in [1, 2 + number % 3, 5 + number, 9 + number] {
            world.tiers_with(&["resume", "dev"], &[("TIERS_TRIPWIRE", &format!("kill:{death}"))]);
        }
        let resumed = world.tiers(&["resume", "dev"]);
        assert_eq!(resumed.code(), 0, "point {point}: {resumed:#?}");
        world.check("dev", &release, &format!("killed at {point}, and its resumes after that"));
    }
}

#[test]
fn an_undo_that_is_killed_too_can_be_resumed() {
    let world = running_shop();
    world.release("counted");
    let points = world.points(&["deploy", "dev"]);
    let serving = world.serves("dev");
    for (number, point) in (4..points).step_by(6).enumerate() {
        world.release(&format!("undone twice at {point}"));
        world.killed(&["deploy", "dev"], point);
        // The first point comes before the decision is recorded: whoever resumes after that goes on.
        world.tiers_with(&["resume", "dev", "--undo"], &[("TIERS_TRIPWIRE", &format!("kill:{}", 4 + 2 * number))]);
        for death in [4 + number, 8 + number] {
            world.tiers_with(&["resume", "dev"], &[("TIERS_TRIPWIRE", &format!("kill:{death}"))]);
        }
        let resumed = world.tiers(&["resume", "dev"]);
        assert!([0, 1].contains(&resumed.code()), "point {point}: {resumed:#?}");
        assert_eq!(world.state("dev")["last"]["ending"], "failed", "point {point}");
        world.check("dev", &serving, &format!("undone at {point}, and killed after that"));
    }
}

#[test]
fn a_release_that_breaks_at_the_door_is_withdrawn_wherever_its_deployer_dies() {
    let door = "name = \"door\"\nat = \"live\"\ncommand = [\"true\"]";
    let strict = door.replace("[\"true\"]", "[\"sh\", \"-c\", \"! grep -q broken site/bootstrap\"]");
    assert!(SHOP.contains(door), "the fixture has the gate");
    let begin = || {
        let world = World::new(&SHOP.replace(door, &strict), &[]);
        world.release("sound");
        world.good(&["deploy", "dev"]);
        world
    };
    let world = begin();
    world.release("broken, counted");
    let (points, failed) = world.points_of(&["deploy", "dev"]);
    assert_eq!(failed.code(), 1, "{failed:#?}");
    drop(world);
    over_all_points(points, begin, |world, point| {
        let where_ = format!("broken at the door, killed at point {point}");
        let serving = world.serves("dev");
        world.release(&format!("broken, killed at {point}"));
        world.killed(&["deploy", "dev"], point);
        let resumed = world.tiers(&["resume", "dev"]);
        let code = if resumed.out.contains("nothing is open") { 0 } else { 1 };
        assert_eq!(resumed.code(), code, "{where_}: {resumed:#?}");
        if point == 1 {
            assert_eq!(world.tiers(&["deploy", "dev"]).code(), 1, "{where_}: nothing had been claimed");
        }
        let state = world.state("dev");
        assert_eq!(state["last"]["ending"], "failed", "{where_}: {state:#}");
        world.check("dev", &serving, &where_);
    });
    println!("{points} points of a deployment that is undone by itself");
}

#[test]
fn a_build_killed_at_every_append_records_one_release() {
    for point in 1.. {
        let world = World::new(SHOP, &[("site/bootstrap", "#!/bin/sh\n")]);
        let run = world.tiers_with(&["build"], &[("TIERS_TRIPWIRE", &format!("kill:{point}"))]);
        if run.code() == 0 {
            assert_eq!(point, 5, "the genesis and the release, before and after each");
            return;
        }
        let first = world.good(&["build", "--json"]).json();
        let second = world.good(&["build", "--json"]).json();
        assert_eq!(second["outcome"], "known");
        assert_eq!(first["release"], second["release"]);
        let sound = world.good(&["ledger", "verify"]);
        assert!(sound.out.contains("1 records in 1 streams"), "{sound:#?}");
    }
}
