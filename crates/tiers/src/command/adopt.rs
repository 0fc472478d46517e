//! `tiers adopt`: marks an environment's functions as belonging to this ledger.

use std::collections::BTreeMap;

use clap::Args;
use tiers_engine::lambda_target::LEDGER_TAG;
use tiers_lambda::api::Qualifier;

use crate::cli::Global;
use crate::command::{print, print_json};
use crate::context::Context;
use crate::fault::{Fault, Outcome};
use crate::place;

/// Mark an environment's functions as belonging to this ledger
///
/// Done once, after Terraform made them: a function that another ledger owns is refused, so that no two teams, and no laptop
/// beside CI, deploy it without seeing each other. Functions on the local host are marked when they are made.
#[derive(Debug, Args)]
pub struct Adopt {
    /// The environment
    environment: String,
}

pub async fn run(args: &Adopt, global: &Global) -> Outcome {
    let context = Context::open(global)?;
    let environment = context.environment(&args.environment)?;
    let ledger = context.ledger().await?;
    let reached = place::reach(&context, environment, &ledger).await?;
    let mut adopted = Vec::new();
    for component in context.project.apps.iter().flat_map(|app| &app.components) {
        let Some(name) = component.names.get(&environment.name) else { continue };
        let function = reached
            .api
            .get_function(name, &Qualifier::Latest)
            .await
            .map_err(|error| Fault::refused(format!("{name}: {error}")))?;
        match function.tags.get(LEDGER_TAG) {
            Some(owner) if owner == ledger.id() => continue,
            Some(owner) => {
                return Err(Fault::refused(format!("{name} belongs to ledger {owner}, and this is {}", ledger.id()))
                    .hint(format!(
                        "If that ledger is gone for good, remove the tag {LEDGER_TAG} from the function by hand."
                    )));
            }
            None => {}
        }
        // A tag belongs to the function as a whole: its name in the ARN has no qualifier.
        let arn = function.arn.trim_end_matches(":$LATEST").to_owned();
        let tags = BTreeMap::from([(LEDGER_TAG.to_owned(), ledger.id().to_owned())]);
        reached.api.tag(&arn, &tags).await.map_err(|error| Fault::errored(format!("{name}: {error}")))?;
        adopted.push(name.clone());
    }
    if global.json {
        print_json("tiers.adoption/1", &serde_json::json!({ "ledger": ledger.id(), "adopted": adopted }))?;
    } else if adopted.is_empty() {
        print(&format!("every function of {} belongs to this ledger already\n", environment.name))?;
    } else {
        print(&format!("adopted by ledger {}: {}\n", ledger.id(), adopted.join(", ")))?;
    }
    Ok(0)
}
