//! The report in each of its forms.

use tiers_check::{FileTree, Options, Report, check, explain, render};

fn report() -> (FileTree, Report) {
    let tree = FileTree::from_listing(explain("state-shared").expect("the rule is in the catalogue").bad);
    let report = check(&tree, &Options::default());
    (tree, report)
}

#[test]
fn text_shows_both_lines_with_consequence_and_fix() {
    let (tree, report) = report();
    insta::assert_snapshot!(render::text(&report, &tree, render::TextStyle::default()));
}
