//! Rules of aliases and their weights.

use super::{Ground, Outcome, at, differs, refused, same, shared};
use crate::api::{Alias, AliasWrite, Qualifier, Settings};

/// A function with this many versions, and its alias `live` at the first.
async fn with_alias(ground: &Ground<'_>, versions: usize) -> Result<(String, Alias), String> {
    let (name, _) = ground.with_versions(versions).await?;
    let made = ground.api.create_alias(&name, "live", &at("1")).await;
    Ok((name, made.map_err(|error| format!("CreateAlias failed: {error}"))?))
}

async fn read(ground: &Ground<'_>, name: &str) -> Result<Alias, String> {
    ground.api.get_alias(name, "live").await.map_err(|error| format!("GetAlias failed: {error}"))
}

async fn written(ground: &Ground<'_>, name: &str, write: &AliasWrite) -> Result<Alias, String> {
    let revision = read(ground, name).await?.revision;
    let sent = ground.api.update_alias(name, "live", write, &revision).await;
    sent.map_err(|error| format!("UpdateAlias failed: {error}"))
}

fn shows(alias: &Alias, write: &AliasWrite) -> Outcome {
    let shown = AliasWrite {
        version: alias.version.clone(),
        description: alias.description.clone(),
        weights: alias.weights.clone(),
    };
    same("alias", &shown, write)
}

pub async fn an_alias_is_read_back_as_it_was_written(ground: &Ground<'_>) -> Outcome {
    let (name, made) = with_alias(ground, 2).await?;
    same("alias as made", &read(ground, &name).await?, &made)?;
    let write = AliasWrite { description: "tiers ledger/d-1/0".into(), ..shared("1", &[("2", 0.25)]) };
    let answer = written(ground, &name, &write).await?;
    let after = read(ground, &name).await?;
    same("answer", &answer, &after)?;
    shows(&after, &write)?;
    differs("revision", &after.revision, &made.revision)?;
    let function = ground.look(&name, &Qualifier::Alias("live".into())).await?;
    same("version behind the alias", &function.version.as_str(), &"1")
}

pub async fn a_taken_alias_is_a_conflict(ground: &Ground<'_>) -> Outcome {
    let (name, made) = with_alias(ground, 2).await?;
    refused("CreateAlias of a taken name", ground.api.create_alias(&name, "live", &at("2")).await, &["Conflict"])?;
    same("alias", &read(ground, &name).await?, &made)
}

pub async fn a_stale_revision_moves_no_alias(ground: &Ground<'_>) -> Outcome {
    let (name, first) = with_alias(ground, 2).await?;
    let second = written(ground, &name, &at("2")).await?;
    let latest = ground.look(&name, &Qualifier::Latest).await?;
    for stale in [&first.revision, &latest.revision] {
        let sent = ground.api.update_alias(&name, "live", &at("1"), stale).await;
        refused("UpdateAlias with a revision that is not the alias's", sent, &["Precondition"])?;
    }
    same("alias", &read(ground, &name).await?, &second)?;
    // There and back: the first token stays void even though the content is what it was.
    written(ground, &name, &at("1")).await?;
    let sent = ground.api.update_alias(&name, "live", &at("2"), &first.revision).await;
    refused("UpdateAlias with a token of the same content from before", sent, &["Precondition"])
}

pub async fn a_new_description_moves_the_alias_revision(ground: &Ground<'_>) -> Outcome {
    let (name, made) = with_alias(ground, 1).await?;
    let fence = AliasWrite { description: "tiers ledger/d-1/1".into(), ..at("1") };
    let after = written(ground, &name, &fence).await?;
    differs("revision", &after.revision, &made.revision)?;
    let sent = ground.api.update_alias(&name, "live", &at("1"), &made.revision).await;
    refused("UpdateAlias with the fenced token", sent, &["Precondition"])
}

pub async fn empty_weights_clear(ground: &Ground<'_>) -> Outcome {
    let (name, _) = with_alias(ground, 2).await?;
    written(ground, &name, &shared("1", &[("2", 0.5)])).await?;
    written(ground, &name, &at("1")).await?;
    shows(&read(ground, &name).await?, &at("1"))
}

pub async fn wrong_weights_are_refused(ground: &Ground<'_>) -> Outcome {
    let (name, made) = with_alias(ground, 3).await?;
    let wrong = [
        ("two additional versions", shared("1", &[("2", 0.1), ("3", 0.1)])),
        ("a weight above 1", shared("1", &[("2", 1.5)])),
        ("a weight below 0", shared("1", &[("2", -0.1)])),
        ("the version itself", shared("1", &[("1", 0.5)])),
        ("$LATEST with weights", shared("$LATEST", &[("1", 0.5)])),
        ("$LATEST as the additional version", shared("1", &[("$LATEST", 0.5)])),
    ];
    for (what, write) in wrong {
        refused(what, ground.api.update_alias(&name, "live", &write, &made.revision).await, &["Invalid"])?;
        refused(what, ground.api.create_alias(&name, "other", &write).await, &["Invalid"])?;
    }
    same("alias", &read(ground, &name).await?, &made)
}

pub async fn an_alias_needs_its_versions(ground: &Ground<'_>) -> Outcome {
    let (name, made) = with_alias(ground, 1).await?;
    let absent = &["NotFound"];
    for write in [at("7"), shared("1", &[("7", 0.5)])] {
        let sent = ground.api.update_alias(&name, "live", &write, &made.revision).await;
        refused("UpdateAlias to a version that does not exist", sent, absent)?;
        let sent = ground.api.create_alias(&name, "other", &write).await;
        refused("CreateAlias at a version that does not exist", sent, absent)?;
    }
    for digits in ["1", "12"] {
        let sent = ground.api.create_alias(&name, digits, &at("1")).await;
        refused("an alias whose name is a number", sent, &["Invalid"])?;
    }
    same("alias", &read(ground, &name).await?, &made)
}

pub async fn weighted_versions_share_role_and_dead_letters(ground: &Ground<'_>) -> Outcome {
    let (name, made) = with_alias(ground, 1).await?;
    let plain = ground.settled(&name, &Qualifier::Latest).await?;
    let role = format!("{}-other", plain.settings.role);
    let dead_letter_arn = Some("arn:aws:sqs:eu-west-1:123456789012:dead-letters".to_owned());
    let others = [Settings { role, ..plain.settings.clone() }, Settings { dead_letter_arn, ..plain.settings.clone() }];
    for settings in others {
        let latest = ground.settled(&name, &Qualifier::Latest).await?;
        ground.reset(&latest, &settings).await?;
        let version = ground.published(&name, "").await?.version;
        let write = shared("1", &[(&version, 0.5)]);
        let sent = ground.api.update_alias(&name, "live", &write, &made.revision).await;
        refused("weights over versions with another role or dead-letter queue", sent, &["Invalid"])?;
    }
    same("alias", &read(ground, &name).await?, &made)
}
