//! Annotations for a pull request, as workflow commands of GitHub Actions.

use crate::finding::{Report, Severity};
use crate::rule::explain;

use super::visible::visible;

/// One `::error file=…` line per finding.
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "notice",
        };
        let rule = explain(finding.rule);
        let fix = if finding.fix.is_empty() { rule.map_or("", |rule| rule.fix) } else { finding.fix.as_str() };
        let beside: String = finding
            .related
            .iter()
            .map(|related| format!("\n{}:{}: {}", related.at.path, related.at.line, related.says))
            .collect();
        let consequence = rule.map_or("", |rule| rule.consequence);
        let text = format!("{}{beside}\n{consequence}\nFix: {fix}", finding.message);
        out.push_str(&format!(
            "::{command} file={},line={},endLine={},col={},endColumn={},title={}::{}\n",
            property(&finding.at.path),
            finding.at.line,
            finding.at.end_line,
            finding.at.column,
            finding.at.end_column,
            property(finding.rule),
            data(&text),
        ));
    }
    out
}

/// What the runner's own toolkit escapes in the text of a command.
fn data(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    visible(&escaped).into_owned()
}

/// The same for a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
