//! Which words name a region, and which folders and files are named after one.

use super::names::{each_word, is_noise, is_one_of, letter};

/// Words that part one environment into several, each with a state of its own.
#[rustfmt::skip]
pub(super) const REGION_WORDS: &[&str] = &[
    "us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx", "cn", "uk", "gov", "emea", "apac", "amer", "usa", "blue",
    "green", "primary", "secondary", "dr", "failover", "standby",
];

/// Words that names of regions are put together from, as in `westeurope` and `us-east4`.
#[rustfmt::skip]
const REGION_PIECES: &[&str] = &[
    "north", "south", "east", "west", "central", "europe", "asia", "america", "australia", "africa", "pacific", "brazil",
    "canada", "france", "germany", "india", "israel", "italy", "japan", "korea", "mexico", "norway", "poland", "qatar",
    "spain", "sweden", "switzerland", "uae", "uk", "us",
];

const CONTINENTS: &[&str] = &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx", "cn"];

/// `euw1`, `apse2`: continent, direction, number.
fn is_short_region(word: &str) -> bool {
    let Some(bare) = word.strip_suffix(|last: char| last.is_ascii_digit()) else { return false };
    let directions = ["e", "w", "n", "s", "c", "ne", "nw", "se", "sw"];
    CONTINENTS.iter().filter_map(|continent| after(bare, continent)).any(|rest| is_one_of(&directions, rest))
}

pub(super) fn is_region_word(word: &str) -> bool {
    if word.as_bytes().first().is_none_or(|first| REGION_LETTERS & letter(*first) == 0) {
        return false;
    }
    let bare = word.trim_end_matches(|last: char| last.is_ascii_digit());
    if is_one_of(REGION_WORDS, bare) {
        return true;
    }
    let mut rest = bare;
    while let Some(after) = REGION_PIECES.iter().find_map(|piece| after(rest, piece)) {
        rest = after;
    }
    (rest.is_empty() && !bare.is_empty()) || is_short_region(word)
}

/// What stands behind a beginning in either case.
fn after<'t>(text: &'t str, beginning: &str) -> Option<&'t str> {
    if text.as_bytes().first()?.to_ascii_lowercase() != beginning.as_bytes()[0] {
        return None;
    }
    let (first, rest) = text.split_at_checked(beginning.len())?;
    first.eq_ignore_ascii_case(beginning).then_some(rest)
}

/// The letters that words of regions begin with.
const REGION_LETTERS: u32 = first_letters(REGION_WORDS) | first_letters(REGION_PIECES) | first_letters(CONTINENTS);

const fn first_letters(words: &[&str]) -> u32 {
    let (mut letters, mut index) = (0, 0);
    while index < words.len() {
        letters |= letter(words[index].as_bytes()[0]);
        index += 1;
    }
    letters
}

/// Whether a folder or the stem of a file is named after a region and nothing else: `eu-west-1`, `westeurope.backend`.
pub(crate) fn is_region(segment: &str) -> bool {
    let mut found = false;
    for (start, end) in each_word(segment) {
        let word = &segment[start..end];
        let region = is_region_word(word);
        found |= region;
        if !region && !is_noise(word) && !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::is_region;
    use crate::discover::names::without_noise;

    #[test]
    fn regions_are_told_by_the_words_that_they_are_put_together_from() {
        for region in
            ["eu-west-1", "us-gov-east-1", "europe-west1", "us-central1", "westeurope", "eastus2", "euw1", "eu", "us"]
        {
            assert!(is_region(region), "{region}");
        }
        for other in ["app", "prod-eu", "1", "network", "terraform", "webapp", "backend", "euro", "user", "global"] {
            assert!(!is_region(other), "{other}");
        }
        assert_eq!(without_noise("eu-west-1.backend"), "eu-west-1");
    }
}
