//! Globs over names of branches and tags, and what can be said against a glob before anything is matched with it.
//!
//! They are the globs of `paths` (see [`Globs`]): `*` is anything but `/`, `**` between slashes anything, `?` one character but
//! `/`, `[a-z]` one of a range, `{a,b}` one of several. Upper and lower case differ, as they do for git.

use super::model::RefKind;
use crate::source::Globs;

/// True where the name of a branch or tag, without `refs/heads/` or `refs/tags/`, matches the pattern. A pattern that can't be
/// read matches nothing; a project that was loaded holds none.
pub fn matches_ref(pattern: &str, name: &str) -> bool {
    !pattern.starts_with(['!', '/']) && Globs::parse(&[pattern]).is_ok_and(|globs| globs.matches(name.as_bytes()))
}

/// What is wrong with a pattern of branches or tags, as a fragment, and what to do.
pub(super) fn check_ref(pattern: &str, kind: RefKind) -> Result<(), (String, String)> {
    let (prefix, word, plural) = match kind {
        RefKind::Branch => ("refs/heads/", "branch", "branches"),
        RefKind::Tag => ("refs/tags/", "tag", "tags"),
    };
    if pattern.is_empty() {
        return Err(("an empty pattern matches no ref".to_owned(), format!("Name a {word}, or use `*` for any.")));
    }
    if let Some(rest) = pattern.strip_prefix("refs/") {
        let bare = pattern.strip_prefix(prefix).unwrap_or(rest);
        return Err(("a pattern is compared with the bare name".to_owned(), format!("Write `{bare}`.")));
    }
    if pattern.starts_with('/') {
        return Err((
            format!("no {word} of git begins with a slash"),
            format!("Write `{}`.", pattern.trim_start_matches('/')),
        ));
    }
    if pattern.starts_with('!') {
        return Err(("a pattern can't be negated".to_owned(), format!("Name the {plural} that are meant.")));
    }
    if let Some(character) =
        pattern.chars().find(|c| c.is_whitespace() || c.is_control() || matches!(c, '~' | '^' | ':'))
    {
        return Err((
            format!("no {word} of git can hold `{}`", character.escape_default()),
            format!("Use the name as `git {word}` lists it."),
        ));
    }
    check_glob(pattern)
}

/// What is wrong with a glob of `paths`, as a fragment, and what to do.
pub(super) fn check_path(glob: &str) -> Result<(), (String, String)> {
    let bare = glob.strip_prefix('!').unwrap_or(glob);
    if bare.is_empty() {
        return Err(("an empty glob matches no file".to_owned(), "Write `**` for every file.".to_owned()));
    }
    if bare.starts_with('!') {
        return Err(("a glob is left out with one `!`".to_owned(), "Write `!` once.".to_owned()));
    }
    if bare.starts_with("./") {
        let fixed = bare.trim_start_matches(['.', '/']);
        return Err(("globs stand below the root of the repository".to_owned(), format!("Write `{fixed}`.")));
    }
    if bare.split('/').any(|part| part == "..") {
        return Err((
            "a source can't reach out of the repository".to_owned(),
            "Name files of the repository, from its root.".to_owned(),
        ));
    }
    check_glob(glob)
}

fn check_glob(glob: &str) -> Result<(), (String, String)> {
    let Err(bad) = Globs::parse(&[glob]) else { return Ok(()) };
    let why = bad.into_iter().next().map(|bad| bad.why).unwrap_or_default();
    Err((
        format!("`{}` is not a glob: {why}", glob.escape_debug()),
        "`*` is anything but a slash, `**` any folders, `?` one character, `[a-z]` one of a range, `{a,b}` one of several.".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_match_as_documented() {
        for (pattern, name, expected) in [
            ("main", "main", true),
            ("main", "main2", false),
            ("main", "Main", false),
            ("hotfix/*", "hotfix/1", true),
            ("hotfix/*", "hotfix/a/b", false),
            ("hotfix/**", "hotfix/a/b", true),
            ("v*.*.*", "v1.2.3", true),
            ("v*.*.*", "v1.2", false),
            ("v[0-9].*", "v1.x", true),
            ("v[0-9].*", "va.x", false),
            ("{main,release/*}", "release/7", true),
            ("!main", "dev", false),
            ("*", "a/b", false),
        ] {
            assert_eq!(matches_ref(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_could_never_match_is_refused_with_what_to_write() {
        let hint = |pattern| check_ref(pattern, RefKind::Branch).unwrap_err().1;
        assert_eq!(hint("refs/heads/main"), "Write `main`.");
        assert!(check_ref("a b", RefKind::Tag).unwrap_err().0.contains("no tag of git"));
        assert!(check_ref("v[0-9", RefKind::Tag).is_err());
        assert!(check_ref("!main", RefKind::Branch).is_err());
        assert_eq!(check_path("./src/**").unwrap_err().1, "Write `src/**`.");
        assert!(check_ref("/main", RefKind::Branch).is_err());
        assert!(check_path("a/../b").is_err());
        assert!(check_path("src/").unwrap_err().0.contains("write `src/**`"));
        assert!(check_path("{a,b").is_err());
        assert!(check_path("!src/**").is_ok());
    }
}
