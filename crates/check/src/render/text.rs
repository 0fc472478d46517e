//! The report for a person at a terminal: worst first, by rule, each finding with its line and the other environment's beside it.

use std::borrow::Cow;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::finding::{Finding, Location, Masked, Report, Severity};
use crate::layout::Shape;
use crate::rule::{Rule, explain, rules};
use crate::tree::FileTree;

use super::visible::{visible, visible_above_ascii};

/// How the text may look.
#[derive(Clone, Copy, Debug)]
pub struct TextStyle {
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Shows every hint with its line; otherwise hints take one line each, and at most a few per rule.
    pub all: bool,
}

impl Default for TextStyle {
    fn default() -> Self {
        TextStyle { colour: false, width: 100, all: false }
    }
}

/// Hints of one rule that are listed before the rest is only counted.
const HINTS_SHOWN: usize = 5;

/// The whole report; ends with a line that sums it up.
pub fn text(report: &Report, tree: &FileTree, style: TextStyle) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width.max(60));
    let sources = Sources { tree, masked: &report.masked };
    let mut out = String::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Hint] {
        for rule in rules() {
            let findings: Vec<&Finding> = report
                .findings
                .iter()
                .filter(|finding| finding.severity == severity && finding.rule == rule.id)
                .collect();
            if findings.is_empty() {
                continue;
            }
            if severity == Severity::Hint && !style.all {
                hints(rule, &findings, &mut out);
            } else {
                for (index, finding) in findings.iter().enumerate() {
                    out.push_str(&one(finding, rule, index == 0, sources, &renderer, style));
                    out.push_str("\n\n");
                }
            }
        }
    }
    out.push_str(&visible(&summary(report)));
    out
}

/// Columns in front of a note's text, where line numbers have three digits.
const NOTE_INDENT: usize = 12;

fn paragraph(text: &str, width: usize) -> String {
    let mut lines = wrapped(text, width.max(60) - NOTE_INDENT, "");
    lines.pop();
    lines
}

fn one(
    finding: &Finding,
    rule: &Rule,
    first_of_rule: bool,
    sources: Sources<'_>,
    renderer: &Renderer,
    style: TextStyle,
) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::NOTE.with_name("hint"),
    };
    let primary = Excerpt::of(sources, &finding.at);
    // Names out of files stand in all of these, and the renderer replaces control characters in some of them only.
    let (message, label, fix) = (visible(&finding.message), visible(&finding.label), visible(&finding.fix));
    let related: Vec<(Excerpt<'_>, Cow<'_, str>)> =
        finding.related.iter().map(|related| (Excerpt::of(sources, &related.at), visible(&related.says))).collect();
    let title = level.primary_title(&*message).id(finding.rule);
    let mut group = title.element(primary.snippet(AnnotationKind::Primary, &label));
    for (excerpt, says) in &related {
        group = group.element(excerpt.snippet(AnnotationKind::Context, says));
    }
    let fix = if fix.is_empty() { rule.fix } else { &*fix };
    // The message stands behind `   = why: `; the renderer lines up what follows, and wraps nothing itself.
    let (why, fix) = (paragraph(rule.consequence, style.width), paragraph(fix, style.width));
    if first_of_rule {
        group = group.element(Level::NOTE.with_name("why").message(why.as_str()));
        group = group.element(Level::HELP.with_name("fix").message(fix.as_str()));
    } else if !finding.fix.is_empty() {
        group = group.element(Level::HELP.with_name("fix").message(fix.as_str()));
    }
    let report: &[Group<'_>] = &[group];
    visible_above_ascii(renderer.render(report))
}

/// Where lines of source come from, and what is not shown of them.
#[derive(Clone, Copy)]
struct Sources<'t> {
    tree: &'t FileTree,
    masked: &'t [Masked],
}

/// The lines that a location covers, with its offsets in them.
struct Excerpt<'t> {
    path: Cow<'t, str>,
    lines: Cow<'t, str>,
    first_line: usize,
    start: usize,
    end: usize,
}

impl<'t> Excerpt<'t> {
    fn of(sources: Sources<'t>, at: &'t Location) -> Excerpt<'t> {
        let text = sources.tree.get(&at.path).and_then(|file| file.text()).unwrap_or_default();
        let (start, end) = (at.bytes.0.min(text.len()), at.bytes.1.min(text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |found| found + 1);
        // A span over many lines is shown by its first one.
        let first_end = text[start..].find('\n').map_or(text.len(), |found| start + found);
        let end = end.min(first_end).max(start);
        let lines = text[line_start..first_end].trim_end_matches('\r');
        let limit = lines.len();
        Excerpt {
            path: visible(&at.path),
            lines: without(lines, line_start, sources.masked.iter().filter(|masked| masked.path == at.path)),
            first_line: at.line,
            start: (start - line_start).min(limit),
            end: (end - line_start).min(limit),
        }
    }

    fn snippet<'s>(&'s self, kind: AnnotationKind, label: &'s str) -> Snippet<'s, annotate_snippets::Annotation<'s>> {
        let annotation = kind.span(self.start..self.end);
        let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
        Snippet::source(&*self.lines).path(&*self.path).line_start(self.first_line).annotation(annotation)
    }
}

/// A line with stars in place of what must not be shown.
fn without<'t, 'm>(line: &'t str, start: usize, masked: impl Iterator<Item = &'m Masked>) -> Cow<'t, str> {
    let mut out = Cow::Borrowed(line);
    for Masked { bytes: (from, to), .. } in masked {
        let (from, to) = (from.saturating_sub(start).min(line.len()), to.saturating_sub(start).min(line.len()));
        if from < to && line.is_char_boundary(from) && line.is_char_boundary(to) {
            // As many bytes, so that what is underlined stays where it is.
            out.to_mut().replace_range(from..to, &"*".repeat(to - from));
        }
    }
    out
}

fn hints(rule: &Rule, findings: &[&Finding], out: &mut String) {
    out.push_str(&format!("hint[{}]: {}\n", rule.id, rule.title));
    for finding in findings.iter().take(HINTS_SHOWN) {
        out.push_str(&visible(&format!("  {}:{}: {}\n", finding.at.path, finding.at.line, finding.message)));
    }
    if findings.len() > HINTS_SHOWN {
        out.push_str(&format!("  and {} more\n", findings.len() - HINTS_SHOWN));
    }
    out.push('\n');
}

fn summary(report: &Report) -> String {
    let counted = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let environments = &report.layout.environments;
    let place = match environments.len() {
        0 => "no environments found".to_string(),
        _ => format!("{} ({})", counted(environments.len(), "environment", "environments"), environments.join(", ")),
    };
    let stacks = counted(report.layout.stacks.len(), "stack", "stacks");
    let mut out = if report.layout.stacks.is_empty() && report.findings.is_empty() {
        // Not the same as clean: Terragrunt's folders, say, are recognised and left alone.
        let left_out = if report.layout.notes.is_empty() { "" } else { ", and why" };
        let workflows = match report.layout.workflows {
            0 => String::new(),
            count => format!("Nothing found in {}.\n", counted(count, "workflow", "workflows")),
        };
        format!(
            "{workflows}No root module that could be compared: `tiers check --explain-discovery` says what was \
             found{left_out}."
        )
    } else if report.findings.is_empty() {
        format!("Nothing found in {stacks}, {place}.")
    } else {
        format!(
            "{}, {}, {} in {stacks}, {place}.",
            counted(report.count(Severity::Error), "error", "errors"),
            counted(report.count(Severity::Warning), "warning", "warnings"),
            counted(report.count(Severity::Hint), "hint", "hints"),
        )
    };
    out.push_str(&declined(report));
    for instance in report.layout.stacks.iter().flat_map(|stack| &stack.instances).filter(|it| !it.unread.is_empty()) {
        let environment = instance.environment.as_deref().unwrap_or_default();
        out.push_str(&format!(" {environment} was not compared: {} could not be read.", instance.unread.join(", ")));
    }
    if !report.suppressed.is_empty() {
        out.push_str(&format!(" {} silenced by name.", report.suppressed.len()));
    }
    if report.in_baseline > 0 {
        out.push_str(&format!(" {} known to the baseline.", report.in_baseline));
    }
    out.push('\n');
    // The first in the order in which they are shown.
    let place = |id: &str| rules().iter().position(|rule| rule.id == id);
    let first = report.findings.iter().min_by_key(|finding| (std::cmp::Reverse(finding.severity), place(finding.rule)));
    if let Some(first) = first {
        out.push_str(&format!("`tiers explain {}` says more about the first of them.\n", first.rule));
    }
    out
}

/// What was recognised and left alone, so that nobody takes silence for praise.
fn declined(report: &Report) -> String {
    let mut out = String::new();
    match report.layout.terragrunt {
        0 => {}
        1 => out.push_str(" The folder that Terragrunt runs was not compared."),
        folders => out.push_str(&format!(" The {folders} folders that Terragrunt runs were not compared.")),
    }
    let stacks = report.layout.stacks.iter();
    let by_workspace: Vec<&str> =
        stacks.filter(|stack| stack.shape == Shape::Workspaces).map(|stack| stack.name.as_str()).collect();
    match by_workspace[..] {
        [] => {}
        [one] => out.push_str(&format!(" The states of {one} were not compared: workspaces part them.")),
        [one, ..] => {
            let more = by_workspace.len() - 1;
            out.push_str(&format!(" The states of {one} and {more} more were not compared: workspaces part them."));
        }
    }
    out
}

/// What `tiers explain ID` prints, in lines of at most `width` columns but for the examples.
pub fn explanation(id: &str, width: usize) -> Option<String> {
    let rule = explain(id)?;
    let width = width.clamp(40, 100);
    let at_most = if rule.severity == Severity::Hint { "" } else { " at most" };
    let mut out = format!("{} ({}{at_most}, {})\n\n", rule.id, rule.severity.as_str(), rule.family.as_str());
    out.push_str(&wrapped(&format!("{}.", capitalised(rule.title)), width, ""));
    for (head, text) in
        [("What it costs:", rule.consequence), ("What to do:", rule.fix), ("In detail:", rule.explanation)]
    {
        out.push_str(&format!("\n{head}\n{}", wrapped(text, width, "  ")));
    }
    out.push_str(&format!(
        "\nIt speaks on this:\n\n{}\nand not on this:\n\n{}\n",
        indented(rule.bad),
        indented(rule.good)
    ));
    let quiet = format!(
        "To accept a finding, write `# tiers:ignore {} REASON` on its line, the line above or above its block, or an entry under \
         [[check.ignore]] in tiers.toml.",
        rule.id
    );
    out.push_str(&wrapped(&quiet, width, ""));
    Some(out)
}

/// A paragraph in lines of at most `width` columns, each behind `indent` and with a newline.
pub fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count();
        if length > 0 && indent.chars().count() + length + 1 + word.chars().count() > width {
            out.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&format!("{indent}{line}\n"));
    out
}

pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

fn indented(listing: &str) -> String {
    listing.lines().map(|line| if line.is_empty() { "\n".to_string() } else { format!("    {line}\n") }).collect()
}
