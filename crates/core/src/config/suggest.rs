//! "Did you mean": which of the known words somebody probably meant.

/// The known word that is nearest to this one, if any is near enough to be what was meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = plain(word);
    if wanted.is_empty() {
        return None;
    }
    known
        .into_iter()
        .filter_map(|candidate| {
            let have = plain(candidate);
            // Units and plurals are what people leave away: `timeout` for `timeout_s`.
            let distance = if wanted.len() >= 3 && (have.starts_with(&wanted) || wanted.starts_with(&have)) {
                1
            } else {
                strsim::damerau_levenshtein(&wanted, &have)
            };
            let allowed = match wanted.chars().count() {
                0..=2 => 0,
                3..=5 => 1,
                6..=8 => 2,
                _ => 3,
            };
            (distance <= allowed).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` and `c`, for a sentence.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let known = ["timeout_s", "memory_mb", "branch", "verified", "after"];
        for (word, meant) in [
            ("timeout", Some("timeout_s")),
            ("memory_bm", Some("memory_mb")),
            ("brnch", Some("branch")),
            ("Verfied", Some("verified")),
            ("aftr", Some("after")),
            ("colour", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }

    #[test]
    fn lists_read_like_a_sentence() {
        assert_eq!(listed([]), "");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
