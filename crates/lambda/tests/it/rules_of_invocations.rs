//! What an invocation resolves to, idle functions and deleted images.

use tiers_lambda::api::ApiError;
use tiers_lambda::model::{Options, UpdateFunctionConfiguration};

use crate::world::*;

#[test]
fn an_alias_resolves_by_its_weights_and_a_look_through_it_shows_the_main_version() {
    let mut world = World::new().with_versions(2);
    world.create_alias("1", &[("2", 0.25)]).expect("made");
    for (draw, expected) in [(0.0, "2"), (0.249, "2"), (0.25, "1"), (0.999, "1")] {
        let runs = world.at().resolve_invoke("f", Some("live"), draw).expect("it runs");
        assert_eq!(runs.version, expected, "{draw}");
        assert_eq!(runs.invoked_arn, "arn:aws:lambda:eu-west-1:123456789012:function:f:live");
    }
    let shown = world.look_at("live");
    assert_eq!((shown.version.as_str(), shown.function_arn.ends_with(":f:live")), ("1", true));
    let runs = world.at().resolve_invoke("f:live", None, 0.5).expect("the qualifier may stand in the name");
    assert_eq!((runs.version.as_str(), runs.digest, runs.repository.as_str()), ("1", digest(1), REPOSITORY));
}

#[test]
fn what_does_not_exist_is_not_found_with_its_arn() {
    let mut world = World::new();
    for (name, qualifier) in [("nobody", None), ("f", Some("7")), ("f", Some("nowhere")), ("nobody", Some("live"))] {
        let answer = world.at().resolve_invoke(name, qualifier, 0.0);
        let arn = format!("function:{name}{}", qualifier.map(|it| format!(":{it}")).unwrap_or_default());
        let read = refused(answer, 404, "ResourceNotFoundException", &arn);
        assert!(matches!(read, ApiError::NotFound(_)));
        refused(world.at().get_function(name, qualifier), 404, "ResourceNotFoundException", &arn);
    }
}

#[test]
fn during_an_update_a_function_runs_what_it_ran_before() {
    let mut world = World::new();
    world.update_code(2, None).expect("accepted");
    assert_eq!(world.look().code_sha256, format!("{:064x}", 2), "a look shows the new code at once");
    assert_eq!(world.at().resolve_invoke("f", None, 0.0).expect("it runs").digest, digest(1));
    world.pass(200);
    assert_eq!(world.at().resolve_invoke("f", None, 0.0).expect("it runs").digest, digest(2));
    let changes = UpdateFunctionConfiguration { memory_size: Some(512), ..UpdateFunctionConfiguration::default() };
    let request = UpdateFunctionConfiguration { function_name: "f".into(), ..changes };
    world.at().update_function_configuration(request).expect("accepted");
    assert_eq!(world.at().resolve_invoke("f", None, 0.0).expect("it runs").settings.memory_mb, 128);
}

#[test]
fn an_idle_function_becomes_inactive_rejects_the_first_invocation_and_comes_back() {
    let mut world = World::with(Options { idle_after_ms: Some(10_000), ..options() });
    let active = world.revision();
    world.pass(9_999);
    world.at().resolve_invoke("f", None, 0.0).expect("still Active");
    world.pass(9_999);
    assert_eq!(world.look().state, "Active", "an invocation counts as use");
    world.pass(1);
    let inactive = world.look();
    assert_eq!((inactive.state.as_str(), inactive.state_reason_code.as_deref()), ("Inactive", Some("Idle")));
    assert_ne!(inactive.revision_id, active);
    let read = refused(world.at().resolve_invoke("f", None, 0.0), 409, "ResourceConflictException", "Inactive");
    assert!(matches!(read, ApiError::InProgress(_)), "it passes by itself: {read:?}");
    let pending = world.look();
    assert_eq!((pending.state.as_str(), pending.state_reason_code.as_deref()), ("Pending", Some("Restoring")));
    assert_eq!(pending.last_update_status.as_deref(), Some("Successful"));
    refused(world.at().resolve_invoke("f", None, 0.0), 409, "ResourceConflictException", "Pending");
    world.pass(4000);
    assert_eq!(world.look().state, "Active");
    world.at().resolve_invoke("f", None, 0.0).expect("it runs again");
}

#[test]
fn versions_become_idle_one_by_one() {
    let mut world = World::with(Options { idle_after_ms: Some(10_000), ..options() }).with_versions(2);
    world.pass(9_000);
    world.at().resolve_invoke("f", Some("2"), 0.0).expect("still Active");
    world.pass(9_000);
    assert_eq!((world.look_at("1").state, world.look_at("2").state), ("Inactive".into(), "Active".into()));
}

#[test]
fn an_update_brings_an_inactive_function_back() {
    let mut world = World::with(Options { idle_after_ms: Some(10_000), ..options() });
    world.pass(10_000);
    assert_eq!(world.look().state, "Inactive");
    world.recode(2);
    assert_eq!(world.look().state, "Active");
}

#[test]
fn a_function_whose_image_was_deleted_answers_502_and_is_inactive_with_the_reason() {
    let mut world = World::new().with_versions(1);
    world.model.delete_image(world.now_ms, REPOSITORY, &digest(1));
    assert_eq!(world.look_at("1").state, "Active", "nothing shows before somebody calls");
    for _ in 0..2 {
        let answer = world.at().resolve_invoke("f", Some("1"), 0.0);
        let read = refused(answer, 502, "ResourceNotReadyException", "was deleted");
        assert!(matches!(read, ApiError::Ambiguous(_)), "a 5xx tells nothing for sure: {read:?}");
    }
    let shown = world.look_at("1");
    assert_eq!((shown.state.as_str(), shown.state_reason_code.as_deref()), ("Inactive", Some("ImageDeleted")));
    let again = format!("{REPOSITORY}@{}", digest(1));
    assert!(!world.model.has_image(REPOSITORY, &digest(1)), "{again}");
    world.model.put_image(world.now_ms, REPOSITORY, &digest(1));
    refused(world.at().resolve_invoke("f", Some("1"), 0.0), 409, "ResourceConflictException", "Inactive");
    world.pass(4000);
    world.at().resolve_invoke("f", Some("1"), 0.0).expect("the image is back, and so is the version");
}

#[test]
fn a_deleted_image_shows_when_a_function_becomes_idle() {
    let mut world = World::with(Options { idle_after_ms: Some(10_000), ..options() });
    world.model.delete_image(world.now_ms, REPOSITORY, &digest(1));
    world.pass(10_000);
    assert_eq!(world.look().state_reason_code.as_deref(), Some("ImageDeleted"));
}
