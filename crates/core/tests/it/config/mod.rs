//! tiers.toml: what it resolves to, and what a person is told about a bad one.

mod any_text;
mod bad_input;
mod init;
mod project;
mod rules;

use tiers_core::config::{self, Facts};
use tiers_core::problem;

/// A small project without problems: three environments in a line, one app of two components.
pub const GOOD: &str = r#"
project = "shop"

[environments.dev]
on = { branch = "dev" }

[environments.staging]
after = ["dev"]
on = { branch = "main" }

[environments.prod]
after = ["staging"]
on = { tag = "v*.*.*" }

[apps.shop]
paths = ["src/**"]
image = { dockerfile = "Dockerfile" }
components = ["api", "worker"]
"#;

/// The good project with a text in it replaced; the text must be there.
pub fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "`{from}` is not in the good project");
    GOOD.replacen(from, to, 1)
}

/// What a person reads about this text; nothing where it is good.
pub fn shown(text: &str) -> String {
    match config::load("tiers.toml", text, &Facts::default()) {
        Ok(loaded) => problem::render(&loaded.warnings, text, false),
        Err(problems) => problem::render(&problems, text, false),
    }
}

/// Code, line and message of each problem.
pub fn told(text: &str) -> Vec<String> {
    told_with(text, &Facts::default())
}

pub fn told_with(text: &str, facts: &Facts) -> Vec<String> {
    let problems = match config::load("tiers.toml", text, facts) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    for problem in &problems {
        assert!(!problem.meaning.is_empty() && problem.meaning.ends_with(['.', ')']), "{problem:?}");
        assert!(!problem.hint.is_empty() && problem.hint.ends_with(['.', '?']), "{problem:?}");
    }
    problems.iter().map(|problem| format!("{} {}: {}", problem.place.line, problem.code, problem.message)).collect()
}
