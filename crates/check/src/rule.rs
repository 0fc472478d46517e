//! What a rule is, and the catalogue that `tiers explain` and docs/rules.md are made from.

use serde::Serialize;

use crate::finding::Severity;

/// The groups that the catalogue is printed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Isolation,
    Parity,
    Collision,
    Tags,
    Ownership,
    Pipelines,
}

impl Family {
    pub const ALL: [Family; 6] =
        [Family::Isolation, Family::Parity, Family::Collision, Family::Tags, Family::Ownership, Family::Pipelines];

    pub fn as_str(self) -> &'static str {
        match self {
            Family::Isolation => "isolation",
            Family::Parity => "parity",
            Family::Collision => "collision",
            Family::Tags => "tags",
            Family::Ownership => "ownership",
            Family::Pipelines => "pipelines",
        }
    }
}

/// One rule of the catalogue.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rule {
    /// Stable: used in suppressions, baselines and SARIF.
    pub id: &'static str,
    pub family: Family,
    /// The severity of its worst finding; a finding may be milder where the evidence is thinner.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What happens to whom if nothing is done, in one sentence.
    pub consequence: &'static str,
    /// What to do, in one or two sentences.
    pub fix: &'static str,
    /// When it speaks, when it is quiet, and what it cannot know.
    pub explanation: &'static str,
    /// A tree of files (`--- path` lines, each followed by its content) on which the rule speaks.
    pub bad: &'static str,
    /// The same put right: on it no rule says anything worse than a hint.
    pub good: &'static str,
}

/// Every rule, by family and then as the catalogue lists them.
pub fn rules() -> &'static [Rule] {
    crate::rules::CATALOGUE.as_slice()
}

/// The rule with this id.
pub fn explain(id: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.id == id)
}
