//! The report as JSON. `version` grows when a field changes its meaning or goes away; new fields come without notice.

use serde::Serialize;

use crate::finding::{Finding, Report, Severity, Suppressed};
use crate::layout::Layout;

#[derive(Serialize)]
struct JsonReport<'a> {
    version: u32,
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
        version: 1,
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
