//! The environments that a repository has, looked for in texts that may name another one.

use super::names::{
    Stage, each_word, ends_domain, find, is_everyday, is_one_of, same_environment, stage_of, without_noise,
};

/// The environments of a repository, ready to be looked for in text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    names: Vec<(String, Option<Stage>)>,
}

impl Known {
    pub(crate) fn new(names: &[String]) -> Known {
        Known { names: names.iter().map(|name| (name.clone(), find(name).and_then(|named| named.stage))).collect() }
    }

    /// An environment other than `own` that a text names by a whole word, with that word's place; `None` as soon as it names its own.
    /// An everyday word names none, nor does one that often means something else (`test`, `live`) and stands alone.
    pub(crate) fn other_in(&self, text: &str, own: &str) -> Option<(usize, usize, &str)> {
        self.other_in_address(text, own).filter(|(start, end, _)| {
            let word = &text[*start..*end];
            let weak = || stage_of(word).is_some_and(|(_, strong)| !strong);
            let means_else = is_everyday(word) || (word.len() == text.len() && weak());
            !means_else
        })
    }

    /// The same in what leads to a state, where any word is a name.
    pub(crate) fn other_in_address(&self, text: &str, own: &str) -> Option<(usize, usize, &str)> {
        // The tag `Environment` of most resources.
        if text == own {
            return None;
        }
        let mut found = None;
        let mut before: Option<(usize, usize)> = None;
        for (start, end) in each_word(text) {
            let word = &text[start..end];
            // `non-prod` and `pre-production` are one word each, and `not-prod` is whatever prod is not.
            let prefix = before.replace((start, end)).filter(|(_, end)| end + 1 == start);
            let prefix = prefix.map_or("", |(start, end)| &text[start..end]);
            if ends_domain(text, start, end) || prefix.eq_ignore_ascii_case("not") {
                continue;
            }
            if word.eq_ignore_ascii_case(own) {
                return None;
            }
            let joined = is_one_of(&["non", "pre"], prefix).then(|| stage_of(&format!("{prefix}{word}"))).flatten();
            let told = joined.or_else(|| stage_of(word));
            let stage = told.map(|(stage, _)| stage);
            if stage.is_some() && stage == self.stage(own) {
                return None;
            }
            if found.is_some() {
                continue;
            }
            // A word that often means something else (`live`, `test`) names only an environment that is called so.
            let strong = told.is_some_and(|(_, strong)| strong);
            let other = self.names.iter().find(|(name, known)| match strong {
                true => *known == stage,
                false => name.eq_ignore_ascii_case(word),
            });
            found = other.map(|(name, _)| (start, end, name.as_str()));
        }
        found
    }

    /// The environment that a path names by a whole segment, the last one first: words that mean something else in other places
    /// (`test`, `main`) are names in paths of files for an environment.
    pub(crate) fn in_path(&self, path: &str) -> Option<&str> {
        path.split('/').rev().find_map(|segment| {
            let stem = super::surroundings::stem(segment);
            let own = without_noise(stem);
            self.names.iter().map(|(name, _)| name.as_str()).find(|name| name.eq_ignore_ascii_case(own))
        })
    }

    /// Whether it is the name of an environment here, whatever else the word may mean.
    pub(crate) fn is_name(&self, word: &str) -> bool {
        self.names.iter().any(|(name, _)| name.eq_ignore_ascii_case(word))
    }

    /// Whether a text is this environment's own name, in any spelling or with its region.
    pub(crate) fn is_own(&self, text: &str, own: &str) -> bool {
        let whole = || find(text).filter(|named| named.whole && named.start == 0 && named.end == text.len());
        same_environment(text, own) || whole().is_some_and(|named| named.stage == self.stage(own))
    }

    pub(crate) fn stage(&self, name: &str) -> Option<Stage> {
        match self.names.iter().find(|(known, _)| known == name) {
            Some((_, stage)) => *stage,
            None => find(name).and_then(|named| named.stage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Known;

    #[test]
    fn a_text_names_another_environment_only_where_it_does_not_name_its_own() {
        let known = Known::new(&["dev".to_string(), "staging".into(), "prod".into()]);
        let other = |text| known.other_in(text, "prod").map(|(.., other)| other);
        assert_eq!(other("app/dev/terraform.tfstate"), Some("dev"));
        assert_eq!(other("app/prod/terraform.tfstate"), None);
        assert_eq!(other("promote-dev-to-prod"), None);
        assert_eq!(other("nonprod/x"), None);
        assert_eq!(known.other_in("non-production", "dev"), None);
        assert_eq!(known.other_in("not-prod", "dev"), None);
        assert_eq!(known.other_in("pre-prod-x", "dev"), None);
        assert_eq!(known.other_in("none/prod", "dev").map(|(.., other)| other), Some("prod"));
        assert_eq!(other("europe-docker.pkg.dev/images/api"), None);
        assert_eq!(other("https://acme.dev"), None);
        assert_eq!(known.other_in("alias/live", "dev").map(|(.., other)| other), None);
        assert_eq!(other("https://api.dev.acme.example"), Some("dev"));
    }
}
