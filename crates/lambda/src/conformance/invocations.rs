//! Rules of invocations: which version runs, and what stops one.

use super::{Ground, Outcome, at, refused, same, shared};
use crate::api::{Invocation, Qualifier, State};

async fn invoked(ground: &Ground<'_>, name: &str, qualifier: &Qualifier) -> Result<Invocation, String> {
    let answer = ground.api.invoke(name, qualifier, b"{}").await;
    answer.map_err(|error| format!("Invoke of {} failed: {error}", qualifier.as_str()))
}

async fn ran(ground: &Ground<'_>, name: &str, qualifier: &Qualifier) -> Result<String, String> {
    invoked(ground, name, qualifier).await?.executed_version.ok_or("the answer names no executed version".to_owned())
}

pub async fn an_invocation_tells_the_version_that_ran(ground: &Ground<'_>) -> Outcome {
    let (name, _) = ground.with_versions(2).await?;
    ground.api.create_alias(&name, "live", &at("1")).await.map_err(|error| error.to_string())?;
    let answer = invoked(ground, &name, &Qualifier::Latest).await?;
    same("status", &answer.status, &200)?;
    same("function error", &answer.function_error, &None)?;
    same("version", &answer.executed_version.as_deref(), &Some("$LATEST"))?;
    same("version", &ran(ground, &name, &Qualifier::Version("2".into())).await?.as_str(), &"2")?;
    same("version", &ran(ground, &name, &Qualifier::Alias("live".into())).await?.as_str(), &"1")
}

pub async fn weights_of_one_and_zero_leave_no_choice(ground: &Ground<'_>) -> Outcome {
    let (name, _) = ground.with_versions(2).await?;
    ground.api.create_alias(&name, "all", &shared("1", &[("2", 1.0)])).await.map_err(|error| error.to_string())?;
    ground.api.create_alias(&name, "none", &shared("1", &[("2", 0.0)])).await.map_err(|error| error.to_string())?;
    for _ in 0..8 {
        same("version", &ran(ground, &name, &Qualifier::Alias("all".into())).await?.as_str(), &"2")?;
        same("version", &ran(ground, &name, &Qualifier::Alias("none".into())).await?.as_str(), &"1")?;
    }
    Ok(())
}

pub async fn no_reserved_concurrency_stops_the_function(ground: &Ground<'_>) -> Outcome {
    let name = ground.function().await?.name;
    ground.published(&name, "").await?;
    ground.api.put_concurrency(&name, 0).await.map_err(|error| error.to_string())?;
    for qualifier in [Qualifier::Latest, Qualifier::Version("1".into())] {
        let answer = ground.api.invoke(&name, &qualifier, b"{}").await;
        refused("an invocation without concurrency", answer, &["Throttled"])?;
    }
    Ok(())
}

/// Where images can be deleted: the function ends as Inactive with the reason, and no invocation answers.
pub async fn a_deleted_image_ends_the_function(ground: &Ground<'_>) -> Outcome {
    let function = ground.function().await?;
    if !ground.fixture.delete_image(&function.image_uri).await {
        return Ok(());
    }
    if let Ok(answer) = ground.api.invoke(&function.name, &Qualifier::Latest, b"{}").await {
        return Err(format!("an invocation of a function without its image answered {}", answer.status));
    }
    let after = ground.look(&function.name, &Qualifier::Latest).await?;
    same("state", &after.state, &State::Inactive)?;
    let code = after.state_reason.map(|reason| reason.code).unwrap_or_default();
    same("reason", &code.as_str(), &"ImageDeleted")
}
