//! Globs: over names of branches and tags, and over paths in a repository.
//!
//! `*` is anything but `/`, `**` anything, `?` one character but `/`, `[a-z]` one of a range, `{a,b}` one of several. Upper
//! and lower case differ, as they do for git. A dot at the beginning is matched like any other character.

use super::model::RefKind;

/// True where the name of a branch or tag, without `refs/heads/` or `refs/tags/`, matches the pattern.
pub fn matches_ref(pattern: &str, name: &str) -> bool {
    !pattern.starts_with('!') && fast_glob::glob_match(pattern, name)
}

/// True where a path of the repository (with `/`, not at the beginning) belongs to these `paths`: at least one glob matches it
/// and none that begins with `!` does. A glob that ends with `/` means everything below.
pub fn includes(paths: &[String], path: &str) -> bool {
    let matches = |glob: &str| match glob.strip_suffix('/') {
        Some(folder) => fast_glob::glob_match(format!("{folder}/**"), path),
        None => fast_glob::glob_match(glob, path),
    };
    let mut included = false;
    for glob in paths {
        match glob.strip_prefix('!') {
            Some(excluded) if matches(excluded) => return false,
            Some(_) => {}
            None => included = included || matches(glob),
        }
    }
    included
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
    if pattern.starts_with('!') {
        return Err(("a pattern can't be negated".to_owned(), format!("Name the {plural} that are meant.")));
    }
    if let Some(character) = pattern.chars().find(|c| c.is_whitespace() || c.is_control() || matches!(c, '~' | '^' | ':')) {
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
    if bare.starts_with('/') || bare.starts_with("./") {
        let fixed = bare.trim_start_matches(['.', '/']);
        return Err(("globs stand below the root of the repository".to_owned(), format!("Write `{fixed}`.")));
    }
    if bare.split('/').any(|part| part == "..") {
        return Err((
            "a source can't reach out of the repository".to_owned(),
            "Name files of the repository, from its root.".to_owned(),
        ));
    }
    check_glob(bare)
}

fn check_glob(glob: &str) -> Result<(), (String, String)> {
    fast_glob::validate(glob).map_err(|error| (error.to_string(), "Close what is open, or escape it with a backslash.".to_owned()))
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
    fn paths_are_in_where_a_glob_matches_and_no_exclusion_does() {
        let paths: Vec<String> = ["src/**", "Dockerfile", "!src/**/*.md", "assets/"].map(String::from).to_vec();
        for (path, expected) in [
            ("src/main.rs", true),
            ("src/a/b/c.rs", true),
            ("src/a/notes.md", false),
            ("src/notes.md", false),
            ("Dockerfile", true),
            ("dockerfile", false),
            ("x/Dockerfile", false),
            ("assets/img/a.png", true),
            ("src/.hidden", true),
        ] {
            assert_eq!(includes(&paths, path), expected, "{path}");
        }
        assert!(!includes(&["!a".to_owned()], "b"), "exclusions alone include nothing");
    }

    #[test]
    fn a_pattern_that_could_never_match_is_refused_with_what_to_write() {
        let hint = |pattern| check_ref(pattern, RefKind::Branch).unwrap_err().1;
        assert_eq!(hint("refs/heads/main"), "Write `main`.");
        assert!(check_ref("a b", RefKind::Tag).unwrap_err().0.contains("no tag of git"));
        assert!(check_ref("v[0-9", RefKind::Tag).is_err());
        assert!(check_ref("!main", RefKind::Branch).is_err());
        assert_eq!(check_path("./src/**").unwrap_err().1, "Write `src/**`.");
        assert!(check_path("a/../b").is_err());
        assert!(check_path("{a,b").is_err());
        assert!(check_path("!src/**").is_ok());
    }
}
