//! What a check says: findings, each with a place, and the layout they were found in.

use serde::Serialize;

use crate::layout::Layout;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Taste.
    Hint,
    /// It will hurt one day.
    Warning,
    /// It will break or endanger an environment.
    Error,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Hint => "hint",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A span of one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Location {
    /// From the root of the repository.
    pub path: String,
    /// 1-based; columns count characters. The end is exclusive.
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
    /// Byte offsets into the text without its byte order mark.
    #[serde(skip)]
    pub bytes: (usize, usize),
}

/// Another place that a finding is about: the other environment's line, mostly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    pub at: Location,
    /// What stands there, in a few words.
    pub says: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A rule's stable id.
    pub rule: &'static str,
    pub severity: Severity,
    /// What is wrong, with names and values; a lower-case fragment.
    pub message: String,
    /// A few words for the underlined place.
    pub label: String,
    pub at: Location,
    pub related: Vec<Related>,
    /// What to do here; empty where the rule's own fix says it all.
    pub fix: String,
    /// The environments that are affected, in the order of the layout.
    pub environments: Vec<String>,
    /// Stays the same when lines move: rule, path and subject.
    pub fingerprint: String,
}

/// What a check came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Sorted by path, line and rule.
    pub findings: Vec<Finding>,
    /// Findings that a comment or tiers.toml silences, each with the reason that is given there.
    pub suppressed: Vec<Suppressed>,
    /// How many findings the baseline already knew.
    pub in_baseline: usize,
    pub layout: Layout,
    /// What no line of source may show.
    #[serde(skip)]
    pub masked: Vec<Masked>,
}

/// The value of a secret variable in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    pub path: String,
    /// Byte offsets, as in [`Location`].
    pub bytes: (usize, usize),
}

/// A finding that somebody chose to live with.
#[derive(Clone, Debug, Serialize)]
pub struct Suppressed {
    pub finding: Finding,
    pub reason: String,
}

impl Report {
    /// Whether anything is at least this severe: what the exit code hangs on.
    pub fn fails_on(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Of more names than this a sentence tells the number.
const LISTED_MAX: usize = 9;

/// `dev, staging and prod`.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.split_last() {
        Some(_) if names.len() > LISTED_MAX => {
            let (first, others) = names.split_at(LISTED_MAX - 1);
            format!("{} and {} more", first.join(", "), others.len())
        }
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}
