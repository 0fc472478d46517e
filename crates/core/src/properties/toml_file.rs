//! tiers.toml: any text ends as a project that can be relied on, or as problems that can be shown.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{self, Facts, Loaded, Place as Where, Project, RefKind, Trigger};
use crate::naming::FUNCTION_NAME_MAX;
use crate::problem::{self, Place, Problem, Severity};
use crate::source::Globs;
use crate::window;

/// Reads the text as a tiers.toml, without and with values for the Terraform variables that it takes settings from.
pub fn tiers_toml(text: &str) {
    check(text, &Facts::default());
    let files = config::tfvars_files(text);
    if files.is_empty() {
        return;
    }
    let values: BTreeMap<String, String> =
        [("m", "512"), ("memory", "1769"), ("bad", "many"), ("", "7")].map(|(k, v)| (k.into(), v.into())).into();
    check(text, &Facts { tfvars: files.into_keys().map(|name| (name, values.clone())).collect() });
}

fn check(text: &str, facts: &Facts) {
    let read = config::load("tiers.toml", text, facts);
    let again = config::load("tiers.toml", text, facts);
    match (read, again) {
        (Ok(Loaded { project, warnings }), Ok(again)) => {
            assert!(warnings.iter().all(|it| it.severity == Severity::Warning), "a file with an error was taken");
            check_problems(text, &warnings);
            check_project(&project);
            assert_eq!((project, warnings), (again.project, again.warnings), "read twice, it says two things");
        }
        (Err(problems), Err(again)) => {
            assert!(problems.iter().any(|it| it.severity == Severity::Error), "refused without a reason");
            check_problems(text, &problems);
            assert_eq!(problems, again, "read twice, it says two things");
        }
        _ => panic!("good once and bad once"),
    }
}

fn check_problems(text: &str, problems: &[Problem]) {
    for problem in problems {
        check_place(text, &problem.place);
        problem.related.iter().for_each(|label| check_place(text, &label.place));
        for words in [&problem.message, &problem.meaning, &problem.hint] {
            assert!(!words.is_empty(), "nothing is said: {problem:?}");
        }
    }
    let starts: Vec<usize> = problems.iter().map(|problem| problem.place.bytes.start).collect();
    assert!(starts.is_sorted(), "problems stand in the order of the file: {starts:?}");
    for colour in [false, true] {
        let shown = problem::render(problems, text, colour);
        assert_eq!(shown.is_empty(), problems.is_empty());
        let controls = |c: &char| c.is_control() && *c != '\n' && !(colour && *c == '\u{1b}');
        assert_eq!(shown.chars().find(controls), None, "what a file holds could steer a terminal:\n{shown:?}");
    }
    serde_json::to_string(problems).expect("problems are JSON");
}

fn check_place(text: &str, place: &Place) {
    assert!(text.get(place.bytes.clone()).is_some(), "a place outside of the text: {place:?}");
    assert_eq!(*place, Place::of(text, place.bytes.clone()));
    assert!(place.line >= 1 && place.column >= 1);
}

/// What callers take for granted of a project, and would deploy wrongly without.
fn check_project(project: &Project) {
    let mut seen = BTreeSet::new();
    for environment in &project.environments {
        for before in &environment.after {
            assert!(seen.contains(before), "{} stands before {before}, which it comes after", environment.name);
        }
        assert!(seen.insert(&environment.name), "{} is there twice", environment.name);
        if let Some(Trigger::Branch(pattern) | Trigger::Tag(pattern)) = &environment.on {
            Globs::parse(&[pattern]).expect("a pattern that was taken can be read");
        }
        if let Some(Trigger::Verified(verified)) = &environment.on {
            assert!(project.env(verified).is_some(), "{verified} is an environment");
        }
        if let Where::Aws { account, .. } = &environment.place {
            assert!(account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()), "{account}");
        }
        window::is_frozen(&environment.freezes, jiff::Timestamp::UNIX_EPOCH)
            .expect("freezes that were taken mean something");
        assert!(project.upstream(&environment.name).len() < project.environments.len());
    }
    let mut names = BTreeSet::new();
    for app in &project.apps {
        Globs::parse(&app.paths).expect("globs that were taken can be read");
        assert!(!app.components.is_empty(), "{} has components", app.name);
        for (component, environment) in
            app.components.iter().flat_map(|c| project.environments.iter().map(move |e| (c, e)))
        {
            let name = &component.names[&environment.name];
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            assert!((1..=FUNCTION_NAME_MAX).contains(&name.len()) && plain, "the service would refuse {name}");
            assert!(names.insert((format!("{:?}", environment.place), name)), "two functions are called {name}");
            assert!(component.settings.contains_key(&environment.name));
        }
        let gates = app.gates.values().flatten();
        assert!(gates.map(|gate| gate.timeout_s).all(|seconds| seconds > 0), "every gate has a bound");
    }
    for name in ["main", "v1.2.3", ""] {
        project.environments_for(RefKind::Branch, name);
        project.environments_for(RefKind::Tag, name);
    }
    let text = serde_json::to_string(project).expect("a project is JSON");
    let again: Project = serde_json::from_str(&text).expect("it reads back");
    assert_eq!(again.policy_hash(), project.policy_hash(), "the policy's hash depends on what it says alone");
}
