//! Patterns of branches, tags and paths, and patterns of names: read or refused with a reason, in little time, and meaning what
//! their description says.

use crate::config::{self, Facts, matches_ref};
use crate::naming;
use crate::source::{Globs, escape_glob};

/// The bytes are a line with a pattern, and the name or path that it is held against.
pub fn ref_pattern(bytes: &[u8]) {
    let (pattern, name) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let name = name.strip_prefix(b"\n").unwrap_or(name);
    let pattern = String::from_utf8_lossy(pattern).into_owned();
    let globs = Globs::parse(&[&pattern]);
    if let Err(bad) = &globs {
        assert!(bad.len() == 1 && !bad[0].why.is_empty(), "{bad:?}");
    }
    if let Ok(globs) = &globs {
        check_glob(&pattern, globs, name);
    }
    if let Ok(text) = std::str::from_utf8(name) {
        let expected = globs.as_ref().is_ok_and(|globs| !pattern.starts_with(['!', '/']) && globs.matches(name));
        assert_eq!(matches_ref(&pattern, text), expected);
        check_escape(text);
    }
    check_config(&pattern);
    naming::Pattern::parse(&pattern).ok();
}

fn check_glob(pattern: &str, globs: &Globs, name: &[u8]) {
    let matches = globs.matches(name);
    if pattern.starts_with('!') {
        assert!(!matches, "`{pattern}` selects nothing by itself");
        return;
    }
    // The sign may be the byte that makes it too long.
    if let Ok(without) = Globs::parse(&["**", &format!("!{pattern}")]) {
        assert_eq!(without.matches(name), !matches, "`!{pattern}` takes away what `{pattern}` selects");
    } else {
        assert!(pattern.len() > 4_000, "it could be read without the sign: {pattern}");
    }
    let plain = pattern.len() <= 24 && !pattern.contains(['{', '}', '[', ']', '!']) && !pattern.contains("\\/");
    if let (true, Ok(text), true) = (plain, std::str::from_utf8(name), name.len() <= 24) {
        let parts: Vec<&str> = pattern.strip_prefix('/').unwrap_or(pattern).split('/').collect();
        let names: Vec<&str> = text.split('/').collect();
        assert_eq!(matches, by_description(&parts, &names), "`{pattern}` and `{text}`");
    }
}

/// The table of `Globs`, word by word, at whatever cost: what the matcher is compared with.
fn by_description(parts: &[&str], names: &[&str]) -> bool {
    match parts {
        [] => names.is_empty(),
        // At the end it takes what is left, which is at least one name.
        ["**"] => !names.is_empty(),
        ["**", rest @ ..] => (0..=names.len()).any(|taken| by_description(rest, &names[taken..])),
        [part, rest @ ..] => {
            names.split_first().is_some_and(|(name, more)| is_name(part, name) && by_description(rest, more))
        }
    }
}

fn is_name(part: &str, name: &str) -> bool {
    let mut rest = part.chars();
    let mut name_rest = name.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| is_name(rest.as_str(), &name[at..]))
        }
        Some('?') => name_rest.next().is_some() && is_name(rest.as_str(), name_rest.as_str()),
        Some('\\') => rest.next() == name_rest.next() && is_name(rest.as_str(), name_rest.as_str()),
        Some(char) => name_rest.next() == Some(char) && is_name(rest.as_str(), name_rest.as_str()),
    }
}

/// Whatever a folder is called, its escaped name means that folder.
fn check_escape(text: &str) {
    let is_path = text.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !is_path || text.len() > 1000 {
        return;
    }
    let globs = Globs::parse(&[escape_glob(text)]).expect("an escaped name is a glob");
    assert!(globs.matches(text.as_bytes()), "`{text}` escaped means itself");
    assert!(!globs.matches(format!("{text}x").as_bytes()), "and nothing else");
}

/// A pattern that tiers.toml takes can be read, and one that it refuses is pointed at.
fn check_config(pattern: &str) {
    let quoted = serde_json::to_string(pattern).expect("a text");
    if quoted.contains('\u{7f}') {
        return;
    }
    let file = format!(
        "project = \"p\"\n[environments.dev]\non = {{ branch = {quoted} }}\n[apps.a]\npaths = [{quoted}]\n\
         components = [\"a\"]\nimage = {{ dockerfile = \"Dockerfile\" }}\n"
    );
    match config::load("tiers.toml", &file, &Facts::default()) {
        Ok(_) => drop(Globs::parse(&[pattern]).expect("what was taken can be read")),
        Err(problems) => assert!(problems.iter().all(|problem| [3, 5].contains(&problem.place.line)), "{problems:#?}"),
    }
}
