//! Rules of whole functions: creation, updates and their preconditions, limits, tags, concurrency.

use std::collections::BTreeMap;

use super::{Ground, Outcome, differs, refused, same};
use crate::api::{NewFunction, Qualifier, Settings};

pub async fn a_new_function_becomes_active_with_what_it_was_made_of(ground: &Ground<'_>) -> Outcome {
    let settings = Settings {
        description: "made by a rule".into(),
        environment: [("RULE".to_owned(), "a value = \"with\" signs".to_owned())].into(),
        ..ground.fixture.settings()
    };
    let name = ground.fixture.fresh_name();
    let image_uri = ground.fixture.new_image().await;
    let tags: BTreeMap<String, String> = [("Owner".to_owned(), "rules".to_owned())].into();
    let new = NewFunction {
        name: name.clone(),
        image_uri: image_uri.clone(),
        settings: settings.clone(),
        tags: tags.clone(),
        publish: false,
    };
    let made = ground.api.create_function(&new).await.map_err(|error| format!("CreateFunction failed: {error}"))?;
    same("version of the answer", &made.version.as_str(), &"$LATEST")?;
    let function = ground.settled(&name, &Qualifier::Latest).await?;
    same("name", &function.name, &name)?;
    same("image", &function.image_uri, &image_uri)?;
    same("resolved image", &function.resolved_image_uri, &Some(image_uri.clone()))?;
    let hex = image_uri.rsplit_once("sha256:").map(|(_, hex)| hex.to_owned()).unwrap_or_default();
    same("code hash", &function.code_sha256, &hex)?;
    same("tags", &function.tags, &tags)?;
    same("reserved concurrency", &function.reserved_concurrency, &None)?;
    // What the service adds by itself is its own affair.
    same("settings", &Settings { other: BTreeMap::new(), ..function.settings }, &settings)?;
    same("versions", &ground.numbers(&name).await?, &Vec::new())
}

pub async fn a_taken_name_is_a_conflict(ground: &Ground<'_>) -> Outcome {
    let function = ground.function().await?;
    let new = NewFunction {
        name: function.name.clone(),
        image_uri: ground.fixture.new_image().await,
        settings: ground.fixture.settings(),
        tags: BTreeMap::new(),
        publish: false,
    };
    refused("CreateFunction of a taken name", ground.api.create_function(&new).await, &["Conflict"])?;
    same("function", &ground.look(&function.name, &Qualifier::Latest).await?, &function)
}

pub async fn what_does_not_exist_is_not_found(ground: &Ground<'_>) -> Outcome {
    let (api, nobody) = (ground.api, ground.fixture.fresh_name());
    let absent = &["NotFound"];
    let version = Qualifier::Version("7".into());
    let alias = Qualifier::Alias("nowhere".into());
    let image_uri = ground.fixture.new_image().await;
    refused("GetFunction", api.get_function(&nobody, &Qualifier::Latest).await, absent)?;
    refused("UpdateFunctionCode", api.update_code(&nobody, &image_uri, "none").await, absent)?;
    refused("PublishVersion", api.publish(&nobody, "", "none", "").await, absent)?;
    refused("ListVersionsByFunction", api.list_versions(&nobody).await, absent)?;
    refused("GetAlias", api.get_alias(&nobody, "live").await, absent)?;
    refused("Invoke", api.invoke(&nobody, &Qualifier::Latest, b"{}").await, absent)?;
    let name = ground.function().await?.name;
    refused("GetFunction of a version", api.get_function(&name, &version).await, absent)?;
    refused("GetFunction of an alias", api.get_function(&name, &alias).await, absent)?;
    refused("GetAlias of a function", api.get_alias(&name, "nowhere").await, absent)?;
    refused("UpdateAlias", api.update_alias(&name, "nowhere", &super::at("$LATEST"), "none").await, absent)?;
    refused("Invoke of an alias", api.invoke(&name, &alias, b"{}").await, absent)?;
    refused("DeleteFunction of a version", api.delete_version(&name, "7").await, absent)
}

pub async fn an_update_of_code_moves_the_revision_and_the_digest(ground: &Ground<'_>) -> Outcome {
    let before = ground.function().await?;
    let after = ground.recoded(&before).await?;
    differs("revision", &after.revision, &before.revision)?;
    differs("code hash", &after.code_sha256, &before.code_sha256)?;
    differs("resolved image", &after.resolved_image_uri, &before.resolved_image_uri)?;
    same("settings", &after.settings, &before.settings)
}

pub async fn an_update_to_the_same_digest_moves_the_revision(ground: &Ground<'_>) -> Outcome {
    let before = ground.function().await?;
    let sent = ground.api.update_code(&before.name, &before.image_uri, &before.revision).await;
    sent.map_err(|error| format!("UpdateFunctionCode failed: {error}"))?;
    let after = ground.settled(&before.name, &Qualifier::Latest).await?;
    differs("revision", &after.revision, &before.revision)?;
    same("code hash", &after.code_sha256, &before.code_sha256)?;
    let again = ground.api.update_code(&before.name, &before.image_uri, &before.revision).await;
    refused("an update with the voided token", again, &["Precondition"])
}

pub async fn a_stale_revision_changes_no_code(ground: &Ground<'_>) -> Outcome {
    let first = ground.function().await?;
    let second = ground.recoded(&first).await?;
    let image_uri = ground.fixture.new_image().await;
    for stale in [first.revision.as_str(), "00000000-0000-4000-8000-000000000000"] {
        let sent = ground.api.update_code(&first.name, &image_uri, stale).await;
        refused("UpdateFunctionCode with a stale revision", sent, &["Precondition"])?;
    }
    same("function", &ground.look(&first.name, &Qualifier::Latest).await?, &second)
}

pub async fn a_stale_revision_changes_no_settings(ground: &Ground<'_>) -> Outcome {
    let first = ground.function().await?;
    let second = ground.recoded(&first).await?;
    let settings = Settings { timeout_s: first.settings.timeout_s + 1, ..first.settings };
    let sent = ground.api.update_settings(&first.name, &settings, &first.revision).await;
    refused("UpdateFunctionConfiguration with a stale revision", sent, &["Precondition"])?;
    same("function", &ground.look(&first.name, &Qualifier::Latest).await?, &second)
}

/// The end of an update moves the revision, so whatever is sent with the update's own answer is refused: as in progress until
/// it ends, as stale afterwards.
pub async fn a_token_from_before_the_wait_is_void(ground: &Ground<'_>) -> Outcome {
    let function = ground.function().await?;
    let image_uri = ground.fixture.new_image().await;
    let sent = ground.api.update_code(&function.name, &image_uri, &function.revision).await;
    let answer = sent.map_err(|error| format!("UpdateFunctionCode failed: {error}"))?;
    let void = &["InProgress", "Precondition"];
    let publish = ground.api.publish(&function.name, &answer.code_sha256, &answer.revision, "").await;
    refused("PublishVersion with the answer's token", publish, void)?;
    let other = ground.fixture.new_image().await;
    let update = ground.api.update_code(&function.name, &other, &answer.revision).await;
    refused("UpdateFunctionCode with the answer's token", update, void)?;
    let settled = ground.settled(&function.name, &Qualifier::Latest).await?;
    let late = ground.api.update_code(&function.name, &other, &answer.revision).await;
    refused("UpdateFunctionCode with the answer's token after the wait", late, &["Precondition"])?;
    differs("revision after the wait", &settled.revision, &answer.revision)?;
    same("image", &settled.image_uri, &image_uri)?;
    same("versions", &ground.numbers(&function.name).await?, &Vec::new())
}

pub async fn an_unknown_image_is_refused(ground: &Ground<'_>) -> Outcome {
    let function = ground.function().await?;
    let repository = function.image_uri.split_once('@').map_or("", |(repository, _)| repository);
    let unknown = format!("{repository}@sha256:{}", "0".repeat(64));
    let sent = ground.api.update_code(&function.name, &unknown, &function.revision).await;
    refused("UpdateFunctionCode to an unknown digest", sent, &["Invalid"])?;
    same("function", &ground.look(&function.name, &Qualifier::Latest).await?, &function)
}

pub async fn settings_beyond_the_limits_are_refused(ground: &Ground<'_>) -> Outcome {
    let function = ground.function().await?;
    let good = function.settings.clone();
    let large = [("A_VARIABLE".to_owned(), "x".repeat(4096))].into();
    let reserved = [("AWS_REGION".to_owned(), "here".to_owned())].into();
    let wrong = [
        ("memory of 127 MB", Settings { memory_mb: 127, ..good.clone() }),
        ("memory of 10,241 MB", Settings { memory_mb: 10_241, ..good.clone() }),
        ("a timeout of 0 s", Settings { timeout_s: 0, ..good.clone() }),
        ("a timeout of 901 s", Settings { timeout_s: 901, ..good.clone() }),
        ("a description of 257 characters", Settings { description: "d".repeat(257), ..good.clone() }),
        ("more than 4 KB of variables", Settings { environment: large, ..good.clone() }),
        ("a variable of the service's own", Settings { environment: reserved, ..good }),
    ];
    for (what, settings) in wrong {
        let sent = ground.api.update_settings(&function.name, &settings, &function.revision).await;
        refused(what, sent, &["Invalid"])?;
    }
    same("function", &ground.look(&function.name, &Qualifier::Latest).await?, &function)?;
    let new = NewFunction {
        name: "n".repeat(65),
        image_uri: function.image_uri,
        settings: ground.fixture.settings(),
        tags: BTreeMap::new(),
        publish: false,
    };
    refused("a name of 65 characters", ground.api.create_function(&new).await, &["Invalid"])
}

pub async fn settings_are_replaced_and_read_back(ground: &Ground<'_>) -> Outcome {
    let settings = Settings {
        environment: [("KEPT".to_owned(), "1".to_owned()), ("DROPPED".to_owned(), "2".to_owned())].into(),
        ..ground.fixture.settings()
    };
    let before = ground.function_with(settings).await?;
    let settings = Settings {
        description: "other".into(),
        memory_mb: before.settings.memory_mb + 64,
        timeout_s: before.settings.timeout_s + 1,
        environment: [("KEPT".to_owned(), "3".to_owned())].into(),
        ..before.settings.clone()
    };
    let after = ground.reset(&before, &settings).await?;
    same("settings", &after.settings, &settings)?;
    differs("revision", &after.revision, &before.revision)?;
    same("code hash", &after.code_sha256, &before.code_sha256)
}

pub async fn tags_are_added_and_read_back(ground: &Ground<'_>) -> Outcome {
    let function = ground.function().await?;
    for (key, value) in [("Ledger", "one"), ("App", "two"), ("Ledger", "three")] {
        let tags = [(key.to_owned(), value.to_owned())].into();
        ground.api.tag(&function.arn.replace(":$LATEST", ""), &tags).await.map_err(|error| error.to_string())?;
    }
    let expected = [("App".to_owned(), "two".to_owned()), ("Ledger".to_owned(), "three".to_owned())].into();
    let after = ground.look(&function.name, &Qualifier::Latest).await?;
    same("tags", &after.tags, &expected)?;
    same("settings", &after.settings, &function.settings)
}

pub async fn reserved_concurrency_is_read_back_and_leaves_100(ground: &Ground<'_>) -> Outcome {
    let name = ground.function().await?.name;
    ground.api.put_concurrency(&name, 3).await.map_err(|error| error.to_string())?;
    same("reserved", &ground.look(&name, &Qualifier::Latest).await?.reserved_concurrency, &Some(3))?;
    // No account has more than this by default; more than all of it can never be reserved.
    refused("reserving a million", ground.api.put_concurrency(&name, 1_000_000).await, &["Invalid"])?;
    same("reserved", &ground.look(&name, &Qualifier::Latest).await?.reserved_concurrency, &Some(3))
}
