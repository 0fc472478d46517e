//! One check from the text to the report: parse, discover, evaluate each stack in each environment, apply the rules.

use rayon::prelude::*;

use crate::discover::{self, Found};
use crate::eval::World;
use crate::finding::{Finding, Report, Suppressed};
use crate::model;
use crate::options::Options;
use crate::parsed::{self, Parsed};
use crate::rules;
use crate::suppress;
use crate::tree::FileTree;
use crate::view::View;

/// Everything that the rules look at.
pub(crate) struct Context<'a> {
    pub(crate) tree: &'a FileTree,
    pub(crate) parsed: &'a [Parsed<'a>],
    pub(crate) world: &'a World<'a>,
    pub(crate) found: &'a Found,
    pub(crate) options: &'a Options,
}

/// Checks a repository. Nothing is read but what the tree holds; the same tree and options give the same report.
pub fn check(tree: &FileTree, options: &Options) -> Report {
    let parsed = parsed::parse(tree);
    let world = World::new(model::modules(tree, &parsed));
    let found = discover::find(tree, &parsed, &world, options);
    let context = Context { tree, parsed: &parsed, world: &world, found: &found, options };

    let by_stack: Vec<rules::StackResult> = found
        .stacks
        .par_iter()
        .map(|stack| {
            let view = View::new(&context, stack);
            rules::stack(&view)
        })
        .collect();
    let findings = rules::repository(&context, by_stack);
    let layout = discover::layout(tree, &parsed, &world, &found);
    report(&context, findings, layout)
}

fn report(context: &Context<'_>, mut findings: Vec<Finding>, layout: crate::layout::Layout) -> Report {
    findings.sort_by(|a, b| {
        (&a.at.path, a.at.bytes, a.rule, &a.message).cmp(&(&b.at.path, b.at.bytes, b.rule, &b.message))
    });
    // The same fault in several environments is one finding.
    findings.dedup_by(|later, kept| {
        let same = later.fingerprint == kept.fingerprint && later.at == kept.at;
        if same {
            *kept = kept.clone().environments(later.environments.iter().map(String::as_str));
        }
        same
    });
    let silencers = suppress::Silencers::read(context.tree, context.options, &findings);
    let mut report = Report { findings: Vec::new(), suppressed: Vec::new(), in_baseline: 0, layout };
    for finding in findings {
        if let Some(reason) = silencers.reason(&finding) {
            report.suppressed.push(Suppressed { finding, reason });
        } else if context.options.baseline.contains(&finding.fingerprint) {
            report.in_baseline += 1;
        } else {
            report.findings.push(finding);
        }
    }
    report
}
