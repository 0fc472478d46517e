//! In which order Terraform merges the backend files of an environment: a later `-backend-config` wins over an earlier one.
//!
//! Where a command names them all, its order counts. Elsewhere what is for many comes before what is for few, as people write it:
//! a file above the root module, one inside of it, one of the environment.

use super::usage::{self, Use};
use crate::discover::names;
use crate::model::FileId;
use crate::tree::FileTree;

/// A backend file with its place in the order. Of two in the same place it is not known which comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layered {
    pub(crate) file: FileId,
    pub(crate) order: usize,
}

/// Commands that give several backend files at once.
pub(super) struct Merging<'u>(Vec<&'u Use>);

impl<'u> Merging<'u> {
    pub(super) fn find(uses: &'u [Use]) -> Merging<'u> {
        Merging(uses.iter().filter(|used| used.backend_files().count() > 1).collect())
    }

    /// `shared` are files that name no environment, `own` those that name this one.
    pub(super) fn order(&self, tree: &FileTree, root: &str, shared: &[FileId], own: &[FileId]) -> Vec<Layered> {
        let path = |file: FileId| tree.files()[file].path();
        let inside = |file: FileId| {
            let dir = tree.files()[file].dir();
            root.is_empty() || dir.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let of_all = |file: FileId| {
            let stem = super::surroundings::stem(tree.files()[file].name());
            names::words(stem).iter().any(|(start, end)| names::is_of_all(&stem[*start..*end]))
        };
        let special = |file: FileId| usize::from(!of_all(file));
        let shared = shared.iter().map(|file| (*file, 2 * usize::from(inside(*file)) + special(*file)));
        let own = own.iter().map(|file| (*file, 4 + special(*file)));
        let mut out: Vec<Layered> = shared.chain(own).map(|(file, order)| Layered { file, order }).collect();
        if out.len() > 1 {
            let paths: Vec<&str> = out.iter().map(|layered| path(layered.file)).collect();
            if let Some(told) = self.0.iter().find_map(|used| told(used, root, &paths)) {
                for (layered, order) in out.iter_mut().zip(told) {
                    layered.order = order;
                }
            }
            out.sort_by_key(|layered| layered.order);
        }
        out
    }
}

/// Where a command for this root names each of the files; `None` where it leaves one out or names two with one pattern.
fn told(used: &Use, root: &str, paths: &[&str]) -> Option<Vec<usize>> {
    if !used.may_run_in(root) {
        return None;
    }
    let mut out: Vec<usize> = Vec::with_capacity(paths.len());
    for path in paths {
        let fits = used.backend_files().enumerate().filter(|(_, pattern)| usage::ends_with_pattern(path, pattern));
        // What is spelled out fits better than what a variable holds.
        let loose = |pattern: &str| (pattern.matches('*').count(), std::cmp::Reverse(pattern.len()));
        let (order, _) = fits.min_by_key(|(_, pattern)| loose(pattern))?;
        if out.contains(&order) {
            return None;
        }
        out.push(order);
    }
    Some(out)
}
