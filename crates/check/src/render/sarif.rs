//! The report as SARIF 2.1.0, for code scanning.

use serde_json::{Value, json};

use super::text::capitalised;
use crate::finding::{Finding, Location, Report, Severity};
use crate::rule::{Rule, rules};

/// One run of one tool. Fingerprints let a viewer follow a finding while lines move.
pub fn sarif(report: &Report) -> String {
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| result(finding, None))
        .chain(report.suppressed.iter().map(|suppressed| result(&suppressed.finding, Some(&suppressed.reason))))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tiers",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules().iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": {"text": format!("{}.", capitalised(rule.title))},
        "fullDescription": {"text": rule.consequence},
        "help": {
            "text": format!("{}\n\n{}", rule.fix, rule.explanation),
            "markdown": format!(
                "{}\n\n{}\n\nBad:\n\n```\n{}```\n\nGood:\n\n```\n{}```\n",
                rule.fix, rule.explanation, rule.bad, rule.good
            ),
        },
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {"tags": ["terraform", rule.family.as_str()]},
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    }
}

fn result(finding: &Finding, silenced: Option<&str>) -> Value {
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rules().iter().position(|rule| rule.id == finding.rule).unwrap_or(0),
        "level": level(finding.severity),
        "message": {"text": finding.message},
        "locations": [location(&finding.at)],
        "partialFingerprints": {"tiers/v1": finding.fingerprint},
        "properties": {"environments": finding.environments},
    });
    if !finding.related.is_empty() {
        let related = finding.related.iter().enumerate().map(|(index, related)| {
            let mut location = location(&related.at);
            location["id"] = json!(index);
            location["message"] = json!({"text": related.says});
            location
        });
        result["relatedLocations"] = related.collect();
    }
    if let Some(reason) = silenced {
        result["suppressions"] = json!([{"kind": "inSource", "justification": reason}]);
    }
    result
}

fn location(at: &Location) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&at.path), "uriBaseId": "%SRCROOT%"},
            "region": {
                "startLine": at.line,
                "startColumn": at.column,
                "endLine": at.end_line,
                "endColumn": at.end_column,
            },
        },
    })
}

/// A relative URI reference: bytes that may not stand in one are escaped.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
