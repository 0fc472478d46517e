//! Environments, or root modules, that keep one state.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use foldhash::{HashMap, HashMapExt};

use super::keeping::is_for_all;
use super::misnamed;
use crate::backend::Backend;
use crate::finding::{Finding, Related, Severity, listed};
use crate::layout::Shape;
use crate::model::Place;
use crate::run::Context;
use crate::same_state::StateIdentity;
use crate::view::View;

/// Where one stack keeps its state in one environment.
pub(crate) struct State<'a> {
    identity: StateIdentity,
    /// Of the identity's key, where it has one: nearly every state has one of its own.
    hash: Option<u64>,
    environment: &'a str,
    /// Of one region's share of an environment, that environment.
    within: Option<&'a str>,
    stack: &'a str,
    /// Whether all environments of the stack run the same code.
    shares_root: bool,
    root: &'a str,
    backend: &'a Backend<'a>,
}

impl<'a> State<'a> {
    fn root(&self) -> &'a str {
        if self.root.is_empty() { "." } else { self.root }
    }

    /// Where the settings stand that tell one state from another, the most telling first.
    fn places(&self) -> impl Iterator<Item = Option<Place>> {
        self.backend.telling().iter().map(|name| self.backend.place(name))
    }

    /// Where it names another environment.
    fn misnamed(&self, context: &Context<'_>) -> Option<Place> {
        misnamed::line(context, self.backend, self.environment, self.shares_root)
    }

    /// The environment, with the root module where there are several.
    fn who(&self, one_root: bool) -> String {
        match (self.environment, one_root) {
            ("", _) => self.stack.to_string(),
            (environment, true) => environment.to_string(),
            (environment, false) => format!("{environment} ({})", self.root()),
        }
    }
}

/// The states of a stack that can be told from what is written down.
pub(crate) fn states<'a>(view: &View<'a>) -> Vec<State<'a>> {
    if view.stack.shape == Shape::Workspaces {
        return Vec::new();
    }
    let shares_root = view.shares_root();
    let for_all = LazyCell::new(|| is_for_all(view));
    let states = view.deployed.iter().filter_map(|deployed| {
        // That a file beside shared code is one for all of them is said of the file.
        let backend = deployed.backend.filter(|backend| backend.kind != "local" || !*for_all)?;
        let identity = backend.state(deployed.module.dir);
        Some(State {
            hash: identity.key().map(|key| FixedState::default().hash_one(key)),
            identity,
            environment: deployed.environment,
            within: deployed.instance.within.as_deref(),
            stack: &view.stack.name,
            shares_root,
            root: deployed.module.dir,
            backend,
        })
    });
    states.collect()
}

/// States that several environments or root modules keep. What is said here of a backend that names another is not said again.
pub(crate) fn check(context: &Context<'_>, states: &[State<'_>], out: &mut Vec<Finding>) {
    // Nearly every state is kept by one environment alone.
    let mut counts: HashMap<u64, usize> = HashMap::with_capacity(states.len());
    for hash in states.iter().filter_map(|state| state.hash) {
        *counts.entry(hash).or_default() += 1;
    }
    let mut by_identity: BTreeMap<Vec<&str>, Vec<&State<'_>>> = BTreeMap::new();
    for state in states.iter().filter(|state| state.hash.is_some_and(|hash| counts[&hash] > 1)) {
        if let Some(key) = state.identity.key() {
            by_identity.entry(key).or_default().push(state);
        }
    }
    let mut of_stacks: BTreeMap<Vec<Place>, Vec<&Vec<&State<'_>>>> = BTreeMap::new();
    // What one wrong line brings about is one finding.
    let mut of_line: BTreeMap<Place, Vec<&Vec<&State<'_>>>> = BTreeMap::new();
    for sharing in by_identity.values().filter(|sharing| sharing.len() > 1) {
        let first = sharing[0];
        // Two root modules with one key do so in every environment.
        if sharing.iter().all(|state| state.environment == first.environment && !state.environment.is_empty()) {
            let places = shown(sharing);
            of_stacks.entry(sharing.iter().map(|state| place(state, places)).collect()).or_default().push(sharing);
            continue;
        }
        // The regions of one environment with one backend file: a script or one apply for all of them may be behind it.
        let of_first = |state: &&State<'_>| {
            state.within == first.within && state.places().eq(first.places()) && state.stack == first.stack
        };
        if first.within.is_some() && sharing.iter().all(of_first) {
            continue;
        }
        match sharing.iter().find_map(|state| state.misnamed(context)) {
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
fn shown(sharing: &[&State<'_>]) -> Option<usize> {
    let first = sharing.first()?;
    let place = |state: &State<'_>, index: usize| state.places().nth(index).flatten();
    (0..first.places().count()).find(|index| {
        sharing.iter().any(|state| place(state, *index) != place(first, *index))
            && sharing.iter().all(|state| place(state, *index).is_some())
    })
}

fn place(state: &State<'_>, shown: Option<usize>) -> Place {
    let of = |index: usize| state.places().nth(index).flatten();
    shown.and_then(of).or_else(|| state.places().flatten().next()).unwrap_or(state.backend.block)
}

fn environments_share(
    context: &Context<'_>,
    sharing: &[&State<'_>],
    more: &[&Vec<&State<'_>>],
    out: &mut Vec<Finding>,
) {
    let one_root = sharing.iter().all(|state| state.stack == sharing[0].stack) && sharing[0].stack == ".";
    let names: Vec<String> = sharing.iter().map(|state| state.who(one_root)).collect();
    let misnamed: Vec<Option<Place>> = sharing.iter().map(|state| state.misnamed(context)).collect();
    let at = misnamed.iter().position(Option::is_some).unwrap_or(0);
    let first = sharing[at];
    let mut message = format!("{} keep one state: {}", listed(names.iter().map(|name| &**name)), first.identity);
    // One block in shared code may still be parted by workspaces that people choose by hand.
    let in_code =
        sharing.iter().all(|state| state.places().eq(first.places()) && state.backend.block == first.backend.block);
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
    // The setting that names another environment, where one does, for all of them.
    let telling = misnamed.iter().zip(sharing).find_map(|(line, state)| {
        let line = (*line)?;
        state.places().position(|place| place == Some(line))
    });
    let index = telling.or_else(|| shown(sharing));
    let lines: Vec<Place> =
        sharing.iter().zip(&misnamed).map(|(state, line)| line.unwrap_or_else(|| place(state, index))).collect();
    let line = lines[at];
    let mut related: Vec<(Place, Vec<&str>)> = Vec::new();
    for (theirs, name) in lines.iter().copied().zip(&names) {
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
    let of_line = lines.iter().zip(&names).filter(|(theirs, _)| **theirs == line);
    let whose = listed(of_line.map(|(_, name)| &**name));
    out.push(
        context
            .finding("state-shared", line, &first.identity.to_string(), message)
            .severity(if in_code { Severity::Warning } else { Severity::Error })
            .label(format!("the state of {whose}"))
            .environments(sharing.iter().map(|state| state.environment))
            .besides(related),
    );
}

/// Root modules that keep one state in each of these environments.
fn stacks_share(context: &Context<'_>, shared: &[&Vec<&State<'_>>], out: &mut Vec<Finding>) {
    let Some((first, rest)) = shared.first().and_then(|states| states.split_first()) else { return };
    let roots: Vec<&str> = shared[0].iter().map(|state| state.root()).collect();
    let mut environments: Vec<&str> = shared.iter().filter_map(|states| Some(states.first()?.environment)).collect();
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
