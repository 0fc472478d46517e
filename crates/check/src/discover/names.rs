//! Which words name an environment, and where in a path they stand.

use super::regions::{REGION_WORDS, is_region_word};

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
#[rustfmt::skip]
const NOT_ENVIRONMENTS: &[&str] = &[
    "shared", "common", "global", "globals", "all", "module", "modules", "base", "default", "defaults", "template",
    "templates", "bootstrap", "example", "examples", "backend", "backends", "terraform", "tf", "vars", "variables",
    "main", "provider", "providers", "secrets", "network", "config", "root", "core", "management", "mgmt", "state",
    "tfstate", "remote", "scripts", "policies", "files", "lib", "src", "readme", "security", "audit", "logging", "logs",
    "networking", "hub", "identity", "transit", "dns",
];

/// First words of names that are no environments, whatever follows: `shared-services`, `log-archive`.
const NOT_ENVIRONMENTS_BY_FIRST: &[&str] = &["shared", "common", "global", "management", "mgmt", "bootstrap", "log"];

/// Words for what all environments share.
const OF_ALL: &[&str] = &["shared", "common", "global", "globals", "all", "base", "default", "defaults"];

/// Names of branches, colours and channels. An environment may be called so, and most that say the word mean none.
const EVERYDAY: &[&str] = &[
    "main",
    "master",
    "trunk",
    "next",
    "blue",
    "green",
    "red",
    "latest",
    "current",
    "primary",
    "secondary",
    "stable",
    "beta",
    "alpha",
    "canary",
    "edge",
    "a",
    "b",
];

/// Whether a word in a text names no environment, though one is called so.
pub(crate) fn is_everyday(word: &str) -> bool {
    is_one_of(EVERYDAY, word)
}

/// Whether a word says that a file is for all environments.
pub(super) fn is_of_all(word: &str) -> bool {
    is_one_of(OF_ALL, word)
}

/// Words that end a domain, too: `pkg.dev`, `cluster.local`.
const DOMAIN_ENDS: &[&str] = &["dev", "test", "local", "int", "live"];

/// Folders whose children are environments.
const PARENTS: &[&str] = &["environments", "environment", "envs", "env", "stages", "accounts", "live", "deployments"];

/// A name without the words around it that only say what kind of file it is.
pub(crate) fn without_noise(segment: &str) -> &str {
    let telling = || each_word(segment).filter(|(start, end)| !is_noise(&segment[*start..*end]));
    match (telling().next(), telling().last()) {
        (Some((start, _)), Some((_, end))) => &segment[start..end],
        _ => segment,
    }
}

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

/// Longest of [`WORDS`].
const LONGEST_WORD: usize = 13;

/// By length, a bit for each of [`WORDS`]: few are as long as a word of any text.
const OF_LENGTH: [u64; LONGEST_WORD + 1] = {
    let mut words = [0; LONGEST_WORD + 1];
    let mut index = 0;
    while index < WORDS.len() {
        words[WORDS[index].0.len()] |= 1 << index;
        index += 1;
    }
    words
};

/// By length, the letters that they begin with.
const FIRST_LETTERS: [u32; LONGEST_WORD + 1] = {
    let mut letters = [0; LONGEST_WORD + 1];
    let mut index = 0;
    while index < WORDS.len() {
        let word = WORDS[index].0.as_bytes();
        letters[word.len()] |= letter(word[0]);
        index += 1;
    }
    letters
};

/// A bit for a letter of either case, and none for anything else.
pub(super) const fn letter(byte: u8) -> u32 {
    if byte.is_ascii_alphabetic() { 1 << (byte.to_ascii_lowercase() - b'a') } else { 0 }
}

pub(super) fn is_one_of(list: &[&str], word: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The stage that a single word means, whether strong or weak. A number behind the word is let pass: `dev2`.
pub(crate) fn stage_of(word: &str) -> Option<(Stage, bool)> {
    let bytes = word.as_bytes();
    let mut length = bytes.len();
    while length > 0 && bytes[length - 1].is_ascii_digit() {
        length -= 1;
    }
    if FIRST_LETTERS.get(length)? & letter(*bytes.first()?) == 0 {
        return None;
    }
    let mut left = OF_LENGTH[length];
    while left != 0 {
        let (known, stage, strong) = WORDS[left.trailing_zeros() as usize];
        if known.as_bytes().eq_ignore_ascii_case(&bytes[..length]) {
            return Some((stage, strong));
        }
        left &= left - 1;
    }
    None
}

pub(crate) fn is_not_environment(segment: &str) -> bool {
    let first = segment.split(['-', '_']).next().unwrap_or(segment);
    let hidden = segment.starts_with('_');
    is_one_of(NOT_ENVIRONMENTS, segment) || is_one_of(NOT_ENVIRONMENTS_BY_FIRST, first) || hidden || is_mould(segment)
}

/// Folders of what tests read: configuration there is made up, and no environment's. `test` is an environment.
fn is_for_tests(segment: &str) -> bool {
    const FOLDERS: &[&str] = &[
        "__fixtures__",
        "__tests__",
        "fixtures",
        "golden",
        "goldens",
        "snapshots",
        "test-data",
        "test_data",
        "test-fixtures",
        "test_fixtures",
        "testdata",
        "tests",
    ];
    is_one_of(FOLDERS, segment)
}

/// The topmost folder above a module that holds what tests read.
pub(crate) fn folder_of_tests(dir: &str) -> Option<&str> {
    let ends = dir.match_indices('/').map(|(at, _)| at).chain([dir.len()]);
    ends.map(|end| &dir[..end]).find(|folder| is_for_tests(folder.rsplit('/').next().unwrap_or(folder)))
}

/// Folders from which others are made: `_template`, `skeleton`, `__ENV__`, `{{cookiecutter.name}}`.
pub(crate) fn is_mould(segment: &str) -> bool {
    const MOULDS: &[&str] =
        &["template", "templates", "skeleton", "skeletons", "scaffold", "scaffolds", "cookiecutter"];
    let filled = segment.len() > 4 && segment.starts_with("__") && segment.ends_with("__");
    is_one_of(MOULDS, segment.trim_start_matches('_')) || filled || segment.contains("{{") || segment.contains("@@")
}

/// Files that show what to write and are read by nobody, or that somebody kept: `example.tfvars`, `prod-old.tfvars`.
pub(crate) fn is_specimen(stem: &str) -> bool {
    const SPECIMENS: &[&str] = &[
        "example",
        "examples",
        "sample",
        "samples",
        "template",
        "templates",
        "tpl",
        "dist",
        "old",
        "bak",
        "orig",
        "backup",
        "disabled",
    ];
    each_word(stem).any(|(start, end)| is_one_of(SPECIMENS, &stem[start..end]))
}

/// Whether the word at this place is the end of a domain's name, as in `europe-docker.pkg.dev/images`.
pub(crate) fn ends_domain(text: &str, start: usize, end: usize) -> bool {
    is_one_of(DOMAIN_ENDS, &text[start..end])
        && text[..start].ends_with('.')
        && (end == text.len() || text[end..].starts_with(['/', ':', '?', '"', '\'', ' ', ',']))
}

pub(crate) fn is_parent_of_environments(segment: &str) -> bool {
    is_one_of(PARENTS, segment)
}

/// Where the name of an environment stands in a segment, and what it means.
struct Spot {
    stage: Stage,
    strong: bool,
    start: usize,
    end: usize,
    whole: bool,
}

/// Finds the name of an environment in a segment: a strong word before a weak one, the first before later ones.
pub(crate) fn find(segment: &str) -> Option<Named> {
    let Spot { stage, strong, start, end, whole } = spot(segment)?;
    Some(Named { name: segment[start..end].to_string(), stage: Some(stage), start, end, whole, strong })
}

fn spot(segment: &str) -> Option<Spot> {
    // Words of two words end with one that is a stage by itself.
    if !each_word(segment).any(|(start, end)| stage_of(&segment[start..end]).is_some()) {
        return None;
    }
    let mut few = [(0, 0); FEW];
    let mut count = 0;
    for word in each_word(segment) {
        match few.get_mut(count) {
            Some(place) => *place = word,
            None => return spot_among(segment, &words(segment)),
        }
        count += 1;
    }
    spot_among(segment, &few[..count])
}

/// Most names have fewer words than this: they need no list of their own.
const FEW: usize = 8;

fn spot_among(segment: &str, words: &[(usize, usize)]) -> Option<Spot> {
    let mut weak = None;
    for index in 0..words.len() {
        let (stage, strong, taken) =
            match (two_words(segment, words, index), stage_of(&segment[words[index].0..words[index].1])) {
                (Some((stage, strong)), _) => (stage, strong, 2),
                (None, Some((stage, strong))) => (stage, strong, 1),
                (None, None) => continue,
            };
        let spot = extend(segment, words, index, taken, stage, strong);
        if strong {
            return Some(spot);
        }
        weak.get_or_insert(spot);
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

fn extend(segment: &str, words: &[(usize, usize)], index: usize, taken: usize, stage: Stage, strong: bool) -> Spot {
    let mut last = index + taken - 1;
    while let Some((start, end)) = words.get(last + 1) {
        let word = &segment[*start..*end];
        if is_region_word(word) || word.bytes().all(|byte| byte.is_ascii_digit()) {
            last += 1;
        } else {
            break;
        }
    }
    let (start, end) = (words[index].0, words[last].1);
    let others = words[..index].iter().chain(&words[last + 1..]);
    let whole = others.into_iter().all(|(start, end)| is_noise(&segment[*start..*end]));
    Spot { stage, strong, start, end, whole }
}

/// Words beside the name of an environment that say what the file is and nothing else.
#[rustfmt::skip]
const NOISE: &[&str] = &[
    "env", "environment", "backend", "backends", "config", "conf", "terraform", "tf", "tfvars", "vars", "var",
    "variables", "state", "tfstate", "remote", "auto", "account", "s3", "values", "settings", "init",
];

pub(super) fn is_noise(word: &str) -> bool {
    is_one_of(NOISE, word)
}

/// The words of a name, as byte offsets.
pub(crate) fn words(text: &str) -> Vec<(usize, usize)> {
    each_word(text).collect()
}

/// The same one after the other.
pub(super) fn each_word(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = run_end(text, at, false);
        at = run_end(text, start, true);
        (start < at).then_some((start, at))
    })
}

/// Where the letters and digits that begin at `at` end, or what is none of them.
fn run_end(text: &str, mut at: usize, of_words: bool) -> usize {
    while let Some(byte) = text.as_bytes().get(at) {
        match ALPHANUMERIC[*byte as usize] {
            Some(alphanumeric) if alphanumeric == of_words => at += 1,
            Some(_) => break,
            None => match text[at..].chars().next() {
                Some(character) if character.is_alphanumeric() == of_words => at += character.len_utf8(),
                _ => break,
            },
        }
    }
    at
}

/// By byte; `None` for those of which a character beyond ASCII is made.
const ALPHANUMERIC: [Option<bool>; 256] = {
    let mut all = [None; 256];
    let mut byte = 0;
    while byte < 128 {
        all[byte] = Some((byte as u8).is_ascii_alphanumeric());
        byte += 1;
    }
    all
};

/// Whether a word stands for a stage anywhere in a name; without one it is an environment only by being spelled as it.
pub(crate) fn may_name(text: &str) -> bool {
    let joined = text.get(..3).is_some_and(|first| is_one_of(&["non", "pre"], first));
    joined || each_word(text).any(|(start, end)| stage_of(&text[start..end]).is_some())
}

/// Whether two names mean the same environment: the same text, or one stage's two spellings with the same rest.
pub(crate) fn same_environment(a: &str, b: &str) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    // Only names of one stage can be spellings of each other; `non-prod` and `pre-prod` take a closer look.
    let of = |text: &str| each_word(text).find_map(|(start, end)| stage_of(&text[start..end])).map(|(stage, _)| stage);
    let joined = |text: &str| text.get(..3).is_some_and(|first| is_one_of(&["non", "pre"], first));
    let (first, second) = (of(a), of(b));
    let may = joined(a) || joined(b) || (first.is_some() && first == second);
    let whole = |text: &str| spot(text).filter(|spot| spot.whole).map(|spot| spot.stage);
    may && whole(a).is_some_and(|stage| whole(b) == Some(stage)) && normal(a) == normal(b)
}

/// A spelling that `stg`, `stage` and `staging` share; regions and numbers stay.
pub(crate) fn normal(name: &str) -> String {
    match find(name) {
        Some(named) if named.whole => {
            let rest = words(&named.name)
                .into_iter()
                .map(|(start, end)| named.name[start..end].to_ascii_lowercase())
                .filter(|word| stage_of(word).is_none() || is_one_of(REGION_WORDS, word))
                .filter(|word| word != "non" && word != "pre")
                .fold(String::new(), |all, word| all + "-" + &word);
            let digits: String = named.name.to_ascii_lowercase().chars().filter(char::is_ascii_digit).collect();
            format!("{:?}{rest}{digits}", named.stage)
        }
        _ => name.to_ascii_lowercase(),
    }
}

/// Whether a text holds an environment's name as a whole word.
pub(crate) fn mentions(text: &str, environment: &str) -> bool {
    each_word(text).any(|(start, end)| same_environment(&text[start..end], environment))
}

#[cfg(test)]
mod tests {
    use super::{Stage, find, same_environment};

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
        check("prod-westeurope", Some(("prod-westeurope", Stage::Prod, true)));
        check("non-prod", Some(("non-prod", Stage::Nonprod, true)));
        check("dev2", Some(("dev2", Stage::Dev, true)));
        check("prod_network", Some(("prod", Stage::Prod, false)));
        check("myapp-staging", Some(("staging", Stage::Staging, false)));
        check("product", None);
        check("device", None);
        check("shared", None);
        assert!(super::is_not_environment("shared-services") && !super::is_not_environment("eu-prod"));
    }

    #[test]
    fn a_word_of_two_words_ends_with_one_that_is_a_stage_by_itself() {
        let of_two = |word: &&str| ["non", "pre"].iter().any(|first| word.len() > 3 && word.starts_with(first));
        for word in super::WORDS.iter().map(|(word, ..)| *word).filter(of_two) {
            assert!(super::stage_of(&word[3..]).is_some(), "{word}");
        }
        check("a-b-c-d-e-f-g-h-i-non-prod", Some(("non-prod", Stage::Nonprod, false)));
    }

    #[test]
    fn two_spellings_of_one_stage_are_one_environment_and_regions_tell_them_apart() {
        assert!(same_environment("stg", "staging"));
        assert!(same_environment("prd", "production"));
        assert!(!same_environment("prod-eu", "prod-us"));
        assert!(!same_environment("nonprod", "prod"));
        assert!(!same_environment("dev1", "dev2"));
    }
}
