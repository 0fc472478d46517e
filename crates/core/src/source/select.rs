//! Picks an app's files out of a tree, and says everything that is wrong with them at once.

use std::collections::BTreeSet;
use std::fmt;

use super::glob::{BadGlob, Globs};
use super::near::near;
use super::{Mode, TreeEntry};

/// The files of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Sorted by the bytes of their paths, each path once. Paths are UTF-8 and stay inside the tree.
    pub entries: Vec<TreeEntry>,
    /// Globs with `!` that took nothing away: harmless, and perhaps misspelt.
    pub idle_exclusions: Vec<String>,
}

/// Something that keeps a tree from having an identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceProblem {
    #[error(transparent)]
    Glob(#[from] BadGlob),
    /// There is no glob that selects anything.
    #[error("no paths are given: an app needs at least one glob that says which files it is built from")]
    NoGlobs,
    /// Usually misspelt, or the file was moved.
    #[error("`{glob}` matches no file of the tree{}", did_you_mean(near))]
    MatchesNothing { glob: String, near: Vec<String> },
    /// All that was selected was taken away again.
    #[error("the globs {globs} together select no file: the exclusions take everything away")]
    SelectsNothing { globs: String },
    #[error(
        "`{path}` is a git submodule, whose files are not part of this tree: exclude it with `!{path}`, or bring its files \
         into the repository (git subtree)"
    )]
    Submodule { path: String },
    #[error("the name `{path}` is not UTF-8: rename the file, or exclude it")]
    NotUtf8 { path: String },
    /// Git itself writes no such tree.
    #[error("the path `{path}` {why}: the tree was not made by git")]
    BadPath { path: String, why: &'static str },
}

/// All problems of a tree, never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<SourceProblem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let newline = if at > 0 { "\n" } else { "" };
            write!(f, "{newline}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    let names: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    format!("; did you mean {}?", names.join(" or "))
}

/// The files that the globs select.
///
/// Errors: globs without `!` that match nothing (with near names), submodules, names that can't be kept, paths that lead out of
/// the tree. All of them at once.
pub fn select(entries: &[TreeEntry], globs: &Globs) -> Result<Selection, Problems> {
    if globs.globs.iter().all(|glob| glob.exclude) {
        return Err(Problems(vec![SourceProblem::NoGlobs]));
    }
    let mut problems = Vec::new();
    let mut selected: Vec<&TreeEntry> = Vec::new();
    let mut used = vec![false; globs.globs.len()];
    for entry in entries {
        for (at, glob) in globs.globs.iter().enumerate() {
            used[at] = used[at] || glob.matches(&entry.path);
        }
        if globs.matches(&entry.path) {
            selected.push(entry);
        }
    }
    selected.sort();
    let mut paths: BTreeSet<&[u8]> = BTreeSet::new();
    for entry in &selected {
        problems.extend(problem(entry, &paths));
        paths.insert(&entry.path);
    }
    let mut idle_exclusions = Vec::new();
    for (glob, _) in globs.globs.iter().zip(used).filter(|(_, used)| !used) {
        if glob.exclude {
            idle_exclusions.push(glob.text.clone());
        } else if let Some(path) = submodule_above(&glob.plain_start(), entries) {
            problems.push(SourceProblem::Submodule { path });
        } else {
            problems.push(SourceProblem::MatchesNothing { glob: glob.text.clone(), near: near(glob, entries) });
        }
    }
    if selected.is_empty() && problems.is_empty() {
        problems.push(SourceProblem::SelectsNothing { globs: globs.to_string() });
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    Ok(Selection { entries: selected.into_iter().cloned().collect(), idle_exclusions })
}

fn problem(entry: &TreeEntry, before: &BTreeSet<&[u8]>) -> Option<SourceProblem> {
    let path = entry.name().into_owned();
    let bad = |why| Some(SourceProblem::BadPath { path: path.clone(), why });
    if std::str::from_utf8(&entry.path).is_err() {
        return Some(SourceProblem::NotUtf8 { path });
    }
    if entry.path.contains(&0) {
        return bad("contains a NUL");
    }
    for name in path.split('/') {
        match name {
            "" => return bad("has an empty part"),
            "." | ".." => return bad("leads out of its folder"),
            _ if name.eq_ignore_ascii_case(".git") => return bad("belongs to git itself"),
            _ => {}
        }
    }
    if before.contains(entry.path.as_slice()) {
        return bad("stands in the tree twice");
    }
    let above = path.match_indices('/').map(|(slash, _)| &entry.path[..slash]);
    if above.into_iter().any(|folder| before.contains(folder)) {
        return bad("lies below a file");
    }
    (entry.mode == Mode::Submodule).then_some(SourceProblem::Submodule { path })
}

/// The submodule that a plain path would lead into.
fn submodule_above(plain: &str, entries: &[TreeEntry]) -> Option<String> {
    let inside = |path: &str| plain == path || plain.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let submodules = entries.iter().filter(|entry| entry.mode == Mode::Submodule);
    submodules.map(|entry| entry.name().into_owned()).find(|path| inside(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Vec<TreeEntry> {
        let entry = |path: &&str| TreeEntry { path: path.as_bytes().to_vec(), mode: Mode::File, blob: "00".to_owned() };
        paths.iter().map(entry).collect()
    }

    fn check(paths: &[&str], globs: &[&str]) -> Result<Vec<String>, String> {
        let globs = Globs::parse(globs).expect("good globs");
        let selection = select(&tree(paths), &globs).map_err(|problems| problems.to_string())?;
        Ok(selection.entries.iter().map(|entry| entry.name().into_owned()).collect())
    }

    #[test]
    fn files_are_selected_sorted_by_bytes() {
        let selected = check(&["src/b", "src/a.b", "src/a/x", "README", "src/B"], &["src/**"]).expect("files");
        assert_eq!(selected, ["src/B", "src/a.b", "src/a/x", "src/b"]);
    }

    #[test]
    fn a_glob_that_matches_nothing_names_what_is_near() {
        for (glob, words) in [
            ("scr/**", "did you mean `src/**`?"),
            ("requirement.txt", "did you mean `requirements.txt`?"),
            ("dockerfile", "`app/Dockerfile`"),
            ("src", "did you mean `src/**`?"),
            ("src/*.java", "did you mean `src/**`?"),
            ("main.py", "did you mean `src/main.py`?"),
        ] {
            let message = check(&["src/main.py", "requirements.txt", "app/Dockerfile"], &[glob]).expect_err(glob);
            assert!(message.starts_with(&format!("`{glob}` matches no file")), "{message}");
            assert!(message.contains(words), "{glob}: {message}");
        }
        let message = check(&["a"], &["**/*.zig"]).expect_err("nothing");
        assert_eq!(message, "`**/*.zig` matches no file of the tree");
    }

    #[test]
    fn all_problems_are_said_at_once() {
        let message = check(&["a"], &["b/**", "c/**", "a"]).expect_err("two problems");
        assert_eq!(message.lines().count(), 2, "{message}");
    }

    #[test]
    fn exclusions_may_match_nothing_and_are_told() {
        let globs = Globs::parse(&["**", "!x/**"]).expect("good globs");
        let selection = select(&tree(&["a"]), &globs).expect("files");
        assert_eq!(selection.idle_exclusions, ["!x/**"]);
    }

    #[test]
    fn exclusions_alone_or_over_everything_select_nothing() {
        assert!(check(&["a"], &["!a"]).expect_err("nothing").contains("no paths are given"));
        assert!(check(&["a"], &["a", "!**"]).expect_err("nothing").contains("take everything away"));
    }

    #[test]
    fn a_submodule_is_named_whether_the_glob_meets_it_or_leads_into_it() {
        let mut entries = tree(&["a"]);
        entries.push(TreeEntry { path: b"vendor/lib".to_vec(), mode: Mode::Submodule, blob: "00".to_owned() });
        for globs in [vec!["**"], vec!["vendor/lib/**"], vec!["vendor/**"], vec!["vendor/lib"]] {
            let globs = Globs::parse(&globs).expect("good globs");
            let message = select(&entries, &globs).expect_err("a submodule").to_string();
            assert!(
                message.contains("`vendor/lib` is a git submodule") && message.contains("`!vendor/lib`"),
                "{message}"
            );
        }
        let globs = Globs::parse(&["**", "!vendor/lib"]).expect("good globs");
        assert_eq!(select(&entries, &globs).expect("without it").entries.len(), 1);
    }

    #[test]
    fn paths_that_git_would_not_write_are_refused() {
        for (path, words) in [
            ("a/../b", "leads out"),
            ("/a", "empty part"),
            ("a//b", "empty part"),
            (".git/hooks/x", "git itself"),
            ("a/.GIT/x", "git itself"),
        ] {
            let message = check(&[path], &["**"]).expect_err(path);
            assert!(message.contains(words), "{path}: {message}");
        }
        assert!(check(&["a", "a"], &["**"]).expect_err("twice").contains("twice"));
        assert!(check(&["a", "a/b"], &["**"]).expect_err("below a file").contains("below a file"));
        let mut entries = tree(&[]);
        entries.push(TreeEntry { path: b"caf\xe9".to_vec(), mode: Mode::File, blob: "00".to_owned() });
        let message = select(&entries, &Globs::parse(&["**"]).expect("good")).expect_err("latin-1").to_string();
        assert!(message.contains("not UTF-8"), "{message}");
    }
}
