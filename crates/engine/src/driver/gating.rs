//! Running the gates of one point of a deployment, between two looks that must show the same tokens. Rule 12 of PROTOCOL.md.

use std::collections::BTreeMap;

use tiers_core::deployment::Deployment;
use tiers_core::event::{Event, GateResult, Outcome};
use tiers_core::gate::{At, Effect, Gate};
use tiers_core::id::{Component, Token};

use super::World;
use super::session::{DriveError, Session};
use super::watch::Progress;
use super::write::settled_latest;
use crate::gates::GatePlace;
use crate::port::target::{Form, TargetError};

/// How often gates are run again because a function moved by itself meanwhile (an idle one that woke up, say).
const STEADY_TRIES: u32 = 3;

/// Runs all gates at this point and records the results in one record.
pub(super) async fn gates(session: &mut Session, at: At) -> Result<(), DriveError> {
    let (results, steady) = run_steadily(session, at).await?;
    session.note(&Event::Gated { at, results, steady }).await
}

async fn run_steadily(session: &Session, at: At) -> Result<(Vec<GateResult>, bool), DriveError> {
    let deployment = session.own()?;
    let mut results = Vec::new();
    for _ in 0..STEADY_TRIES {
        let before = tokens(session, deployment, at).await;
        results = run_all(&session.world, deployment, at).await;
        let after = tokens(session, deployment, at).await;
        match (before, after) {
            (Ok(before), Ok(after)) if before == after => return Ok((results, true)),
            (Ok(_), Ok(_)) => {}
            // A function that can't be looked at proves nothing about itself.
            (Err(error), _) | (_, Err(error)) => {
                for result in results.iter_mut().filter(|result| result.outcome == Outcome::Passed) {
                    result.outcome = Outcome::Errored;
                    result.detail = format!("passed, but {error}");
                }
                return Ok((results, true));
            }
        }
    }
    Ok((results, false))
}

async fn run_all(world: &World, deployment: &Deployment, at: At) -> Vec<GateResult> {
    let plan = &deployment.plan;
    let place = GatePlace {
        environment: &plan.environment,
        app: &plan.app,
        release: &plan.release,
        functions: forms(deployment, at),
    };
    let mut results = Vec::new();
    for gate in plan.gates_at(at) {
        let result = match plan.is_waived(&gate.name) {
            true => waived(gate),
            false => {
                world.watch.see(&Progress::GateBegins { name: &gate.name });
                world.gates.run(gate, &place).await
            }
        };
        world.watch.see(&Progress::GateEnded { result: &result });
        let stops = result.effect == Effect::Block && !matches!(result.outcome, Outcome::Passed | Outcome::Waived);
        results.push(result);
        if stops {
            break;
        }
    }
    results
}

fn forms(deployment: &Deployment, at: At) -> BTreeMap<Component, (String, Form)> {
    let plan = &deployment.plan;
    let parts = deployment.parts.iter().zip(&plan.components);
    let form = |version: &Option<tiers_core::id::Version>| match (at, version) {
        (At::Before | At::Staged, _) | (At::Published, None) => Form::Latest,
        (At::Published, Some(version)) => Form::Version(version.clone()),
        (At::Live, _) => Form::Alias(plan.alias.clone()),
    };
    parts.map(|(part, planned)| (part.component.clone(), (planned.function.clone(), form(&part.version)))).collect()
}

fn waived(gate: &Gate) -> GateResult {
    GateResult {
        gate: gate.name.clone(),
        at: gate.at,
        effect: gate.effect,
        outcome: Outcome::Waived,
        detail: "waived".to_owned(),
        output: String::new(),
        duration_ms: 0,
    }
}

/// The tokens of what the gates look at: `$LATEST` when staged, the alias when live. A numbered version never changes.
async fn tokens(session: &Session, deployment: &Deployment, at: At) -> Result<Vec<Token>, TargetError> {
    let mut tokens = Vec::new();
    for component in &deployment.plan.components {
        match at {
            At::Before | At::Published => {}
            At::Staged => tokens.push(settled_latest(session, &component.function).await?.token),
            At::Live => {
                let alias = session.world.target.look_alias(&component.function, &deployment.plan.alias).await?;
                tokens.push(alias.token);
            }
        }
    }
    Ok(tokens)
}
