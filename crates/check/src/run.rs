//! One check from the text to the report: parse, discover, evaluate each stack in each environment, apply the rules.

use std::sync::OnceLock;

use rayon::prelude::*;

use crate::backend::{self, Backend};
use crate::discover::{self, Found};
use crate::eval::World;
use crate::finding::{Finding, Report, Suppressed};
use crate::flow::Flows;
use crate::model::{self, FileId};
use crate::options::Options;
use crate::owners::Owners;
use crate::parsed::{self, Parsed};
use crate::rules;
use crate::secrets::Secrets;
use crate::suppress;
use crate::tree::FileTree;
use crate::view::View;
use crate::written::Written;

/// So many stacks are looked at by one core before another may take over: they take a tenth of a millisecond each.
const STACKS: usize = 4;

/// Everything that the rules look at.
pub(crate) struct Context<'a> {
    pub(crate) tree: &'a FileTree,
    pub(crate) parsed: &'a [Parsed<'a>],
    pub(crate) world: &'a World<'a>,
    pub(crate) found: &'a Found,
    pub(crate) options: &'a Options,
    /// By stack and instance.
    pub(crate) backends: &'a [Vec<Option<Backend<'a>>>],
    /// The files that say what git ignores.
    pub(crate) ignores: Vec<FileId>,
    /// A script or workflow writes Terraform's configuration before it runs it.
    pub(crate) scripts_write_backend: bool,
    /// What else they prepare for it.
    pub(crate) written: Written,
    /// What jobs and scripts run.
    pub(crate) flows: &'a Flows<'a>,
    owners: OnceLock<Owners>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        tree: &'a FileTree,
        parsed: &'a [Parsed<'a>],
        world: &'a World<'a>,
        found: &'a Found,
        backends: &'a [Vec<Option<Backend<'a>>>],
        flows: &'a Flows<'a>,
        options: &'a Options,
    ) -> Context<'a> {
        let ignores = parsed.iter().enumerate().filter(|(_, parsed)| matches!(parsed, Parsed::Ignores(_)));
        let ignores = ignores.map(|(file, _)| file).collect();
        const WRITTEN: &[&str] = &["backend.tf", "_override.tf", "backend \"", "providers.tf"];
        let scripts_write_backend = tree.files().iter().zip(parsed).any(|(file, parsed)| {
            matches!(parsed, Parsed::Script(_) | Parsed::Workflow(_) | Parsed::Words(_))
                && file.text().is_some_and(|text| WRITTEN.iter().any(|sign| text.contains(sign)))
        });
        let written = Written::find(tree, parsed);
        let owners = OnceLock::new();
        Context {
            tree,
            parsed,
            world,
            found,
            options,
            backends,
            ignores,
            scripts_write_backend,
            written,
            flows,
            owners,
        }
    }

    /// Whose accounts the numbers are; found where the first text holds one.
    pub(crate) fn owners(&self) -> &Owners {
        self.owners.get_or_init(|| Owners::find(self.parsed, self.world, self.found, self.options))
    }
}

/// Checks a repository. Nothing is read but what the tree holds; the same tree and options give the same report.
pub fn check(tree: &FileTree, options: &Options) -> Report {
    // From one of the pool's own threads each step begins at once; from any other thread it has to wake them first.
    rayon::scope(|_| check_here(tree, options))
}

fn check_here(tree: &FileTree, options: &Options) -> Report {
    let parsed = parsed::parse(tree);
    let (world, flows) = rayon::join(|| World::new(tree, model::modules(tree, &parsed)), || Flows::find(tree, &parsed));
    let found = discover::find(tree, &parsed, &world, options);
    let backends = backend::all(&parsed, &world, &found);
    let context = Context::new(tree, &parsed, &world, &found, &backends, &flows, options);

    // Stacks in small portions, and beside them what is about the repository as a whole: no core waits for another.
    let stacks = (0..found.stacks.len()).into_par_iter().with_max_len(STACKS).map(|stack| {
        let view = View::new(&context, stack);
        (rules::stack(&view), Secrets::of(&view))
    });
    let ((by_stack, secrets), (of_repository, layout)) = rayon::join(
        || stacks.unzip::<_, _, Vec<_>, Vec<_>>(),
        || (rules::repository(&context), discover::layout(tree, &world, &found, &backends)),
    );
    let secrets = Secrets::all(secrets);
    let mut findings = rules::together(&context, by_stack, of_repository);
    secrets.hide(&mut findings);
    let mut report = report(&context, findings, layout);
    report.masked = secrets.masked(&context);
    drop(context);
    // Hundreds of thousands of small pieces: to give them back takes a while on one core.
    backends.into_par_iter().with_min_len(16).with_max_len(64).for_each(drop);
    rayon::join(|| drop(found), || drop(world));
    parsed.into_par_iter().with_min_len(64).with_max_len(256).for_each(drop);
    report
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
    let mut report =
        Report { findings: Vec::new(), suppressed: Vec::new(), in_baseline: 0, layout, masked: Vec::new() };
    let only = &context.options.only;
    let asked = |path: &str| only.is_empty() || only.iter().any(|entry| suppress::path_matches(path, entry));
    for finding in findings {
        if !asked(&finding.at.path) && !finding.related.iter().any(|related| asked(&related.at.path)) {
            continue;
        }
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
