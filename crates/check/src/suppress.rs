//! Findings that somebody chose to live with: a comment beside the line, or an entry of tiers.toml, each with its reason.
//!
//! `# tiers:ignore RULE reason` stands on the finding's line or the line above it; `# tiers:ignore-file RULE reason` anywhere in the
//! file. `//` comments do as well. With no reason it silences nothing.

use foldhash::{HashMap, HashMapExt, HashSet};

use crate::discover::usage;
use crate::finding::Finding;
use crate::options::Options;
use crate::tree::FileTree;

pub(crate) struct Silencers<'a> {
    options: &'a Options,
    /// By path: rule, line (0 for the whole file), reason.
    comments: HashMap<String, Vec<(String, usize, String)>>,
}

const MARK: &str = "tiers:ignore";

impl<'a> Silencers<'a> {
    /// Reads the comments of those files that findings point at.
    pub(crate) fn read(tree: &FileTree, options: &'a Options, findings: &[Finding]) -> Silencers<'a> {
        let paths: HashSet<&str> = findings.iter().map(|finding| finding.at.path.as_str()).collect();
        let mut comments = HashMap::new();
        for path in paths {
            let Some(text) = tree.get(path).and_then(|file| file.text()) else { continue };
            if text.contains(MARK) {
                comments.insert(
                    path.to_string(),
                    text.lines().enumerate().filter_map(|(at, line)| comment(line, at + 1)).collect(),
                );
            }
        }
        Silencers { options, comments }
    }

    pub(crate) fn reason(&self, finding: &Finding) -> Option<String> {
        let beside = self.comments.get(&finding.at.path).into_iter().flatten().find(|(rule, line, _)| {
            rule == finding.rule && (*line == 0 || *line == finding.at.line || *line + 1 == finding.at.line)
        });
        if let Some((_, _, reason)) = beside {
            return Some(reason.clone());
        }
        let declared = self.options.suppress.iter().find(|entry| {
            entry.rule == finding.rule && !entry.reason.trim().is_empty() && path_matches(&finding.at.path, &entry.path)
        });
        declared.map(|entry| entry.reason.clone())
    }
}

fn comment(line: &str, number: usize) -> Option<(String, usize, String)> {
    let at = line.find(MARK)?;
    let before = line[..at].trim_end();
    if !(before.ends_with('#') || before.ends_with("//")) {
        return None;
    }
    let rest = &line[at + MARK.len()..];
    let (rest, number) = match rest.strip_prefix("-file") {
        Some(rest) => (rest, 0),
        None => (rest, number),
    };
    let (rule, reason) = rest.trim().split_once(char::is_whitespace)?;
    let reason = reason.trim();
    (!reason.is_empty()).then(|| (rule.to_string(), number, reason.to_string()))
}

/// Whether `path` is the entry's own, stands below it, or fits it as a glob; an empty entry fits everything.
pub fn path_matches(path: &str, entry: &str) -> bool {
    let entry = entry.trim_end_matches('/');
    entry.is_empty()
        || path == entry
        || path.strip_prefix(entry).is_some_and(|rest| rest.starts_with('/'))
        || (entry.contains('*') && usage::matches(path, &entry.replace("**", "*")))
}
