//! A file that stands in several modules, by links or as copies: what is wrong with it is said once, and what one module does not
//! use and another does is said not at all.

use std::collections::{BTreeMap, HashMap};

use crate::finding::{Finding, listed};
use crate::run::Context;
use crate::tree::File;

/// What makes findings of two files the same.
type Same = (&'static str, String, (usize, usize), String);

pub(super) fn merge(context: &Context<'_>, found: Vec<Finding>, out: &mut Vec<Finding>) {
    if found.is_empty() {
        return;
    }
    let mut files: HashMap<(&str, usize), Vec<&File>> = HashMap::new();
    for finding in &found {
        if let Some(file) = context.tree.get(&finding.at.path) {
            files.entry(key(file)).or_default();
        }
    }
    let seen = super::super::seen(context);
    for (module, _) in context.world.modules.iter().zip(&seen).filter(|(_, seen)| **seen) {
        for file in module.files.iter().map(|file| &context.tree.files()[*file]) {
            if let Some(alike) = files.get_mut(&key(file)) {
                alike.push(file);
            }
        }
    }
    let mut groups: BTreeMap<Same, Vec<Finding>> = BTreeMap::new();
    for finding in found {
        let file = context.tree.get(&finding.at.path);
        let alike = file.and_then(|file| Some((file, files.get(&key(file))?)));
        let first = alike.and_then(|(file, alike)| alike.iter().find(|other| other.text() == file.text()));
        let path = first.map_or(finding.at.path.clone(), |file| file.path().to_string());
        groups.entry((finding.rule, path, finding.at.bytes, finding.message.clone())).or_default().push(finding);
    }
    for ((rule, path, ..), mut group) in groups {
        let file = context.tree.get(&path);
        let alike = file.and_then(|file| files.get(&key(file)));
        let copies = alike.into_iter().flatten().filter(|other| file.is_some_and(|file| file.text() == other.text()));
        let unused = rule.ends_with("-unused");
        if unused && copies.count() > group.len() {
            continue;
        }
        group.sort_by(|a, b| a.at.path.cmp(&b.at.path));
        let mut group = group.into_iter();
        let Some(first) = group.next() else { continue };
        let others: Vec<Finding> = group.collect();
        if others.is_empty() {
            out.push(first);
            continue;
        }
        let folders: Vec<&str> = others.iter().map(|finding| folder(&finding.at.path)).collect();
        let label = format!("the file stands in {} too", listed(folders));
        let environments: Vec<&str> = others.iter().flat_map(|other| &other.environments).map(String::as_str).collect();
        out.push(first.label(label).environments(environments));
    }
}

fn key(file: &File) -> (&str, usize) {
    (file.name(), file.text().map_or(0, str::len))
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(dir, _)| dir)
}
