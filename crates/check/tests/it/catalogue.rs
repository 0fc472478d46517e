//! The examples of the catalogue hold what they promise.

use tiers_check::{FileTree, Finding, Options, Report, Severity, Suppression, check, rules};

/// Settings of tiers.toml that the examples of some rules need.
fn options_for(rule: &str) -> Options {
    let mut options = Options::default();
    match rule {
        "name-against-pattern" => {
            options.name_pattern = Some("{project}-{component}-{environment}".into());
            options.project = Some("acme".into());
        }
        "tag-missing" => options.tags.required = vec!["Project".into(), "Owner".into()],
        "tag-value" => {
            options.tags.allowed.insert("CostCenter".into(), vec!["4711".into()]);
        }
        _ => {}
    }
    options
}

#[test]
fn every_rule_speaks_on_its_bad_tree_and_its_good_tree_is_clean() {
    for rule in rules() {
        let options = options_for(rule.id);
        let bad = check(&FileTree::from_listing(rule.bad), &options);
        assert!(
            bad.findings.iter().any(|finding| finding.rule == rule.id),
            "{} says nothing about its bad tree; found {:#?}",
            rule.id,
            bad.findings
        );
        let good = check(&FileTree::from_listing(rule.good), &options);
        let worse: Vec<_> = good
            .findings
            .iter()
            .filter(|finding| finding.severity > Severity::Hint || finding.rule == rule.id)
            .collect();
        assert!(worse.is_empty(), "the good tree of {} is not clean: {worse:#?}", rule.id);
    }
}

#[test]
fn the_worst_finding_on_a_bad_tree_has_the_severity_that_the_catalogue_states() {
    for rule in rules() {
        let bad = check(&FileTree::from_listing(rule.bad), &options_for(rule.id));
        let worst = bad.findings.iter().filter(|finding| finding.rule == rule.id).map(|finding| finding.severity).max();
        assert_eq!(worst, Some(rule.severity), "{}", rule.id);
    }
}

#[test]
fn ids_are_unique_and_texts_are_whole_sentences() {
    let mut seen = std::collections::BTreeSet::new();
    for rule in rules() {
        assert!(seen.insert(rule.id), "{} stands twice", rule.id);
        for text in [rule.consequence, rule.fix, rule.explanation] {
            assert!(text.ends_with('.') && !text.contains('!'), "{}: {text}", rule.id);
        }
        assert!(!rule.title.ends_with('.'), "{}", rule.id);
    }
}

fn of_rule<'r>(report: &'r Report, id: &str) -> Vec<&'r Finding> {
    report.findings.iter().filter(|finding| finding.rule == id).collect()
}

#[test]
fn tiers_toml_silences_every_rule_with_a_reason_and_none_without() {
    for rule in rules() {
        let tree = FileTree::from_listing(rule.bad);
        let with = |reason: &str| {
            let entry = Suppression { rule: rule.id.into(), path: String::new(), reason: reason.into() };
            check(&tree, &Options { suppress: vec![entry], ..options_for(rule.id) })
        };
        let silenced = with("meant so");
        assert!(of_rule(&silenced, rule.id).is_empty(), "{} cannot be silenced", rule.id);
        assert!(
            silenced.suppressed.iter().any(|it| it.finding.rule == rule.id && it.reason == "meant so"),
            "{}",
            rule.id
        );
        assert!(!of_rule(&with(" "), rule.id).is_empty(), "{} was silenced without a reason", rule.id);
    }
}

/// The listing with a line put at the end of each of these files.
fn with_line(listing: &str, paths: &[String], line: &str) -> String {
    let mut out = String::new();
    let mut file = "";
    for text in listing.lines().chain(["--- "]) {
        if let Some(next) = text.strip_prefix("--- ") {
            if paths.iter().any(|path| path == file) {
                out.push_str(line);
            }
            file = next.trim();
        }
        out.push_str(text);
        out.push('\n');
    }
    out.truncate(out.len() - "--- \n".len());
    out
}

#[test]
fn a_comment_silences_every_rule_whose_findings_stand_in_text() {
    let mut silent = 0;
    for rule in rules() {
        let options = options_for(rule.id);
        let bad = check(&FileTree::from_listing(rule.bad), &options);
        let paths: Vec<String> = of_rule(&bad, rule.id).iter().map(|finding| finding.at.path.clone()).collect();
        // States and plans are not looked into, and JSON has no comments.
        if paths.iter().any(|path| path.ends_with(".json") || path.contains("tfstate") || path.contains("plan")) {
            continue;
        }
        let commented = with_line(rule.bad, &paths, &format!("# tiers:ignore-file {} meant so\n", rule.id));
        let left = check(&FileTree::from_listing(&commented), &options);
        assert!(of_rule(&left, rule.id).is_empty(), "{}: {:#?}", rule.id, of_rule(&left, rule.id));
        assert!(left.suppressed.iter().any(|it| it.finding.rule == rule.id), "{}", rule.id);
        silent += 1;
    }
    assert!(silent + 2 >= rules().len(), "only {silent} rules were tried");
}
