//! Which segments of which paths name environments, given what stands beside them.

use std::collections::BTreeSet;

use foldhash::HashMap;

use super::names::{self, Named};
use crate::hcl::Attr;
use crate::tree::File;

/// The folders that hold anything of Terraform's, and the files with values or backend settings, each by its parent.
#[derive(Default)]
pub(crate) struct Surroundings<'a> {
    folders: HashMap<&'a str, BTreeSet<&'a str>>,
    /// The last of them: files of one folder come one after the other.
    last: &'a str,
    /// Stems, with what each file sets.
    stems: HashMap<&'a str, Vec<(&'a str, &'a [Attr<'a>])>>,
}

impl<'a> Surroundings<'a> {
    /// Notes that `dir` and all folders above it hold something of Terraform's.
    pub(crate) fn add_folder(&mut self, dir: &'a str) {
        if dir == std::mem::replace(&mut self.last, dir) {
            return;
        }
        let mut rest = dir;
        while !rest.is_empty() {
            let (parent, name) = rest.rsplit_once('/').unwrap_or(("", rest));
            if !self.folders.entry(parent).or_default().insert(name) {
                return;
            }
            rest = parent;
        }
    }

    pub(crate) fn add_file(&mut self, file: &'a File, sets: &'a [Attr<'a>]) {
        self.stems.entry(file.dir()).or_default().push((stem(file.name()), sets));
    }

    /// The environment that a folder is named after.
    pub(crate) fn folder(&self, parent: &str, segment: &str) -> Option<Named> {
        let siblings = || self.folders.get(parent).into_iter().flatten().copied();
        let inside = names::is_parent_of_environments(parent.rsplit('/').next().unwrap_or(parent));
        if let Some(named) = names::find(segment) {
            if named.whole {
                return (named.strong || inside || has_strong(siblings(), segment)).then_some(named);
            }
            return has_same_pattern(siblings(), segment, &named).then_some(named);
        }
        if !inside || names::is_not_environment(segment) {
            return None;
        }
        let crowd = siblings().filter(|sibling| !names::is_not_environment(sibling)).count() > 1;
        let certain = parent.ends_with("environments") || parent.ends_with("envs");
        (has_strong(siblings(), segment) || (certain && crowd)).then(|| whole(segment))
    }

    /// The environment that a file with values or backend settings is named after.
    pub(crate) fn file(&self, path: &str) -> Option<Named> {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = stem(name);
        let siblings = self.stems.get(dir).map(Vec::as_slice).unwrap_or_default();
        let inside = names::is_parent_of_environments(dir.rsplit('/').next().unwrap_or(dir));
        if let Some(named) = names::find(stem) {
            return (named.strong
                || (named.whole && (inside || has_strong(siblings.iter().map(|(stem, _)| *stem), stem))))
            .then_some(named);
        }
        if names::is_not_environment(stem) || stem.contains("terraform") || stem.contains("auto") {
            return None;
        }
        // An unusual name counts where the file sets what an environment's file beside it sets.
        let own = siblings.iter().find(|(other, _)| *other == stem)?.1;
        let alike = siblings.iter().any(|(other, sets)| {
            names::find(other).is_some_and(|named| named.whole && named.strong) && similar(own, sets)
        });
        alike.then(|| whole(stem))
    }

    /// The environment that a folder stands in: the last segment that is one, a whole name before part of one.
    /// Byte offsets are those of the path.
    pub(crate) fn of_dir(&self, dir: &str, from: usize) -> Option<Named> {
        let mut best: Option<Named> = None;
        let mut start = 0;
        for segment in dir.split('/') {
            let end = start + segment.len();
            if matches!(segment, "modules" | "module") {
                break;
            }
            let parent = dir[..start].trim_end_matches('/');
            if start >= from
                && let Some(mut named) = self.folder(parent, segment)
            {
                named.start += start;
                named.end += start;
                if best.as_ref().is_none_or(|best| named.whole || !best.whole) {
                    best = Some(named);
                }
            }
            start = end + 1;
        }
        best
    }
}

/// The name of a file up to its extensions: `prod.backend` of `prod.backend.hcl`.
pub(crate) fn stem(name: &str) -> &str {
    let name = name.strip_suffix(".json").unwrap_or(name);
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    name.strip_suffix(".auto").unwrap_or(name)
}

fn whole(segment: &str) -> Named {
    Named { name: segment.to_string(), stage: None, start: 0, end: segment.len(), whole: true, strong: false }
}

fn has_strong<'s>(mut siblings: impl Iterator<Item = &'s str>, segment: &str) -> bool {
    siblings.any(|sibling| sibling != segment && names::find(sibling).is_some_and(|named| named.whole && named.strong))
}

/// Another sibling is the same name with another environment in its place.
fn has_same_pattern<'s>(mut siblings: impl Iterator<Item = &'s str>, segment: &str, named: &Named) -> bool {
    let frame = (&segment[..named.start], &segment[named.end..]);
    siblings.any(|sibling| {
        sibling != segment
            && names::find(sibling).is_some_and(|other| {
                (&sibling[..other.start], &sibling[other.end..]) == frame
                    && !names::same_environment(&other.name, &named.name)
            })
    })
}

/// Whether two files set mostly the same names.
pub(super) fn similar(a: &[Attr<'_>], b: &[Attr<'_>]) -> bool {
    let shared = a.iter().filter(|attr| b.iter().any(|other| other.name == attr.name)).count();
    let all = a.len() + b.len() - shared;
    shared > 0 && shared * 10 >= all * 6
}
