//! The report as JSON, in the shapes that docs/json.md describes.

use serde::Serialize;

use crate::finding::{Finding, Report, Severity, Suppressed};
use crate::layout::Layout;

#[derive(Serialize)]
struct JsonReport<'a> {
    shape: &'static str,
    errors: usize,
    warnings: usize,
    hints: usize,
    in_baseline: usize,
    findings: &'a [Finding],
    suppressed: &'a [Suppressed],
    layout: &'a Layout,
}

/// One JSON object, indented, with a newline at its end.
pub fn json(report: &Report) -> String {
    let json = JsonReport {
        shape: "tiers.check/1",
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        hints: report.count(Severity::Hint),
        in_baseline: report.in_baseline,
        findings: &report.findings,
        suppressed: &report.suppressed,
        layout: &report.layout,
    };
    let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
    text.push('\n');
    text
}

#[derive(Serialize)]
struct JsonLayout<'a> {
    shape: &'static str,
    #[serde(flatten)]
    layout: &'a Layout,
}

/// What was discovered, as one JSON object, indented, with a newline at its end.
pub fn layout_json(layout: &Layout) -> String {
    let mut text = serde_json::to_string_pretty(&JsonLayout { shape: "tiers.layout/1", layout }).unwrap_or_default();
    text.push('\n');
    text
}
