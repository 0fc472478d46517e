//! Isolation, for what a repository holds or leaves out as a whole: committed states and plans, ignored lock files.

use crate::discover::names::folder_of_tests;
use crate::discover::usage;
use crate::finding::{Finding, Severity, listed};
use crate::hcl::{Span, SyntaxError};
use crate::model::{FileId, Place};
use crate::parsed::Parsed;
use crate::run::Context;
use crate::tree;

pub(super) fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    state_committed(context, out);
    lock_file_ignored(context, out);
    unreadable(context, out);
}

/// Folders in which a state is a specimen for tests.
fn is_specimen(path: &str) -> bool {
    path.split('/').any(|segment| {
        matches!(segment, "test" | "tests" | "testdata" | "fixtures" | "__fixtures__" | "spec" | "mocks" | "examples")
    })
}

fn state_committed(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (index, file) in context.tree.files().iter().enumerate() {
        let (state, plan) = (tree::is_state_name(file.name()), tree::is_plan_name(file.name()));
        if !(state || plan) || is_specimen(file.path()) || ignored(context, file.path()) {
            continue;
        }
        let what = if state { "state" } else { "plan" };
        let certain = state || file.name().contains("tfplan");
        let severity = if certain { Severity::Error } else { Severity::Warning };
        let place = Place { file: index, span: Span::default() };
        out.push(
            context
                .finding(
                    "state-committed",
                    place,
                    file.path(),
                    format!("a Terraform {what} is in the repository: {}", file.path()),
                )
                .severity(severity),
        );
    }
}

/// Whether a `.gitignore` at or above the path names it: then it is only on this machine.
pub(super) fn ignored(context: &Context<'_>, path: &str) -> bool {
    let mut result = false;
    for file in &context.ignores {
        let Parsed::Ignores(lines) = &context.parsed[*file] else { continue };
        let dir = context.tree.files()[*file].dir();
        let below =
            if dir.is_empty() { Some(path) } else { path.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/')) };
        let Some(below) = below else { continue };
        for line in lines {
            let (pattern, negated) = line.strip_prefix('!').map_or((*line, false), |rest| (rest, true));
            if fits(below, pattern) {
                result = !negated;
            }
        }
    }
    result
}

/// gitignore's manners, as far as paths of Terraform need them.
fn fits(path: &str, pattern: &str) -> bool {
    let pattern = pattern.trim_end_matches('/');
    let anchored = pattern.trim_start_matches("**/").contains('/');
    let pattern = pattern.trim_start_matches("**/").trim_start_matches('/');
    if anchored {
        return usage::matches(path, &pattern.replace("**", "*")) || usage::matches(path, &format!("{pattern}/*"));
    }
    path.split('/').any(|segment| usage::matches(segment, pattern))
}

fn lock_file_ignored(context: &Context<'_>, out: &mut Vec<Finding>) {
    const LOCK: &str = ".terraform.lock.hcl";
    if context.found.stacks.is_empty() {
        return;
    }
    for (index, (file, parsed)) in context.tree.files().iter().zip(context.parsed).enumerate() {
        let (Parsed::Ignores(_), Some(text)) = (parsed, file.text()) else { continue };
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let pattern = line.trim();
            let names_lock = pattern.ends_with(LOCK)
                || matches!(pattern, ".terraform*" | "*.lock.hcl" | ".terraform.*" | "**/.terraform*");
            if names_lock && !pattern.starts_with(['#', '!']) && !negated_later(&text[start..]) {
                let begin = start + line.len() - line.trim_start().len();
                let span = Span { start: to_u32(begin), end: to_u32(begin + pattern.len()) };
                let message = format!("git ignores {LOCK}, which holds the versions of the providers");
                out.push(context.finding("provider-lock-ignored", Place { file: index, span }, pattern, message));
                break;
            }
            start += line.len();
        }
    }
}

fn negated_later(text: &str) -> bool {
    text.lines().any(|line| line.trim().starts_with('!') && line.trim().ends_with(".terraform.lock.hcl"))
}

fn unreadable(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (index, parsed) in context.parsed.iter().enumerate() {
        let Parsed::Unreadable(error) = parsed else { continue };
        let text = context.tree.files()[index].text().unwrap_or_default();
        let (offset, said) = in_plain_words(text, error);
        let rest = text.get(offset..).unwrap_or_default();
        let end = offset + rest.find(['\r', '\n']).unwrap_or(rest.len());
        let span = Span { start: to_u32(offset), end: to_u32(end.max(offset)) };
        let (environments, needed) = needed_by(context, index);
        let broken_on_purpose = environments.is_empty() && folder_of_tests(context.tree.files()[index].dir()).is_some();
        if broken_on_purpose || is_filled_in(text, offset) {
            continue;
        }
        let without = match environments.is_empty() {
            true => String::new(),
            false => format!("; without it nothing is known of {}", listed(environments.iter().copied())),
        };
        let finding = context
            .finding(
                "file-unreadable",
                Place { file: index, span },
                "syntax",
                format!("this file could not be read: {said}{without}"),
            )
            .label("reading stopped here")
            .environments(environments.iter().copied());
        // Terraform may pass over other bytes in a comment.
        let is_text = context.tree.files()[index].text().is_some();
        let certain = needed && is_text && !is_of_old(text, offset);
        out.push(finding.severity(if certain { Severity::Error } else { Severity::Warning }));
    }
}

/// Whether reading stopped at what another program replaces before Terraform reads the file: `{{ region }}`, `{% if x %}`.
fn is_filled_in(text: &str, offset: usize) -> bool {
    let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    [("{{", "}}"), ("{%", "%}"), ("<%", "%>")]
        .iter()
        .any(|(open, close)| line.split_once(open).is_some_and(|(_, rest)| rest.contains(close)))
}

/// The environments that cannot be read without a file, and whether anything of Terraform's is run with it.
fn needed_by<'a>(context: &Context<'a>, file: FileId) -> (Vec<&'a str>, bool) {
    let (mut environments, mut needed) = (Vec::new(), false);
    for instance in context.found.stacks.iter().flat_map(|stack| &stack.instances) {
        let given =
            instance.var_files.contains(&file) || instance.backend_files.iter().any(|layered| layered.file == file);
        needed |= given || context.world.modules[instance.module].unreadable.contains(&file);
        let own = instance.environment.as_deref().filter(|_| instance.unread.contains(&file));
        environments.extend(own.filter(|own| !environments.contains(own)).into_iter().collect::<Vec<_>>());
    }
    let called = context.world.modules.iter().zip(&context.found.called).filter(|(_, called)| **called);
    needed |= called.into_iter().any(|(module, _)| module.unreadable.contains(&file));
    (environments, needed)
}

/// What the reader says, or what it means where that is plain, and where.
fn in_plain_words(text: &str, error: &SyntaxError) -> (usize, String) {
    let offset = error.offset.min(text.len());
    const MERGE: &str = "<<<<<<< ";
    let merge = if text.starts_with(MERGE) { Some(0) } else { text.find(&format!("\n{MERGE}")).map(|at| at + 1) };
    if let Some(at) = merge {
        return (at, "a merge was not finished here".to_string());
    }
    let rest = text.get(offset..).unwrap_or_default();
    if error.message.contains("redefined attribute") {
        let name: String = rest.chars().take_while(|it| it.is_alphanumeric() || matches!(it, '_' | '-')).collect();
        if !name.is_empty() {
            return (offset, format!("{name:?} is set twice"));
        }
    }
    if error.message.contains("expected `}`") && rest.trim().is_empty() {
        return (offset, "a block is not closed".to_string());
    }
    (offset, error.message.clone())
}

/// `variable "m" { type = "map" default = {} }`, which Terraform 0.11 took.
fn is_of_old(text: &str, offset: usize) -> bool {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let after = text.get(offset..).unwrap_or_default().lines().next().unwrap_or_default();
    line.contains('{') && line.contains('=') && after.contains('=')
}

fn to_u32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
