//! Every small search is exhausted, and keeps every promise.

use std::time::Instant;

use stateright::{Checker, Model};
use tiers_model::{Deployers, cases, tell};

#[track_caller]
fn check(name: &str) {
    let case = cases::SMALL.into_iter().find(|case| case.name == name).expect("a case of that name");
    let since = Instant::now();
    let checker = Deployers::new(case.bounds).checker().spawn_bfs().join();
    println!(
        "{name}: {} states, {} steps, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        since.elapsed().as_secs_f64()
    );
    for property in checker.model().properties() {
        if property.expectation == stateright::Expectation::Always
            && let Some(path) = checker.discovery(property.name)
        {
            panic!("{name}: broken: {}\n{}", property.name, tell(checker.model(), path).join("\n"));
        }
    }
    checker.assert_properties();
    assert!(checker.unique_state_count() >= case.at_least, "{name}: too few states for what it was to show");
}

#[test]
fn a_call_whose_answer_was_lost_breaks_no_promise() {
    check("a lost answer");
}

#[test]
fn two_takeovers_at_any_point_break_no_promise() {
    check("two takeovers");
}

#[test]
fn a_change_by_hand_at_any_point_breaks_no_promise() {
    check("a hand");
}

#[test]
fn evidence_that_is_revoked_at_any_point_stops_the_shift() {
    check("evidence revoked");
}

#[test]
fn a_hold_at_any_point_breaks_no_promise() {
    check("a hold");
}

#[test]
fn a_canary_that_is_taken_over_at_any_point_ends_whole() {
    check("a canary");
}

#[test]
fn nobody_undoes_what_a_person_decides_about() {
    check("a person decides");
}

#[test]
fn a_rollback_that_is_taken_over_at_any_point_ends_whole() {
    check("a rollback");
}

#[test]
fn a_late_call_harms_no_later_deployment() {
    check("another deployment");
}
