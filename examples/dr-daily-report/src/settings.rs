//! config/service.json: the version of the release, the settings of search, and what differs by environment.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// The file, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub version: String,
    pub search: Search,
    #[serde(default)]
    pub environments: BTreeMap<String, Overrides>,
}

/// How search behaves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Results when the caller does not say.
    pub default_limit: usize,
    /// Results at most.
    pub max_limit: usize,
    pub ranking: Ranking,
}

/// The order of search results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ranking {
    /// Best score first.
    Score,
    /// Newest first.
    Date,
    /// By the weights in data/relevance.json, which is read when it is first needed.
    Relevance,
}

/// What an environment changes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    #[serde(default)]
    pub search: SearchOverrides,
}

/// What an environment changes of search; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchOverrides {
    pub default_limit: Option<usize>,
    pub max_limit: Option<usize>,
    pub ranking: Option<Ranking>,
}

impl Settings {
    /// Reads `config/service.json` below this folder.
    pub fn load(root: &Path) -> Result<Settings, String> {
        let text = std::fs::read_to_string(root.join("config/service.json"))
            .map_err(|error| format!("config/service.json can't be read: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("config/service.json is wrong: {error}"))
    }

    /// The settings of search in one environment; an environment without overrides has the common ones.
    pub fn search_in(&self, environment: &str) -> Result<Search, String> {
        let mut search = self.search.clone();
        if let Some(Overrides { search: changed }) = self.environments.get(environment) {
            search.default_limit = changed.default_limit.unwrap_or(search.default_limit);
            search.max_limit = changed.max_limit.unwrap_or(search.max_limit);
            search.ranking = changed.ranking.unwrap_or(search.ranking);
        }
        if search.default_limit == 0 || search.default_limit > search.max_limit {
            let Search { default_limit, max_limit, .. } = search;
            return Err(format!(
                "config/service.json is wrong for {environment}: default_limit {default_limit} is not between 1 and \
                 max_limit {max_limit}"
            ));
        }
        Ok(search)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(environments: &str) -> Result<Settings, serde_json::Error> {
        let search = r#"{"default_limit": 5, "max_limit": 20, "ranking": "score"}"#;
        serde_json::from_str(&format!(r#"{{"version": "1", "search": {search}, "environments": {environments}}}"#))
    }

    #[test]
    fn an_environment_changes_only_what_it_names() {
        let settings = settings(r#"{"prod": {"search": {"ranking": "date"}}}"#).expect("settings");
        assert_eq!(settings.search_in("dev").as_ref(), Ok(&settings.search));
        let prod = settings.search_in("prod").expect("settings");
        assert_eq!(prod, Search { default_limit: 5, max_limit: 20, ranking: Ranking::Date });
    }

    #[test]
    fn limits_that_contradict_each_other_are_told_with_the_environment() {
        let settings = settings(r#"{"prod": {"search": {"max_limit": 2}}}"#).expect("settings");
        let told = settings.search_in("prod").expect_err("a contradiction");
        assert!(told.contains("wrong for prod: default_limit 5 is not between 1 and max_limit 2"), "{told}");
    }

    #[test]
    fn an_unknown_key_or_ranking_is_an_error() {
        assert!(settings(r#"{"prod": {"serach": {}}}"#).is_err());
        assert!(settings(r#"{"prod": {"search": {"ranking": "magic"}}}"#).is_err());
    }
}
