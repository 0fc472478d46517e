//! Deployers that stand still, are replaced, and wake up again; and deployers that start at the same moment. Whoever was replaced
//! changes nothing more, and says who took over.

use std::collections::BTreeMap;

use rustix::process::{Signal, WaitOptions, kill_process, waitpid};
use serde_json::Value;

use crate::world::{Live, Run, Started, World};

/// Everything that a zombie could change: what is live, and the stream with all its records.
#[derive(Debug, PartialEq)]
struct Picture {
    live: BTreeMap<String, Live>,
    records: String,
}

fn picture(world: &World, environment: &str) -> Picture {
    let records = world.good(&["ledger", "export", &format!("{environment}/shop")]).out;
    Picture { live: world.live(environment), records }
}

/// Starts a deployment that stops itself at this point.
fn stopped(world: &World, args: &[&str], point: usize) -> Started {
    let zombie = world.start(args, &[("TIERS_TRIPWIRE", &format!("stop:{point}")), ("TIERS_ACTOR", "zombie")]);
    let (_, status) = waitpid(Some(zombie.pid()), WaitOptions::UNTRACED).expect("a child").expect("a status");
    assert!(status.stopped(), "it was to stop at point {point}, and ended: {status:?}");
    zombie
}

fn wake(zombie: Started) -> Run {
    kill_process(zombie.pid(), Signal::CONT).expect("a signal");
    zombie.end()
}

fn resume(world: &World, environment: &str, more: &[&str]) -> Run {
    let args = [&["resume", environment][..], more].concat();
    world.tiers_with(&args, &[("TIERS_ACTOR", "boris")])
}

/// The zombie was woken: it changed nothing, failed, and named the one who took over.
fn check_woken(world: &World, environment: &str, before: &Picture, zombie: Started, where_: &str) {
    let woken = wake(zombie);
    assert_eq!(&picture(world, environment), before, "{where_}: the zombie changed something: {woken:#?}");
    assert_eq!(woken.code(), 4, "{where_}: {woken:#?}");
    assert!(woken.err.contains("boris"), "{where_}: it does not say who took over: {woken:#?}");
}

fn running_shop() -> (World, usize) {
    let world = World::shop();
    world.good(&["deploy", "dev"]);
    world.release("counted");
    let points = world.points(&["deploy", "dev"]) as usize;
    (world, points)
}

#[test]
fn a_deployer_that_was_replaced_changes_nothing_after_it_wakes_up_at_any_point() {
    let (world, points) = running_shop();
    // Before point 2 nothing is claimed, and after the last one everything is done: the tests below have those.
    for point in 2..points {
        let where_ = format!("stopped at point {point}");
        let release = world.release(&where_);
        let zombie = stopped(&world, &["deploy", "dev"], point);
        let resumed = resume(&world, "dev", &[]);
        assert_eq!(resumed.code(), 0, "{where_}: {resumed:#?}");
        world.check("dev", &release, &where_);
        check_woken(&world, "dev", &picture(&world, "dev"), zombie, &where_);
    }
    println!("{} points at which a zombie woke up", points - 2);
}

#[test]
fn a_deployer_whose_work_was_undone_changes_nothing_after_it_wakes_up() {
    let (world, points) = running_shop();
    let serving = world.serves("dev");
    for point in (2..points).step_by(3) {
        let where_ = format!("undone while stopped at point {point}");
        world.release(&where_);
        let zombie = stopped(&world, &["deploy", "dev"], point);
        let undone = resume(&world, "dev", &["--undo"]);
        assert_eq!(undone.code(), 1, "{where_}: {undone:#?}");
        world.check("dev", &serving, &where_);
        check_woken(&world, "dev", &picture(&world, "dev"), zombie, &where_);
    }
}

#[test]
fn a_deployer_that_wakes_up_after_the_next_deployment_changes_nothing() {
    let (world, points) = running_shop();
    for point in (3..points).step_by(4) {
        let where_ = format!("slept from point {point} until after the next deployment");
        world.release(&where_);
        let zombie = stopped(&world, &["deploy", "dev"], point);
        assert_eq!(resume(&world, "dev", &[]).code(), 0, "{where_}");
        let next = world.release(&format!("after the one that {where_}"));
        let deployed = world.tiers_with(&["deploy", "dev"], &[("TIERS_ACTOR", "boris")]);
        assert_eq!(deployed.code(), 0, "{where_}: {deployed:#?}");
        world.check("dev", &next, &where_);
        check_woken(&world, "dev", &picture(&world, "dev"), zombie, &where_);
    }
}

#[test]
fn a_zombie_that_wakes_up_in_the_middle_of_the_takeover_stops_and_the_takeover_goes_on() {
    let (world, points) = running_shop();
    for (number, point) in (2..points).step_by(4).enumerate() {
        let where_ = format!("stopped at point {point}, woken while its successor stood still");
        let release = world.release(&where_);
        let zombie = stopped(&world, &["deploy", "dev"], point);
        let wire = format!("stop:{}", 2 + number % 4);
        let successor = world.start(&["resume", "dev"], &[("TIERS_TRIPWIRE", &wire), ("TIERS_ACTOR", "boris")]);
        let (_, status) = waitpid(Some(successor.pid()), WaitOptions::UNTRACED).expect("a child").expect("a status");
        assert!(status.stopped(), "{where_}");
        let woken = wake(zombie);
        assert_eq!(woken.code(), 4, "{where_}: {woken:#?}");
        assert!(woken.err.contains("boris"), "{where_}: {woken:#?}");
        let ended = wake(successor);
        assert_eq!(ended.code(), 0, "{where_}: {ended:#?}");
        world.check("dev", &release, &where_);
    }
}

#[test]
fn a_deployer_that_slept_before_its_claim_finds_its_work_done() {
    let (world, _) = running_shop();
    let release = world.release("claimed by another");
    let zombie = stopped(&world, &["deploy", "dev"], 1);
    world.good(&["deploy", "dev"]);
    let before = picture(&world, "dev");
    let woken = wake(zombie);
    assert_eq!(woken.code(), 0, "{woken:#?}");
    assert!(woken.out.contains("unchanged, skipped"), "{woken:#?}");
    assert_eq!(picture(&world, "dev"), before);
    world.check("dev", &release, "slept before its claim");
}

#[test]
fn of_two_deployers_at_once_one_claims_and_the_other_is_refused_or_finds_it_done() {
    let (world, _) = running_shop();
    for round in 0..6 {
        let release = world.release(&format!("raced for, round {round}"));
        let racers: Vec<Started> = ["anna", "boris", "carla"]
            .into_iter()
            .map(|who| world.start(&["deploy", "dev"], &[("TIERS_ACTOR", who)]))
            .collect();
        let runs: Vec<Run> = racers.into_iter().map(Started::end).collect();
        let succeeded = runs.iter().filter(|run| run.out.contains("succeeded:")).count();
        assert_eq!(succeeded, 1, "{runs:#?}");
        for run in runs.iter().filter(|run| !run.out.contains("succeeded:")) {
            let done = run.code() == 0 && run.out.contains("unchanged, skipped");
            // Its plan may have been made before the claim and be held to the functions after the first write.
            let reasons = ["is open in dev", "changed since the plan was made"];
            let refused = run.code() == 3 && reasons.iter().any(|reason| run.err.contains(reason));
            assert!(done || refused, "{run:#?}");
        }
        world.check("dev", &release, "three at once");
    }
}

#[test]
fn of_two_builders_at_once_both_end_with_one_release() {
    let world = World::shop();
    for round in 0..6 {
        world.write("site/bootstrap", &format!("#!/bin/sh\n# {round}\n"));
        world.commit("raced for");
        let racers: Vec<Started> = (0..3).map(|_| world.start(&["build", "--json"], &[])).collect();
        let built: Vec<Value> = racers.into_iter().map(|racer| racer.end().json()).collect();
        assert!(built.iter().all(|one| one["release"] == built[0]["release"]), "{built:#?}");
        assert_eq!(built.iter().filter(|one| one["outcome"] == "built").count(), 1, "{built:#?}");
    }
    world.good(&["ledger", "verify"]);
}

#[test]
fn two_deployers_that_are_the_first_ever_share_one_host() {
    for _ in 0..3 {
        let world = World::shop();
        let racers: Vec<Started> =
            ["anna", "boris"].into_iter().map(|who| world.start(&["deploy", "dev"], &[("TIERS_ACTOR", who)])).collect();
        let runs: Vec<Run> = racers.into_iter().map(Started::end).collect();
        let release = world.serves("dev");
        assert!(runs.iter().all(|run| [0, 3].contains(&run.code())), "{runs:#?}");
        world.check("dev", &release, "the first two ever");
    }
}
