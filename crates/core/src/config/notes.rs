//! The list that problems are written into while a file is read, so that the first one does not hide the others.

use std::ops::Range;

use crate::problem::{Code, Problem, Severity};

/// The problems of one text.
pub(super) struct Notes<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
    /// Keys that were taken out because they did not fit, by the place of their table.
    lost: Vec<(Range<usize>, String)>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Notes<'a> {
        Notes { file, text, problems: Vec::new(), lost: Vec::new() }
    }

    /// Writes a problem down; the answer lets the caller say more about it.
    pub(super) fn add(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) -> &mut Problem {
        self.problems.push(Problem::new(code, self.file, self.text, span, message));
        self.problems.last_mut().expect("just pushed")
    }

    /// Remembers that a key was taken out of the table at this place.
    pub(super) fn lose(&mut self, table: Range<usize>, key: &str) {
        self.lost.push((table, key.to_owned()));
    }

    /// True where a key was taken out of this table, one of `keys` unless they are empty: what seems to be missing was written,
    /// and its problem is known.
    pub(super) fn lost(&self, table: &Range<usize>, keys: &[&str]) -> bool {
        self.lost.iter().any(|(place, key)| place == table && (keys.is_empty() || keys.contains(&key.as_str())))
    }

    /// The whole text that the spans refer to.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// In the order of the text.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.place.bytes.start, problem.code));
        self.problems.dedup();
        self.problems
    }
}
