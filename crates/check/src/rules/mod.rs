//! The rules, by family, and the catalogue of what each is called and means.

mod catalogue;
mod collision;
mod isolation;
mod ownership;
mod parity;
mod pipelines;
mod repository;
mod tags;

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use crate::finding::{Finding, Location};
use crate::model::Module;
use crate::rule::Rule;
use crate::run::Context;
use crate::view::View;

pub(crate) use parity::has_bounds;

pub(crate) static CATALOGUE: LazyLock<Vec<Rule>> = LazyLock::new(catalogue::all);

/// What one stack gives: its findings, and what has to be compared with other stacks.
pub(crate) struct StackResult<'a> {
    findings: Vec<Finding>,
    states: Vec<isolation::State<'a>>,
    regional: Vec<collision::Regional>,
}

/// The rules that look at one stack at a time.
pub(crate) fn stack<'a>(view: &View<'a>) -> StackResult<'a> {
    let mut findings = Vec::new();
    isolation::check(view, &mut findings);
    parity::check(view, &mut findings);
    collision::check(view, &mut findings);
    tags::check(view, &mut findings);
    ownership::check(view, &mut findings);
    leave_out_consequences(&mut findings);
    StackResult { findings, states: isolation::states(view), regional: collision::regional(view) }
}

/// Where one environment passes for another, all of their names are the same: that is one mistake, and it is said once.
fn leave_out_consequences(findings: &mut Vec<Finding>) {
    let passes: Vec<Vec<String>> = findings
        .iter()
        .filter(|finding| finding.rule == "environment-wrong")
        .map(|finding| finding.environments.clone())
        .collect();
    let follows = |finding: &Finding| {
        finding.environments.len() > 1
            && passes.iter().any(|pair| finding.environments.iter().all(|environment| pair.contains(environment)))
    };
    findings.retain(|finding| finding.rule != "name-collides" || !follows(finding));
}

/// The rules that look at the repository as a whole.
pub(crate) fn repository(context: &Context<'_>) -> Vec<Finding> {
    let families: [fn(&Context<'_>, &mut Vec<Finding>); 5] =
        [repository::check, parity::repository, collision::repository, ownership::repository, pipelines::repository];
    let found = families.par_iter().flat_map_iter(|family| {
        let mut out = Vec::new();
        family(context, &mut out);
        out
    });
    found.collect()
}

/// Everything that the stacks gave, what comes out where they are compared, and what was found in the repository as a whole.
pub(crate) fn together(
    context: &Context<'_>,
    stacks: Vec<StackResult<'_>>,
    of_repository: Vec<Finding>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut states = Vec::with_capacity(stacks.iter().map(|stack| stack.states.len()).sum());
    let mut regional = Vec::new();
    for stack in stacks {
        findings.extend(stack.findings);
        states.extend(stack.states);
        regional.extend(stack.regional);
    }
    collision::compare(context, &regional, &mut findings);
    isolation::shared_state(context, &states, &mut findings);
    findings.extend(of_repository);
    leave_out_tags_named_twice(&mut findings);
    findings
}

/// A tag that says another environment is one fault, though the text is also a name in shared code or in a value.
fn leave_out_tags_named_twice(findings: &mut Vec<Finding>) {
    let mut tags: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
    for finding in findings.iter().filter(|finding| finding.rule == "tag-environment") {
        tags.entry(finding.at.path.clone()).or_default().push(finding.at.bytes);
    }
    let said = |at: &Location| {
        let of_file = tags.get(&at.path).into_iter().flatten();
        of_file.into_iter().any(|(start, end)| *start < at.bytes.1 && at.bytes.0 < *end)
    };
    findings
        .retain(|finding| !matches!(finding.rule, "environment-in-code" | "value-names-other") || !said(&finding.at));
}

/// By module: whether some stack runs it, itself or by a call.
fn seen(context: &Context<'_>) -> Vec<bool> {
    let mut seen = context.found.called.clone();
    for instance in context.found.stacks.iter().flat_map(|stack| &stack.instances) {
        seen[instance.module] = true;
    }
    seen
}

/// Looks at every module that some stack runs, itself or by a call, on all cores.
fn each_module<'a>(
    context: &Context<'a>,
    out: &mut Vec<Finding>,
    look: impl Fn(&Module<'a>, &mut Vec<Finding>) + Sync,
) {
    let seen = seen(context);
    out.par_extend(
        context.world.modules.par_iter().zip(&seen).with_min_len(8).filter(|(_, seen)| **seen).flat_map_iter(
            |(module, _)| {
                let mut out = Vec::new();
                look(module, &mut out);
                out
            },
        ),
    );
}
