//! Names and tags of what a project has in the cloud, and the limits that the services set for them.
//!
//! Sources: the API references of Lambda (FunctionName, alias name), ECR (CreateRepository) and the tagging API.

use std::collections::BTreeMap;

use crate::id::{App, Component, Env};

/// Characters of a Lambda function's name; IAM roles and log groups made from it have at least as many.
pub const FUNCTION_NAME_MAX: usize = 64;
/// Characters of a Lambda alias.
pub const ALIAS_MAX: usize = 128;
/// Characters of an ECR repository's name.
pub const REPOSITORY_MAX: usize = 256;
/// Characters of a tag's key and of its value.
pub const TAG_KEY_MAX: usize = 128;
pub const TAG_VALUE_MAX: usize = 256;

/// The alias that carries users' traffic.
pub const LIVE_ALIAS: &str = "live";
/// The tag on a function that names the ledger it belongs to; its value is the ledger's UUID.
pub const LEDGER_TAG: &str = "tiers:ledger";

/// A pattern of names: literal text and placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Project,
    Component,
    Environment,
}

/// Why a text is no pattern of names. `at` counts bytes from its start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("unknown placeholder `{{{name}}}`")]
    Unknown { name: String, at: usize },
    #[error("a brace that is not closed or not opened")]
    Brace { at: usize },
    #[error("`{{{0}}}` is missing")]
    Missing(&'static str),
}

impl Pattern {
    /// Reads a pattern such as `{project}-{component}-{environment}`.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let mut parts = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            match rest.find(['{', '}']) {
                None => {
                    parts.push(Part::Text(rest.to_owned()));
                    at = text.len();
                }
                Some(0) if rest.starts_with('{') => {
                    let end = rest.find('}').ok_or(PatternError::Brace { at })?;
                    parts.push(match &rest[1..end] {
                        "project" => Part::Project,
                        "component" => Part::Component,
                        "environment" => Part::Environment,
                        other => return Err(PatternError::Unknown { name: other.to_owned(), at }),
                    });
                    at += end + 1;
                }
                Some(0) => return Err(PatternError::Brace { at }),
                Some(start) => {
                    parts.push(Part::Text(rest[..start].to_owned()));
                    at += start;
                }
            }
        }
        for (part, name) in [(Part::Component, "component"), (Part::Environment, "environment")] {
            if !parts.contains(&part) {
                return Err(PatternError::Missing(name));
            }
        }
        Ok(Pattern(parts))
    }

    /// The name of a component in an environment.
    pub fn expand(&self, project: &str, component: &str, environment: &str) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Project => project,
                Part::Component => component,
                Part::Environment => environment,
            })
            .collect()
    }
}

/// Why a name is refused by the service; a fragment for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("it has {have} characters, and {service} takes {max}")]
    TooLong { service: &'static str, have: usize, max: usize },
    #[error("it has {have} characters, and {service} wants at least {min}")]
    TooShort { service: &'static str, have: usize, min: usize },
    #[error("{service} does not take `{character}` in it")]
    Character { service: &'static str, character: char },
    #[error("{service} wants words of lower-case letters and digits, joined by single `.`, `_`, `-` or `/`")]
    Form { service: &'static str },
}

/// A Lambda function's name: 1 to 64 letters, digits, hyphens and underscores.
pub fn check_function_name(name: &str) -> Result<(), NameError> {
    check("Lambda", name, 1, FUNCTION_NAME_MAX)
}

/// An alias: 1 to 128 letters, digits, hyphens and underscores, not all of them digits.
pub fn check_alias(name: &str) -> Result<(), NameError> {
    check("Lambda", name, 1, ALIAS_MAX)?;
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NameError::Form { service: "Lambda" });
    }
    Ok(())
}

fn check(service: &'static str, name: &str, min: usize, max: usize) -> Result<(), NameError> {
    if let Some(character) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')) {
        return Err(NameError::Character { service, character });
    }
    length(service, name, min, max)
}

fn length(service: &'static str, name: &str, min: usize, max: usize) -> Result<(), NameError> {
    let have = name.chars().count();
    if have > max {
        Err(NameError::TooLong { service, have, max })
    } else if have < min {
        Err(NameError::TooShort { service, have, min })
    } else {
        Ok(())
    }
}

/// An ECR repository's name: 2 to 256 characters, words of lower-case letters and digits joined by single separators.
pub fn check_repository(name: &str) -> Result<(), NameError> {
    const SERVICE: &str = "ECR";
    length(SERVICE, name, 2, REPOSITORY_MAX)?;
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if name.split(['/', '.', '_', '-']).all(is_word) { Ok(()) } else { Err(NameError::Form { service: SERVICE }) }
}

/// The tags of a component's function in an environment, for what is made without Terraform.
pub fn tags(project: &str, env: &Env, app: &App, component: &Component) -> BTreeMap<String, String> {
    [
        ("Project", project),
        ("Environment", env.as_str()),
        ("ManagedBy", "tiers"),
        ("App", app.as_str()),
        ("Component", component.as_str()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_expands_and_says_what_is_wrong_with_it() {
        let pattern = Pattern::parse("{project}-{component}-{environment}").unwrap();
        assert_eq!(pattern.expand("shop", "api", "prod"), "shop-api-prod");
        assert_eq!(Pattern::parse("x{component}"), Err(PatternError::Missing("environment")));
        assert_eq!(Pattern::parse("a-{env}"), Err(PatternError::Unknown { name: "env".into(), at: 2 }));
        assert_eq!(Pattern::parse("a{"), Err(PatternError::Brace { at: 1 }));
        assert_eq!(Pattern::parse("ü}"), Err(PatternError::Brace { at: 2 }));
    }

    #[test]
    fn names_are_held_to_the_services_limits() {
        assert_eq!(check_function_name(&"a".repeat(64)), Ok(()));
        let error = check_function_name(&"a".repeat(65)).unwrap_err();
        assert_eq!(error.to_string(), "it has 65 characters, and Lambda takes 64");
        assert!(check_function_name("a.b").is_err());
        assert!(check_function_name("").is_err());
        for good in ["ab", "team/shop-api", "a1.b2_c3"] {
            assert_eq!(check_repository(good), Ok(()), "{good}");
        }
        for bad in ["a", "Shop", "shop--api", "-shop", "shop/", "shop api"] {
            assert!(check_repository(bad).is_err(), "{bad}");
        }
        assert_eq!(check_alias(LIVE_ALIAS), Ok(()));
        assert!(check_alias("12").is_err());
    }
}
