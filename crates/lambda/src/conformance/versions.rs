//! Rules of published versions.

use super::{Ground, Outcome, at, differs, refused, same};
use crate::api::{Qualifier, Settings};

pub async fn a_version_freezes_code_and_settings(ground: &Ground<'_>) -> Outcome {
    let latest = ground.function().await?;
    let version = ground.published(&latest.name, "frozen").await?;
    same("code hash", &version.code_sha256, &latest.code_sha256)?;
    same("resolved image", &version.resolved_image_uri, &latest.resolved_image_uri)?;
    let described = Settings { description: "frozen".into(), ..latest.settings.clone() };
    same("settings", &version.settings, &described)?;
    let latest = ground.settled(&latest.name, &Qualifier::Latest).await?;
    let recoded = ground.recoded(&latest).await?;
    let settings = Settings { memory_mb: latest.settings.memory_mb + 64, ..latest.settings };
    ground.reset(&recoded, &settings).await?;
    let name = Qualifier::Version(version.version.clone());
    same("version afterwards", &ground.look(&latest.name, &name).await?, &version)
}

pub async fn publishing_the_same_answers_the_old_version_with_its_description(ground: &Ground<'_>) -> Outcome {
    let name = ground.function().await?.name;
    let first = ground.published(&name, "the first").await?;
    let second = ground.published(&name, "the second").await?;
    same("version", &second.version, &first.version)?;
    same("description", &second.settings.description.as_str(), &"the first")?;
    // An update to the digest that it has is no change either.
    let latest = ground.settled(&name, &Qualifier::Latest).await?;
    let sent = ground.api.update_code(&name, &latest.image_uri, &latest.revision).await;
    sent.map_err(|error| format!("UpdateFunctionCode failed: {error}"))?;
    let third = ground.published(&name, "the third").await?;
    same("version after an update to the same digest", &third.version, &first.version)?;
    same("versions", &ground.numbers(&name).await?, &vec![first.version])
}

pub async fn a_changed_setting_alone_makes_a_version(ground: &Ground<'_>) -> Outcome {
    let latest = ground.function().await?;
    let first = ground.published(&latest.name, "").await?;
    let latest = ground.settled(&latest.name, &Qualifier::Latest).await?;
    let mut settings = latest.settings.clone();
    settings.environment.insert("ROTATED".into(), "yes".into());
    ground.reset(&latest, &settings).await?;
    let second = ground.published(&latest.name, "").await?;
    differs("version", &second.version, &first.version)?;
    same("code hash", &second.code_sha256, &first.code_sha256)?;
    same("variables", &second.settings.environment, &settings.environment)
}

pub async fn publishing_moves_the_revision_of_latest(ground: &Ground<'_>) -> Outcome {
    let before = ground.function().await?;
    ground.published(&before.name, "").await?;
    let after = ground.settled(&before.name, &Qualifier::Latest).await?;
    differs("revision", &after.revision, &before.revision)
}

pub async fn a_stale_revision_publishes_nothing(ground: &Ground<'_>) -> Outcome {
    let first = ground.function().await?;
    let second = ground.recoded(&first).await?;
    let sent = ground.api.publish(&first.name, &second.code_sha256, &first.revision, "").await;
    refused("PublishVersion with a stale revision", sent, &["Precondition"])?;
    same("versions", &ground.numbers(&first.name).await?, &Vec::new())?;
    same("function", &ground.look(&first.name, &Qualifier::Latest).await?, &second)
}

pub async fn another_code_hash_publishes_nothing(ground: &Ground<'_>) -> Outcome {
    let first = ground.function().await?;
    let second = ground.recoded(&first).await?;
    let sent = ground.api.publish(&first.name, &first.code_sha256, &second.revision, "").await;
    refused("PublishVersion with the hash of other code", sent, &["Precondition"])?;
    same("versions", &ground.numbers(&first.name).await?, &Vec::new())?;
    same("function", &ground.look(&first.name, &Qualifier::Latest).await?, &second)
}

pub async fn numbers_are_never_reused(ground: &Ground<'_>) -> Outcome {
    let (name, versions) = ground.with_versions(2).await?;
    let deleted = ground.api.delete_version(&name, &versions[1].version).await;
    deleted.map_err(|error| format!("DeleteFunction of a version failed: {error}"))?;
    same("versions", &ground.numbers(&name).await?, &vec![versions[0].version.clone()])?;
    let gone = ground.api.get_function(&name, &Qualifier::Version(versions[1].version.clone())).await;
    refused("GetFunction of a deleted version", gone, &["NotFound"])?;
    let again = ground.published(&name, "").await?;
    same("number", &again.version.as_str(), &"3")
}

pub async fn a_version_behind_an_alias_cannot_be_deleted(ground: &Ground<'_>) -> Outcome {
    let (name, versions) = ground.with_versions(2).await?;
    let (one, two) = (&versions[0].version, &versions[1].version);
    let api = ground.api;
    let made = api.create_alias(&name, "live", &super::shared(one, &[(two, 0.1)])).await;
    let alias = made.map_err(|error| format!("CreateAlias failed: {error}"))?;
    refused("deleting the main version", api.delete_version(&name, one).await, &["Conflict"])?;
    refused("deleting the additional version", api.delete_version(&name, two).await, &["Conflict"])?;
    same("versions", &ground.numbers(&name).await?, &vec![one.clone(), two.clone()])?;
    let moved = api.update_alias(&name, "live", &at(two), &alias.revision).await;
    moved.map_err(|error| format!("UpdateAlias failed: {error}"))?;
    api.delete_version(&name, one).await.map_err(|error| format!("deleting a free version failed: {error}"))
}

pub async fn versions_are_listed_oldest_first_over_all_pages(ground: &Ground<'_>) -> Outcome {
    // A page holds 50 entries, `$LATEST` among them.
    const COUNT: u32 = 52;
    let mut latest = ground.function().await?;
    for number in 1..=COUNT {
        ground.published(&latest.name, "").await?;
        if number < COUNT {
            latest = ground.settled(&latest.name, &Qualifier::Latest).await?;
            let settings = Settings { timeout_s: 100 + number, ..latest.settings.clone() };
            ground.reset(&latest, &settings).await?;
        }
    }
    let expected: Vec<String> = (1..=COUNT).map(|number| number.to_string()).collect();
    same("versions", &ground.numbers(&latest.name).await?, &expected)
}
