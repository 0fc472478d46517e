//! The examples of the catalogue hold what they promise.

use tiers_check::{FileTree, Options, Severity, check, rules};

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
