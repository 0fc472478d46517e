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
    /// Names that tiers.toml gives to environments.
    declared: Vec<&'a str>,
}

impl<'a> Surroundings<'a> {
    pub(crate) fn new(declared: Vec<&'a str>) -> Self {
        Surroundings { declared, ..Surroundings::default() }
    }

    /// The declared environment that a name is, but for words that say what kind of file it is. Of a word with other meanings
    /// (`main`, `test`) it takes the folder, or another environment's name beside it.
    fn declared<'s>(&self, name: &str, inside: bool, mut siblings: impl Iterator<Item = &'s str>) -> Option<Named> {
        let is = |name: &str| self.declared.contains(&names::without_noise(name));
        if !is(name) || !(inside || siblings.any(|sibling| sibling != name && is(sibling))) {
            return None;
        }
        let named = but_for_noise(name);
        let stage = names::find(&named.name).and_then(|found| found.stage);
        Some(Named { stage, strong: true, ..named })
    }

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
        if let Some(declared) = self.declared(segment, inside, siblings()) {
            return Some(declared);
        }
        if let Some(named) = names::find(segment) {
            if named.whole {
                return (named.strong || inside || has_strong(siblings(), segment)).then_some(named);
            }
            return has_same_pattern(siblings(), segment, &named).then_some(named);
        }
        let certain = is_certain(parent);
        let branch = is_branch(segment) && certain && !has_strong(siblings(), segment);
        if !inside || (names::is_not_environment(segment) && !branch) {
            return None;
        }
        let crowd = siblings().filter(|sibling| is_branch(sibling) || !names::is_not_environment(sibling)).count() > 1;
        (has_strong(siblings(), segment) || (certain && crowd)).then(|| whole(segment))
    }

    /// The environment that a file with values or backend settings is named after.
    pub(crate) fn file(&self, path: &str) -> Option<Named> {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = stem(name);
        let siblings = self.stems.get(dir).map(Vec::as_slice).unwrap_or_default();
        let inside = names::is_parent_of_environments(dir.rsplit('/').next().unwrap_or(dir));
        let stems = || siblings.iter().map(|(stem, _)| *stem);
        if let Some(declared) = self.declared(stem, inside, stems()) {
            return Some(declared);
        }
        if let Some(named) = names::find(stem) {
            let beside = || has_strong(stems(), stem) || has_other_stage(stems(), &named);
            return (named.strong || (named.whole && (inside || beside()))).then_some(named);
        }
        let certain = is_certain(dir);
        let branch = is_branch(stem) && certain && !has_strong(stems(), stem);
        if (names::is_not_environment(stem) && !branch) || stem.contains("terraform") || stem.contains("auto") {
            return None;
        }
        // An unusual name counts where the file sets what an environment's file beside it sets.
        let own = siblings.iter().find(|(other, _)| *other == stem)?.1;
        let is_environment = |other: &str| names::find(other).is_some_and(|named| named.whole && named.strong);
        let may_be = |other: &str| certain && other != stem && (is_branch(other) || !names::is_not_environment(other));
        let mut alike = siblings.iter().filter(|(other, _)| is_environment(other) || may_be(other));
        alike.any(|(_, sets)| similar(own, sets)).then(|| but_for_noise(stem))
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

/// The name of a file up to its extensions: `prod.backend` of `prod.backend.hcl`. Of `backend.prod` it is all.
pub(crate) fn stem(name: &str) -> &str {
    let name = name.strip_suffix(".json").unwrap_or(name);
    if let Some((first, last)) = name.rsplit_once('.')
        && first.eq_ignore_ascii_case("backend")
        && names::find(last).is_some_and(|named| named.whole)
    {
        return name;
    }
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    name.strip_suffix(".auto").unwrap_or(name)
}

/// Whether a folder holds environments and nothing else.
fn is_certain(dir: &str) -> bool {
    dir.ends_with("environments") || dir.ends_with("envs")
}

/// Environments that are called after a branch are told by the company that they keep.
fn is_branch(segment: &str) -> bool {
    segment == "main"
}

fn whole(segment: &str) -> Named {
    Named { name: segment.to_string(), stage: None, start: 0, end: segment.len(), whole: true, strong: false }
}

/// `preview` of `preview.backend`: what the file is belongs to no name.
fn but_for_noise(stem: &str) -> Named {
    let own = names::without_noise(stem);
    let start = own.as_ptr() as usize - stem.as_ptr() as usize;
    Named { name: own.to_string(), start, end: start + own.len(), ..whole(own) }
}

fn has_strong<'s>(mut siblings: impl Iterator<Item = &'s str>, segment: &str) -> bool {
    siblings.any(|sibling| sibling != segment && names::find(sibling).is_some_and(|named| named.whole && named.strong))
}

/// Another sibling names another stage: `test` beside `live`, which one by one may mean something else.
fn has_other_stage<'s>(mut siblings: impl Iterator<Item = &'s str>, named: &Named) -> bool {
    siblings.any(|sibling| names::find(sibling).is_some_and(|other| other.whole && other.stage != named.stage))
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
