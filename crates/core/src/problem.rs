//! Problems in a text that somebody wrote: what, where, what it means and what to do, for terminals and for machines.
//!
//! One type feeds the rendering for people and the JSON form, so that neither knows more than the other. The text is passed
//! in: nothing here reads a file.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The text can't be used.
    Error,
    /// It can be used, and probably doesn't do what was meant.
    Warning,
}

/// A place in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Bytes from the start of the text; the end is exclusive.
    pub bytes: Range<usize>,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// Another place that has to do with a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    pub place: Place,
    /// What stands there, as a fragment.
    pub text: String,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub code: Code,
    pub severity: Severity,
    /// As the caller named it.
    pub file: String,
    pub place: Place,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What stands at the place, as a fragment; may be empty.
    pub label: String,
    /// What it would lead to, in full sentences.
    pub meaning: String,
    /// What to do, in full sentences.
    pub hint: String,
    pub related: Vec<Label>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $meaning:literal;)+) => {
        /// What kind of problem it is. The texts are stable: scripts and documentation refer to them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text),+ }
            }

            /// What a problem of this kind leads to, unless it says something more exact itself.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning),+ }
            }
        }
    };
}

codes! {
    /// Not UTF-8.
    NotText = "not-text", "The file is not text in UTF-8, so nothing of it can be read.";
    /// Not TOML.
    Syntax = "syntax", "The file is not valid TOML, so nothing of it is used; what is behind this place may not even be checked yet.";
    UnknownKey = "unknown-key", "Nothing would read this key: what it was meant to set would silently not hold.";
    MissingKey = "missing-key", "There is no default that would be right for everybody.";
    WrongType = "wrong-type", "The value can't be understood, and guessing could deploy something that nobody meant.";
    /// The right type, and not a value that means something.
    BadValue = "bad-value", "The value has no meaning here, and guessing could deploy something that nobody meant.";
    /// A name that can't stand in keys, function names and file names.
    BadName = "bad-name", "The name becomes part of function names, ledger keys and file names, which must read the same everywhere.";
    ReservedName = "reserved-name", "The ledger keeps records of its own under this name, and the two would mix.";
    NameTooLong = "name-too-long", "The service would refuse to create it.";
    NamePattern = "name-pattern", "Two functions could get one name, and a deployment to one environment would change another.";
    /// Two things with one resolved name.
    SameName = "same-name", "A deployment of the one would change the other.";
    /// Two environments with one Terraform state.
    SameState = "same-state", "The environments would share one Terraform state: an apply for the one would change or destroy what belongs to the other.";
    SameValues = "same-values", "All environments would get the same values, so nothing could differ between them.";
    Cycle = "cycle", "No environment of the circle could ever be deployed to: each would wait for the other's evidence.";
    UnknownReference = "unknown-reference", "It refers to something that is defined nowhere, so it could never take effect.";
    /// Keys that exclude each other, or none of several where one is needed.
    ChooseOne = "choose-one", "It would not be clear which one holds.";
    Duplicate = "duplicate", "It would not be clear which one holds.";
    /// A gate that has nothing to ask.
    NoDoor = "no-door", "The gate has no address to call, so it could never pass.";
    MixedReleases = "mixed-releases", "While the weights stand, a call could pass through two releases of one app that were never tested together.";
    NoTfvar = "no-tfvar", "The value is not known, and guessing could deploy something that nobody meant.";
    NotSupported = "not-supported", "It would be written down and never checked, which is worse than not having it.";
    UnreachableApproval = "unreachable-approval", "Nobody could ever give enough approvals, so every deployment would wait until it expires.";
    UnsharedLedger = "unshared-ledger", "Whoever deploys from another machine or from CI would not see this folder, and both would believe to be the only one.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Place {
    /// The place of these bytes in a text; bytes outside the text or inside a character are moved to the next good place.
    pub fn of(text: &str, bytes: Range<usize>) -> Place {
        let start = text.floor_char_boundary(bytes.start.min(text.len()));
        let end = text.ceil_char_boundary(bytes.end.clamp(start, text.len()));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            bytes: start..end,
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl Problem {
    /// A problem of this kind with the kind's own meaning and no hint yet.
    pub fn new(code: Code, file: &str, text: &str, bytes: Range<usize>, message: impl Into<String>) -> Problem {
        Problem {
            code,
            severity: Severity::Error,
            file: file.to_owned(),
            place: Place::of(text, bytes),
            message: shortened(message.into()),
            label: String::new(),
            meaning: code.meaning().to_owned(),
            hint: String::new(),
            related: Vec::new(),
        }
    }

    /// Says what to do, in full sentences.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Problem {
        self.hint = shortened(hint.into());
        self
    }

    /// Says what stands at the place, as a fragment.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Problem {
        self.label = label.into();
        self
    }

    /// Says more exactly than the kind does what it leads to.
    pub fn meaning(&mut self, meaning: impl Into<String>) -> &mut Problem {
        self.meaning = meaning.into();
        self
    }

    /// Points at another place that has to do with it.
    pub fn related(&mut self, text: &str, bytes: Range<usize>, label: impl Into<String>) -> &mut Problem {
        self.related.push(Label { place: Place::of(text, bytes), text: label.into() });
        self
    }

    /// Makes it a warning.
    pub fn warn(&mut self) -> &mut Problem {
        self.severity = Severity::Warning;
        self
    }

    /// The problem of a file that is no UTF-8 text.
    pub fn not_text(file: &str, valid_up_to: usize) -> Problem {
        let mut problem = Problem::new(Code::NotText, file, "", 0..0, format!("byte {valid_up_to} is not UTF-8"));
        problem.hint = "Save the file as UTF-8.".to_owned();
        problem
    }
}

/// A message may quote what somebody wrote, which may be a whole file on one line.
fn shortened(mut text: String) -> String {
    const MAX_BYTES: usize = 600;
    if text.len() > MAX_BYTES {
        text.truncate(text.floor_char_boundary(MAX_BYTES));
        text.push_str(" ….");
    }
    text
}

/// The problems as a person reads them: file, line, the text underlined, what it means and what to do, one blank line between
/// them. `source` is the text that all of them are about; with `colour` the result holds ANSI codes, which add nothing to the
/// words.
pub fn render(problems: &[Problem], source: &str, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for problem in problems {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&visible(renderer.render(&[report(problem, source)])));
        out.push('\n');
    }
    out
}

/// The renderer shows the control characters of ASCII as signs. Those above it steer terminals as well: U+009B begins a command
/// by itself.
fn visible(text: String) -> String {
    let is_control = |c: char| c.is_control() && !c.is_ascii();
    if text.contains(is_control) { text.replace(is_control, "\u{fffd}") } else { text }
}

fn report<'a>(problem: &'a Problem, source: &'a str) -> annotate_snippets::Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let group = level.primary_title(&problem.message).id(problem.code.as_str());
    let shown = Place::of(source, problem.place.bytes.clone()).bytes;
    let group = if shown.end == 0 {
        // The problem is the file's as a whole: no line of it would say anything.
        group.element(Origin::path(&problem.file))
    } else {
        let mut primary = AnnotationKind::Primary.span(shown);
        if !problem.label.is_empty() {
            primary = primary.label(&problem.label);
        }
        let related = problem.related.iter().map(|label| {
            AnnotationKind::Context.span(Place::of(source, label.place.bytes.clone()).bytes).label(&label.text)
        });
        group.element(Snippet::source(source).path(&problem.file).annotation(primary).annotations(related))
    };
    let group = group.element(Level::NOTE.message(&problem.meaning));
    if problem.hint.is_empty() { group } else { group.element(Level::HELP.message(&problem.hint)) }
}

/// How many errors and warnings, for a last line: `2 errors, 1 warning`.
pub fn count(problems: &[Problem]) -> String {
    let plural = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    match (errors, problems.len() - errors) {
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let text = "a = 1\nnäme = 2\n";
        let place = Place::of(text, 10..11);
        assert_eq!((place.line, place.column), (2, 4), "the umlaut is one character of two bytes");
        assert_eq!(Place::of(text, 8..8).bytes, 7..9, "bytes inside a character move to its ends");
        assert_eq!(Place::of(text, 900..999).bytes, text.len()..text.len());
    }

    #[test]
    fn codes_are_distinct_words_with_hyphens_and_say_what_they_mean() {
        let texts: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(crate::id::is_well_formed(code.as_str()), "{code}");
            assert!(code.meaning().ends_with('.'), "{code}");
        }
    }

    #[test]
    fn counts_read_like_english() {
        let error = Problem::new(Code::Syntax, "f", "", 0..0, "m");
        let warning = Problem { severity: Severity::Warning, ..error.clone() };
        assert_eq!(count(std::slice::from_ref(&error)), "1 error");
        assert_eq!(count(&[error.clone(), error, warning]), "2 errors, 1 warning");
    }

    #[test]
    fn what_a_file_holds_does_not_steer_the_terminal_that_shows_it() {
        let text = "\u{1b}[31m\u{9b}32m\u{7f}\u{202e}\n";
        for message in ["m", text] {
            let shown = render(&[Problem::new(Code::Syntax, "f", text, 0..4, message)], text, false);
            let steers = |c: &char| c.is_control() && *c != '\n' || *c == '\u{202e}';
            assert_eq!(shown.chars().find(steers), None, "{shown:?}");
        }
    }

    #[test]
    fn a_problem_without_a_source_still_names_its_file() {
        let text = render(&[Problem::not_text("tiers.toml", 7)], "", false);
        assert!(text.contains("tiers.toml") && text.contains("byte 7"), "{text}");
    }
}
