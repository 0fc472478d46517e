//! Which words name an environment, and where in a path they stand.

/// How far an environment is from production, by what its name usually means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    Local,
    Sandbox,
    Dev,
    Test,
    Integration,
    Nonprod,
    Qa,
    Demo,
    Uat,
    Performance,
    Staging,
    Preprod,
    Recovery,
    Prod,
}

/// Words, the stage that they mean, and whether the word means an environment wherever it stands. A word that often means something
/// else (`test`, `live`) counts only beside others that are environments.
const WORDS: &[(&str, Stage, bool)] = &[
    ("local", Stage::Local, false),
    ("sandbox", Stage::Sandbox, true),
    ("sbx", Stage::Sandbox, true),
    ("dev", Stage::Dev, true),
    ("devel", Stage::Dev, true),
    ("develop", Stage::Dev, true),
    ("development", Stage::Dev, true),
    ("test", Stage::Test, false),
    ("tst", Stage::Test, true),
    ("testing", Stage::Test, false),
    ("int", Stage::Integration, false),
    ("integration", Stage::Integration, false),
    ("nonprod", Stage::Nonprod, true),
    ("nonprd", Stage::Nonprod, true),
    ("nonproduction", Stage::Nonprod, true),
    ("qa", Stage::Qa, true),
    ("sit", Stage::Qa, false),
    ("demo", Stage::Demo, false),
    ("uat", Stage::Uat, true),
    ("acc", Stage::Uat, false),
    ("acceptance", Stage::Uat, false),
    ("perf", Stage::Performance, false),
    ("performance", Stage::Performance, false),
    ("loadtest", Stage::Performance, false),
    ("stg", Stage::Staging, true),
    ("stag", Stage::Staging, true),
    ("stage", Stage::Staging, true),
    ("staging", Stage::Staging, true),
    ("pre", Stage::Preprod, false),
    ("preprod", Stage::Preprod, true),
    ("preprd", Stage::Preprod, true),
    ("preproduction", Stage::Preprod, true),
    ("dr", Stage::Recovery, false),
    ("prod", Stage::Prod, true),
    ("prd", Stage::Prod, true),
    ("production", Stage::Prod, true),
    ("live", Stage::Prod, false),
];

/// Names of folders and files beside environments that are none.
const NOT_ENVIRONMENTS: &[&str] = &[
    "shared",
    "common",
    "global",
    "globals",
    "all",
    "module",
    "modules",
    "base",
    "default",
    "defaults",
    "template",
    "templates",
    "bootstrap",
    "example",
    "examples",
    "backend",
    "backends",
    "terraform",
    "tf",
    "vars",
    "variables",
    "main",
    "provider",
    "providers",
    "secrets",
    "network",
    "config",
    "root",
    "core",
    "management",
    "mgmt",
    "state",
    "tfstate",
    "remote",
    "scripts",
    "policies",
    "files",
    "lib",
    "src",
    "readme",
];

/// Folders whose children are environments.
const PARENTS: &[&str] = &["environments", "environment", "envs", "env", "stages", "accounts", "live", "deployments"];

const REGION_WORDS: &[&str] = &[
    "us",
    "eu",
    "ap",
    "sa",
    "ca",
    "me",
    "af",
    "il",
    "mx",
    "cn",
    "gov",
    "east",
    "west",
    "central",
    "north",
    "south",
    "northeast",
    "northwest",
    "southeast",
    "southwest",
    "use1",
    "use2",
    "usw1",
    "usw2",
    "euw1",
    "euw2",
    "euw3",
    "euc1",
    "eun1",
    "apse1",
    "apse2",
    "apne1",
    "apne2",
    "aps1",
    "cac1",
    "sae1",
    "blue",
    "green",
    "primary",
    "secondary",
];

/// A name of an environment inside a path segment or the stem of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// As written, with a region or number that belongs to it: `prod-us-east-1`.
    pub(crate) name: String,
    pub(crate) stage: Option<Stage>,
    /// Byte offsets in the segment.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The name is the whole segment, or all of it but words such as `env` and `backend`.
    pub(crate) whole: bool,
    /// The word means an environment wherever it stands.
    pub(crate) strong: bool,
}

/// The stage that a single word means, whether strong or weak.
pub(crate) fn stage_of(word: &str) -> Option<(Stage, bool)> {
    let lower = word.to_ascii_lowercase();
    let bare = lower.trim_end_matches(|character: char| character.is_ascii_digit());
    WORDS.iter().find(|(known, ..)| *known == lower || *known == bare).map(|(_, stage, strong)| (*stage, *strong))
}

pub(crate) fn is_not_environment(word: &str) -> bool {
    NOT_ENVIRONMENTS.contains(&word.to_ascii_lowercase().as_str())
}

pub(crate) fn is_parent_of_environments(segment: &str) -> bool {
    PARENTS.contains(&segment.to_ascii_lowercase().as_str())
}

/// Finds the name of an environment in a segment: a strong word before a weak one, the first before later ones.
pub(crate) fn find(segment: &str) -> Option<Named> {
    let words = words(segment);
    let mut weak = None;
    for index in 0..words.len() {
        let (stage, strong, taken) =
            match (two_words(segment, &words, index), stage_of(&segment[words[index].0..words[index].1])) {
                (Some((stage, strong)), _) => (stage, strong, 2),
                (None, Some((stage, strong))) => (stage, strong, 1),
                (None, None) => continue,
            };
        let named = extend(segment, &words, index, taken, stage, strong);
        if strong {
            return Some(named);
        }
        weak.get_or_insert(named);
    }
    weak
}

/// `non-prod` and `pre-prod` are one word each.
fn two_words(segment: &str, words: &[(usize, usize)], index: usize) -> Option<(Stage, bool)> {
    let (first, second) = (words.get(index)?, words.get(index + 1)?);
    let first = &segment[first.0..first.1];
    if !first.eq_ignore_ascii_case("non") && !first.eq_ignore_ascii_case("pre") {
        return None;
    }
    stage_of(&format!("{first}{}", &segment[second.0..second.1]))
}

fn extend(segment: &str, words: &[(usize, usize)], index: usize, taken: usize, stage: Stage, strong: bool) -> Named {
    let mut last = index + taken - 1;
    while let Some((start, end)) = words.get(last + 1) {
        let word = segment[*start..*end].to_ascii_lowercase();
        if REGION_WORDS.contains(&word.as_str()) || word.bytes().all(|byte| byte.is_ascii_digit()) {
            last += 1;
        } else {
            break;
        }
    }
    let (start, end) = (words[index].0, words[last].1);
    let others = words[..index].iter().chain(&words[last + 1..]);
    let whole = others.into_iter().all(|(start, end)| is_noise(&segment[*start..*end]));
    Named { name: segment[start..end].to_string(), stage: Some(stage), start, end, whole, strong }
}

/// Words beside the name of an environment that say what the file is and nothing else.
fn is_noise(word: &str) -> bool {
    const NOISE: &[&str] = &[
        "env",
        "environment",
        "backend",
        "backends",
        "config",
        "conf",
        "terraform",
        "tf",
        "tfvars",
        "vars",
        "var",
        "variables",
        "state",
        "tfstate",
        "remote",
        "auto",
        "account",
        "s3",
        "values",
        "settings",
        "init",
    ];
    NOISE.contains(&word.to_ascii_lowercase().as_str())
}

/// The words of a name, as byte offsets.
pub(crate) fn words(text: &str) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut start = None;
    for (index, character) in text.char_indices() {
        match (character.is_alphanumeric(), start) {
            (true, None) => start = Some(index),
            (false, Some(from)) => {
                out.push((from, index));
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        out.push((from, text.len()));
    }
    out
}

/// Whether two names mean the same environment: the same text, or one stage's two spellings with the same rest.
pub(crate) fn same_environment(a: &str, b: &str) -> bool {
    normal(a) == normal(b)
}

/// A spelling that `stg`, `stage` and `staging` share; regions and numbers stay.
pub(crate) fn normal(name: &str) -> String {
    match find(name) {
        Some(named) if named.whole => {
            let rest = words(&named.name)
                .into_iter()
                .map(|(start, end)| named.name[start..end].to_ascii_lowercase())
                .filter(|word| stage_of(word).is_none() && word != "non" && word != "pre")
                .fold(String::new(), |all, word| all + "-" + &word);
            let digits: String = named.name.to_ascii_lowercase().chars().filter(char::is_ascii_digit).collect();
            format!("{:?}{rest}{digits}", named.stage)
        }
        _ => name.to_ascii_lowercase(),
    }
}

/// The environments, other than those that `own` means, that a text names by a whole strong word.
pub(crate) fn others_named(text: &str, own: &str, all: &[String]) -> Option<(usize, usize, String)> {
    let own_stage = find(own).and_then(|named| named.stage);
    let lower_own = own.to_ascii_lowercase();
    let mut found = None;
    for (start, end) in words(text) {
        let word = &text[start..end];
        let lower = word.to_ascii_lowercase();
        if lower == lower_own {
            return None;
        }
        match stage_of(word) {
            Some((stage, _)) if Some(stage) == own_stage => return None,
            Some((stage, _)) => {
                let other = all.iter().find(|name| find(name).and_then(|named| named.stage) == Some(stage));
                if let (Some(other), None) = (other, &found) {
                    found = Some((start, end, other.clone()));
                }
            }
            None => {
                let other = all.iter().find(|name| name.to_ascii_lowercase() == lower);
                if let (Some(other), None) = (other, &found) {
                    found = Some((start, end, other.clone()));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Stage, find, others_named, same_environment};

    fn check(segment: &str, expected: Option<(&str, Stage, bool)>) {
        let found = find(segment).map(|named| (named.name.clone(), named.stage, named.whole));
        assert_eq!(found, expected.map(|(name, stage, whole)| (name.to_string(), Some(stage), whole)), "{segment}");
    }

    #[test]
    fn names_of_environments_are_found_in_segments() {
        check("dev", Some(("dev", Stage::Dev, true)));
        check("env-dev", Some(("dev", Stage::Dev, true)));
        check("backend-stg", Some(("stg", Stage::Staging, true)));
        check("prod.backend", Some(("prod", Stage::Prod, true)));
        check("prod-us-east-1", Some(("prod-us-east-1", Stage::Prod, true)));
        check("non-prod", Some(("non-prod", Stage::Nonprod, true)));
        check("dev2", Some(("dev2", Stage::Dev, true)));
        check("prod_network", Some(("prod", Stage::Prod, false)));
        check("myapp-staging", Some(("staging", Stage::Staging, false)));
        check("product", None);
        check("device", None);
        check("shared", None);
    }

    #[test]
    fn two_spellings_of_one_stage_are_one_environment_and_regions_tell_them_apart() {
        assert!(same_environment("stg", "staging"));
        assert!(same_environment("prd", "production"));
        assert!(!same_environment("prod-eu", "prod-us"));
        assert!(!same_environment("nonprod", "prod"));
        assert!(!same_environment("dev1", "dev2"));
    }

    #[test]
    fn a_text_names_another_environment_only_where_it_does_not_name_its_own() {
        let all = ["dev".to_string(), "staging".into(), "prod".into()];
        assert_eq!(others_named("app/dev/terraform.tfstate", "prod", &all).map(|found| found.2), Some("dev".into()));
        assert_eq!(others_named("app/prod/terraform.tfstate", "prod", &all), None);
        assert_eq!(others_named("promote-dev-to-prod", "prod", &all), None);
        assert_eq!(others_named("nonprod/x", "prod", &all), None);
    }
}
