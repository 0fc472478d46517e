//! The end of a deployment, with what a person needs to know where it is not clean.

use tiers_core::deployment::Latest;
use tiers_core::event::{Ending, Event, Left};

use super::session::{DriveError, Session};
use super::settle::describe;

/// Records the ending.
pub(super) async fn end(session: &mut Session, ending: Ending, why: &str) -> Result<(), DriveError> {
    let left = match ending {
        Ending::Succeeded => Vec::new(),
        Ending::Stuck => stuck(session).await?,
        Ending::Failed | Ending::Refused | Ending::Errored => remains(session)?,
    };
    session.decide(&Event::Ended { ending, why: why.to_owned(), left }).await?;
    Ok(())
}

/// `$LATEST` that could not be put back.
fn remains(session: &Session) -> Result<Vec<Left>, DriveError> {
    let deployment = session.own()?;
    let parts = deployment.parts.iter().zip(&deployment.plan.components);
    let left = parts.filter_map(|(part, planned)| match &part.latest {
        Latest::Left { why } => Some(Left {
            component: part.component.clone(),
            function: planned.function.clone(),
            version: None,
            note: why.clone(),
            command: None,
        }),
        Latest::Untouched if part.touched_function => Some(Left {
            component: part.component.clone(),
            function: planned.function.clone(),
            version: None,
            note: "$LATEST could not be looked at and may hold the withdrawn code".to_owned(),
            command: None,
        }),
        Latest::Untouched | Latest::Restored => None,
    });
    Ok(left.collect())
}

/// Where every component stands, and what a person would type to bring it back.
async fn stuck(session: &Session) -> Result<Vec<Left>, DriveError> {
    let deployment = session.own()?;
    let alias = &deployment.plan.alias;
    let mut left = Vec::new();
    for planned in &deployment.plan.components {
        let seen = session.world.target.look_alias(&planned.function, alias).await;
        let (version, note) = match &seen {
            Ok(look) => (Some(look.version.clone()), format!("{alias} points at {}", describe(look))),
            Err(error) => (None, format!("{alias} could not be looked at: {error}")),
        };
        // A rollback leaves behind what nobody wants back.
        let whole = planned.target_version.as_ref().unwrap_or(&planned.before.version);
        left.push(Left {
            component: planned.component.clone(),
            function: planned.function.clone(),
            version,
            note,
            command: Some(format!(
                "aws lambda update-alias --function-name {} --name {alias} --function-version {} \
                 --routing-config 'AdditionalVersionWeights={{}}'",
                planned.function, whole
            )),
        });
    }
    Ok(left)
}
