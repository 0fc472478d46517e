//! What somebody may have meant by a glob that matches nothing.

use std::collections::BTreeSet;

use super::TreeEntry;
use super::glob::Glob;

/// So many suggestions at most.
const LIMIT: usize = 3;

/// Files and folders of the tree that look like the glob's plain beginning: the best first.
pub(super) fn near(glob: &Glob, entries: &[TreeEntry]) -> Vec<String> {
    let wanted = glob.plain_start();
    if wanted.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<String> = entries.iter().map(|entry| entry.name().into_owned()).collect();
    let mut folders = BTreeSet::new();
    for name in &names {
        for (slash, _) in name.match_indices('/') {
            folders.insert(&name[..slash]);
        }
    }
    let last = wanted.rsplit('/').next().unwrap_or(&wanted);
    let mut found: Vec<(usize, String)> = Vec::new();
    let candidates = folders.iter().map(|name| (*name, true)).chain(names.iter().map(|name| (name.as_str(), false)));
    for (name, is_folder) in candidates {
        let shown = if is_folder { format!("{name}/**") } else { name.to_owned() };
        if name == wanted {
            // It is there: what follows in the glob matches nothing in it, or it is a folder that needs `/**`.
            found.push((0, shown));
        } else if name.rsplit('/').next().is_some_and(|own| own.eq_ignore_ascii_case(last)) {
            found.push((1, shown));
        } else if let Some(distance) = distance(name, &wanted, 1 + wanted.chars().count() / 4) {
            found.push((1 + distance, shown));
        }
    }
    found.sort();
    found.dedup();
    found.into_iter().take(LIMIT).map(|(_, name)| name).collect()
}

/// How many characters must be changed, added, left out or swapped, ignoring case; `None` above the limit.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    // Most names of a large tree differ too much in length alone.
    if a.chars().count().abs_diff(b.chars().count()) > limit {
        return None;
    }
    Some(strsim::osa_distance(&a.to_lowercase(), &b.to_lowercase())).filter(|cost| *cost <= limit)
}
