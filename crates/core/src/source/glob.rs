//! The globs of an app's `paths`. Written here, since what they mean is a part of every identity: it must not change with a
//! library's next release. (A test compares them with one.)
//!
//! A path is matched from the repository's root, part by part, case and all; a dot at the beginning of a name is a character
//! like any other.
//!
//! | | |
//! |---|---|
//! | `*` | any characters within a name, also none |
//! | `?` | one character of a name |
//! | `[a-z_]`, `[!0-9]` | one character of these, or none of these |
//! | `{a,b/c}` | one of these; they may be nested |
//! | `**/` | any folders, also none; `a/**` is everything below `a`, `**` everything |
//! | `\` | takes the special meaning from the next character |
//! | `!` in front | takes files away again; the last glob that matches a path decides, as in .gitignore |

use std::fmt;

/// The globs of one app, ready to be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Globs {
    pub(super) globs: Vec<Glob>,
}

/// A glob that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{glob}`: {why}")]
pub struct BadGlob {
    pub glob: String,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    /// As written, with its `!`.
    pub text: String,
    pub exclude: bool,
    /// One for each choice in braces.
    patterns: Vec<Vec<Part>>,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`
    Folders,
    Name(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    Any,
    Run,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// More choices than this in one glob are a mistake, or an attack.
const CHOICE_LIMIT: usize = 1_000;

/// A bound on the glob itself, above any path that git could hold.
const GLOB_LIMIT_BYTES: usize = 4_096;

/// The glob that means exactly this text, special characters and all: for folder names that are put before globs.
pub fn escape_glob(text: &str) -> String {
    let mut glob = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '!') {
            glob.push('\\');
        }
        glob.push(char);
    }
    glob
}

impl Globs {
    /// Reads globs in their order.
    ///
    /// Errors: every glob that can't be read, with the reason.
    pub fn parse<T: AsRef<str>>(globs: &[T]) -> Result<Globs, Vec<BadGlob>> {
        let mut good = Vec::new();
        let mut bad = Vec::new();
        for glob in globs {
            match Glob::parse(glob.as_ref()) {
                Ok(glob) => good.push(glob),
                Err(why) => bad.push(BadGlob { glob: glob.as_ref().to_owned(), why }),
            }
        }
        if bad.is_empty() { Ok(Globs { globs: good }) } else { Err(bad) }
    }

    /// Whether the globs select this path (of a file, from the repository's root).
    pub fn matches(&self, path: &[u8]) -> bool {
        self.last_match(path).is_some_and(|at| !self.globs[at].exclude)
    }

    /// The place of the glob that decides about this path.
    pub(super) fn last_match(&self, path: &[u8]) -> Option<usize> {
        self.globs.iter().rposition(|glob| glob.matches(path))
    }
}

impl fmt::Display for Globs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.globs.iter().map(|glob| glob.text.as_str()).collect();
        f.write_str(&texts.join(", "))
    }
}

impl Glob {
    fn parse(text: &str) -> Result<Glob, String> {
        if text.len() > GLOB_LIMIT_BYTES {
            return Err(format!("it is longer than {GLOB_LIMIT_BYTES} bytes"));
        }
        let (exclude, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let mut patterns = Vec::new();
        for choice in choices(rest)? {
            patterns.push(parts(&choice)?);
        }
        Ok(Glob { text: text.to_owned(), exclude, patterns })
    }

    pub fn matches(&self, path: &[u8]) -> bool {
        let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        self.patterns.iter().any(|pattern| matches_parts(pattern, &names))
    }

    /// The folders that every path must begin with, as far as they are plain names.
    pub fn plain_start(&self) -> String {
        let text = self.text.trim_start_matches('!').trim_start_matches('/');
        let special = text.find(['*', '?', '[', '{', '\\']).unwrap_or(text.len());
        match text[..special].rfind('/') {
            _ if special == text.len() => text.to_owned(),
            Some(slash) => text[..slash].to_owned(),
            None => String::new(),
        }
    }
}

/// Spells out the braces. Backslashes and classes stay as they are, for the next step.
fn choices(text: &str) -> Result<Vec<String>, String> {
    let mut open = vec![text.to_owned()];
    let mut done = Vec::new();
    while let Some(text) = open.pop() {
        match brace(&text)? {
            None => done.push(text),
            Some((start, end, commas)) => {
                let mut from = start + 1;
                for to in commas.into_iter().chain([end]) {
                    open.push(format!("{}{}{}", &text[..start], &text[from..to], &text[end + 1..]));
                    from = to + 1;
                }
            }
        }
        if open.len() + done.len() > CHOICE_LIMIT {
            return Err(format!("its braces stand for more than {CHOICE_LIMIT} globs"));
        }
    }
    Ok(done)
}

/// The first pair of braces: where it opens, where it closes, and the commas that separate its choices.
fn brace(text: &str) -> Result<Option<(usize, usize, Vec<usize>)>, String> {
    let mut depth = 0usize;
    let mut start = 0;
    let mut commas = Vec::new();
    let mut in_class = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => {
                chars.next();
            }
            '[' if !in_class => {
                in_class = true;
                // A `]` right at the beginning of a class is one of its characters.
                chars.next_if(|(_, next)| matches!(next, '!' | '^'));
                chars.next_if(|(_, next)| *next == ']');
            }
            ']' => in_class = false,
            _ if in_class => {}
            '{' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            ',' if depth == 1 => commas.push(at),
            '}' => match depth {
                0 => return Err("a `}` closes nothing; write `\\}` for the character".to_owned()),
                1 => return Ok(Some((start, at, commas))),
                _ => depth -= 1,
            },
            _ => {}
        }
    }
    if depth > 0 { Err("a `{` is never closed; write `\\{` for the character".to_owned()) } else { Ok(None) }
}

fn parts(pattern: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for name in split_names(pattern) {
        match name.as_str() {
            "" if pattern.is_empty() => return Err("it is empty".to_owned()),
            "" if pattern.ends_with('/') => {
                return Err(format!("it ends with a slash; write `{pattern}**` for everything in that folder"));
            }
            "" => return Err("two slashes stand together".to_owned()),
            "." | ".." => {
                return Err(format!("`{name}` has no place in it: globs begin at the repository's root"));
            }
            "**" => {
                if parts.last() != Some(&Part::Folders) {
                    parts.push(Part::Folders);
                }
            }
            _ => parts.push(Part::Name(tokens(&name)?)),
        }
    }
    Ok(parts)
}

/// Cuts at slashes, except at those in a class, which the next step refuses by name.
fn split_names(pattern: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        let last = names.len() - 1;
        match char {
            '/' => names.push(String::new()),
            '\\' => {
                names[last].push(char);
                names[last].extend(chars.next());
            }
            _ => names[last].push(char),
        }
    }
    names
}

fn tokens(name: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = name.chars().peekable();
    while let Some(char) = chars.next() {
        tokens.push(match char {
            '\\' => match chars.next() {
                Some(next) => Token::Char(next),
                None => return Err("it ends with a lone `\\`".to_owned()),
            },
            '?' => Token::Any,
            '*' => {
                if chars.peek() == Some(&'*') {
                    return Err(format!("`**` stands alone between slashes, not inside `{name}`"));
                }
                Token::Run
            }
            '[' => class(&mut chars)?,
            ']' => return Err("a `]` closes nothing; write `\\]` for the character".to_owned()),
            _ => Token::Char(char),
        });
    }
    Ok(tokens)
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, String> {
    let unclosed = || "a `[` is never closed; write `\\[` for the character".to_owned();
    let negated = chars.next_if(|char| matches!(char, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        let from = match chars.next().ok_or_else(unclosed)? {
            ']' if !first => return Ok(Token::Class { negated, ranges }),
            '\\' => chars.next().ok_or_else(unclosed)?,
            char => char,
        };
        first = false;
        let mut to = from;
        if chars.peek() == Some(&'-') {
            let mut ahead = chars.clone();
            ahead.next();
            // A `-` at the end of a class is one of its characters.
            if !matches!(ahead.peek(), Some(']') | None) {
                chars.next();
                to = match chars.next().ok_or_else(unclosed)? {
                    '\\' => chars.next().ok_or_else(unclosed)?,
                    char => char,
                };
            }
        }
        if to < from {
            return Err(format!("`{from}-{to}` runs backwards"));
        }
        ranges.push((from, to));
    }
}

/// Remembers only the last `**`: what an earlier one swallowed never needs to be tried again, so that time grows with the
/// product of both lengths and no faster.
fn matches_parts(pattern: &[Part], names: &[&[u8]]) -> bool {
    let (mut at, mut name) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while name < names.len() {
        match pattern.get(at) {
            // At the end it takes what is left, which is at least one name.
            Some(Part::Folders) if at + 1 == pattern.len() => return true,
            Some(Part::Folders) => {
                retry = Some((at, name));
                at += 1;
                continue;
            }
            Some(Part::Name(tokens)) if matches_name(tokens, names[name]) => {
                at += 1;
                name += 1;
                continue;
            }
            Some(Part::Name(_)) | None => {}
        }
        match retry {
            Some((folders, from)) => {
                retry = Some((folders, from + 1));
                at = folders + 1;
                name = from + 1;
            }
            None => return false,
        }
    }
    at == pattern.len()
}

fn matches_name(tokens: &[Token], name: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while from < name.len() {
        let (char, width) = first_char(&name[from..]);
        let fits = match tokens.get(at) {
            Some(Token::Run) => {
                retry = Some((at, from));
                at += 1;
                continue;
            }
            Some(Token::Any) => true,
            Some(Token::Char(wanted)) => char == Some(*wanted),
            Some(Token::Class { negated, ranges }) => {
                char.is_some_and(|char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&char))) != *negated
            }
            None => false,
        };
        if fits {
            at += 1;
            from += width;
            continue;
        }
        match retry {
            Some((run, start)) => {
                let next = start + first_char(&name[start..]).1;
                retry = Some((run, next));
                at = run + 1;
                from = next;
            }
            None => return false,
        }
    }
    tokens[at..].iter().all(|token| *token == Token::Run)
}

/// The first character and its length in bytes; a byte that is no UTF-8 counts as one unknown character.
fn first_char(bytes: &[u8]) -> (Option<char>, usize) {
    let start = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(char) => (Some(char), char.len_utf8()),
        None => (None, 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(glob: &str, yes: &[&str], no: &[&str]) {
        let globs = Globs::parse(&[glob]).expect("a good glob");
        for path in yes {
            assert!(globs.matches(path.as_bytes()), "{glob} should match {path}");
        }
        for path in no {
            assert!(!globs.matches(path.as_bytes()), "{glob} should not match {path}");
        }
    }

    #[test]
    fn each_form_matches_what_its_description_says() {
        check("Dockerfile", &["Dockerfile"], &["dockerfile", "a/Dockerfile", "Dockerfile.dev"]);
        check("/src/*.rs", &["src/a.rs", "src/.rs"], &["src/a/b.rs", "src/a.rs.bak"]);
        check("src/**", &["src/a", "src/.hidden", "src/a/b/c"], &["src", "srcs/a"]);
        check("**", &["a", "a/b", ".a"], &[]);
        check("**/*.py", &["a.py", "x/y/a.py"], &["a.pyc"]);
        check("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/x", "b", "a/bb"]);
        check("a/**/b/**/c", &["a/b/c", "a/b/x/b/c", "a/x/b/c"], &["a/c", "a/b"]);
        check("**/**/a", &["a", "x/a"], &["x"]);
        check("a?c", &["abc", "aäc"], &["ac", "abbc"]);
        check("[a-cx]1", &["a1", "c1", "x1"], &["d1", "-1"]);
        check("[!a-c]", &["d", "ä"], &["a", "dd"]);
        check("[]a-]", &["]", "a", "-"], &["b"]);
        check("{src,lib}/*.{rs,toml}", &["src/a.rs", "lib/a.toml"], &["bin/a.rs", "src/a.py"]);
        check("{a,b/{c,d}}/x", &["a/x", "b/c/x", "b/d/x"], &["b/x"]);
        check("a{,b}", &["a", "ab"], &["abb"]);
        check(r"\!a\*\{", &["!a*{"], &["!ab{"]);
        check("[{,}]", &["{", ",", "}"], &["a"]);
        check("a b/ü*", &["a b/üx"], &["a b/ux"]);
    }

    #[test]
    fn an_escaped_name_means_itself() {
        for name in ["!a", "[id].ts", "a{b,c}", r"back\slash", "st*r?", "plain/ü"] {
            assert!(Globs::parse(&[escape_glob(name)]).expect("a good glob").matches(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_last_glob_that_matches_decides() {
        let globs = Globs::parse(&["src/**", "!src/gen/**", "src/gen/keep"]).expect("good globs");
        assert!(globs.matches(b"src/a"));
        assert!(!globs.matches(b"src/gen/a"));
        assert!(globs.matches(b"src/gen/keep"));
    }

    #[test]
    fn names_that_are_not_utf_8_are_matched_byte_by_byte() {
        let globs = Globs::parse(&["a/*", "b/?", "c/[!x]"]).expect("good globs");
        assert!(globs.matches(b"a/\xff\xfe"));
        assert!(globs.matches(b"b/\xff"));
        assert!(!globs.matches(b"b/\xff\xfe"));
        assert!(globs.matches(b"c/\xff"));
    }

    #[test]
    fn what_can_not_be_read_says_why_and_all_of_it_is_said() {
        for (glob, words) in [
            ("", "empty"),
            ("!", "empty"),
            ("src/", "write `src/**`"),
            ("a//b", "two slashes"),
            ("./a", "repository's root"),
            ("a/../b", "repository's root"),
            ("a**b", "stands alone"),
            ("src/**.rs", "stands alone"),
            ("[a", "never closed"),
            ("a]", "closes nothing"),
            ("{a", "never closed"),
            ("a}", "closes nothing"),
            ("[b-a]", "backwards"),
            ("a\\", "lone"),
            ("[a/b]", "never closed"),
        ] {
            let bad = Globs::parse(&[glob]).expect_err(glob);
            assert!(bad[0].why.contains(words), "{glob}: {}", bad[0].why);
        }
        assert_eq!(Globs::parse(&["a/", "b", "c["]).expect_err("two bad ones").len(), 2);
        let bomb = "{a,b}".repeat(20);
        assert!(Globs::parse(&[bomb.as_str()]).expect_err("a bomb")[0].why.contains("1000"));
    }

    #[test]
    fn stars_without_end_take_no_time_without_end() {
        let globs = Globs::parse(&[format!("{}b", "*a".repeat(50)), format!("{}b", "**/a/".repeat(50))]).expect("good");
        assert!(!globs.matches("a".repeat(5_000).as_bytes()));
        assert!(!globs.matches("a/".repeat(2_000).as_bytes()));
    }

    fn piece() -> impl Strategy<Value = &'static str> {
        prop_oneof![Just("a"), Just("b"), Just("*"), Just("?"), Just("[ab]"), Just("{a,bb}"), Just(".")]
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            1 => Just("**".to_owned()),
            4 => prop::collection::vec(piece(), 1..4).prop_map(|pieces| pieces.concat()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        /// Where both can read a glob, the crate `globset` (of ripgrep) sees the same matches. Classes with `!` are left out:
        /// there they match a slash.
        #[test]
        fn globset_agrees(parts in prop::collection::vec(part(), 1..4), path in r"\.?[ab][ab.]{0,2}(/\.?[ab][ab.]{0,2}){0,3}") {
            let glob = parts.join("/").replace("**/**", "**");
            let theirs = globset::GlobBuilder::new(&glob).literal_separator(true).build();
            if let (Ok(ours), Ok(theirs)) = (Globs::parse(&[&glob]), theirs) {
                prop_assert_eq!(ours.matches(path.as_bytes()), theirs.compile_matcher().is_match(&path), "{} {}", glob, path);
            }
        }

        #[test]
        fn no_text_breaks_the_reader(glob in ".{0,30}", path in ".{0,30}") {
            if let Ok(globs) = Globs::parse(&[glob]) {
                globs.matches(path.as_bytes());
            }
        }
    }
}
