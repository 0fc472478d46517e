//! Code that more than one environment runs, and which of them have a block of it at all.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashSet, HashSetExt};

use crate::discover::names;
use crate::eval::{Evaluation, Present};
use crate::finding::Severity;
use crate::hcl::Block;
use crate::model::Repetition;
use crate::run::Context;
use crate::view::Deployed;

/// A module that more than one environment runs.
pub(super) struct Shared<'c> {
    pub(super) module: usize,
    pub(super) environments: BTreeSet<&'c str>,
    /// How much a finding in it matters at most.
    pub(super) worst: Severity,
    runs: Runs,
}

/// Who runs a module.
#[derive(Default)]
struct Runs {
    /// The root modules, in order, that run it.
    roots: Vec<usize>,
    /// A call that leads to it is repeated, perhaps not once.
    repeated: bool,
}

/// All of them. One that no root calls is for whoever will: what is wrong in it is a hint.
pub(super) fn modules<'c>(context: &'c Context<'_>) -> Vec<Shared<'c>> {
    let mut of_root: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for instance in context.found.stacks.iter().flat_map(|stack| &stack.instances) {
        if let Some(environment) = &instance.environment {
            of_root.entry(instance.module).or_default().insert(environment);
        }
    }
    let mut of_module: BTreeMap<usize, (BTreeSet<&str>, Runs)> = BTreeMap::new();
    for (root, environments) in of_root {
        let mut seen = HashSet::new();
        let mut next = vec![(root, false)];
        while let Some((module, repeated)) = next.pop() {
            if !seen.insert(module) {
                continue;
            }
            let (all, runs) = of_module.entry(module).or_default();
            all.extend(&environments);
            runs.roots.push(root);
            runs.repeated |= repeated;
            let calls = &context.world.modules[module].calls;
            next.extend(calls.iter().filter_map(|call| Some((call.target?, repeated || call.repetition.is_some()))));
        }
    }
    let run: Vec<usize> = of_module.keys().copied().collect();
    let of_all = of_module.into_iter().filter(|(_, (environments, _))| environments.len() > 1);
    let mut out: Vec<Shared<'c>> = of_all
        .map(|(module, (environments, runs))| Shared { module, environments, worst: Severity::Error, runs })
        .collect();
    let all: BTreeSet<&str> = context.found.environments.iter().map(String::as_str).collect();
    if all.len() > 1 {
        let seen = crate::rules::seen(context);
        let for_nobody = |module: &usize| !seen[*module] && run.binary_search(module).is_err();
        let shown = |module: &usize| !is_shown(context.world.modules[*module].dir);
        let uncalled = (0..context.world.modules.len()).filter(for_nobody).filter(shown);
        out.extend(uncalled.map(|module| Shared {
            module,
            environments: all.clone(),
            worst: Severity::Hint,
            runs: Runs::default(),
        }));
    }
    out
}

impl<'s> Shared<'s> {
    /// The environments in which a block of the module stands, as far as its count and those of the calls above it tell.
    pub(super) fn having<'c>(&self, context: &'c Context<'c>, block: &'c Block<'c>) -> BTreeSet<&'c str>
    where
        's: 'c,
    {
        let repeatable = matches!(block.kind, "resource" | "data" | "module");
        let repetition = Repetition::of(&block.body);
        let repeats = repeatable && repetition.is_some();
        if self.runs.roots.is_empty() || !(repeats || self.runs.repeated) {
            return self.environments.clone();
        }
        let mut having = BTreeSet::new();
        let instances = context.found.stacks.iter().flat_map(|stack| &stack.instances);
        for instance in instances.filter(|instance| self.runs.roots.binary_search(&instance.module).is_ok()) {
            let Some(environment) = instance.environment.as_deref().filter(|name| !having.contains(name)) else {
                continue;
            };
            let deployed = Deployed::new(context, instance, None);
            // What cannot be read may call for it, or say that there is one.
            let unread = !instance.unread.is_empty();
            if unread || self.stands(context, &deployed, repeats.then_some(repetition)) {
                having.insert(environment);
            }
        }
        having
    }

    fn stands<'c>(
        &self,
        context: &'c Context<'c>,
        deployed: &Deployed<'c>,
        repetition: Option<Repetition<'c>>,
    ) -> bool {
        let evaluation = &deployed.evaluation;
        let wanted = &context.world.modules[self.module];
        let mut next = vec![Evaluation::ROOT];
        while let Some(scope) = next.pop() {
            let module = evaluation.module(scope);
            if std::ptr::eq(module, wanted) {
                match repetition {
                    Some(repetition) if evaluation.present(scope, repetition) == Present::No => {}
                    _ => return true,
                }
            }
            next.extend(module.calls.iter().filter_map(|call| evaluation.child(scope, call)));
        }
        false
    }
}

/// Folders that show how something is used, or from which others are made.
fn is_shown(dir: &str) -> bool {
    dir.split('/').any(|segment| {
        matches!(segment, "examples" | "example" | "test" | "tests" | "testdata" | "fixtures")
            || names::is_mould(segment)
    })
}
