//! Publishing, freezing, listing and deleting versions.

use tiers_lambda::api::{self, ApiError, State};
use tiers_lambda::model::{
    CreateFunction, Environment, ListRequest, PublishVersion, UpdateFunctionCode, UpdateFunctionConfiguration,
};

use crate::world::*;

#[test]
fn a_new_version_is_pending_first_and_moves_the_revision_of_latest() {
    let mut world = World::new();
    let before = world.revision();
    let version = world.publish("one").expect("published");
    assert_eq!((version.version.as_str(), version.state.as_str()), ("1", "Pending"));
    assert_eq!(version.function_arn, "arn:aws:lambda:eu-west-1:123456789012:function:f:1");
    assert_ne!(world.revision(), before);
    let read = refused(world.at().resolve_invoke("f", Some("1"), 0.0), 409, "ResourceConflictException", "Pending");
    assert!(matches!(read, ApiError::InProgress(_)));
    world.pass(299);
    assert_eq!(world.look_at("1").state, "Pending");
    world.pass(1);
    let active = world.look_at("1");
    assert_eq!(active.state, "Active");
    assert_ne!(active.revision_id, version.revision_id);
}

#[test]
fn publishing_without_a_change_answers_the_old_version_with_the_old_description() {
    let mut world = World::new();
    world.publish("the first").expect("published");
    world.pass(300);
    let before = world.revision();
    let again = world.publish("the second").expect("answered");
    assert_eq!((again.version.as_str(), again.description.as_str()), ("1", "the first"));
    assert_eq!(world.revision(), before, "nothing was made");
    assert_eq!(world.numbers(), ["$LATEST", "1"]);
}

#[test]
fn only_the_last_published_version_counts_as_unchanged() {
    let mut world = World::new().with_versions(2);
    world.recode(1);
    assert_eq!(world.publish("").expect("published").version, "3", "the code of version 1 again is a new version");
    world.pass(300);
    world.at().delete_function("f", Some("3")).expect("deleted");
    assert_eq!(world.publish("").expect("published").version, "4", "nothing to answer with");
}

#[test]
fn a_description_alone_makes_no_version() {
    let mut world = World::new().with_versions(1);
    let description = Some("another".to_owned());
    world.reset(UpdateFunctionConfiguration { description, ..UpdateFunctionConfiguration::default() });
    assert_eq!(world.publish("").expect("answered").version, "1");
}

#[test]
fn without_a_description_a_version_takes_that_of_the_function() {
    let mut world = World::new();
    let description = Some("of the function".to_owned());
    world.reset(UpdateFunctionConfiguration { description, ..UpdateFunctionConfiguration::default() });
    assert_eq!(world.publish("").expect("published").description, "of the function");
    let too_long = PublishVersion { description: Some("d".repeat(257)), ..publish() };
    assert_eq!(world.at().publish_version(too_long).map_err(|error| error.status()), Err(400));
}

#[test]
fn both_preconditions_of_publish_hold() {
    let mut world = World::new();
    let stale = world.revision();
    world.recode(2);
    let answer = world.at().publish_version(PublishVersion { revision_id: Some(stale), ..publish() });
    let read = refused(answer, 412, "PreconditionFailedException", "Revision Id");
    assert!(matches!(read, ApiError::Precondition(_)));
    let hash = format!("{:064x}", 1);
    let answer = world.at().publish_version(PublishVersion { code_sha256: Some(hash), ..publish() });
    let read = refused(answer, 400, "InvalidParameterValueException", "different from current CodeSHA256 in $LATEST");
    assert!(matches!(read, ApiError::Precondition(_)), "a 400 that a deployer reads as a precondition");
    assert_eq!(world.numbers(), ["$LATEST"]);
    let (revision_id, code_sha256) = (Some(world.revision()), Some(format!("{:064x}", 2)));
    let request = PublishVersion { revision_id, code_sha256, ..publish() };
    assert_eq!(world.at().publish_version(request).expect("both hold").version, "1");
}

#[test]
fn a_version_freezes_code_and_configuration() {
    let mut world = World::new();
    let environment = |value: &str| {
        let variables = [("MODE".to_owned(), value.to_owned())].into();
        UpdateFunctionConfiguration { environment: Some(Environment { variables }), ..Default::default() }
    };
    world.reset(environment("old"));
    world.publish("").expect("published");
    world.pass(300);
    let frozen = world.at().get_function("f", Some("1")).expect("it exists");
    world.reset(environment("new"));
    world.recode(2);
    assert_eq!(world.at().get_function("f", Some("1")).expect("it exists"), frozen);
    let runs = world.at().resolve_invoke("f", Some("1"), 0.0).expect("it runs");
    assert_eq!((runs.digest, runs.settings.environment["MODE"].as_str()), (digest(1), "old"));
    assert_eq!(world.publish("").expect("published").version, "2", "a configuration alone is a release too");
}

#[test]
fn numbers_are_never_given_twice() {
    let mut world = World::new().with_versions(3);
    for number in ["1", "3"] {
        world.at().delete_function("f", Some(number)).expect("no alias points at it");
    }
    world.recode(4);
    assert_eq!(world.publish("").expect("published").version, "4");
    assert_eq!(world.numbers(), ["$LATEST", "2", "4"]);
    refused(world.at().get_function("f", Some("3")), 404, "ResourceNotFoundException", "function:f:3");
    refused(world.at().delete_function("f", Some("3")), 404, "ResourceNotFoundException", "function:f:3");
}

#[test]
fn a_version_that_an_alias_names_cannot_be_deleted() {
    let mut world = World::new().with_versions(3);
    world.create_alias("1", &[("2", 0.1)]).expect("made");
    for number in ["1", "2"] {
        let answer = world.at().delete_function("f", Some(number));
        let read = refused(answer, 409, "ResourceConflictException", "aliases reference it: [live]");
        assert!(matches!(read, ApiError::Conflict(_)));
    }
    world.at().delete_function("f", Some("3")).expect("nothing names it");
    world.at().delete_alias("f", "live").expect("deleted");
    world.at().delete_function("f:1", None).expect("the qualifier may stand in the name");
    assert_eq!(world.numbers(), ["$LATEST", "2"]);
}

#[test]
fn neither_latest_nor_an_alias_can_be_deleted_as_a_version() {
    let mut world = World::new().with_versions(1);
    world.create_alias("1", &[]).expect("made");
    for qualifier in ["$LATEST", "live", "01", ""] {
        let answer = world.at().delete_function("f", Some(qualifier));
        assert_eq!(answer.map_err(|error| error.status()), Err(400), "{qualifier}");
    }
    assert_eq!(world.numbers(), ["$LATEST", "1"]);
}

#[test]
fn versions_are_listed_with_latest_first_in_pages_that_survive_a_deletion() {
    let mut world = World::new();
    for number in 1..=5 {
        let timeout = Some(number);
        world.reset(UpdateFunctionConfiguration { timeout, ..UpdateFunctionConfiguration::default() });
        world.publish("").expect("published");
    }
    let mut request = ListRequest { function_name: "f".into(), max_items: Some(2), ..ListRequest::default() };
    let page = world.at().list_versions(&request).expect("a page");
    assert_eq!(page.items.iter().map(|item| item.version.as_str()).collect::<Vec<_>>(), ["$LATEST", "1"]);
    assert_eq!(page.items[0].function_arn, "arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST");
    request.marker = page.next_marker;
    world.at().delete_function("f", Some("2")).expect("deleted between pages");
    let page = world.at().list_versions(&request).expect("a page");
    assert_eq!(page.items.iter().map(|item| item.version.as_str()).collect::<Vec<_>>(), ["3", "4"]);
    request.marker = Some("nonsense".into());
    assert_eq!(world.at().list_versions(&request).map_err(|error| error.status()), Err(400));
}

#[test]
fn a_function_may_be_published_as_it_is_made_and_as_its_code_is_updated() {
    let mut world = World::empty(options());
    let made = world.at().create_function(CreateFunction { publish: true, ..create("f") }).expect("made");
    assert_eq!(made.version, "1");
    world.pass(1000);
    let request = UpdateFunctionCode { image_uri: Some(image(2)), publish: true, ..update_code() };
    assert_eq!(world.at().update_function_code(request).expect("accepted").version, "2");
    world.pass(300);
    assert_eq!(world.look_at("2").code_sha256, format!("{:064x}", 2));
    assert_eq!(world.look_at("2").state, "Active");
}

#[test]
fn a_version_whose_image_vanishes_before_it_is_active_fails() {
    let mut world = World::new();
    world.publish("").expect("published");
    world.model.delete_image(world.now_ms, REPOSITORY, &digest(1));
    world.pass(300);
    assert_eq!(api::Function::from(world.look_at("1")).state, State::Failed);
}
