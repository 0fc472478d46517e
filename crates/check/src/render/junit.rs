//! The report as JUnit XML: a suite per rule that has something to say, a case per finding.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use crate::finding::{Finding, Report, Severity};
use crate::rule::explain;

/// Errors and warnings are failures, hints are cases that passed with their text. A clean report holds one case that passed.
pub fn junit(report: &Report) -> String {
    let mut junit = Junit::new("tiers check");
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        by_rule.entry(finding.rule).or_default().push(finding);
    }
    if by_rule.is_empty() {
        let mut suite = TestSuite::new("tiers check");
        suite.add_test_case(TestCase::new("nothing found", TestCaseStatus::success()));
        junit.add_test_suite(suite);
    }
    for (rule, findings) in by_rule {
        let mut suite = TestSuite::new(rule);
        for finding in findings {
            suite.add_test_case(case(finding));
        }
        junit.add_test_suite(suite);
    }
    junit.to_string().unwrap_or_default()
}

fn case(finding: &Finding) -> TestCase {
    let consequence = explain(finding.rule).map_or("", |rule| rule.consequence);
    let status = if finding.severity == Severity::Hint {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(finding.message.as_str());
        status.set_type(finding.severity.as_str());
        status.set_description(format!("{}:{}: {}\n{consequence}", finding.at.path, finding.at.line, finding.message));
        status
    };
    let mut case = TestCase::new(format!("{}:{}:{}", finding.at.path, finding.at.line, finding.at.column), status);
    case.set_classname(finding.rule);
    if finding.severity == Severity::Hint {
        case.set_system_out(finding.message.as_str());
    }
    case
}
