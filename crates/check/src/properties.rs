//! What must hold whatever a repository holds: for the fuzz target in fuzz/ and, within bounds, for the tests of this crate. Panics
//! where a promise is broken.

use crate::render::{self, TextStyle};
use crate::{File, FileTree, Finding, Location, Options, Report, Severity, TagPolicy, baseline, check, matrix};

/// The bytes are a listing of files, as [`FileTree::from_listing`] reads it. Whatever stands in them, the check ends with a
/// report whose places lie in the files, and which every form of output can show.
pub fn check_tree(bytes: &[u8]) {
    let listing = String::from_utf8_lossy(bytes);
    let tree = FileTree::from_listing(&listing);
    let options = Options {
        project: Some("acme".into()),
        name_pattern: Some("{project}-{component}-{environment}".into()),
        tags: TagPolicy {
            required: vec!["Project".into(), "Owner".into()],
            allowed: [("CostCenter".to_owned(), vec!["4711".to_owned()])].into(),
        },
        ..Options::default()
    };
    for options in [Options::default(), options] {
        let report = check(&tree, &options);
        report.findings.iter().for_each(|finding| check_finding(&tree, finding));
        report.suppressed.iter().for_each(|it| check_finding(&tree, &it.finding));
        check_output(&tree, &report);
        let again = check(&tree, &options);
        assert_eq!(render::json(&again), render::json(&report), "checked twice, it says two things");
        let known = baseline::read(&baseline::write(&report)).expect("a baseline is read as it was written");
        let quiet = check(&tree, &Options { baseline: known, ..options.clone() });
        assert!(quiet.findings.is_empty(), "what the baseline knows is not reported: {:?}", quiet.findings);
    }
    let matrix = matrix(&tree, &Options::default(), &[]);
    for row in &matrix.rows {
        assert_eq!(row.cells.len(), matrix.environments.len(), "a cell for each environment");
        row.cells.iter().filter_map(|cell| cell.origin.as_ref()).for_each(|at| check_location(&tree, at));
    }
    for text in [matrix.text(100, true), matrix.text(40, false), matrix.markdown()] {
        check_shown(&text);
    }
    serde_json::from_str::<serde_json::Value>(&matrix.json()).expect("JSON");
}

/// The bytes are configuration. Where they are read the quick way, hcl-edit takes them too and brings out the same tree; whether they
/// are is the answer.
pub fn check_quick(bytes: &[u8]) -> bool {
    crate::hcl::check_quick(&String::from_utf8_lossy(bytes))
}

fn check_finding(tree: &FileTree, finding: &Finding) {
    assert!(!finding.message.is_empty() && !finding.fingerprint.is_empty(), "{finding:?}");
    assert!(crate::explain(finding.rule).is_some(), "{} is in the catalogue", finding.rule);
    check_location(tree, &finding.at);
    finding.related.iter().for_each(|related| check_location(tree, &related.at));
}

fn check_location(tree: &FileTree, at: &Location) {
    let Some(file) = tree.get(&at.path) else {
        // What is missing altogether is said of the folder or file that should be there.
        assert!(at.bytes.0 <= at.bytes.1 && at.line >= 1, "{at:?}");
        return;
    };
    let length = file.text().map_or(0, str::len);
    assert!(at.bytes.0 <= at.bytes.1 && at.bytes.1 <= length, "outside of {length} bytes: {at:?}");
    let places = [(at.bytes.0, at.line, at.column), (at.bytes.1, at.end_line, at.end_column)];
    places.into_iter().for_each(|place| check_place(file, place));
}

fn check_place(file: &File, (offset, line, column): (usize, usize, usize)) {
    assert!(file.text().is_none_or(|text| text.is_char_boundary(offset)), "{offset} is inside a character");
    assert_eq!((line, column), file.line_and_column(offset), "line and column of {offset} in {}", file.path());
}

fn check_output(tree: &FileTree, report: &Report) {
    for all in [false, true] {
        let text = render::text(report, tree, TextStyle { all, ..TextStyle::default() });
        check_shown(&text);
    }
    let coloured = render::text(report, tree, TextStyle { colour: true, all: true, ..TextStyle::default() });
    check_shown(&without_colours(&coloured));
    for json in [render::json(report), render::sarif(report)] {
        serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
    }
    let github = render::github(report);
    assert!(github.lines().all(|line| line.is_empty() || line.starts_with("::")), "one command a line: {github}");
    check_shown(&github);
    render::junit(report);
    check_shown(&render::layout(&report.layout));
    assert!(!report.fails_on(Severity::Hint) || !report.findings.is_empty());
}

/// Without the codes that the renderer writes: `ESC [`, numbers, `m`.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |out, piece| {
        let plain = piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        out + plain.strip_prefix('m').expect("only colours are written")
    })
}

fn check_shown(text: &str) {
    let steers = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
    assert_eq!(text.chars().find(steers), None, "what a file holds could steer a terminal: {text:?}");
}
