//! Aliases, their weights, and provisioned concurrency as far as it touches them.

use tiers_lambda::api::ApiError;
use tiers_lambda::model::{
    CreateAlias, DeadLetterConfig, ListRequest, Options, UpdateAlias, UpdateFunctionConfiguration,
};

use crate::world::*;

fn version(number: &str) -> UpdateAlias {
    UpdateAlias { function_version: Some(number.into()), ..UpdateAlias::default() }
}

fn weights(weights: &[(&str, f64)]) -> UpdateAlias {
    UpdateAlias { routing_config: Some(routing(weights)), ..UpdateAlias::default() }
}

#[test]
fn an_alias_has_a_revision_of_its_own() {
    let mut world = World::new().with_versions(2);
    let made = world.create_alias("1", &[]).expect("made");
    let of_the_function = world.revision();
    for stale in [of_the_function, "anything".to_owned()] {
        let answer = world.update_alias(UpdateAlias { revision_id: Some(stale), ..version("2") });
        let read = refused(answer, 412, "PreconditionFailedException", "GetFunction/GetAlias");
        assert!(matches!(read, ApiError::Precondition(_)));
    }
    assert_eq!(world.alias(), made);
    let moved = world.update_alias(UpdateAlias { revision_id: Some(made.revision_id.clone()), ..version("2") });
    assert_ne!(moved.expect("the alias's own").revision_id, made.revision_id);
    let answer = world.update_alias(UpdateAlias { revision_id: Some(made.revision_id), ..version("1") });
    refused(answer, 412, "PreconditionFailedException", "");
}

#[test]
fn a_token_stays_void_when_an_alias_comes_back_to_the_same_content() {
    let mut world = World::new().with_versions(2);
    let first = world.create_alias("1", &[]).expect("made");
    world.update_alias(version("2")).expect("moved");
    let back = world.update_alias(version("1")).expect("moved back");
    assert_eq!(back.function_version, first.function_version);
    assert_ne!(back.revision_id, first.revision_id);
}

#[test]
fn absent_weights_stay_and_empty_weights_clear() {
    let mut world = World::new().with_versions(3);
    world.create_alias("1", &[("2", 0.1)]).expect("made");
    let described = UpdateAlias { description: Some("noted".into()), ..UpdateAlias::default() };
    let shown = world.update_alias(described).expect("accepted");
    assert_eq!(shown.routing_config, Some(routing(&[("2", 0.1)])));
    let shown = world.update_alias(version("3")).expect("accepted");
    assert_eq!(shown.routing_config, Some(routing(&[("2", 0.1)])), "weights stay behind by omission");
    let answer = world.update_alias(version("2"));
    refused(answer, 400, "InvalidParameterValueException", "already included in routing configuration");
    let shown = world.update_alias(weights(&[])).expect("accepted");
    assert_eq!(shown.routing_config, None);
    let wire: UpdateAlias = serde_json::from_str(r#"{ "RoutingConfig": {} }"#).expect("a body");
    assert_eq!(wire.routing_config, Some(routing(&[])), "an empty configuration is not an absent one");
    let wire: UpdateAlias = serde_json::from_str(r#"{ "FunctionVersion": "1" }"#).expect("a body");
    assert_eq!(wire.routing_config, None);
}

#[test]
fn weights_have_one_other_version_between_0_and_1_that_exists_and_never_latest() {
    let mut world = World::new().with_versions(3);
    let made = world.create_alias("1", &[]).expect("made");
    let invalid = "InvalidParameterValueException";
    let cases = [
        (weights(&[("2", 0.1), ("3", 0.1)]), 400, invalid, "greater than 1"),
        (weights(&[("2", 1.01)]), 400, "ValidationException", "between 0.0 and 1.0"),
        (weights(&[("2", -0.01)]), 400, "ValidationException", "between 0.0 and 1.0"),
        (weights(&[("2", f64::NAN)]), 400, "ValidationException", "between 0.0 and 1.0"),
        (weights(&[("1", 0.5)]), 400, invalid, "already included"),
        (weights(&[("$LATEST", 0.5)]), 400, invalid, "$LATEST is not supported"),
        (weights(&[("9", 0.5)]), 404, "ResourceNotFoundException", "function:f:9"),
        (weights(&[("live", 0.5)]), 400, "ValidationException", "functionVersion"),
        (version("9"), 404, "ResourceNotFoundException", "function:f:9"),
        (version("live"), 400, "ValidationException", "functionVersion"),
        (version("01"), 400, "ValidationException", "functionVersion"),
    ];
    for (request, status, exception, part) in cases {
        refused(world.update_alias(request), status, exception, part);
    }
    let both = UpdateAlias { routing_config: Some(routing(&[("2", 0.5)])), ..version("$LATEST") };
    refused(world.update_alias(both), 400, invalid, "$LATEST is not supported");
    assert_eq!(world.alias(), made);
    for weight in [0.0, 0.5, 1.0] {
        world.update_alias(weights(&[("2", weight)])).expect("within the bounds");
    }
    world.update_alias(weights(&[])).expect("cleared");
    world.update_alias(version("$LATEST")).expect("without weights it may point at $LATEST");
}

#[test]
fn weighted_versions_have_the_same_role_and_the_same_dead_letter_queue() {
    let mut world = World::new().with_versions(1);
    let default = UpdateFunctionConfiguration::default;
    let role = Some("arn:aws:iam::123456789012:role/other".to_owned());
    world.reset(UpdateFunctionConfiguration { role, ..default() });
    world.publish("").expect("published");
    let target_arn = "arn:aws:sqs:eu-west-1:123456789012:dead".to_owned();
    let dead_letter_config = Some(DeadLetterConfig { target_arn });
    world.reset(UpdateFunctionConfiguration { role: Some(ROLE.into()), dead_letter_config, ..default() });
    world.publish("").expect("published");
    let dead_letter_config = Some(DeadLetterConfig::default());
    world.reset(UpdateFunctionConfiguration { memory_size: Some(512), dead_letter_config, ..default() });
    world.publish("").expect("published");
    let answer = world.create_alias("1", &[("2", 0.5)]);
    refused(answer, 400, "InvalidParameterValueException", "execution role");
    let answer = world.create_alias("1", &[("3", 0.5)]);
    refused(answer, 400, "InvalidParameterValueException", "dead-letter");
    world.create_alias("1", &[("4", 0.5)]).expect("only the memory differs");
}

#[test]
fn an_alias_is_made_once_with_a_name_that_is_not_a_number() {
    let mut world = World::new().with_versions(1);
    world.create_alias("1", &[]).expect("made");
    let read = refused(world.create_alias("1", &[]), 409, "ResourceConflictException", "Alias already exists");
    assert!(matches!(read, ApiError::Conflict(_)));
    for (name, good) in [("a".repeat(128), true), ("a".repeat(129), false), ("12".into(), false), ("a.b".into(), false)]
    {
        let request = CreateAlias {
            function_name: "f".into(),
            name: name.clone(),
            function_version: "1".into(),
            ..CreateAlias::default()
        };
        assert_eq!(world.at().create_alias(request).is_ok(), good, "{name}");
    }
}

#[test]
fn a_write_that_changes_nothing_moves_the_revision_only_where_the_options_say_so() {
    for moves in [false, true] {
        let mut world = World::with(Options { same_alias_write_moves_revision: moves, ..options() }).with_versions(1);
        let made = world.create_alias("1", &[]).expect("made");
        let again = world.update_alias(version("1")).expect("accepted");
        assert_eq!(again.revision_id != made.revision_id, moves);
    }
}

#[test]
fn provisioned_concurrency_and_weights_exclude_each_other() {
    let mut world = World::new().with_versions(2);
    world.create_alias("1", &[("2", 0.1)]).expect("made");
    let answer = world.at().put_provisioned_concurrency("f", "live", 5);
    refused(answer, 400, "InvalidParameterValueException", "Alias with weights");
    world.update_alias(weights(&[])).expect("cleared");
    world.at().put_provisioned_concurrency("f", "live", 5).expect("no weights");
    refused(world.update_alias(weights(&[("2", 0.1)])), 400, "InvalidParameterValueException", "Alias with weights");
}

#[test]
fn while_provisioned_concurrency_moves_the_service_shows_weights_that_nobody_set() {
    let mut world = World::new().with_versions(2);
    world.create_alias("1", &[]).expect("made");
    world.at().put_provisioned_concurrency("f", "live", 5).expect("no weights");
    let moved = world.update_alias(version("2")).expect("moved");
    assert_eq!(moved.routing_config, Some(routing(&[("1", 0.5)])));
    world.pass(200);
    let after = world.alias();
    assert_eq!((after.function_version.as_str(), after.routing_config), ("2", None));
    assert_ne!(after.revision_id, moved.revision_id, "the end moves the revision by itself");
}

#[test]
fn aliases_are_listed_by_name_and_by_the_version_they_name() {
    let mut world = World::new().with_versions(2);
    for (name, function_version) in [("blue", "1"), ("green", "2"), ("live", "1")] {
        let (name, function_version) = (name.to_owned(), function_version.to_owned());
        let function_name = "f".to_owned();
        let routing_config = (name == "live").then(|| routing(&[("2", 0.1)]));
        let request = CreateAlias { function_name, name, function_version, routing_config, description: None };
        world.at().create_alias(request).expect("made");
    }
    let check = |world: &mut World, function_version: Option<&str>, max_items, expected: &[&str]| {
        let function_version = function_version.map(str::to_owned);
        let request = ListRequest { function_name: "f".into(), function_version, max_items, marker: None };
        let page = world.at().list_aliases(&request).expect("a page");
        let names: Vec<_> = page.items.iter().map(|alias| alias.name.clone()).collect();
        assert_eq!(names, expected);
        page.next_marker
    };
    assert_eq!(check(&mut world, None, None, &["blue", "green", "live"]), None);
    assert_eq!(check(&mut world, Some("2"), None, &["green", "live"]), None);
    assert_eq!(check(&mut world, None, Some(2), &["blue", "green"]).as_deref(), Some("green"));
    assert_eq!(check(&mut world, None, Some(3), &["blue", "green", "live"]), None);
}

#[test]
fn deleting_an_alias_that_is_not_there_succeeds() {
    let mut world = World::new();
    world.at().delete_alias("f", "never").expect("no 404 in the list of exceptions");
    world.at().delete_alias("nobody", "never").expect("nor for the function");
}
