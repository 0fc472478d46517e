//! Creation, looks, updates, limits, quotas.

use serde_json::json;
use tiers_lambda::api::{self, ApiError, State, UpdateStatus};
use tiers_lambda::model::{
    CreateFunction, Environment, FunctionCode, FunctionConfiguration, ListRequest, Options, Place, Quota, Quotas,
    UpdateFunctionCode, UpdateFunctionConfiguration,
};

use crate::world::*;

#[test]
fn a_new_function_is_pending_then_active_and_its_revision_moves_by_itself() {
    let mut world = World::empty(options());
    let made = world.create("f").expect("made");
    assert_eq!((made.state.as_str(), made.state_reason_code.as_deref()), ("Pending", Some("Creating")));
    assert_eq!(made.last_update_status, None, "first set after creation completes");
    world.pass(999);
    assert_eq!(world.look(), with_qualifier(made.clone()));
    world.pass(1);
    let active = world.look();
    assert_eq!((active.state.as_str(), active.last_update_status.as_deref()), ("Active", Some("Successful")));
    assert_ne!(active.revision_id, made.revision_id);
}

/// The same look through `$LATEST` shows the qualifier in the ARN.
fn with_qualifier(mut shown: FunctionConfiguration) -> FunctionConfiguration {
    shown.function_arn.push_str(":$LATEST");
    shown
}

#[test]
fn an_update_is_in_progress_then_successful_and_the_revision_moves_at_both_ends() {
    let mut world = World::new();
    let before = world.revision();
    let during = world.update_code(2, None).expect("accepted");
    assert_eq!(during.last_update_status.as_deref(), Some("InProgress"));
    world.pass(199);
    assert_eq!(world.revision(), during.revision_id);
    world.pass(1);
    let after = world.look();
    assert_eq!(after.last_update_status.as_deref(), Some("Successful"));
    assert!(before != during.revision_id && during.revision_id != after.revision_id && after.revision_id != before);
}

#[test]
fn a_stale_revision_is_412_even_while_an_update_is_in_progress() {
    let mut world = World::new();
    let stale = world.revision();
    world.update_code(2, Some(&stale)).expect("accepted");
    for _ in 0..2 {
        let answer = world.update_code(3, Some(&stale));
        let read = refused(answer, 412, "PreconditionFailedException", "does not match the latest Revision Id");
        assert!(matches!(read, ApiError::Precondition(_)));
        world.pass(200);
    }
    assert_eq!(world.look().code_sha256, digest(2)["sha256:".len()..]);
}

#[test]
fn an_update_in_progress_and_a_taken_name_share_their_exception_and_differ_by_message() {
    let mut world = World::new();
    world.update_code(2, None).expect("accepted");
    let busy =
        refused(world.update_code(3, None), 409, "ResourceConflictException", "An update is in progress for resource");
    assert!(matches!(busy, ApiError::InProgress(_)), "{busy:?}");
    let taken = refused(world.create("f"), 409, "ResourceConflictException", "already exist");
    assert!(matches!(taken, ApiError::Conflict(_)), "{taken:?}");
}

#[test]
fn code_and_configuration_cannot_be_updated_back_to_back() {
    let mut world = World::new();
    world.update_code(2, None).expect("accepted");
    let request = UpdateFunctionConfiguration { function_name: "f".into(), ..UpdateFunctionConfiguration::default() };
    let answer = world.at().update_function_configuration(request.clone());
    refused(answer, 409, "ResourceConflictException", "in progress");
    let answer = world.at().put_function_concurrency("f", 1);
    refused(answer, 409, "ResourceConflictException", "in progress");
    refused(world.publish(""), 409, "ResourceConflictException", "in progress");
    world.pass(200);
    world.at().update_function_configuration(request).expect("accepted after the wait");
}

#[test]
fn nothing_is_written_to_a_function_that_is_pending() {
    let mut world = World::empty(options());
    world.create("f").expect("made");
    let read = refused(world.update_code(2, None), 409, "ResourceConflictException", "following state: Pending");
    assert!(matches!(read, ApiError::InProgress(_)));
    refused(world.publish(""), 409, "ResourceConflictException", "following state: Pending");
}

#[test]
fn a_tag_is_resolved_once_and_a_pushed_tag_updates_nothing() {
    let mut world = World::new();
    world.model.tag_image(REPOSITORY, "dev", &digest(2));
    let image_uri = Some(format!("{REPOSITORY}:dev"));
    let request = UpdateFunctionCode { image_uri, ..update_code() };
    world.at().update_function_code(request.clone()).expect("accepted");
    world.pass(200);
    world.model.tag_image(REPOSITORY, "dev", &digest(3));
    let code = world.at().get_function("f", None).expect("it exists").code;
    assert_eq!((code.image_uri, code.resolved_image_uri), (format!("{REPOSITORY}:dev"), image(2)));
    world.at().update_function_code(request).expect("accepted");
    assert_eq!(world.at().get_function("f", None).expect("it exists").code.resolved_image_uri, image(3));
}

#[test]
fn the_code_hash_is_the_bare_digest_and_only_get_function_shows_the_image() {
    let mut world = World::new();
    let configuration = world.at().get_function_configuration("f", None).expect("it exists");
    assert_eq!(configuration.code_sha256, format!("{:064x}", 1));
    let shown = json!(configuration);
    assert!(shown.get("Code").is_none(), "{shown}");
    let whole = world.at().get_function("f", None).expect("it exists");
    let shown = json!(whole);
    assert_eq!(shown["Code"]["ResolvedImageUri"], json!(image(1)));
    let function = api::Function::from(whole);
    assert_eq!(function.resolved_image_uri, Some(image(1)));
    assert_eq!(api::Function::from(configuration).resolved_image_uri, None);
}

#[test]
fn answers_have_the_field_names_of_the_wire() {
    let mut world = World::empty(options());
    let request: CreateFunction = serde_json::from_value(json!({
        "FunctionName": "f", "Role": ROLE, "PackageType": "Image", "Code": { "ImageUri": image(1) }, "MemorySize": 512,
        "Timeout": 7, "Environment": { "Variables": { "AB": "c" } }, "Architectures": ["arm64"], "Tags": { "App": "x" },
        "ImageConfig": { "Command": ["serve"] }, "DeadLetterConfig": { "TargetArn": "arn:aws:sqs:eu-west-1:1:q" },
        "EphemeralStorage": { "Size": 1024 }, "TracingConfig": { "Mode": "Active" }, "NotASetting": 1
    }))
    .expect("a body of the wire");
    world.at().create_function(request).expect("made");
    world.pass(1000);
    let shown = json!(world.at().get_function("f", None).expect("it exists"));
    assert_eq!(shown["Tags"], json!({ "App": "x" }));
    let mut configuration = shown["Configuration"].clone();
    for moving in ["RevisionId", "LastModified"] {
        assert!(configuration[moving].is_string());
        configuration[moving] = json!(null);
    }
    let expected = json!({
        "FunctionName": "f", "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f", "Role": ROLE, "CodeSize": 0,
        "Description": "", "Timeout": 7, "MemorySize": 512, "LastModified": null, "CodeSha256": format!("{:064x}", 1),
        "Version": "$LATEST", "Environment": { "Variables": { "AB": "c" } }, "RevisionId": null, "State": "Active",
        "DeadLetterConfig": { "TargetArn": "arn:aws:sqs:eu-west-1:1:q" }, "LastUpdateStatus": "Successful",
        "PackageType": "Image", "ImageConfigResponse": { "ImageConfig": { "Command": ["serve"] } },
        "Architectures": ["arm64"], "EphemeralStorage": { "Size": 1024 }, "TracingConfig": { "Mode": "Active" },
        "LoggingConfig": { "LogFormat": "Text", "LogGroup": "/aws/lambda/f" },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" }
    });
    assert_eq!(configuration, expected);
}

#[test]
fn an_image_that_does_not_exist_or_is_an_index_or_lies_elsewhere_is_refused_and_nothing_changes() {
    let mut world = World::new();
    let index = "application/vnd.oci.image.index.v1+json";
    world.model.put_manifest(world.now_ms, REPOSITORY, &digest(77), index);
    let elsewhere = REPOSITORY.replace("eu-west-1", "us-east-1");
    world.model.put_image(world.now_ms, &elsewhere, &digest(1));
    let before = world.look();
    let check = |world: &mut World, image_uri: String, part: &str| {
        let request = UpdateFunctionCode { image_uri: Some(image_uri), ..update_code() };
        let read = refused(world.at().update_function_code(request), 400, "InvalidParameterValueException", part);
        assert!(matches!(read, ApiError::Invalid(_)));
    };
    check(&mut world, image(99), "does not exist");
    check(&mut world, format!("{REPOSITORY}:no-such-tag"), "does not exist");
    check(&mut world, String::new(), "not valid");
    check(&mut world, image(77), "media type");
    check(&mut world, format!("{elsewhere}@{}", digest(1)), "region");
    assert_eq!(world.look(), before);
}

#[test]
fn an_update_whose_image_vanishes_before_it_ends_fails_and_the_function_runs_what_it_ran() {
    let mut world = World::new();
    world.update_code(2, None).expect("accepted");
    world.pass(100);
    world.model.delete_image(world.now_ms, REPOSITORY, &digest(2));
    world.pass(100);
    let failed = world.look();
    assert_eq!(failed.last_update_status.as_deref(), Some("Failed"));
    assert_eq!(failed.last_update_status_reason_code.as_deref(), Some("ImageDeleted"));
    assert_eq!(world.at().resolve_invoke("f", None, 0.0).expect("it runs").digest, digest(1));
    world.recode(3);
    assert_eq!(world.at().resolve_invoke("f", None, 0.0).expect("it runs").digest, digest(3));
}

#[test]
fn a_new_function_whose_image_vanishes_before_it_is_active_fails() {
    let mut world = World::empty(options());
    world.create("f").expect("made");
    world.model.delete_image(world.now_ms + 999, REPOSITORY, &digest(1));
    world.pass(1000);
    let failed = api::Function::from(world.look());
    assert_eq!(failed.state, State::Failed);
    assert_eq!(failed.last_update, UpdateStatus::Other(api::UNREPORTED.into()));
    let read = refused(world.at().resolve_invoke("f", None, 0.0), 409, "ResourceConflictException", "Failed");
    assert!(matches!(read, ApiError::Conflict(_)), "it does not pass by itself: {read:?}");
}

#[test]
fn an_image_deleted_after_an_end_that_nobody_saw_does_not_change_that_end() {
    let mut world = World::new();
    world.update_code(2, None).expect("accepted");
    world.pass(500);
    world.model.delete_image(world.now_ms, REPOSITORY, &digest(2));
    assert_eq!(world.look().last_update_status.as_deref(), Some("Successful"));
}

#[test]
fn a_dry_run_checks_and_changes_nothing() {
    let mut world = World::new();
    let before = world.look();
    let dry = |number| UpdateFunctionCode { image_uri: Some(image(number)), dry_run: true, ..update_code() };
    world.at().update_function_code(dry(2)).expect("it would be accepted");
    refused(world.at().update_function_code(dry(99)), 400, "InvalidParameterValueException", "does not exist");
    assert_eq!(world.look(), before);
}

#[test]
fn settings_that_are_not_sent_stay_and_variables_are_replaced_as_a_whole() {
    let mut world = World::new();
    let variables = |pairs: &[(&str, &str)]| {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Some(Environment { variables })
    };
    let changes = UpdateFunctionConfiguration {
        environment: variables(&[("AA", "1"), ("BB", "2")]),
        memory_size: Some(512),
        ..UpdateFunctionConfiguration::default()
    };
    world.reset(changes);
    world.reset(UpdateFunctionConfiguration { timeout: Some(9), ..UpdateFunctionConfiguration::default() });
    let environment = variables(&[("BB", "3")]);
    world.reset(UpdateFunctionConfiguration { environment, ..UpdateFunctionConfiguration::default() });
    let shown = world.look();
    assert_eq!((shown.memory_size, shown.timeout), (512, 9));
    assert_eq!(shown.environment, variables(&[("BB", "3")]));
    let environment = variables(&[]);
    world.reset(UpdateFunctionConfiguration { environment, ..UpdateFunctionConfiguration::default() });
    assert_eq!(world.look().environment, None);
}

#[test]
fn limits_hold_at_creation_and_at_updates() {
    let mut world = World::new();
    let update = UpdateFunctionConfiguration::default;
    let variables = |size: usize| Some(Environment { variables: [("LARGE".to_owned(), "x".repeat(size))].into() });
    let overhead = r#"{"LARGE":""}"#.len();
    let cases = [
        (UpdateFunctionConfiguration { memory_size: Some(128), ..update() }, None),
        (UpdateFunctionConfiguration { memory_size: Some(127), ..update() }, Some("memorySize")),
        (UpdateFunctionConfiguration { memory_size: Some(10_240), ..update() }, None),
        (UpdateFunctionConfiguration { memory_size: Some(10_241), ..update() }, Some("memorySize")),
        (UpdateFunctionConfiguration { timeout: Some(900), ..update() }, None),
        (UpdateFunctionConfiguration { timeout: Some(901), ..update() }, Some("timeout")),
        (UpdateFunctionConfiguration { timeout: Some(0), ..update() }, Some("timeout")),
        (UpdateFunctionConfiguration { description: Some("é".repeat(256)), ..update() }, None),
        (UpdateFunctionConfiguration { description: Some("d".repeat(257)), ..update() }, Some("description")),
        (UpdateFunctionConfiguration { environment: variables(4096 - overhead), ..update() }, None),
        (UpdateFunctionConfiguration { environment: variables(4097 - overhead), ..update() }, Some("4KB limit")),
        (UpdateFunctionConfiguration { role: Some("app".into()), ..update() }, Some("role")),
    ];
    for (changes, complaint) in cases {
        let request = UpdateFunctionConfiguration { function_name: "f".into(), ..changes };
        let answer = world.at().update_function_configuration(request.clone());
        match complaint {
            None => drop(answer.expect("within the limits")),
            Some(part) => {
                let error = answer.expect_err(part);
                assert!(error.status() == 400 && error.message.contains(part), "{error}");
                assert!(!error.message.contains("xxxx"), "values of variables stay out of errors");
                let made = CreateFunction {
                    memory_size: request.memory_size,
                    timeout: request.timeout,
                    description: request.description,
                    environment: request.environment,
                    role: request.role.unwrap_or(ROLE.into()),
                    ..create("g")
                };
                assert_eq!(world.at().create_function(made).expect_err(part).message, error.message);
            }
        }
        world.pass(200);
    }
    for (name, good) in [("n".repeat(64), true), ("n".repeat(65), false), ("a.b".into(), false)] {
        assert_eq!(world.create(&name).is_ok(), good, "{name}");
    }
}

#[test]
fn reserved_concurrency_leaves_100_of_the_account_and_0_stops_the_function() {
    let mut world = World::new();
    world.create("g").expect("made");
    world.pass(1000);
    world.at().put_function_concurrency("f", 600).expect("within 900");
    let answer = world.at().put_function_concurrency("g", 301);
    refused(answer, 400, "InvalidParameterValueException", "below its minimum value of [100]");
    world.at().put_function_concurrency("g", 300).expect("exactly 100 left");
    world.at().put_function_concurrency("f", 0).expect("less is always possible");
    let error = world.at().resolve_invoke("f", None, 0.0).expect_err("stopped");
    assert_eq!((error.status(), error.reason), (429, Some("ReservedFunctionConcurrentInvocationLimitExceeded")));
    world.at().delete_function_concurrency("f").expect("deleted");
    world.at().resolve_invoke("f", None, 0.0).expect("it runs again");
}

#[test]
fn tags_belong_to_the_function_by_its_plain_arn_and_move_no_revision() {
    let mut world = World::new();
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    let before = world.look();
    let tags = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    world.at().tag_resource(arn, &tags(&[("App", "a"), ("Owner", "b")])).expect("tagged");
    world.at().untag_resource(arn, &["Owner".into(), "Never".into()]).expect("untagged");
    assert_eq!(world.at().list_tags(arn), Ok(tags(&[("App", "a")])));
    assert_eq!(world.look(), before);
    for (arn, tags) in [
        ("f".to_owned(), tags(&[])),
        (format!("{arn}:1"), tags(&[])),
        (arn.to_owned(), tags(&[("aws:mine", "x")])),
        (arn.to_owned(), tags(&[(&"k".repeat(129), "x")])),
        (arn.to_owned(), tags(&[("k", &"v".repeat(257))])),
        (arn.to_owned(), (0..51).map(|n| (n.to_string(), String::new())).collect()),
    ] {
        let answer = world.at().tag_resource(&arn, &tags);
        assert_eq!(answer.map_err(|error| error.status()), Err(400), "{arn} {tags:?}");
    }
}

#[test]
fn the_control_plane_answers_15_requests_a_second_and_100_looks() {
    let mut world = World::with(Options { quotas: Some(Quotas::default()), ..options() });
    world.pass(60_000);
    let burst = |world: &mut World, quota| (0..1000).take_while(|_| world.at().charge(quota).is_ok()).count();
    assert_eq!(burst(&mut world, Quota::Rest), 15);
    assert_eq!(burst(&mut world, Quota::GetFunction), 100, "a quota of its own");
    assert_eq!(burst(&mut world, Quota::GetPolicy), 15);
    let error = world.update_code(2, None).expect_err("throttled");
    assert_eq!((error.status(), error.code()), (429, "TooManyRequestsException"));
    assert_eq!(error.reason, Some("CallerRateLimitExceeded"));
    assert!(matches!(ApiError::from(error), ApiError::Throttled(_)));
    let mut answered = 0;
    for _ in 0..10_000 {
        world.pass(1);
        answered += burst(&mut world, Quota::Rest);
    }
    assert_eq!(answered, 150, "15 a second over 10 seconds");
    world.at().resolve_invoke("f", None, 0.0).expect("invocations have limits of their own");
}

#[test]
fn the_quota_is_one_for_each_account_and_region() {
    let mut world = World::with(Options { quotas: Some(Quotas::default()), ..options() });
    while world.at().charge(Quota::Rest).is_ok() {}
    let other = Place { region: "us-east-1".into(), ..world.place.clone() };
    world.model.at(&other, world.now_ms).charge(Quota::Rest).expect("another region has its own");
}

#[test]
fn places_share_nothing_but_images() {
    let mut world = World::new();
    let other = Place { account: "999999999999".into(), region: "eu-west-1".into() };
    let now_ms = world.now_ms;
    let answer = world.model.at(&other, now_ms).get_function("f", None);
    refused(answer, 404, "ResourceNotFoundException", "999999999999:function:f");
    let made = world.model.at(&other, now_ms).create_function(create("f")).expect("made with the same image");
    assert_ne!(made.revision_id, world.revision());
    assert_eq!(world.model.places().len(), 2);
}

#[test]
fn time_never_goes_back_for_the_control_plane() {
    let mut world = World::new();
    world.update_code(2, None).expect("accepted");
    world.pass(200);
    let after = world.look();
    world.now_ms -= 150_000;
    assert_eq!(world.look(), after);
    let made = world.create("g").expect("made");
    assert_eq!(made.last_modified, "2023-11-14T22:13:21.200+0000", "1,200 ms after the start of this world");
    world.now_ms += 150_000 + 1000;
    assert_eq!(world.at().get_function("g", None).expect("it exists").configuration.state, "Active");
}

#[test]
fn deleting_without_a_qualifier_deletes_everything() {
    let mut world = World::new().with_versions(2);
    world.create_alias("1", &[]).expect("made");
    world.at().delete_function("f", None).expect("aliases guard versions, not the function");
    refused(world.at().get_function("f", Some("1")), 404, "ResourceNotFoundException", "Function not found");
    refused(world.at().get_alias("f", "live"), 404, "ResourceNotFoundException", "");
    let made = world.create("f").expect("the name is free");
    world.pass(1000);
    assert_eq!(world.publish("").expect("published").version, "1", "another function, other numbers");
    assert_ne!(world.look().revision_id, made.revision_id);
}

#[test]
fn functions_are_listed_by_name_in_pages() {
    let mut world = World::empty(options());
    for number in 0..120 {
        world.create(&format!("f-{number:03}")).expect("made");
    }
    let check = |world: &mut World, max_items: Option<u32>, pages: usize| {
        let mut request = ListRequest { max_items, ..ListRequest::default() };
        let mut names = Vec::new();
        for _ in 0..pages {
            let page = world.at().list_functions(&request).expect("a page");
            names.extend(page.items.into_iter().map(|function| function.function_name));
            request.marker = page.next_marker;
        }
        assert_eq!(request.marker, None, "{max_items:?} ends after {pages} pages");
        assert_eq!(names, (0..120).map(|number| format!("f-{number:03}")).collect::<Vec<_>>());
    };
    check(&mut world, None, 3);
    check(&mut world, Some(10_000), 3);
    check(&mut world, Some(40), 3);
    check(&mut world, Some(60), 3);
    check(&mut world, Some(1), 120);
    for max_items in [Some(0), Some(10_001)] {
        let request = ListRequest { max_items, ..ListRequest::default() };
        assert_eq!(world.at().list_functions(&request).map_err(|error| error.status()), Err(400));
    }
}

#[test]
fn a_package_that_is_no_image_is_refused() {
    let mut world = World::empty(options());
    let zip = CreateFunction { package_type: Some("Zip".into()), ..create("f") };
    refused(world.at().create_function(zip), 400, "InvalidParameterValueException", "Image");
    let nothing = CreateFunction { code: FunctionCode::default(), ..create("f") };
    refused(world.at().create_function(nothing), 400, "InvalidParameterValueException", "not valid");
}
