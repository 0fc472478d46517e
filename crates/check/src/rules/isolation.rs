//! Isolation: one environment's state, lock and backend against another's.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::layout::Shape;
use crate::model::Place;
use crate::run::Context;
use crate::view::View;

/// Where one stack keeps its state in one environment.
pub(crate) struct State {
    identity: Vec<String>,
    environment: String,
    stack: String,
    root: String,
    place: Place,
}

pub(super) fn check(_view: &View<'_>, _out: &mut Vec<Finding>) {}

/// The states of a stack that can be told from what is written down.
pub(super) fn states(view: &View<'_>) -> Vec<State> {
    if view.stack.shape == Shape::Workspaces {
        return Vec::new();
    }
    view.deployed
        .iter()
        .filter_map(|deployed| {
            let backend = deployed.backend.as_ref()?;
            let (identity, telling) = backend.state()?;
            Some(State {
                identity,
                environment: deployed.environment.to_string(),
                stack: view.stack.name.clone(),
                root: deployed.module.dir.to_string(),
                place: backend.place(telling).unwrap_or(backend.block),
            })
        })
        .collect()
}

pub(super) fn shared_state(context: &Context<'_>, states: &[State], out: &mut Vec<Finding>) {
    let mut by_identity: BTreeMap<&[String], Vec<&State>> = BTreeMap::new();
    for state in states {
        by_identity.entry(&state.identity).or_default().push(state);
    }
    for sharing in by_identity.values().filter(|sharing| sharing.len() > 1) {
        let who = |state: &State| match (state.environment.as_str(), state.stack.as_str()) {
            ("", stack) => stack.to_string(),
            (environment, ".") => environment.to_string(),
            (environment, _) => format!("{environment} ({})", if state.root.is_empty() { "." } else { &state.root }),
        };
        let names: Vec<String> = sharing.iter().map(|state| who(state)).collect();
        let first = sharing[0];
        let message = format!("{} keep one state: {}", names.join(" and "), describe(&first.identity));
        let subject = first.identity.join("/");
        let finding = context
            .finding("state-shared", first.place, &subject, message)
            .label(format!("the state of {}", names[0]))
            .environments(sharing.iter().map(|state| state.environment.as_str()));
        let others = sharing.iter().zip(&names).skip(1).filter(|(state, _)| state.place != first.place);
        let related: Vec<_> =
            others.map(|(state, name)| context.related(state.place, format!("the same state for {name}"))).collect();
        out.push(finding.besides(related));
    }
}

fn describe(identity: &[String]) -> String {
    let (kind, parts) = identity.split_first().map_or(("", identity), |(kind, parts)| (kind.as_str(), parts));
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    format!("{kind} {}", parts.join("/"))
}
