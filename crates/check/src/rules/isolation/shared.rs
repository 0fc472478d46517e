//! Environments, or root modules, that keep one state.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};

use super::keeping::is_for_all;
use super::misnamed;
use crate::finding::{Finding, Related, Severity, listed};
use crate::layout::Shape;
use crate::model::Place;
use crate::run::Context;
use crate::same_state::StateIdentity;
use crate::view::View;

/// Where one stack keeps its state in one environment.
pub(crate) struct State {
    identity: StateIdentity,
    environment: String,
    /// Of one region's share of an environment, that environment.
    within: Option<String>,
    stack: String,
    root: String,
    /// Where the settings stand that tell one state from another, the most telling first.
    places: Vec<Option<Place>>,
    block: Place,
    /// Where it names another environment.
    misnamed: Option<Place>,
}

impl State {
    fn root(&self) -> &str {
        if self.root.is_empty() { "." } else { &self.root }
    }

    /// The environment, with the root module where there are several.
    fn who(&self, one_root: bool) -> String {
        match (self.environment.as_str(), one_root) {
            ("", _) => self.stack.clone(),
            (environment, true) => environment.to_string(),
            (environment, false) => format!("{environment} ({})", self.root()),
        }
    }
}

/// The states of a stack that can be told from what is written down.
pub(crate) fn states(view: &View<'_>) -> Vec<State> {
    if view.stack.shape == Shape::Workspaces {
        return Vec::new();
    }
    let states = view.deployed.iter().filter_map(|deployed| {
        // That a file beside shared code is one for all of them is said of the file.
        let backend = deployed.backend.filter(|backend| backend.kind != "local" || !is_for_all(view))?;
        Some(State {
            identity: backend.state(deployed.module.dir),
            environment: deployed.environment.to_string(),
            within: deployed.instance.within.clone(),
            stack: view.stack.name.clone(),
            root: deployed.module.dir.to_string(),
            places: backend.telling().iter().map(|name| backend.place(name)).collect(),
            block: backend.block,
            misnamed: misnamed::line(view, deployed),
        })
    });
    states.collect()
}

/// States that several environments or root modules keep. What is said here of a backend that names another is not said again.
pub(crate) fn check(context: &Context<'_>, states: &[State], out: &mut Vec<Finding>) {
    // Nearly every state is kept by one environment alone.
    let keys: Vec<Option<Vec<&str>>> = states.iter().map(|state| state.identity.key()).collect();
    let mut counts: HashMap<&[&str], usize> = HashMap::with_capacity(states.len());
    for key in keys.iter().flatten() {
        *counts.entry(key).or_default() += 1;
    }
    let mut by_identity: BTreeMap<&[&str], Vec<&State>> = BTreeMap::new();
    for (state, key) in states.iter().zip(&keys) {
        if let Some(key) = key.as_deref().filter(|key| counts[key] > 1) {
            by_identity.entry(key).or_default().push(state);
        }
    }
    let mut of_stacks: BTreeMap<Vec<Place>, Vec<&Vec<&State>>> = BTreeMap::new();
    // What one wrong line brings about is one finding.
    let mut of_line: BTreeMap<Place, Vec<&Vec<&State>>> = BTreeMap::new();
    for sharing in by_identity.values() {
        let first = sharing[0];
        // Two root modules with one key do so in every environment.
        if sharing.iter().all(|state| state.environment == first.environment && !state.environment.is_empty()) {
            let places = shown(sharing);
            of_stacks.entry(sharing.iter().map(|state| place(state, places)).collect()).or_default().push(sharing);
            continue;
        }
        // The regions of one environment with one backend file: a script or one apply for all of them may be behind it.
        let of_first =
            |state: &&State| state.within == first.within && state.places == first.places && state.stack == first.stack;
        if first.within.is_some() && sharing.iter().all(of_first) {
            continue;
        }
        match sharing.iter().find_map(|state| state.misnamed) {
            Some(line) => of_line.entry(line).or_default().push(sharing),
            None => environments_share(context, sharing, &[], out),
        }
    }
    for (line, shared) in of_line {
        let Some((first, more)) = shared.split_first() else { continue };
        let at = context.location(line);
        out.retain(|finding| finding.rule != "backend-names-other" || finding.at != at);
        environments_share(context, first, more, out);
    }
    for shared in of_stacks.values() {
        stacks_share(context, shared, out);
    }
}

/// The most telling setting that is not written in one place for all of them; `None` where everything is.
fn shown(sharing: &[&State]) -> Option<usize> {
    let first = sharing.first()?;
    (0..first.places.len()).find(|index| {
        sharing.iter().any(|state| state.places.get(*index) != first.places.get(*index))
            && sharing.iter().all(|state| state.places.get(*index).is_some_and(Option::is_some))
    })
}

fn place(state: &State, shown: Option<usize>) -> Place {
    let of = |index: usize| state.places.get(index).copied().flatten();
    shown.and_then(of).or_else(|| state.places.iter().flatten().next().copied()).unwrap_or(state.block)
}

fn environments_share(context: &Context<'_>, sharing: &[&State], more: &[&Vec<&State>], out: &mut Vec<Finding>) {
    let one_root = sharing.iter().all(|state| state.stack == sharing[0].stack) && sharing[0].stack == ".";
    let names: Vec<String> = sharing.iter().map(|state| state.who(one_root)).collect();
    let at = sharing.iter().position(|state| state.misnamed.is_some()).unwrap_or(0);
    let first = sharing[at];
    let mut message = format!("{} keep one state: {}", listed(names.iter().map(|name| &**name)), first.identity);
    // One block in shared code may still be parted by workspaces that people choose by hand.
    let in_code = sharing.iter().all(|state| state.places == first.places && state.block == first.block);
    if in_code && context.written.workspace {
        return;
    }
    if in_code {
        message.push_str(", unless somebody chooses a workspace by hand");
    }
    if !more.is_empty() {
        let mut roots: Vec<&str> = more.iter().flat_map(|sharing| sharing.iter().map(|state| state.root())).collect();
        roots.sort_unstable();
        roots.dedup();
        message.push_str(&format!("; the same line does it in {}", listed(roots)));
    }
    let index = shown(sharing);
    let line = first.misnamed.unwrap_or_else(|| place(first, index));
    let mut related: Vec<(Place, Vec<&str>)> = Vec::new();
    for (state, name) in sharing.iter().zip(&names) {
        let theirs = state.misnamed.unwrap_or_else(|| place(state, index));
        if theirs == line {
            continue;
        }
        match related.iter_mut().find(|(place, _)| *place == theirs) {
            Some((_, names)) => names.push(name),
            None => related.push((theirs, vec![name])),
        }
    }
    let related: Vec<Related> = related
        .into_iter()
        .map(|(place, names)| context.related(place, format!("the same state for {}", listed(names))))
        .collect();
    let of_line =
        sharing.iter().zip(&names).filter(|(state, _)| state.misnamed.unwrap_or_else(|| place(state, index)) == line);
    let whose = listed(of_line.map(|(_, name)| &**name));
    out.push(
        context
            .finding("state-shared", line, &first.identity.to_string(), message)
            .severity(if in_code { Severity::Warning } else { Severity::Error })
            .label(format!("the state of {whose}"))
            .environments(sharing.iter().map(|state| state.environment.as_str()))
            .besides(related),
    );
}

/// Root modules that keep one state in each of these environments.
fn stacks_share(context: &Context<'_>, shared: &[&Vec<&State>], out: &mut Vec<Finding>) {
    let Some((first, rest)) = shared.first().and_then(|states| states.split_first()) else { return };
    let roots: Vec<&str> = shared[0].iter().map(|state| state.root()).collect();
    let mut environments: Vec<&str> =
        shared.iter().filter_map(|states| Some(states.first()?.environment.as_str())).collect();
    environments.sort_by_key(|name| context.found.environments.iter().position(|known| known == name));
    let message = format!(
        "{} keep one state in {}: {}",
        listed(roots.iter().copied()),
        listed(environments.iter().copied()),
        first.identity
    );
    let index = shown(shared[0]);
    let line = place(first, index);
    let related = rest.iter().filter(|state| place(state, index) != line);
    let related: Vec<_> = related
        .map(|state| context.related(place(state, index), format!("the same state for {}", state.root())))
        .collect();
    out.push(
        context
            .finding("state-shared", line, &first.identity.to_string(), message)
            .label(format!("the state of {}", roots[0]))
            .fix("Give each root module a key of its own, and move the state before the next apply.")
            .environments(environments)
            .besides(related),
    );
}
