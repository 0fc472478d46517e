//! Findings that somebody chose to live with: a comment beside the line, or an entry of tiers.toml, each with its reason.
//!
//! `# tiers:ignore RULE reason` stands on the finding's line, the line above it, or above the block at the top level
//! that the finding stands in; `# tiers:ignore-file RULE reason` anywhere in the
//! file. `//` comments do as well. With no reason it silences nothing.

use foldhash::{HashMap, HashMapExt, HashSet};

use crate::discover::usage;
use crate::finding::Finding;
use crate::options::Options;
use crate::tree::FileTree;

pub(crate) struct Silencers<'a> {
    options: &'a Options,
    /// By path.
    comments: HashMap<String, Vec<Comment>>,
}

struct Comment {
    rule: String,
    /// First and last line that it is about.
    lines: (usize, usize),
    reason: String,
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
                    text.lines().enumerate().filter_map(|(at, line)| comment(text, line, at + 1)).collect(),
                );
            }
        }
        Silencers { options, comments }
    }

    pub(crate) fn reason(&self, finding: &Finding) -> Option<String> {
        let beside = self.comments.get(&finding.at.path).into_iter().flatten().find(|comment| {
            comment.rule == finding.rule && (comment.lines.0..=comment.lines.1).contains(&finding.at.line)
        });
        if let Some(comment) = beside {
            return Some(comment.reason.clone());
        }
        let declared = self.options.suppress.iter().find(|entry| {
            entry.rule == finding.rule && !entry.reason.trim().is_empty() && path_matches(&finding.at.path, &entry.path)
        });
        declared.map(|entry| entry.reason.clone())
    }
}

fn comment(text: &str, line: &str, number: usize) -> Option<Comment> {
    let at = line.find(MARK)?;
    let before = line[..at].trim_end();
    if !(before.ends_with('#') || before.ends_with("//")) {
        return None;
    }
    let rest = &line[at + MARK.len()..];
    let (rest, whole) = rest.strip_prefix("-file").map_or((rest, false), |rest| (rest, true));
    let (rule, reason) = rest.trim().split_once(char::is_whitespace)?;
    let reason = reason.trim();
    let last = match whole {
        true => usize::MAX,
        false => block_below(text, number).filter(|_| matches!(before, "#" | "//")).unwrap_or(number + 1),
    };
    let lines = (if whole { 0 } else { number }, last);
    (!reason.is_empty()).then(|| Comment { rule: rule.to_string(), lines, reason: reason.to_string() })
}

/// The last line of the block at the top level that begins below a comment, behind no more than other comments.
fn block_below(text: &str, comment: usize) -> Option<usize> {
    let mut lines = text.lines().enumerate().skip(comment);
    let (_, head) = lines.find(|(_, line)| !line.starts_with('#') && !line.starts_with("//"))?;
    let opens = head.trim_end().ends_with('{') && head.starts_with(|first: char| first.is_ascii_alphabetic());
    let (last, _) = lines.filter(|_| opens).find(|(_, line)| line.starts_with('}'))?;
    Some(last + 1)
}

/// Whether `path` is the entry's own, stands below it, or fits it as a glob; an empty entry fits everything.
pub fn path_matches(path: &str, entry: &str) -> bool {
    let entry = entry.trim_end_matches('/');
    entry.is_empty()
        || path == entry
        || path.strip_prefix(entry).is_some_and(|rest| rest.starts_with('/'))
        || (entry.contains('*') && usage::matches(path, &entry.replace("**", "*")))
}
