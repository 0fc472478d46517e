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

#[test]
fn workflows_with_nothing_wrong_are_said_to_have_been_read() {
    let tree = FileTree::from_listing(
        "--- .github/workflows/ci.yml\non: push\njobs:\n  test:\n    runs-on: x\n    steps: [{ run: make test }]\n",
    );
    let text = render::text(&check(&tree, &Options::default()), &tree, render::TextStyle::default());
    assert!(text.starts_with("Nothing found in 1 workflow.\nNo root module that could be compared: "), "{text}");
}
